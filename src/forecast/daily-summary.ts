import { quantile } from '../kit/statistics.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { DemandForecast } from './demand-forecast.js'
import { samplePath } from './sample-path.js'

/** Quantiles over the paths. */
interface PathRange {
  p10: number
  p50: number
  p90: number
}

/** One day ahead of one workload: requests per second, each figure taken path by path. */
export interface DaySummary {
  from: EpochSeconds
  meanRequestsPerSecond: PathRange
  /** Of the day's busiest step. */
  peakRequestsPerSecond: PathRange
}

/** Mean and peak of each day after the origin; the last day may be shorter. */
export function summarizeDays(forecast: DemandForecast, workloadIndex: number): DaySummary[] {
  const { origin, stepSeconds, length, pathCount } = forecast
  const stepsPerDay = secondsPerDay / stepSeconds
  const days = Math.ceil(length / stepsPerDay)
  const means = Array.from({ length: days }, () => new Float64Array(pathCount))
  const peaks = Array.from({ length: days }, () => new Float64Array(pathCount))
  for (let path = 0; path < pathCount; path++) {
    const { requests } = samplePath(forecast, workloadIndex, path)
    for (let day = 0; day < days; day++) {
      const steps = requests.subarray(day * stepsPerDay, (day + 1) * stepsPerDay)
      means[day]![path] = steps.reduce((sum, amount) => sum + amount, 0) / steps.length / stepSeconds
      peaks[day]![path] = steps.reduce((peak, amount) => Math.max(peak, amount), 0) / stepSeconds
    }
  }
  return means.map((mean, day) => ({
    from: origin + day * secondsPerDay,
    meanRequestsPerSecond: rangeOf(mean),
    peakRequestsPerSecond: rangeOf(peaks[day]!),
  }))
}

function rangeOf(values: Float64Array): PathRange {
  return { p10: quantile(values, 0.1), p50: quantile(values, 0.5), p90: quantile(values, 0.9) }
}
