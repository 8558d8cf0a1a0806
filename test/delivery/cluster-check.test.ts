import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ClusterQuestion, checkCluster } from '../../src/delivery/cluster-check.js'
import { pickFields, readCluster } from '../../src/delivery/cluster-state.js'
import type { ClusterObject } from '../../src/manifests/cluster-object.js'
import { emptyFolder } from '../run-cli.js'
import { type StandInCluster, servedKinds, startCluster } from '../stand-in-kubernetes.js'

const labels = { 'app.kubernetes.io/managed-by': 'llmscale' }
const name = 'chat-70b-4216a7'
const scaledObject = {
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: { name, namespace: 'serving', labels },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'chat' },
    minReplicaCount: 2,
    maxReplicaCount: 40,
    triggers: [{ type: 'cron', metadata: { desiredReplicas: '21' } }],
  },
}
const nodePool = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodePool',
  metadata: { name: 'prod-p5-48xlarge-on-demand-e88e2a', labels },
  spec: { limits: { nodes: '20' } },
}
const asObjects = (...some: object[]) => some as ClusterObject[]
const objects = asObjects(scaledObject, nodePool)

const serving = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'serving' } }
const deployment = (target = 'chat') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: target, namespace: 'serving' },
  spec: {},
})
const hpa = (minReplicas: number, metadata: object = {}) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'chat-hpa', namespace: 'serving', ...metadata },
  spec: { minReplicas, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'chat' } },
})
const fields = (manager: string, spec: string[], isLabelled = false) => ({
  manager,
  operation: 'Apply',
  fieldsV1: {
    'f:spec': Object.fromEntries(spec.map((field) => [`f:${field}`, {}])),
    ...(isLabelled && { 'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/managed-by': {} } } }),
  },
})
/** Our ScaledObject as a cluster has it. */
const live = (spec: object, managedFields: object[], withLabels: object = labels) => ({
  ...scaledObject,
  metadata: { ...scaledObject.metadata, labels: withLabels, managedFields },
  spec: { ...scaledObject.spec, ...spec },
})

describe('checkCluster on a stand-in for the API server', () => {
  let cluster: StandInCluster
  const check = (question: Partial<ClusterQuestion> = {}) => checkCluster({ objects, ...question })
  const text = async (question: Partial<ClusterQuestion> = {}) =>
    (await check(question)).map(({ guard, state, code, message }) =>
      state === 'refused' ? `${guard} refused ${code}: ${message}` : `${guard} ${state}: ${message}`,
    )

  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())
  beforeEach(() => {
    vi.stubEnv('KUBECONFIG', cluster.kubeconfig)
    Object.assign(cluster, {
      kinds: servedKinds,
      objects: [serving, deployment()],
      refusals: {},
      requests: [],
    })
    return () => vi.unstubAllEnvs()
  })

  it('asks the server about each object, and changes nothing', async () => {
    expect(await text()).toEqual([
      `cluster passed: context "stand-in" (${cluster.server}) accepts ${objects.length} objects`,
      'adoption passed: no floor of somebody else is lowered',
    ])
    const patches = cluster.requests.filter((line) => !line.startsWith('GET '))
    expect(patches).toHaveLength(objects.length)
    for (const patch of patches)
      expect(patch).toMatch(/^PATCH .*\?dryRun=All&fieldManager=llmscale&force=false$/)
  })

  describe('a cluster that cannot be asked', () => {
    it('no kubeconfig: not checked', async () => {
      vi.stubEnv('KUBECONFIG', '')
      vi.stubEnv('HOME', emptyFolder())
      vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined)
      const message = 'there is no kubeconfig: set KUBECONFIG, or make ~/.kube/config'
      expect(await text()).toEqual([`cluster not-checked: ${message}`, `adoption not-checked: ${message}`])
      await expect(readCluster(objects)).rejects.toMatchObject({ code: 'KUBECONFIG_MISSING' })
    })

    it.each([
      [
        'gone',
        'CLUSTER_UNREACHABLE',
        /^context "gone" \(http:\/\/127.0.0.1:1\) does not answer \(ECONNREFUSED\)/,
      ],
      ['old', 'CLUSTER_UNAUTHORIZED', /^context "old" .* they are wrong or have expired\. Sign in again/],
      ['exec', 'CLUSTER_CREDENTIALS_FAILED', /its credentials cannot be had: the SSO session has expired/],
      ['stand-im', 'CONTEXT_UNKNOWN', /no context "stand-im"\. Perhaps "stand-in"/],
      ['production', 'CONTEXT_UNKNOWN', /It has stand-in, old, exec, gone: name one/],
    ])('context %s: %s', async (context, code, message) => {
      const [verdict, adoption] = await check({ context })
      expect(verdict).toMatchObject({ guard: 'cluster', state: 'refused', code })
      expect(verdict!.message).toMatch(message)
      expect(verdict!.message).not.toContain('taken')
      expect(adoption).toMatchObject({ guard: 'adoption', state: 'not-checked' })
    })

    it('a kubeconfig that points nowhere, or is none', async () => {
      vi.stubEnv('KUBECONFIG', '/nowhere/kubeconfig')
      expect((await text())[0]).toBe(
        'cluster refused CLUSTER_UNREACHABLE: KUBECONFIG names /nowhere/kubeconfig, which is not there. Correct or ' +
          'unset KUBECONFIG.',
      )
      const broken = join(emptyFolder(), 'kubeconfig')
      writeFileSync(broken, 'users: [{token: s3cret')
      vi.stubEnv('KUBECONFIG', broken)
      const [verdict] = await check()
      expect(verdict).toMatchObject({ code: 'KUBECONFIG_UNREADABLE', reason: 'configInvalid' })
      expect(verdict!.message).not.toContain('s3cret')
    })

    it('files of KUBECONFIG that are missing are passed over, as kubectl does', async () => {
      vi.stubEnv('KUBECONFIG', ['/nowhere/kubeconfig', cluster.kubeconfig].join(delimiter))
      expect((await check())[0]).toMatchObject({ state: 'passed' })
    })

    it('rights that are missing are told once, and floors are then not checked', async () => {
      cluster.refusals = {
        'GET /apis/keda.sh/v1alpha1/namespaces': {
          code: 403,
          message: 'scaledobjects.keda.sh is forbidden: User "ci" cannot get resource "scaledobjects"',
        },
      }
      expect(await text()).toEqual([
        `cluster refused CLUSTER_FORBIDDEN: context "stand-in" (${cluster.server}): scaledobjects.keda.sh is ` +
          'forbidden: User "ci" cannot get resource "scaledobjects". Give the user of the context the right to get, ' +
          'list and patch.',
        'adoption not-checked: not all of the cluster could be read',
      ])
    })
  })

  it('a kind that the cluster does not know is told with how to install it', async () => {
    const { 'keda.sh/v1alpha1': _keda, 'karpenter.sh/v1': _karpenter, ...kinds } = servedKinds
    cluster.kinds = kinds
    const [keda, karpenter] = await text()
    expect(keda).toBe(
      'cluster refused CRD_MISSING: the cluster does not know ScaledObject of keda.sh/v1alpha1: install KEDA (helm ' +
        'install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace), or set ' +
        'autoscaler: hpa in llmscale.yaml',
    )
    expect(karpenter).toMatch(
      /CRD_MISSING: the cluster does not know NodePool of karpenter.sh\/v1: install Karpenter/,
    )
  })

  describe('a scale target', () => {
    it('that is not there is told with the nearest name', async () => {
      cluster.objects = [serving, deployment('chats'), deployment('other')]
      expect(await text()).toEqual([
        `cluster refused TARGET_MISSING: namespace serving has no Deployment chat, which ScaledObject serving/${name} ` +
          'scales; perhaps chats: correct the target of the workload in llmscale.yaml',
        'adoption passed: no floor of somebody else is lowered',
      ])
      cluster.objects = []
      expect((await text())[0]).toMatch(
        /^cluster refused NAMESPACE_MISSING: .*kubectl create namespace serving/,
      )
    })

    it('whose kind is missing names that kind', async () => {
      const scaleTargetRef = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'chat' }
      const rollout = asObjects({ ...scaledObject, spec: { ...scaledObject.spec, scaleTargetRef } })
      expect((await text({ objects: rollout }))[0]).toMatch(
        /CRD_MISSING: the cluster does not know Rollout of argoproj.io\/v1alpha1: install Argo Rollouts/,
      )
    })

    it('that another autoscaler owns is named with its owner', async () => {
      cluster.objects.push(hpa(1))
      expect((await text())[0]).toBe(
        'cluster refused TARGET_OWNED: Deployment serving/chat is already scaled by HorizontalPodAutoscaler ' +
          'serving/chat-hpa: remove that one, from the chart that has it; two autoscalers fight over replicas',
      )
      const other = { ...live({}, []), metadata: { name: 'theirs', namespace: 'serving' } }
      cluster.objects = [
        deployment(),
        other,
        hpa(1, { name: 'keda-hpa-theirs', ownerReferences: [{ kind: 'ScaledObject', name: 'theirs' }] }),
      ]
      const owned = (await text({ adopt: true })).filter((line) => line.includes('TARGET_OWNED'))
      expect(owned).toHaveLength(1)
      expect(owned[0]).toContain('already scaled by ScaledObject serving/theirs')
      expect(owned[0]).toContain('or take it over with target.autoscaler: theirs; two autoscalers')
    })

    it('that our own autoscaler owns is free, and so is another one', async () => {
      cluster.objects.push(
        live({}, [fields('pulumi-kubernetes-0a1b2c3d', ['minReplicaCount'], true)]),
        hpa(9, { name: `keda-hpa-${name}`, ownerReferences: [{ kind: 'ScaledObject', name }] }),
        {
          ...hpa(9),
          spec: {
            ...hpa(9).spec,
            scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' },
          },
        },
      )
      expect((await check()).map(({ state }) => state)).toEqual(['passed', 'passed'])
    })
  })

  describe('a floor that somebody else set', () => {
    const message =
      'HorizontalPodAutoscaler serving/chat-hpa holds Deployment serving/chat at 10 replicas or more, set by helm; ' +
      'the plan lowers that to 2'

    it('is lowered only by --adopt', async () => {
      cluster.objects.push(hpa(10, { managedFields: [fields('helm', ['minReplicas'])] }))
      expect((await text()).at(-1)).toBe(`adoption refused FLOOR_NOT_OURS: ${message}`)
      expect((await text({ adopt: true })).at(-1)).toBe(`adoption passed: adopted: ${message}`)
    })

    it('may be raised', async () => {
      cluster.objects.push(hpa(2))
      expect((await text()).at(-1)).toMatch(/^adoption passed/)
    })

    it('counts on an object of our name: without our label, or with a floor that was edited', async () => {
      const ours = fields('pulumi-kubernetes-0a1b2c3d', ['maxReplicaCount'], true)
      for (const edited of [
        live({ minReplicaCount: 5 }, [], {}),
        live({ minReplicaCount: 5 }, [ours, fields('kubectl-edit', ['minReplicaCount'])]),
      ]) {
        cluster.objects = [serving, deployment(), edited]
        expect((await text()).at(-1)).toMatch(
          new RegExp(
            `FLOOR_NOT_OURS: ScaledObject serving/${name} holds Deployment serving/chat at 5 replicas`,
          ),
        )
      }
      cluster.objects = [
        serving,
        deployment(),
        live({ minReplicaCount: 5 }, [fields('pulumi-kubernetes-0a1b2c3d', ['minReplicaCount'], true)]),
      ]
      expect((await text()).at(-1)).toMatch(/^adoption passed/)
    })

    it('replicas without an autoscaler are a note', async () => {
      cluster.objects = [serving, { ...deployment(), spec: { replicas: 20 } }]
      expect((await text()).at(-1)).toBe(
        'adoption passed: Deployment serving/chat has 20 replicas without an autoscaler; its floor becomes 2',
      )
    })
  })

  describe('what the server refuses', () => {
    it('a conflict says who owns the field and what to do; --adopt forces', async () => {
      cluster.objects.push(live({ maxReplicaCount: 7 }, [fields('argocd-controller', ['maxReplicaCount'])]))
      expect((await text())[0]).toBe(
        `cluster refused FIELD_CONFLICT: ScaledObject serving/${name}: argocd-controller owns .spec.maxReplicaCount: ` +
          'remove it from what argocd-controller applies, or take it over with --adopt',
      )
      expect((await check({ adopt: true }))[0]).toMatchObject({ state: 'passed' })
    })

    it('our own fields of an earlier apply are no conflict, whatever Pulumi called itself', async () => {
      cluster.objects.push(
        live({ maxReplicaCount: 7 }, [fields('pulumi-kubernetes-0a1b2c3d', ['maxReplicaCount'], true)]),
      )
      expect((await check())[0]).toMatchObject({ state: 'passed' })
      expect(cluster.requests.some((line) => line.includes('fieldManager=pulumi-kubernetes-0a1b2c3d'))).toBe(
        true,
      )
    })

    it.each([
      [
        {
          code: 500,
          message:
            'failed to create typed patch object (serving/x; keda.sh/v1alpha1, Kind=ScaledObject): .spec.minReplicas: field not declared in schema',
        },
        'OBJECT_INVALID',
        `ScaledObject serving/${name}: .spec.minReplicas: field not declared in schema`,
      ],
      [
        {
          code: 422,
          reason: 'Invalid',
          message: 'invalid',
          details: { causes: [{ field: 'spec.maxReplicaCount', message: 'must be larger' }] },
        },
        'OBJECT_INVALID',
        `ScaledObject serving/${name}: spec.maxReplicaCount: must be larger`,
      ],
      [
        { code: 403, message: 'admission webhook "vscaledobject.kb.io" denied the request: no' },
        'ADMISSION_REFUSED',
        `ScaledObject serving/${name}: admission webhook "vscaledobject.kb.io" denied the request: no`,
      ],
    ])('%j', async (refusal, code, message) => {
      cluster.refusals = { 'PATCH /apis/keda.sh': refusal }
      expect((await check())[0]).toMatchObject({ state: 'refused', code, message })
    })
  })

  it('reads back what it has of our objects, only the fields that we set', async () => {
    cluster.objects.push(live({ minReplicaCount: 5, pollingInterval: 30 }, []))
    const readings = await readCluster(objects)
    expect(readings.map(({ object }) => object)).toEqual(objects)
    const reading = readings.find(({ object }) => object === objects[0])!
    expect(reading.live).toEqual({
      ...scaledObject,
      spec: { ...scaledObject.spec, minReplicaCount: 5 },
    })
    expect(readings.filter((each) => each !== reading).map((each) => each.live)).toEqual(
      objects.slice(1).map(() => undefined),
    )
  })
})

describe('pickFields', () => {
  it('keeps what both have; named elements go together by name, others by place', () => {
    expect(pickFields({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 0 }, e: 1 })).toEqual({ b: { c: 2 } })
    const containers = [
      { name: 'proxy', image: 'p' },
      { name: 'server', image: 'v2', tty: false },
    ]
    expect(pickFields(containers, [{ name: 'server', image: 'v1' }])).toEqual([
      { name: 'server', image: 'v2' },
    ])
    expect(pickFields([{ a: 1, b: 2 }], [{ a: 0 }])).toEqual([{ a: 1 }])
    expect(pickFields([1, 2], [1])).toEqual([1, 2])
  })

  it('takes a quantity that is written in another way for the one that we wrote', () => {
    const ours = { memory: '1024Gi', cpu: '0.5', 'nvidia.com/gpu': '8' }
    expect(pickFields({ memory: '1Ti', cpu: '500m', 'nvidia.com/gpu': '8' }, ours)).toEqual(ours)
    expect(pickFields({ memory: '1T', cpu: '1', 'nvidia.com/gpu': '4' }, ours)).toEqual({
      memory: '1T',
      cpu: '1',
      'nvidia.com/gpu': '4',
    })
    expect(pickFields('48x', '48')).toBe('48x')
  })
})
