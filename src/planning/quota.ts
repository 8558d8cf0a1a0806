import { findInstanceType } from '../catalog/instance-types.js'
import { formatCount } from '../kit/format.js'
import type { CapacityType, PlanDecision, Pool } from './capacity-plan.js'
import type { CloudLimits } from './cloud-limits.js'
import { requestedFloors } from './floor-template.js'
import type { GuardVerdict } from './guards.js'
import { nodesPerReplica, wholeNodes } from './node-group.js'

/** A limit of an account in a region, in vCPUs of all instances that it covers, whoever launched them. */
export interface VcpuQuota {
  code: string
  name: string
}

// https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
const onDemandG = { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances' }
const onDemandP = { code: 'L-417A185B', name: 'Running On-Demand P instances' }
const spotG = { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests' }
const spotP4 = { code: 'L-7212CCBC', name: 'All P4, P3 and P2 Spot Instance Requests' }
const spotP5 = { code: 'L-C4BD4855', name: 'All P5 Spot Instance Requests' }

/**
 * The quota that an instance counts against, if it is known. A capacity reservation counts like the on-demand
 * instances that run in it (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-create.html).
 */
export function findQuota(instanceType: string, capacityType: CapacityType): VcpuQuota | undefined {
  const isSpot = capacityType === 'spot'
  if (/^g\d/.test(instanceType)) return isSpot ? spotG : onDemandG
  if (!/^p\d/.test(instanceType)) return undefined
  if (!isSpot) return onDemandP
  if (/^p[2-4]/.test(instanceType)) return spotP4
  return /^p5/.test(instanceType) ? spotP5 : undefined
}

interface PoolNodes {
  pool: Pool
  /** Nodes of the pool that the highest floors of the week need. */
  floorNodes: number
}

/** Whether the account may launch the nodes of the plan's floors; a note where it may not launch those of its maxima. */
export function checkQuota(decision: PlanDecision, region: string, limits: CloudLimits): GuardVerdict {
  const rule = { guard: 'quota', reason: 'infeasible', code: 'QUOTA_TOO_LOW' } as const
  const pools = fillPools(decision, region)
  if (pools.length === 0) return { ...rule, state: 'passed', message: `no nodes in ${region}` }
  const { vcpuQuotas } = limits
  if (!vcpuQuotas.known) return { ...rule, state: 'not-checked', message: vcpuQuotas.because }
  const refusals: string[] = []
  const notes: string[] = []
  for (const [quota, members] of groupByQuota(pools)) {
    const allowed = quota === undefined ? undefined : vcpuQuotas.value.get(quota.code)
    if (quota === undefined || allowed === undefined) {
      notes.push(`no quota is known for ${describeTypes(members)}`)
      continue
    }
    const need = (nodesOf: (member: PoolNodes) => number) =>
      members.reduce((sum, member) => sum + nodesOf(member) * vcpusOf(member.pool), 0)
    const floors = need(({ floorNodes }) => floorNodes)
    const maxima = need(({ pool }) => pool.maximumNodes)
    const has = `${quota.name} (${quota.code}) allows ${formatCount(allowed)} vCPUs to all instances of the account in ${region}`
    if (allowed < floors)
      refusals.push(
        `${has}, the floors of the plan need ${formatCount(floors)}: ${describeNodes(members)}; ask for more: ` +
          'aws service-quotas request-service-quota-increase --service-code ec2 ' +
          `--quota-code ${quota.code} --desired-value ${maxima} --region ${region}`,
      )
    else if (allowed < maxima)
      notes.push(`${has}, enough for the floors but not for the ${formatCount(maxima)} of the maxima`)
    else notes.push(`${has}, the plan needs at most ${formatCount(maxima)}`)
  }
  return refusals.length > 0
    ? { ...rule, state: 'refused', message: refusals.join('; ') }
    : { ...rule, state: 'passed', message: notes.join('; ') }
}

/** The codes of the quotas that a plan's pools in a region count against. */
export function quotaCodes(decision: PlanDecision, region: string): string[] {
  const codes = launchedPools(decision, region).flatMap(
    ({ instanceType, capacityType }) => findQuota(instanceType, capacityType)?.code ?? [],
  )
  return [...new Set(codes)].sort()
}

/** The region's pools that may launch nodes. */
export function launchedPools(decision: PlanDecision, region: string): Pool[] {
  return decision.pools.filter((pool) => pool.region === region && pool.maximumNodes > 0)
}

/** Pools of higher weight are filled first. Nodes of a Capacity Block are bought already: no quota holds them back. */
function fillPools(decision: PlanDecision, region: string): PoolNodes[] {
  const left = new Map<string, number>()
  return launchedPools(decision, region)
    .sort((a, b) => b.weight - a.weight)
    .map((pool) => {
      const needed = left.get(pool.instanceType) ?? highestFloorNodes(decision, region, pool)
      const floorNodes = Math.min(needed, pool.maximumNodes)
      left.set(pool.instanceType, needed - floorNodes)
      const blocks = pool.capacityType === 'reserved' ? blockNodes(decision, pool) : 0
      return {
        pool: { ...pool, maximumNodes: Math.max(0, pool.maximumNodes - blocks) },
        floorNodes: Math.max(0, floorNodes - blocks),
      }
    })
}

/** Whole nodes of one type for the highest floors: within a time zone at one time, between zones added up. */
function highestFloorNodes(decision: PlanDecision, region: string, pool: Pool): number {
  const nodesByZone = new Map<string, Float64Array>()
  for (const { region: home, shape, floors, timeZone } of decision.workloads) {
    if (home !== region || shape.instanceType !== pool.instanceType) continue
    const each = nodesPerReplica(shape.gpusPerReplica, pool.gpusPerNode)
    const week = requestedFloors(floors)
    const nodes = nodesByZone.get(timeZone) ?? new Float64Array(week.length)
    for (const [minute, replicas] of week.entries()) nodes[minute]! += replicas * each
    nodesByZone.set(timeZone, nodes)
  }
  const peaks = [...nodesByZone.values()].map((nodes) => nodes.reduce((a, b) => Math.max(a, b)))
  return wholeNodes(peaks.reduce((sum, peak) => sum + peak, 0))
}

function blockNodes(decision: PlanDecision, { region, instanceType }: Pool): number {
  return decision.commitments
    .filter((each) => each.kind === 'capacity-block')
    .filter((each) => each.region === region && each.instanceType === instanceType)
    .reduce((sum, { count }) => sum + count, 0)
}

function groupByQuota(pools: readonly PoolNodes[]): Map<VcpuQuota | undefined, PoolNodes[]> {
  const groups = new Map<VcpuQuota | undefined, PoolNodes[]>()
  for (const each of pools) {
    const isKnown = findInstanceType(each.pool.instanceType) !== undefined
    const quota = isKnown ? findQuota(each.pool.instanceType, each.pool.capacityType) : undefined
    groups.set(quota, [...(groups.get(quota) ?? []), each])
  }
  return groups
}

function vcpusOf({ instanceType }: Pool): number {
  return findInstanceType(instanceType)!.vcpus
}

function describeNodes(members: readonly PoolNodes[]): string {
  return members.map(({ pool, floorNodes }) => `${floorNodes} × ${pool.instanceType}`).join(', ')
}

function describeTypes(members: readonly PoolNodes[]): string {
  return [...new Set(members.map(({ pool }) => `${pool.capacityType} ${pool.instanceType}`))].join(', ')
}
