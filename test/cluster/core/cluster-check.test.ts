import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubeConfig, KubernetesObjectApi, PatchStrategy } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ClusterQuestion, checkCluster } from '../../../src/delivery/cluster-check.js'
import { readCluster } from '../../../src/delivery/cluster-state.js'
import type { ClusterObject } from '../../../src/manifests/cluster-object.js'
import { createManifests } from '../../../src/manifests/manifests.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import type { ObjectReference } from '../cluster-client.js'
import { useCluster } from '../cluster-fixture.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'

const note = missingNote('core')

/** What a plan becomes for the Deployment `chat` of one namespace, which has the floor of 2 replicas. */
function objectsFor(namespace: string, environment: object = {}): ClusterObject[] {
  const workload = workloadDecision({ target: { kind: 'Deployment', name: 'chat', namespace } })
  const { decision } = capacityPlan({ workloads: [workload] })
  return createManifests(decision, 'us-east-1', servingConfig(environment))
}

const hpaOf = (objects: ClusterObject[]) =>
  structuredClone(objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler')) as ObjectReference & {
    metadata: { labels?: Record<string, string> }
    spec: Record<string, unknown>
  }

describe.skipIf(note !== undefined)(`a look at a real API server before an apply${note ?? ''}`, () => {
  const cluster = useCluster()
  const check = async (question: ClusterQuestion) =>
    (await checkCluster(question)).map(({ guard, state, code, message }) =>
      state === 'refused' ? `${guard} ${code}: ${message}` : `${guard} ${state}: ${message}`,
    )
  /** Applies as somebody else would. */
  const applyAs = (fieldManager: string, object: object) => {
    const config = new KubeConfig()
    config.loadFromFile(cluster.current.plane.kubeconfig)
    return KubernetesObjectApi.makeApiClient(config).patch(
      object as ObjectReference,
      undefined,
      undefined,
      fieldManager,
      true,
      PatchStrategy.ServerSideApply,
    )
  }
  const deploy = (namespace: string) =>
    cluster.current.applyAll([servingDeployment('chat', { gpus: 4, namespace })])

  beforeEach(() => {
    vi.stubEnv('KUBECONFIG', cluster.current.plane.kubeconfig)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.each(['keda', 'hpa'])('accepts what is rendered for %s, and creates none of it', async (autoscaler) => {
    const namespace = `fresh-${autoscaler}`
    await deploy(namespace)
    const objects = objectsFor(namespace, { autoscaler })
    expect(await check({ objects })).toEqual([
      `cluster passed: context "llmscale-test" (${cluster.current.plane.url}) accepts ${objects.length} objects`,
      'adoption passed: no floor of somebody else is lowered',
    ])
    expect((await readCluster(objects)).filter(({ live }) => live !== undefined)).toEqual([])
  })

  it('reads back exactly what was applied, and no default of the server', async () => {
    for (const autoscaler of ['keda', 'hpa']) {
      await deploy(`applied-${autoscaler}`)
      const objects = objectsFor(`applied-${autoscaler}`, { autoscaler })
      await cluster.current.applyAll(objects as ObjectReference[])
      for (const { object, live } of await readCluster(objects)) expect(live).toEqual(object)
    }
  })

  it('names a target and a namespace that are not there', async () => {
    expect((await check({ objects: objectsFor('nowhere') }))[0]).toMatch(
      /^cluster NAMESPACE_MISSING: .* has no namespace nowhere/,
    )
    await cluster.current.applyAll([servingDeployment('chats', { gpus: 4, namespace: 'mistyped' })])
    expect((await check({ objects: objectsFor('mistyped') }))[0]).toMatch(
      /^cluster TARGET_MISSING: namespace mistyped has no Deployment chat, .* perhaps chats/,
    )
  })

  it('names the autoscaler that owns the target, and the floor that it holds', async () => {
    await deploy('owned')
    const theirs = hpaOf(objectsFor('owned', { autoscaler: 'hpa' }))
    theirs.metadata = { name: 'theirs', namespace: 'owned' }
    theirs.spec['minReplicas'] = 30
    await applyAs('helm', theirs)
    expect(await check({ objects: objectsFor('owned') })).toEqual([
      'cluster TARGET_OWNED: Deployment owned/chat is already scaled by HorizontalPodAutoscaler owned/theirs: remove ' +
        'that one, from the chart that has it; two autoscalers fight over replicas',
      'adoption FLOOR_NOT_OURS: HorizontalPodAutoscaler owned/theirs holds Deployment owned/chat at 30 replicas or ' +
        'more, set by helm; the plan lowers that to 2',
    ])
  })

  it('takes over the ScaledObject of a chart by its name, with --adopt, and replaces nothing', async () => {
    await deploy('chart')
    const target = { kind: 'Deployment', name: 'chat', namespace: 'chart' } as const
    const { decision } = capacityPlan({ workloads: [workloadDecision({ target })] })
    const render = (autoscaler?: string) =>
      createManifests(
        decision,
        'us-east-1',
        servingConfig({}, { target: { ...target, ...(autoscaler !== undefined && { autoscaler }) } }),
      )
    const reference = {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: 'chat-scaler', namespace: 'chart' },
    }
    const triggers = [{ type: 'cpu', metricType: 'Utilization', metadata: { value: '70' } }]
    const scaleTargetRef = { name: 'chat' }
    await applyAs('helm', {
      ...reference,
      spec: { scaleTargetRef, minReplicaCount: 1, maxReplicaCount: 9, triggers },
    })
    type Live = { metadata: { uid: string; generation: number }; spec: { maxReplicaCount: number } }
    const before = await cluster.current.read<Live>(reference)

    expect((await check({ objects: render() }))[0]).toContain(
      'or take it over with target.autoscaler: chat-scaler',
    )
    const objects = render('chat-scaler')
    expect((await check({ objects }))[0]).toMatch(
      /^cluster FIELD_CONFLICT: ScaledObject chart\/chat-scaler: helm owns .*\.spec\.maxReplicaCount.*--adopt$/,
    )
    expect((await check({ objects, adopt: true })).map((line) => line.slice(0, 15))).toEqual([
      'cluster passed:',
      'adoption passed',
    ])
    for (const object of objects) await applyAs('pulumi-kubernetes-0a1b2c3d', object)
    const after = await cluster.current.read<Live>(reference)
    expect([after.metadata.uid, after.spec.maxReplicaCount]).toEqual([before.metadata.uid, 40])
    expect((await check({ objects })).map((line) => line.slice(0, 15))).toEqual([
      'cluster passed:',
      'adoption passed',
    ])
  })

  it('explains a conflict; with --adopt, or where Argo CD is who applies, it is none', async () => {
    await deploy('contested')
    const objects = objectsFor('contested', { autoscaler: 'hpa' })
    const edited = hpaOf(objects)
    edited.spec['maxReplicas'] = 50
    await applyAs('argocd-controller', edited)
    expect((await check({ objects }))[0]).toMatch(
      /^cluster FIELD_CONFLICT: HorizontalPodAutoscaler contested\/\S+: argocd-controller owns .*\.spec\.maxReplicas.*--adopt$/,
    )
    expect((await check({ objects, adopt: true }))[0]).toMatch(/^cluster passed/)
    expect((await check({ objects, delivery: 'gitops' }))[0]).toMatch(/^cluster passed/)
  })

  it('takes what Pulumi applied for ours, until somebody edits the floor', async () => {
    await deploy('ours')
    const objects = objectsFor('ours', { autoscaler: 'hpa' })
    const before = hpaOf(objects)
    before.spec['minReplicas'] = 30
    await applyAs('pulumi-kubernetes-0a1b2c3d', before)
    expect((await check({ objects })).map((line) => line.slice(0, 15))).toEqual([
      'cluster passed:',
      'adoption passed',
    ])
    before.spec['minReplicas'] = 35
    const { apiVersion, kind, metadata, spec } = before
    await applyAs('kubectl', {
      apiVersion,
      kind,
      metadata: { name: metadata.name, namespace: 'ours' },
      spec: { minReplicas: 35, maxReplicas: spec['maxReplicas'], scaleTargetRef: spec['scaleTargetRef'] },
    })
    const verdicts = await check({ objects })
    expect(verdicts[0]).toMatch(/FIELD_CONFLICT: .* kubectl owns \.spec\.minReplicas/)
    expect(verdicts.at(-1)).toMatch(/FLOOR_NOT_OURS: .* at 35 replicas or more, set by kubectl/)
  })

  it('passes on which field the server refuses', async () => {
    await deploy('invalid')
    const objects = objectsFor('invalid', { autoscaler: 'hpa' })
    const broken = (change: (spec: Record<string, unknown>) => void) => {
      const object = hpaOf(objects)
      change(object.spec)
      return [object as unknown as ClusterObject]
    }
    const cases: [ClusterObject[], RegExp][] = [
      [
        broken((spec) => (spec['maxReplica'] = 3)),
        /OBJECT_INVALID: .*: \.spec\.maxReplica: field not declared in schema$/,
      ],
      [broken((spec) => (spec['minReplicas'] = 99)), /OBJECT_INVALID: .*: spec\.maxReplicas: Invalid value/],
    ]
    for (const [wrong, message] of cases) expect((await check({ objects: wrong }))[0]).toMatch(message)
    const unknown = { ...objects[0], apiVersion: 'keda.sh/v9' } as unknown as ClusterObject
    expect((await check({ objects: [unknown] }))[0]).toMatch(
      /CRD_MISSING: the cluster does not know .* of keda.sh\/v9: install KEDA/,
    )
  })

  it('tells a token without rights from one that is not taken', async () => {
    const { core, plane } = cluster.current
    await deploy('closed')
    const { status } = await core.createNamespacedServiceAccountToken({
      name: 'default',
      namespace: 'closed',
      body: { spec: { audiences: ['https://kubernetes.default.svc'] } },
    })
    const config = new KubeConfig()
    config.loadFromFile(plane.kubeconfig)
    const codes: string[] = []
    for (const [name, token] of [
      ['powerless', status!.token],
      ['expired', 'no-longer-taken'],
    ] as const) {
      config.users = [{ ...config.users[0]!, token }]
      const file = join(plane.folder, name)
      writeFileSync(file, config.exportConfig(), { mode: 0o600 })
      vi.stubEnv('KUBECONFIG', file)
      const [verdict] = await checkCluster({ objects: objectsFor('closed') })
      expect(verdict!.message).not.toContain(token)
      codes.push(verdict!.code)
    }
    expect(codes).toEqual(['CLUSTER_FORBIDDEN', 'CLUSTER_UNAUTHORIZED'])
  })
})
