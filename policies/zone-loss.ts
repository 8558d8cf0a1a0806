import type { Environment } from '../src/config/environment.js'
import type { Limits } from '../src/config/policy-settings.js'
import type { Commitment } from '../src/planning/capacity-plan.js'
import { countFloorNodes, findNodeNeeds, type NodeNeeds } from './node-needs.js'
import { noPlan, type Policy, percent } from './policy.js'

/**
 * Floors still fit when one availability zone is lost. It assumes that on-demand and spot nodes spread evenly over the
 * region's zones, that reserved ones are in the zone of their reservation, and that the other zones launch nothing
 * beyond their share, because everybody asks them for GPUs at that time.
 */
export function zoneLoss(
  { floorShare }: Limits<'zoneLoss'>,
  { clusters, autoscaler }: Pick<Environment, 'autoscaler' | 'clusters'>,
): Policy {
  return {
    name: 'zone-loss',
    description: `${percent(floorShare)} of the floors fit into what is left without one availability zone.`,
    looksAt: 'plan',
    check({ plan, now }) {
      if (plan === undefined) return noPlan
      const all = findNodeNeeds(plan).filter(({ pools }) => pools.length > 0)
      const unknown = new Set(all.map(({ region }) => region).filter((region) => !clusters[region]?.zones))
      if (unknown.size > 0)
        return { notChecked: `set clusters.<region>.zones of the environment for ${[...unknown].join(', ')}` }
      return all.flatMap((needs) => {
        const { region, instanceType, maximumNodes } = needs
        const zones = [...new Set(clusters[region]!.zones!)]
        const { zone, nodes } = findLargestZone(needs, zones, plan.decision.commitments)
        const needed = Math.ceil(countFloorNodes(needs, now, autoscaler) * floorShare - 1e-9)
        if (needed <= maximumNodes - nodes) return []
        const advice = zones.length > 1 ? 'raise its poolLimits, spread reservations' : 'name more zones'
        return [
          {
            subject: `${instanceType} in ${region}`,
            message:
              `keeps ${maximumNodes - nodes} of ${maximumNodes} nodes without ${zone}, and floors need ${needed}: ` +
              `${advice}, or lower policies.zoneLoss.floorShare`,
          },
        ]
      })
    },
  }
}

interface ZoneNodes {
  zone: string
  nodes: number
}

/** The zone with most nodes, the first of equal ones. A reserved node without a known zone may be in any. */
function findLargestZone(
  { region, instanceType, pools, maximumNodes }: NodeNeeds,
  zones: readonly string[],
  commitments: readonly Commitment[],
): ZoneNodes {
  const reserved = pools
    .filter(({ capacityType }) => capacityType === 'reserved')
    .reduce((sum, pool) => sum + pool.maximumNodes, 0)
  const held = commitments.flatMap((each): ZoneNodes[] =>
    each.region === region && each.instanceType === instanceType && each.zone !== undefined
      ? [{ zone: each.zone, nodes: each.count }]
      : [],
  )
  const sum = (parts: readonly ZoneNodes[]) => parts.reduce((total, { nodes }) => total + nodes, 0)
  const anywhere = Math.max(0, reserved - sum(held))
  const evenly = Math.ceil((maximumNodes - reserved) / zones.length)
  return [...new Set([...zones, ...held.map(({ zone }) => zone)])]
    .map((zone) => {
      const here = Math.min(reserved, sum(held.filter((each) => each.zone === zone)))
      const spread = zones.includes(zone) ? evenly : 0
      return { zone, nodes: Math.min(maximumNodes, spread + here + anywhere) }
    })
    .reduce((largest, each) => (each.nodes > largest.nodes ? each : largest))
}
