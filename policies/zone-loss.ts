import type { Environment } from '../src/config/environment.js'
import type { Limits } from '../src/config/policy-settings.js'
import { findNodeNeeds, type NodeNeeds } from './node-needs.js'
import { noPlan, type Policy, percent } from './policy.js'

/**
 * Floors still fit when one availability zone is lost. It assumes that on-demand and spot nodes spread evenly over the
 * region's zones, that reserved ones are in the zone of their reservation, and that the other zones launch nothing
 * beyond their share, because everybody asks them for GPUs at that time.
 */
export function zoneLoss(
  { floorShare }: Limits<'zoneLoss'>,
  { clusters, reservations }: Pick<Environment, 'clusters' | 'reservations'>,
): Policy {
  return {
    name: 'zone-loss',
    description: `${percent(floorShare)} of the floors fit into what is left without one availability zone.`,
    looksAt: 'plan',
    check({ plan, now }) {
      if (plan === undefined) return noPlan
      const all = findNodeNeeds(plan, now).filter(({ pools }) => pools.length > 0)
      const unknown = new Set(all.map(({ region }) => region).filter((region) => !clusters[region]?.zones))
      if (unknown.size > 0)
        return { notChecked: `set clusters.<region>.zones of the environment for ${[...unknown].join(', ')}` }
      return all.flatMap((needs) => {
        const { region, instanceType, maximumNodes, floorNodes } = needs
        const zones = clusters[region]!.zones!
        const held = reservations.filter(
          (each) => each.region === region && each.instanceType === instanceType,
        )
        const [zone, lost] = largestZone(needs, zones, held)
        const needed = Math.ceil(floorNodes * floorShare - 1e-9)
        if (needed <= maximumNodes - lost) return []
        const advice = zones.length > 1 ? 'raise its poolLimits, spread reservations' : 'name more zones'
        return [
          {
            subject: `${instanceType} in ${region}`,
            message:
              `keeps ${maximumNodes - lost} of ${maximumNodes} nodes without ${zone}, and floors need ${needed}: ` +
              `${advice}, or lower policies.zoneLoss.floorShare`,
          },
        ]
      })
    },
  }
}

/** The zone that holds most nodes, and how many. A reserved node without a known reservation may be in any zone. */
function largestZone(
  { pools, maximumNodes }: NodeNeeds,
  zones: readonly string[],
  reservations: readonly { zone: string; nodes: number }[],
): [zone: string, nodes: number] {
  const reserved = pools
    .filter(({ capacityType }) => capacityType === 'reserved')
    .reduce((sum, pool) => sum + pool.maximumNodes, 0)
  const evenly = Math.ceil((maximumNodes - reserved) / new Set(zones).size)
  const known = reservations.reduce((sum, { nodes }) => sum + nodes, 0)
  const anywhere = Math.max(0, reserved - known)
  const inZone = (zone: string) => {
    const here = reservations.filter((each) => each.zone === zone).reduce((sum, { nodes }) => sum + nodes, 0)
    return (zones.includes(zone) ? evenly : 0) + anywhere + Math.min(here, reserved)
  }
  const places = [...new Set([...zones, ...reservations.map(({ zone }) => zone)])]
  const [first, ...others] = places.map((zone): [string, number] => [zone, inZone(zone)])
  return others.reduce((most, each) => (each[1] > most[1] ? each : most), first!)
}
