import type { PlanDecision } from './capacity-plan.js'
import type { CloudLimits } from './cloud-limits.js'
import type { GuardVerdict } from './guards.js'
import { launchedPools } from './quota.js'

/** From this score on the region is likely to give what is asked for. */
const sufficientSpotScore = 3
/** EC2 scores fewer types low, whatever it has (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-placement-score.html). */
const scoredTypes = 3

/**
 * Whether the region, or the zones of the cluster where they are given, offers the plan's instance types. Few zones
 * and a low spot placement score are notes: they say what may happen, not what will.
 */
export function checkAvailability(
  decision: PlanDecision,
  region: string,
  limits: CloudLimits,
  clusterZones?: readonly string[],
): GuardVerdict {
  const rule = { guard: 'availability', reason: 'infeasible', code: 'INSTANCE_TYPE_NOT_OFFERED' } as const
  const types = [...new Set(launchedPools(decision, region).map(({ instanceType }) => instanceType))].sort()
  if (types.length === 0) return { ...rule, state: 'passed', message: `no nodes in ${region}` }
  if (!limits.zones.known) return { ...rule, state: 'not-checked', message: limits.zones.because }
  const refusals: string[] = []
  const notes: string[] = []
  for (const type of types) {
    const offered = limits.zones.value.get(type) ?? []
    const usable = offered.filter((zone) => clusterZones?.includes(zone) ?? true)
    if (offered.length === 0)
      refusals.push(
        `${region} does not offer ${type}: allow another instance type in shapes: of llmscale.yaml`,
      )
    else if (usable.length === 0)
      refusals.push(
        `${type} is offered in ${offered.join(', ')}, but the cluster has subnets only in ${clusterZones!.join(', ')}`,
      )
    else notes.push(`${type} in ${usable.join(', ')}${usable.length === 1 ? ' alone' : ''}`)
  }
  if (refusals.length > 0) return { ...rule, state: 'refused', message: refusals.join('; ') }
  return {
    ...rule,
    state: 'passed',
    message: [...notes, ...describeSpot(decision, region, limits)].join('; '),
  }
}

/** Spot nodes of a plan in a region, and their types: what a placement score is asked for. */
export function spotRequest(decision: PlanDecision, region: string): { types: string[]; nodes: number } {
  const pools = launchedPools(decision, region).filter(({ capacityType }) => capacityType === 'spot')
  return {
    types: [...new Set(pools.map(({ instanceType }) => instanceType))].sort(),
    nodes: pools.reduce((sum, { maximumNodes }) => sum + maximumNodes, 0),
  }
}

function describeSpot(decision: PlanDecision, region: string, { spotScore }: CloudLimits): string[] {
  const { types, nodes } = spotRequest(decision, region)
  if (nodes === 0) return []
  if (!spotScore.known) return [`spot placement score not known: ${spotScore.because}`]
  const score = `spot placement score ${spotScore.value} of 10 for ${nodes} nodes`
  if (spotScore.value >= sufficientSpotScore) return [score]
  const caveat = types.length < scoredTypes ? `; EC2 scores fewer than ${scoredTypes} instance types low` : ''
  return [`${score}: they may not come${caveat}`]
}
