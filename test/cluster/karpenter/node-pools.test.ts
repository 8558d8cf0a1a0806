import { beforeAll, describe, expect, it } from 'vitest'
import type { NodePool } from '../../../src/manifests/cluster-object.js'
import { createManifests } from '../../../src/manifests/manifests.js'
import { type FloorWindow, type Pool, weekdays } from '../../../src/planning/capacity-plan.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, pool, workloadDecision } from '../../plan-fixture.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'
import { nodeClass, startKarpenter } from './karpenter.js'

const note = missingNote('core', 'karpenter')
const namespace = 'serving'
const name = 'chat-70b'
const hour = 3600

const onDemand = pool({ maximumNodes: 3, weight: 40 })
const spot = pool({ capacityType: 'spot', maximumNodes: 2, weight: 60 })

const clock = (instant: number) => new Date(instant * 1000).toISOString().slice(11, 16)

/** Floors that are high from two hours before an instant to two hours after it. */
const highAround = (instant: number): FloorWindow => ({
  days: [...weekdays],
  from: clock(instant - 2 * hour),
  to: clock(instant + 2 * hour),
  replicas: 6,
})

describe.skipIf(note !== undefined)(`the real Karpenter with the pools of a plan${note ?? ''}`, () => {
  const cluster = useCluster()

  /**
   * The NodePools of a plan, with the node class of the stand-in and five seconds for the five minutes for which a
   * node must be calm.
   */
  function renderPools({ pools, windows = [], bearsMoves = false }: PoolOptions): NodePool[] {
    const workload = workloadDecision({
      timeZone: 'UTC',
      floors: { minReplicas: 2, windows, exceptions: [] },
    })
    const { decision } = capacityPlan({ workloads: [workload], pools })
    const target = { kind: 'Deployment', name, namespace, selector: { app: name } }
    const config = servingConfig({}, bearsMoves ? { target, disruptionBudget: 1 } : {})
    return createManifests(decision, 'us-east-1', config)
      .filter((object) => object.kind === 'NodePool')
      .map((object) => {
        const copy = structuredClone(object)
        Object.assign(copy.spec.template.spec, { nodeClassRef: nodeClass })
        copy.spec.disruption.consolidateAfter = '5s'
        return copy
      })
  }

  /** Deploys so many replicas of 4 GPUs; half a node each. */
  async function deploy(replicas: number): Promise<void> {
    const { apps } = cluster.current
    const body = [{ op: 'add', path: '/spec/replicas', value: replicas }]
    await apps.patchNamespacedDeployment({ name, namespace, body })
  }

  const readyReplicas = async () =>
    (await cluster.current.apps.readNamespacedDeployment({ name, namespace })).status?.readyReplicas ?? 0

  const untilReady = (count: number) =>
    eventually(`${count} replicas`, async () => (await readyReplicas()) === count || undefined)

  /** Capacity type of each node that is there and stays. */
  async function nodes(): Promise<string[]> {
    const { items } = await cluster.current.core.listNode()
    return items
      .filter(({ metadata, spec }) => {
        const isLeaving = spec?.taints?.some(({ key }) => key === 'karpenter.sh/disrupted')
        return metadata?.deletionTimestamp === undefined && !isLeaving
      })
      .map(({ metadata }) => metadata!.labels!['karpenter.sh/capacity-type']!)
      .sort()
  }

  const untilNodes = (wanted: string[], seconds = 60) =>
    eventually(
      wanted.join(),
      async () => {
        const found = await nodes()
        return JSON.stringify(found) === JSON.stringify(wanted) || undefined
      },
      seconds,
    )

  beforeAll(async () => {
    const { plane, applyAll } = cluster.current
    await startKarpenter(plane, [
      { name: 'p5.48xlarge', gpus: 8, prices: { 'on-demand': 55, spot: 25 } },
      { name: 'g6.12xlarge', gpus: 4, prices: { 'on-demand': 5, spot: 2 } },
    ])
    const deployment = servingDeployment(name, { gpus: 4, namespace })
    // An admission plug-in of the API server, on by default in EKS, adds it to pods with GPUs.
    const tolerations = [{ key: 'nvidia.com/gpu', operator: 'Exists' }]
    Object.assign(deployment.spec, { replicas: 0 })
    Object.assign(deployment.spec.template.spec, { tolerations })
    await applyAll([deployment, ...renderPools({ pools: [onDemand, spot] })])
  })

  it('makes the nodes that the replicas of a plan need, of the pool with the higher weight first', async () => {
    const started = Date.now()
    await deploy(4)
    await untilReady(4)
    console.log(`4 replicas on 2 new nodes ready after ${((Date.now() - started) / 1000).toFixed(1)} s.`)
    expect(await nodes()).toEqual(['spot', 'spot'])
    const { items } = await cluster.current.core.listNode()
    const types = items.map(({ metadata }) => metadata?.labels?.['node.kubernetes.io/instance-type'])
    expect(new Set(types)).toEqual(new Set(['p5.48xlarge']))
  })

  it('fills the next pool when that one is at its limit, and makes no node above both', async () => {
    const started = Date.now()
    await deploy(14)
    await untilReady(10)
    console.log(`6 more on 3 nodes of the next pool after ${((Date.now() - started) / 1000).toFixed(1)} s.`)
    await eventually('Karpenter says that limits are reached', async () => {
      const { items } = await cluster.current.core.listNamespacedEvent({ namespace })
      return items.find(({ message }) => message?.includes('limits for nodepool'))
    })
    expect(await nodes()).toEqual(['on-demand', 'on-demand', 'on-demand', 'spot', 'spot'])
    expect(await readyReplicas()).toBe(10)
  })

  it('takes empty nodes away and moves no replica off the others', async () => {
    // One at a time, each is of a node with two while there is one; the last two leave their nodes empty.
    for (let replicas = 9; replicas >= 3; replicas--) {
      await deploy(replicas)
      await untilReady(replicas)
    }
    const started = Date.now()
    const kept = await eventually('empty nodes are gone', async () => {
      const found = await nodes()
      return found.length === 3 ? found : undefined
    })
    console.log(`2 empty nodes gone after ${((Date.now() - started) / 1000).toFixed(1)} s.`)
    await new Promise((resolve) => setTimeout(resolve, 30_000))
    expect(await nodes()).toEqual(kept)
    expect((await usedNodes()).size).toBe(3)
    expect(await readyReplicas()).toBe(3)
  })

  it('moves no replica in the busy hours of the plan, and does after them', async () => {
    const pools = [onDemand]
    const now = Date.now() / 1000
    // Starts anew, on one pool.
    await deploy(0)
    await untilNodes([], 90)
    const busy = renderPools({ pools, windows: [highAround(now)], bearsMoves: true })
    expect(busy[0]!.spec.disruption).toMatchObject({
      consolidationPolicy: 'WhenEmptyOrUnderutilized',
      budgets: [{}, {}, { nodes: '0', schedule: expect.any(String) }],
    })
    await cluster.current.remove(renderPools({ pools: [spot] })[0]!)
    await cluster.current.applyAll(busy)
    // Of three replicas on two nodes the one that goes is from the node with two.
    await deploy(3)
    await untilReady(3)
    await deploy(2)
    await eventually('a replica a node', async () => (await usedNodes()).size === 2 || undefined)
    await new Promise((resolve) => setTimeout(resolve, 30_000))
    expect(await nodes()).toEqual(['on-demand', 'on-demand'])
    const started = Date.now()
    await cluster.current.applyAll(
      renderPools({ pools, windows: [highAround(now + 12 * hour)], bearsMoves: true }),
    )
    await untilNodes(['on-demand'], 90)
    await untilReady(2)
    console.log(`Moved together ${((Date.now() - started) / 1000).toFixed(1)} s after the busy hours.`)
  })

  /** Nodes with a replica. */
  async function usedNodes(): Promise<Set<string | undefined>> {
    const { items } = await cluster.current.core.listNamespacedPod({ namespace })
    const staying = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    return new Set(staying.map(({ spec }) => spec?.nodeName))
  }
})

interface PoolOptions {
  pools: Pool[]
  windows?: FloorWindow[]
  bearsMoves?: boolean
}
