import { LlmscaleError } from '../kit/errors.js'
import { sortedQuantile } from '../kit/statistics.js'
import { workloadId } from '../kit/workload.js'
import type { OverrideInForce } from './capacity-plan.js'
import { limitToNodes } from './node-group.js'
import type { Peaks } from './peaks.js'
import type { SharedGroup } from './place-workloads.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'

/** A hard maximum and what binds it, over the replicas that are always there. */
export interface Maximum {
  replicas: number
  /** The 0.99 quantile of the peak, within it. */
  peakReplicas: number
  because: string
  leastReplicas: number
}

type Bound = Pick<Maximum, 'replicas' | 'because'>
type BoundOverFloor = Omit<Maximum, 'peakReplicas'>

/** Why a workload that the metrics no longer show is left as it is. */
export const keptBecause = 'missing from the metrics: the last approved plan stands'

/** What demand asks for at most: the 0.99 quantile of the window's peak, and the surge of a rollout. */
function neededMaximum(
  { config, baseline }: PlanInputs,
  planned: PlannedWorkload,
  peaks: Float64Array,
): Bound {
  if (planned.index === undefined) {
    const last = findWorkload(baseline, planned.workload)
    if (last !== undefined) return { replicas: last.hardMaximum, because: keptBecause }
    return {
      replicas: planned.entry.maxReplicas ?? Math.max(1, planned.entry.minReplicas),
      because: 'no demand is known',
    }
  }
  const peak = highestPeak(peaks)
  const surge = Math.ceil(peak * config.planning.rolloutSurge)
  return {
    replicas: Math.max(1, planned.entry.minReplicas, peak + surge),
    because: `0.99 quantile of the peak: ${peak} replicas, and ${surge} for the surge of a rollout`,
  }
}

function highestPeak(peaks: Float64Array): number {
  return Math.ceil(sortedQuantile(peaks, 0.99))
}

/**
 * The least of what demand needs, the config allows and the nodes of a group hold. A person's maximum stands over the
 * first two, and a person's floor raises it. Throws INFEASIBLE_OVERRIDE where a floor is above the maximum beside it.
 */
export function limitMaxima(
  inputs: PlanInputs,
  planned: readonly PlannedWorkload[],
  peaks: Peaks,
  groups: readonly SharedGroup[],
  overrides: readonly OverrideInForce[],
): Maximum[] {
  const maxima = planned.map((each, index): BoundOverFloor => {
    const own = overrides.filter(({ workload }) => workload === workloadId(each.workload))
    const bound = overrideMaximum(
      allowMaximum(neededMaximum(inputs, each, peaks.replicas[index]!), each),
      own,
    )
    return raiseToFloor(bound, each, own)
  })
  for (const [groupIndex, { group, members }] of groups.entries()) {
    const limited = limitToNodes(
      group,
      members.map((index) => ({
        ...planned[index]!,
        ...maxima[index]!,
        neededReplicas: maxima[index]!.replicas,
      })),
      sortedQuantile(peaks.nodes[groupIndex]!, 0.5),
    )
    for (const [position, index] of members.entries()) {
      const wanted = maxima[index]!
      if (limited[position]! >= wanted.replicas) continue
      const because = `${group.limit!.field} ${group.limit!.maximumNodes}; else ${wanted.replicas}: ${wanted.because}`
      maxima[index] = { ...wanted, replicas: limited[position]!, because }
    }
  }
  return maxima.map((maximum, index) => {
    const isKnown = planned[index]!.index !== undefined
    const peak = isKnown ? highestPeak(peaks.replicas[index]!) : maximum.replicas
    return { ...maximum, peakReplicas: Math.min(maximum.replicas, Math.max(maximum.leastReplicas, peak)) }
  })
}

function allowMaximum(bound: Bound, { entry }: PlannedWorkload): Bound {
  if (entry.maxReplicas === undefined || entry.maxReplicas >= bound.replicas) return bound
  return {
    replicas: entry.maxReplicas,
    because: `maxReplicas of the config; else ${bound.replicas}: ${bound.because}`,
  }
}

function overrideMaximum(bound: Bound, overrides: readonly OverrideInForce[]): Bound {
  const override = overrides.find(({ maximum }) => maximum !== undefined)
  return override === undefined ? bound : { replicas: override.maximum!, because: describeOverride(override) }
}

function raiseToFloor(
  bound: Bound,
  { entry, workload }: PlannedWorkload,
  overrides: readonly OverrideInForce[],
): BoundOverFloor {
  const override = floorOverride(overrides)
  const least = Math.min(entry.minReplicas, bound.replicas)
  if (override === undefined || override.floor! <= bound.replicas) {
    return { ...bound, leastReplicas: Math.max(least, override?.floor ?? 0) }
  }
  const limit = overrides.find(({ maximum }) => maximum !== undefined)?.maximum ?? entry.maxReplicas
  if (limit !== undefined && limit < override.floor!) {
    throw new LlmscaleError(
      'infeasible',
      'INFEASIBLE_OVERRIDE',
      `overrides of ${workloadId(workload)}: a floor of ${override.floor} is above the maximum of ${limit}`,
      ['Raise the maximum or lower the floor.'],
    )
  }
  return {
    replicas: override.floor!,
    leastReplicas: override.floor!,
    because: `the floor of an ${describeOverride(override)}`,
  }
}

/** The override of a floor that counts: the highest. */
export function floorOverride(overrides: readonly OverrideInForce[]): OverrideInForce | undefined {
  const floors = overrides.filter(({ floor }) => floor !== undefined)
  return floors.sort((a, b) => b.floor! - a.floor!)[0]
}

export function describeOverride({ by, until, reason }: OverrideInForce): string {
  return `override by ${by} until ${until}: ${reason}`
}
