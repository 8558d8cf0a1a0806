import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { DayHistogram, HistogramMetric } from '../histogram.js'
import { histogramStepSeconds } from './query-plan.js'

/** Counts of one bucket and all below it, by hour; `le` is its upper bound. */
export interface BucketColumn {
  le: number
  values: Float64Array
}

/** Histograms by day of hourly cumulative buckets, which is how Prometheus keeps them. Days without values have none. */
export function sumBucketsByDay(
  metric: HistogramMetric,
  buckets: readonly BucketColumn[],
  from: EpochSeconds,
): DayHistogram[] {
  const sorted = mergeEqualBounds(buckets)
  const upperBounds = Float64Array.from(sorted, ({ le }) => le)
  const hours = secondsPerDay / histogramStepSeconds
  const days = Math.floor((sorted[0]?.values.length ?? 0) / hours)
  return Array.from({ length: days }, (_, day) => {
    let below = 0
    const counts = Float64Array.from(sorted, ({ values }) => {
      const upTo = values
        .subarray(day * hours, (day + 1) * hours)
        .reduce((sum, value) => sum + (value || 0), 0)
      // Extrapolation of each bucket by itself may leave one a little below its neighbour.
      const count = Math.max(0, upTo - below)
      below = Math.max(below, upTo)
      return count
    })
    return { metric, day: from + day * secondsPerDay, upperBounds, counts }
  }).filter(({ counts }) => counts.some((count) => count > 0))
}

/** In ascending order, each bound once: half a fleet may write `le="1"`, the other half `le="1.0"`. */
function mergeEqualBounds(buckets: readonly BucketColumn[]): BucketColumn[] {
  const byBound = new Map<number, Float64Array>()
  for (const { le, values } of buckets) {
    const known = byBound.get(le)
    byBound.set(
      le,
      known === undefined ? values : known.map((value, at) => (value || 0) + (values[at]! || 0)),
    )
  }
  return [...byBound].map(([le, values]) => ({ le, values })).sort((a, b) => a.le - b.le)
}
