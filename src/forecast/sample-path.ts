import { sortedQuantile } from '../kit/statistics.js'
import type { DemandMetric } from '../metrics/demand-history.js'
import { addResidual, addResiduals, drawRows, residualIndex } from './block-bootstrap.js'
import {
  type DemandForecast,
  type DemandPath,
  type ForecastDay,
  forecastQuantiles,
  type SeriesForecast,
} from './demand-forecast.js'

/**
 * One joint path of one workload, drawn anew at each call and the same each time. All workloads and metrics of a
 * path follow the same past origins: sums and maxima over workloads are taken path by path.
 */
export function samplePath(forecast: DemandForecast, workloadIndex: number, pathIndex: number): DemandPath {
  const { series } = forecast.workloads[workloadIndex]!
  const rows = drawRows(forecast.days, forecast.seed, pathIndex)
  const draw = ({ point, residuals }: SeriesForecast) =>
    residuals.origins === 0 ? point.slice() : addResiduals(point, residuals, forecast.days, rows)
  return {
    requests: draw(series.requests),
    inputTokens: draw(series.inputTokens),
    outputTokens: draw(series.outputTokens),
  }
}

/** Quantiles and mean by step: `quantiles[i]` belongs to the i-th probability. Amounts a step. */
export interface PathQuantiles {
  mean: Float64Array
  quantiles: Float64Array[]
}

/** Reads quantiles and mean off the sample paths of one workload and metric. */
export function pathQuantiles(
  forecast: DemandForecast,
  workloadIndex: number,
  metric: DemandMetric,
  probabilities: readonly number[] = forecastQuantiles,
): PathQuantiles {
  const { days, seed, pathCount, workloads } = forecast
  return readQuantiles(workloads[workloadIndex]!.series[metric], days, { seed, pathCount }, probabilities)
}

/** The same of one series; only every `stride`-th step is read, the others stay 0. */
export function readQuantiles(
  { point, residuals }: SeriesForecast,
  days: readonly ForecastDay[],
  { seed, pathCount }: { seed: number; pathCount: number },
  probabilities: readonly number[],
  stride = 1,
): PathQuantiles {
  const mean = new Float64Array(point.length)
  const quantiles = probabilities.map(() => new Float64Array(point.length))
  const sample = new Float64Array(pathCount)
  const rows = Array.from({ length: pathCount }, (_, path) => drawRows(days, seed, path))
  const blocks = residuals.origins === 0 ? [] : days
  let start = 0
  for (let index = 0; index < Math.max(blocks.length, 1); index++) {
    const day = blocks[index]
    const end = blocks[index + 1]?.start ?? point.length
    const from = rows.map((drawn) => (day === undefined ? 0 : residualIndex(residuals, day, drawn[index]!)))
    for (let lead = Math.ceil(start / stride) * stride; lead < end; lead += stride) {
      let sum = 0
      for (let path = 0; path < pathCount; path++) {
        const residual = day === undefined ? 0 : day.widening * residuals.values[from[path]! + lead]!
        sample[path] = addResidual(point[lead]!, residuals, residual)
        sum += sample[path]!
      }
      sample.sort()
      mean[lead] = sum / pathCount
      for (let i = 0; i < probabilities.length; i++)
        quantiles[i]![lead] = sortedQuantile(sample, probabilities[i]!)
    }
    start = end
  }
  return { mean, quantiles }
}
