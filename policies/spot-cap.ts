import type { Pool } from '../src/planning/capacity-plan.js'
import { findNodeNeeds } from './node-needs.js'
import { noPlan, type Policy, percent } from './policy.js'

/**
 * At most a share of a region's nodes of one instance type may be spot: they can all be taken back at once.
 * @param maximumShare 0 … 1
 */
export function spotCap(maximumShare: number): Policy {
  return {
    name: 'spot-cap',
    description: `At most ${percent(maximumShare)} of a region’s nodes of one instance type are spot.`,
    looksAt: 'plan',
    check({ plan }) {
      if (plan === undefined) return noPlan
      return findNodeNeeds(plan).flatMap(({ region, instanceType, pools, maximumNodes }) => {
        const spot = countNodes(pools.filter(({ capacityType }) => capacityType === 'spot'))
        if (spot <= maximumShare * maximumNodes + 1e-9) return []
        return [
          {
            subject: `${instanceType} in ${region}`,
            message:
              `may be ${percent(spot / maximumNodes)} spot (${spot} of ${maximumNodes} nodes); allowed are ` +
              `${percent(maximumShare)}: lower planning.spotCap, or raise policies.spotCap.maximumShare`,
          },
        ]
      })
    },
  }
}

function countNodes(pools: readonly Pool[]): number {
  return pools.reduce((sum, pool) => sum + pool.maximumNodes, 0)
}
