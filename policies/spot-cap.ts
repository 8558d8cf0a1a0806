import type { Pool } from '../src/planning/capacity-plan.js'
import type { Policy } from './policy.js'

/**
 * At most a share of a region's nodes of one instance type may be spot: they can all be taken back at once.
 * @param maximumShare 0 … 1
 */
export function spotCap(maximumShare: number): Policy {
  return {
    name: 'spot-cap',
    description: `At most ${percent(maximumShare)} of a region’s nodes of one instance type are spot.`,
    needsPlan: true,
    check({ plan }) {
      const groups = new Map<string, Pool[]>()
      for (const pool of plan?.decision.pools ?? []) {
        const key = `${pool.instanceType} in ${pool.region}`
        groups.set(key, [...(groups.get(key) ?? []), pool])
      }
      return [...groups].flatMap(([subject, pools]) => {
        const nodes = countNodes(pools)
        const spot = countNodes(pools.filter(({ capacityType }) => capacityType === 'spot'))
        if (spot <= maximumShare * nodes + 1e-9) return []
        const message = `may be ${percent(spot / nodes)} spot (${spot} of ${nodes} nodes); allowed are ${percent(maximumShare)}`
        return [{ policy: 'spot-cap', subject, message }]
      })
    },
  }
}

function countNodes(pools: readonly Pool[]): number {
  return pools.reduce((sum, pool) => sum + pool.maximumNodes, 0)
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
