import { createRandom } from '../kit/random.js'
import type { ForecastDay, ResidualBlocks } from './demand-forecast.js'
import { type OriginGrid, observedRows } from './origin-grid.js'

// Below three days of rows a day further ahead borrows the residuals of a nearer one.
const leastSourceDays = 3
// Errors half a day apart are taken as independent, closer ones as one.
const independentBlocksPerDay = 2

/** How a forecast made at a row draws its residual blocks; empty when nothing was observed yet. */
export function drawableDays(grid: OriginGrid, row: number): ForecastDay[] {
  const { first, ends } = observedRows(grid, row)
  const counts = ends.map((end) => end - first)
  if (counts[0]! === 0) return []
  return counts.map((_, day): ForecastDay => {
    let source = day
    while (source > 0 && counts[source]! < leastSourceDays * grid.rowsPerDay) source--
    const rows = counts[source]!
    const start = day * grid.stepsPerDay
    return {
      start,
      source: source * grid.stepsPerDay,
      rows,
      widening: widening(Math.min(rows, (rows / grid.rowsPerDay) * independentBlocksPerDay)),
    }
  })
}

/**
 * What the 90 % interval of a normal sample of n must be widened by to hold a new value 90 % of the time: Student's
 * t for its estimated spread, √(1 + 1/n) for its estimated mean, √(n/(n − 1)) for the bootstrap's own spread.
 */
function widening(blocks: number): number {
  const n = Math.max(2, blocks)
  const z = 1.6449
  const v = n - 1
  // t by its expansion in 1/v (Abramowitz and Stegun 26.7.5).
  const t = z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v * v)
  return (t / z) * Math.sqrt(1 + 1 / n) * Math.sqrt(n / v)
}

/**
 * The rows that one path follows, by day ahead: one past origin as long as it was observed, so that an error that
 * lasts for days lasts in the path too, then another. The golden ratio spreads the paths evenly over the origins.
 */
export function drawRows(days: readonly ForecastDay[], seed: number, path: number): number[] {
  if (days.length === 0) return []
  const start = createRandom(seed).uniform()
  const random = createRandom(Math.imul(seed ^ Math.imul(path + 1, 0x9e3779b9), 0x85ebca6b))
  let row = Math.floor(((start + path * 0.6180339887498949) % 1) * days[0]!.rows)
  return days.map(({ start: lead, source, rows }) => {
    if (lead > 0 && (source !== lead || row >= rows)) row = random.integer(rows)
    return row
  })
}

/** Adds one path's residuals to a point forecast: amounts a step, never negative. */
export function addResiduals(
  point: Float64Array,
  residuals: ResidualBlocks,
  days: readonly ForecastDay[],
  rows: readonly number[],
): Float64Array {
  const path = point.slice()
  days.forEach((day, index) => {
    const end = days[index + 1]?.start ?? point.length
    const from = residualIndex(residuals, day, rows[index]!)
    for (let lead = day.start; lead < end; lead++)
      path[lead] = addResidual(point[lead]!, residuals, day.widening * residuals.values[from + lead]!)
  })
  return path
}

/** Index of the residual of lead 0, as if the row's block stood at this day. */
export function residualIndex({ leads, blankRows }: ResidualBlocks, day: ForecastDay, row: number): number {
  const seen = day.rows - blankRows
  const used = row < blankRows && seen > 0 ? blankRows + (row % seen) : row
  return used * leads + day.source - day.start
}

export function addResidual(point: number, { offset, ceiling }: ResidualBlocks, residual: number): number {
  return Math.min(Math.max(0, point + residual * (point + offset)), Math.max(point, ceiling))
}
