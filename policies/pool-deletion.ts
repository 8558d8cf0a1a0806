import type { Limits } from '../src/config/policy-settings.js'
import { parseInstant } from '../src/kit/time.js'
import type { EpochSeconds } from '../src/kit/units.js'
import type { CapacityPlan, Pool } from '../src/planning/capacity-plan.js'
import { noBaseline, noPlan, type Policy } from './policy.js'

/**
 * A pool of the plan in force stays while workloads run on its instance type: Karpenter drains the nodes of a NodePool
 * that goes (https://karpenter.sh/docs/concepts/disruption/). A reserved pool whose reservation has ended may go.
 */
export function poolDeletion({ allowed }: Limits<'poolDeletion'>): Policy {
  return {
    name: 'pool-deletion',
    description: 'No pool goes while workloads run on its instance type.',
    looksAt: 'plan',
    check({ plan, baseline, now, allowedDeletions = [] }) {
      if (plan === undefined) return noPlan
      if (baseline === undefined) return noBaseline
      const kept = new Set(plan.decision.pools.filter(hasNodes).map(poolName))
      const mayGo = new Set([...allowed, ...allowedDeletions])
      return baseline.decision.pools
        .filter((pool) => hasNodes(pool) && !kept.has(poolName(pool)) && !mayGo.has(poolName(pool)))
        .filter((pool) => carriesLoad(pool, plan) && !hasEnded(pool, baseline, now))
        .map((pool) => ({
          subject: poolName(pool),
          message:
            `goes with its ${pool.maximumNodes} nodes while workloads run on ${pool.instanceType} in ${pool.region}: ` +
            'move them first, or add it to policies.poolDeletion.allowed',
        }))
    },
  }
}

function poolName({ region, instanceType, capacityType }: Pool): string {
  return `${region}/${instanceType}/${capacityType}`
}

function hasNodes({ maximumNodes }: Pool): boolean {
  return maximumNodes > 0
}

function carriesLoad({ region, instanceType }: Pool, { decision }: CapacityPlan): boolean {
  return decision.workloads.some(
    (workload) =>
      workload.region === region && workload.shape.instanceType === instanceType && workload.hardMaximum > 0,
  )
}

function hasEnded(
  { region, instanceType, capacityType }: Pool,
  { decision }: CapacityPlan,
  now: EpochSeconds,
): boolean {
  const held = decision.commitments.filter(
    (each) =>
      (each.kind === 'odcr' || each.kind === 'capacity-block') &&
      each.region === region &&
      each.instanceType === instanceType,
  )
  return (
    capacityType === 'reserved' &&
    held.length > 0 &&
    held.every(({ until }) => until !== undefined && parseInstant(until)! <= now)
  )
}
