import type { EpochSeconds } from '../kit/units.js'

/** What histograms are kept of: lengths of requests in tokens, latencies in seconds. */
export const histogramMetrics = [
  'input_tokens',
  'output_tokens',
  'ttft_seconds',
  'itl_seconds',
  'end_to_end_seconds',
] as const
export type HistogramMetric = (typeof histogramMetrics)[number]

/**
 * Counts by bucket; bucket i holds values above `upperBounds[i − 1]` (or 0) and at most `upperBounds[i]`.
 * The last bound may be Infinity. Counts are those of the bucket alone, not cumulative as in Prometheus.
 */
export interface Histogram {
  upperBounds: Float64Array
  counts: Float64Array
}

/** The histogram of one metric on one day (UTC). */
export interface DayHistogram extends Histogram {
  metric: HistogramMetric
  day: EpochSeconds
}

/** All values of histograms together, on the union of their bounds; values lie evenly within a bucket. */
export function addHistograms(histograms: readonly Histogram[]): Histogram {
  const [first] = histograms
  if (first !== undefined && histograms.every((each) => sameBounds(each.upperBounds, first.upperBounds))) {
    const counts = new Float64Array(first.counts.length)
    for (const histogram of histograms) {
      for (let at = 0; at < counts.length; at++) counts[at]! += histogram.counts[at]!
    }
    return { upperBounds: first.upperBounds, counts }
  }
  const upperBounds = Float64Array.from(
    new Set(histograms.flatMap((histogram) => [...histogram.upperBounds])),
  ).sort()
  const counts = new Float64Array(upperBounds.length)
  for (const histogram of histograms) {
    let below = 0
    upperBounds.forEach((bound, at) => {
      const upTo = countUpTo(histogram, bound)
      counts[at]! += upTo - below
      below = upTo
    })
  }
  return { upperBounds, counts }
}

/** All days of one metric together; undefined without any. */
export function sumDays(days: readonly DayHistogram[], metric: HistogramMetric): Histogram | undefined {
  const same = days.filter((each) => each.metric === metric)
  return same.length === 0 ? undefined : addHistograms(same)
}

/** How many values are at most `bound`. A bucket without an upper bound holds values above all others. */
export function countUpTo({ upperBounds, counts }: Histogram, bound: number): number {
  let total = 0
  for (let at = 0; at < counts.length; at++) {
    const upper = upperBounds[at]!
    if (upper <= bound) {
      total += counts[at]!
      continue
    }
    const lower = at === 0 ? 0 : upperBounds[at - 1]!
    if (bound > lower && Number.isFinite(upper)) total += (counts[at]! * (bound - lower)) / (upper - lower)
    break
  }
  return total
}

/**
 * The value that a share of all lies below, linear within its bucket as in PromQL's histogram_quantile; the highest
 * finite bound where it lies above that. Undefined without values.
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
 */
export function histogramQuantile(
  { upperBounds, counts }: Histogram,
  probability: number,
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (!(total > 0)) return undefined
  let rest = probability * total
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at]!
    if (count < rest || count === 0) {
      rest -= count
      continue
    }
    const lower = at === 0 ? 0 : upperBounds[at - 1]!
    const upper = upperBounds[at]!
    return Number.isFinite(upper) ? lower + ((upper - lower) * Math.max(0, rest)) / count : lower
  }
  return upperBounds.findLast(Number.isFinite)
}

function sameBounds(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((bound, at) => bound === b[at])
}
