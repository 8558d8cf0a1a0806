import type { Config } from '../config/schema.js'
import { sortedQuantile } from '../kit/statistics.js'
import { workloadId } from '../kit/workload.js'
import type { OverrideInForce } from './capacity-plan.js'
import { shareNodes } from './node-group.js'
import type { Peaks } from './peaks.js'
import type { SharedGroup } from './place-workloads.js'
import type { PlannedWorkload } from './plan-inputs.js'

/** A hard maximum and what binds it. */
export interface Maximum {
  replicas: number
  because: string
}

/** Replicas that demand asks for at most: the 0.99 quantile of the window's peak, and the surge of a rollout. */
function neededMaximum(planned: PlannedWorkload, peaks: Float64Array, rolloutSurge: number): Maximum {
  if (planned.index === undefined) {
    return { replicas: planned.entry.maxReplicas ?? planned.entry.minReplicas, because: 'no demand is known' }
  }
  const peak = Math.ceil(sortedQuantile(peaks, 0.99))
  const surge = Math.ceil(peak * rolloutSurge)
  return {
    replicas: Math.max(1, planned.entry.minReplicas, peak + surge),
    because: `0.99 quantile of the peak: ${peak} replicas, and ${surge} for the surge of a rollout`,
  }
}

/** The least of what demand needs, the config allows and the nodes of its group hold; a person's override stands over it. */
export function limitMaxima(
  planned: readonly PlannedWorkload[],
  peaks: Peaks,
  groups: readonly SharedGroup[],
  config: Config,
  overrides: readonly OverrideInForce[],
): Maximum[] {
  const maxima = planned.map((each, index) => {
    const needed = neededMaximum(each, peaks.replicas[index]!, config.planning.rolloutSurge)
    const override = overrides.find(
      ({ workload, maximum }) => workload === workloadId(each.workload) && maximum !== undefined,
    )
    if (override)
      return { replicas: override.maximum!, because: `override by ${override.by}: ${override.reason}` }
    const allowed = each.entry.maxReplicas
    if (allowed === undefined || allowed >= needed.replicas) return needed
    return { replicas: allowed, because: `maxReplicas of the config; demand would need ${needed.replicas}` }
  })
  for (const [groupIndex, { group, members }] of groups.entries()) {
    const shared = shareNodes(
      group,
      members.map((index) => ({ ...planned[index]!, neededReplicas: maxima[index]!.replicas })),
      sortedQuantile(peaks.nodes[groupIndex]!, 0.5),
    )
    for (const [position, index] of members.entries()) {
      if (shared[position]! >= maxima[index]!.replicas) continue
      const because = `${group.limit!.field} ${group.limit!.maximumNodes}; demand would need ${maxima[index]!.replicas}`
      maxima[index] = { replicas: shared[position]!, because }
    }
  }
  return maxima
}
