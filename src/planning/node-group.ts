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
  prices: PriceUsed[]
}

/** What one workload takes from its node group. */
export interface GroupMember {
  workload: Workload
  /** Below 1 where several replicas share a node. */
  nodesPerReplica: number
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
 * Replicas that each member may have when all want their most at once: what it needs, or its share of the limit.
 * Throws INFEASIBLE_POOL where the limit is below `medianPeakNodes`: demand would be refused on most weeks.
 */
export function shareNodes(
  group: NodeGroup,
  members: readonly GroupMember[],
  medianPeakNodes: number,
): number[] {
  const needed = members.map((member) => member.neededReplicas * member.nodesPerReplica)
  const total = needed.reduce((sum, nodes) => sum + nodes, 0)
  const limit = group.limit
  if (limit === undefined || wholeNodes(total) <= limit.maximumNodes)
    return members.map((member) => member.neededReplicas)
  if (limit.maximumNodes < medianPeakNodes) {
    const who = members
      .map((member) => `${workloadId(member.workload)} up to ${member.neededReplicas} replicas`)
      .join(', ')
    throw new LlmscaleError(
      'infeasible',
      'INFEASIBLE_POOL',
      `${limit.field}: ${limit.maximumNodes} nodes of ${group.instanceType} in ${group.region} are fewer than the ` +
        `${medianPeakNodes} that the median peak of demand needs (${who})`,
      [
        `Set ${limit.field} to at least ${medianPeakNodes}: the smallest change that makes the plan feasible.`,
      ],
    )
  }
  return members.map((member, index) =>
    Math.floor((limit.maximumNodes * needed[index]!) / total / member.nodesPerReplica + 1e-9),
  )
}

/**
 * On-demand nodes first, spot nodes above them up to the cap. Spot comes last, so that its share of running nodes
 * never exceeds the cap at any load; it is left out where no spot price is known.
 */
export function createPools(group: NodeGroup, maximumNodes: number, spotCap: number): Pool[] {
  const spotNodes =
    usdPerNodeHour(group, 'spot') === undefined ? 0 : Math.floor(maximumNodes * spotCap + 1e-9)
  const { region, instanceType, gpu, gpusPerNode } = group
  const pool = (capacityType: CapacityType, nodes: number, weight: number): Pool => ({
    region,
    instanceType,
    capacityType,
    gpu,
    gpusPerNode,
    maximumNodes: nodes,
    weight,
  })
  const pools = [pool('on-demand', maximumNodes - spotNodes, 20)]
  return spotNodes > 0 ? [...pools, pool('spot', spotNodes, 10)] : pools
}

/** Price of one node, if it is known. */
function usdPerNodeHour(group: NodeGroup, capacityType: CapacityType): number | undefined {
  return group.prices.find((price) => price.capacityType === capacityType)?.usdPerHour
}

/** Cost of an hour of so many nodes, pools filled in the order of their weights. */
export function nodesUsdPerHour(group: NodeGroup, pools: readonly Pool[], nodes: number): number {
  let left = nodes
  let usd = 0
  for (const [index, pool] of pools.entries()) {
    const used = index === pools.length - 1 ? left : Math.min(left, pool.maximumNodes)
    usd += used * usdPerNodeHour(group, pool.capacityType)!
    left -= used
  }
  return usd
}
