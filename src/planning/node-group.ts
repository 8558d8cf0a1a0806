import { LlmscaleError } from '../kit/errors.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { CapacityType, Pool, PriceUsed } from './capacity-plan.js'

/** Nodes of one instance type in one region, which all workloads with a shape on it share. */
export interface NodeGroup {
  region: string
  instanceType: string
  gpu: string
  gpusPerNode: number
  /** The config's limit on nodes, and the name of the field that states it. */
  limit?: { maximumNodes: number; field: string }
  /** Nodes of all its reservations: they bill all hours, whether they run or not. */
  reservedNodes: number
  prices: PriceUsed[]
}

/** What one workload takes from its node group. */
export interface GroupMember {
  workload: Workload
  /** Below 1 where several replicas share a node. */
  nodesPerReplica: number
  /** Replicas that it always has. */
  leastReplicas: number
  /** Replicas that it would have without a limit on nodes. */
  neededReplicas: number
}

/** Replicas are packed whole on a node; a replica larger than a node takes whole nodes. */
export function nodesPerReplica(gpusPerReplica: number, gpusPerNode: number): number {
  return gpusPerReplica > gpusPerNode
    ? Math.ceil(gpusPerReplica / gpusPerNode)
    : 1 / Math.floor(gpusPerNode / gpusPerReplica)
}

/** Whole nodes for a sum of fractions of nodes. */
export function wholeNodes(nodes: number): number {
  return Math.ceil(nodes - 1e-9)
}

/**
 * Replicas that each member may have: what it needs, or what the limit on nodes holds if it has them all. Maxima of
 * workloads that peak at different times may overlap; the pools hold the limit.
 * Throws INFEASIBLE_POOL where the limit is below what all minima, or the median peak of them together, need.
 */
export function limitToNodes(
  group: NodeGroup,
  members: readonly GroupMember[],
  medianPeakNodes: number,
): number[] {
  const { limit } = group
  if (limit === undefined) return members.map((member) => member.neededReplicas)
  const minima = members.reduce((nodes, member) => nodes + member.leastReplicas * member.nodesPerReplica, 0)
  const needed = Math.max(wholeNodes(minima), medianPeakNodes)
  if (limit.maximumNodes < needed) {
    const what =
      needed > medianPeakNodes
        ? 'the least replicas of all workloads need'
        : 'the median peak of demand needs'
    const who = members.map(
      ({ workload, leastReplicas, neededReplicas }) =>
        `${workloadId(workload)} ${leastReplicas} … ${neededReplicas} replicas`,
    )
    throw new LlmscaleError(
      'infeasible',
      'INFEASIBLE_POOL',
      `${limit.field}: a limit of ${limit.maximumNodes} on ${group.instanceType} in ${group.region} is below the ` +
        `${needed} nodes that ${what} (${who.join(', ')})`,
      [`Set ${limit.field} to at least ${needed}: the smallest change that makes the plan feasible.`],
    )
  }
  return members.map((member) =>
    Math.min(member.neededReplicas, Math.floor(limit.maximumNodes / member.nodesPerReplica + 1e-9)),
  )
}

/**
 * Reserved nodes first, as they are paid for anyway; then on-demand nodes, and spot nodes above them up to the cap.
 * Spot comes last, so that its share of running nodes never exceeds the cap at any load; it is left out where no spot
 * price is known. The on-demand pool stays where reservations leave it no node, so that it need not be deleted.
 */
export function createPools(group: NodeGroup, maximumNodes: number, spotCap: number): Pool[] {
  const { region, instanceType, gpu, gpusPerNode } = group
  const reservedNodes = Math.min(group.reservedNodes, maximumNodes)
  const isSpotPriced = usdPerNodeHour(group, 'spot') !== undefined
  const spotNodes = isSpotPriced
    ? Math.min(Math.floor(maximumNodes * spotCap + 1e-9), maximumNodes - reservedNodes)
    : 0
  const pool = (capacityType: CapacityType, nodes: number, weight: number): Pool => ({
    region,
    instanceType,
    capacityType,
    gpu,
    gpusPerNode,
    maximumNodes: nodes,
    weight,
  })
  return [
    ...(reservedNodes > 0 ? [pool('reserved', reservedNodes, 30)] : []),
    pool('on-demand', maximumNodes - reservedNodes - spotNodes, 20),
    ...(spotNodes > 0 ? [pool('spot', spotNodes, 10)] : []),
  ]
}

/** Price of one node, if it is known. */
export function usdPerNodeHour(group: NodeGroup, capacityType: CapacityType): number | undefined {
  return group.prices.find((price) => price.capacityType === capacityType)?.usdPerHour
}

/** Cost of an hour of so many nodes, pools filled in the order of their weights; reserved ones bill in any case. */
export function nodesUsdPerHour(group: NodeGroup, pools: readonly Pool[], nodes: number): number {
  let left = nodes
  let usd = group.reservedNodes > 0 ? group.reservedNodes * usdPerNodeHour(group, 'reserved')! : 0
  for (const [index, pool] of pools.entries()) {
    const used = index === pools.length - 1 ? left : Math.min(left, pool.maximumNodes)
    if (pool.capacityType !== 'reserved') usd += used * usdPerNodeHour(group, pool.capacityType)!
    left -= used
  }
  return usd
}
