import { sortedQuantile } from '../../kit/statistics.js'
import type { DemandForecast } from '../demand-forecast.js'
import type { Series } from '../models/point-model.js'
import { samplePath } from '../sample-path.js'

/** How often a figure that is taken path by path came true inside its interval. */
export interface PathCoverage {
  count: number
  /** How many of them do not overlap. */
  distinct: number
  inside50: number
  inside80: number
  inside90: number
}

/** Of a figure of which less than this share of steps was observed nothing can be said. */
const leastObservedShare = 0.8

export function emptyCoverage(): PathCoverage {
  return { count: 0, distinct: 0, inside50: 0, inside80: 0, inside90: 0 }
}

export function addCoverage(total: PathCoverage, part: PathCoverage): void {
  for (const key of Object.keys(total) as (keyof PathCoverage)[]) total[key] += part[key]
}

/**
 * Counts how often the sums (or maxima) of requests over windows of `steps` steps, one after the other from the origin on,
 * were inside the intervals that the sample paths give them. Steps that were not observed are left out of both.
 */
export function coverWindows(
  forecast: DemandForecast,
  workloadIndex: number,
  { values, observed }: Series,
  origin: number,
  windows: readonly { kind: 'sum' | 'maximum'; steps: number; total: PathCoverage }[],
): void {
  const leads = Math.min(forecast.length, values.length - origin)
  const paths = Array.from(
    { length: forecast.pathCount },
    (_, path) => samplePath(forecast, workloadIndex, path).requests,
  )
  for (const { kind, steps, total } of windows) {
    const join = (sum: number, value: number) => (kind === 'sum' ? sum + value : Math.max(sum, value))
    for (let start = 0; start + steps <= leads; start += steps) {
      const seen = Array.from({ length: steps }, (_, index) => start + index).filter(
        (lead) => observed[origin + lead] === 1,
      )
      if (seen.length < leastObservedShare * steps) continue
      const actual = seen.reduce((sum, lead) => join(sum, values[origin + lead]!), 0)
      const drawn = Float64Array.from(paths, (path) =>
        seen.reduce((sum, lead) => join(sum, path[lead]!), 0),
      ).sort()
      const isInside = (low: number, high: number) =>
        actual >= sortedQuantile(drawn, low) && actual <= sortedQuantile(drawn, high)
      total.count++
      if (isInside(0.25, 0.75)) total.inside50++
      if (isInside(0.1, 0.9)) total.inside80++
      if (isInside(0.05, 0.95)) total.inside90++
    }
  }
}
