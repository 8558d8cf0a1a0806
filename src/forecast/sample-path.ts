import { sortedQuantile } from '../kit/statistics.js'
import type { DemandMetric } from '../metrics/demand-history.js'
import { multiplyPath } from './calendar/path-effect.js'
import {
  type DemandForecast,
  type DemandPath,
  forecastQuantiles,
  type PastBlocks,
  type PathErrors,
  type SeriesForecast,
} from './demand-forecast.js'
import { type Draw, drawBlock } from './past-blocks.js'
import { followShape } from './slot-shape.js'
import { independentRowsPerDay, widening } from './widening.js'

/**
 * One joint path of one workload, drawn anew at each call and the same each time. All workloads and metrics of a
 * path follow the same past origin: sums and maxima over workloads are taken path by path. A tenant, a model, a region
 * and all together agree on every path, because the larger is the sum of the smaller (bottom-up).
 */
export function samplePath(forecast: DemandForecast, workloadIndex: number, pathIndex: number): DemandPath {
  const { series } = forecast.workloads[workloadIndex]!
  const draw = (one: SeriesForecast) => drawPath(forecast, one, pathIndex)
  return {
    requests: draw(series.requests),
    inputTokens: draw(series.inputTokens),
    outputTokens: draw(series.outputTokens),
  }
}

/** One metric of a path by slot: what its steps add up to. */
export function slotPath(
  forecast: DemandForecast,
  workloadIndex: number,
  metric: DemandMetric,
  pathIndex: number,
): Float64Array {
  return drawSlots(forecast, forecast.workloads[workloadIndex]!.series[metric], pathIndex)
}

function drawPath(forecast: DemandForecast, series: SeriesForecast, path: number): Float64Array {
  return multiplyPath(drawUsual(forecast, series, path), series.effects, path)
}

/** The path without what is dated. */
function drawUsual(forecast: DemandForecast, series: SeriesForecast, path: number): Float64Array {
  const { blocks, stepsPerSlot, seed } = forecast
  if (blocks === undefined || series.errors === undefined) return series.point.slice()
  const slots = drawSlots(forecast, series, path)
  if (stepsPerSlot === 1) return slots
  const { row } = drawBlock(blocks, seed, path)
  return followShape(slots, series.shape, blocks, row, stepsPerSlot, series.point.length)
}

function drawSlots({ blocks, seed }: DemandForecast, { slots, errors }: SeriesForecast, path: number) {
  if (blocks === undefined || errors === undefined) return slots
  return addErrors(slots, errors, blocks, drawBlock(blocks, seed, path))
}

// What a whole day has in common lasts: days in a row tell less than so many independent ones.
const leastDayWeight = 1.25

/**
 * What the common error of a day is multiplied by. The interval of its sum knows one error of each past day, and was
 * widened for the more of them that its hours know.
 */
function weighDays({ origins, slotsPerDay }: PastBlocks): number {
  const days = Math.max(1, (origins.at(-1)! - origins[0]!) / slotsPerDay)
  return Math.max(leastDayWeight, widening(days) / widening(independentRowsPerDay * days))
}

function addErrors(
  slots: Float64Array,
  { ranks, quantiles, spread, ceiling }: PathErrors,
  blocks: PastBlocks,
  { row, between }: Draw,
): Float64Array {
  const { origins, columns, sources, slotsPerDay } = blocks
  const dayWeight = weighDays(blocks)
  const path = new Float64Array(slots.length)
  for (let start = 0; start < slots.length; start += slotsPerDay) {
    const end = Math.min(start + slotsPerDay, slots.length)
    let [error, width] = [0, 0]
    for (let slot = start; slot < end; slot++) {
      const probability = (ranks[row * columns + sources[slot]!]! + between) / origins.length
      path[slot] = spread[slot]! * sortedQuantile(quantiles, probability)
      error += path[slot]!
      width += spread[slot]!
    }
    const common = width > 0 ? ((dayWeight - 1) * error) / width : 0
    for (let slot = start; slot < end; slot++)
      path[slot] = limit(slots[slot]!, path[slot]! + common * spread[slot]!, ceiling)
  }
  return path
}

/** A point with an error: never negative, and lifted no higher than the ceiling. */
export function limit(point: number, error: number, ceiling: number): number {
  return Math.min(Math.max(0, point + error), Math.max(point, ceiling))
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
  const series = forecast.workloads[workloadIndex]!.series[metric]
  return readQuantiles(forecast, (path) => drawPath(forecast, series, path), probabilities)
}

/** The same by slot. */
export function slotQuantiles(
  forecast: DemandForecast,
  workloadIndex: number,
  metric: DemandMetric,
  probabilities: readonly number[] = forecastQuantiles,
): PathQuantiles {
  return readQuantiles(forecast, (path) => slotPath(forecast, workloadIndex, metric, path), probabilities)
}

function readQuantiles(
  { pathCount }: DemandForecast,
  draw: (path: number) => Float64Array,
  probabilities: readonly number[],
): PathQuantiles {
  const paths = Array.from({ length: pathCount }, (_, path) => draw(path))
  const { length } = paths[0]!
  const mean = new Float64Array(length)
  const quantiles = probabilities.map(() => new Float64Array(length))
  const sample = new Float64Array(pathCount)
  for (let step = 0; step < length; step++) {
    let sum = 0
    for (let path = 0; path < pathCount; path++) {
      sample[path] = paths[path]![step]!
      sum += sample[path]!
    }
    sample.sort()
    mean[step] = sum / pathCount
    for (let i = 0; i < probabilities.length; i++)
      quantiles[i]![step] = sortedQuantile(sample, probabilities[i]!)
  }
  return { mean, quantiles }
}
