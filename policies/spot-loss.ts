import type { Limits } from '../src/config/policy-settings.js'
import { countFloorNodes, type FloorKeeper, findNodeNeeds } from './node-needs.js'
import { noPlan, type Policy, percent } from './policy.js'

/**
 * Floors still fit when EC2 takes back the largest spot pool of their instance type, all at once. It assumes that the
 * other pools can run up to their limits; what works above the floors may have to wait.
 */
export function spotLoss({ floorShare }: Limits<'spotLoss'>, keeper: FloorKeeper): Policy {
  return {
    name: 'spot-loss',
    description: `${percent(floorShare)} of the floors fit into what is left without the largest spot pool.`,
    looksAt: 'plan',
    check({ plan, now }) {
      if (plan === undefined) return noPlan
      return findNodeNeeds(plan).flatMap((needs) => {
        const { region, instanceType, pools, maximumNodes } = needs
        const spot = pools.filter(({ capacityType }) => capacityType === 'spot')
        const lost = spot.reduce((most, pool) => Math.max(most, pool.maximumNodes), 0)
        const needed = Math.ceil(countFloorNodes(needs, now, keeper) * floorShare - 1e-9)
        if (lost === 0 || needed <= maximumNodes - lost) return []
        return [
          {
            subject: `${instanceType} in ${region}`,
            message:
              `keeps ${maximumNodes - lost} of ${maximumNodes} nodes without its largest spot pool, and floors need ` +
              `${needed}: lower planning.spotCap, or raise its poolLimits`,
          },
        ]
      })
    },
  }
}
