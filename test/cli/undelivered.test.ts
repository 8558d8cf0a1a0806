import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openDeployment } from '../../src/cli/deployment.js'
import { findUndelivered } from '../../src/cli/drift.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { parseInstant } from '../../src/kit/time.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan } from '../plan-fixture.js'
import { configText, projectFolder } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { type StandInCluster, servedKinds, startCluster } from '../stand-in-kubernetes.js'

const region = 'us-east-1'
const plan = capacityPlan()

/** What is left to bring of a plan of a ScaledObject and a NodePool. */
async function undelivered(context = 'stand-in'): Promise<string | undefined> {
  const config = configText(
    `regions: [${region}], delivery: gitops, clusters: {${region}: {context: ${context}}}`,
  )
  const deployment = await openDeployment({
    config: join(projectFolder(plan, config), 'llmscale.yaml'),
    env: undefined,
    plan: undefined,
    region: undefined,
    'as-of': parseInstant('2026-11-02T00:00:00Z'),
    'allow-delete': [],
    'allow-purchase': [],
  })
  return findUndelivered(deployment, region)
}

describe('what Argo CD or Flux has not brought yet, by a stand-in for the cluster', () => {
  let cluster: StandInCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())
  beforeEach(() => {
    vi.stubEnv('KUBECONFIG', cluster.kubeconfig)
    cluster.kinds = servedKinds
    cluster.objects = structuredClone(
      createManifests(plan.decision, region, parseConfig(configText(), 'llmscale.yaml')),
    ) as unknown as StandInCluster['objects']
    return () => vi.unstubAllEnvs()
  })
  const find = (kind: string) => cluster.objects.find((each) => each.kind === kind)!

  it('is nothing where every bound is as the plan has it, whatever stands beside', async () => {
    const { metadata, spec } = find('ScaledObject')
    Object.assign(metadata, { labels: {}, annotations: { 'argocd.argoproj.io/tracking-id': 'serving' } })
    spec!['pollingInterval'] = 15
    expect(await undelivered()).toBeUndefined()
  })

  it('is a field with what it is and what it comes to, and how many more', async () => {
    find('ScaledObject').spec!['minReplicaCount'] = 1
    expect(await undelivered()).toBe(
      'cluster of us-east-1: ScaledObject serving/chat-70b-4216a7 spec.minReplicaCount is 1, not 2',
    )
    find('ScaledObject').spec!['maxReplicaCount'] = 39
    find('NodePool').spec!['limits'] = { nodes: '30' }
    expect(await undelivered()).toMatch(/^cluster of us-east-1: .* is .*, not .*, and [23] more$/)
  })

  it('is an object, or a kind of objects, that is not there', async () => {
    cluster.objects = cluster.objects.filter(({ kind }) => kind !== 'NodePool')
    const message = 'cluster of us-east-1: NodePool prod-p5-48xlarge-on-demand-e88e2a is missing'
    expect(await undelivered()).toBe(message)
    const { 'karpenter.sh/v1': _karpenter, ...kinds } = servedKinds
    cluster.kinds = kinds
    expect(await undelivered()).toBe(message)
  })

  it('is all of a cluster that cannot be asked', async () => {
    expect(await undelivered('gone')).toBe(
      'cluster of us-east-1: context "gone" (http://127.0.0.1:1) does not answer (ECONNREFUSED)',
    )
    expect(await undelivered('old')).toMatch(/^cluster of us-east-1: context "old" .* have expired$/)
    vi.stubEnv('KUBECONFIG', '')
    vi.stubEnv('HOME', emptyFolder())
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined)
    expect(await undelivered()).toBe('cluster of us-east-1: There is no kubeconfig.')
  })
})
