import type { PastBlocks, PathErrors } from './demand-forecast.js'
import { type ErrorDistribution, learnErrors, spreadAt } from './error-distribution.js'
import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows } from './origin-grid.js'
import { rankErrors } from './past-blocks.js'
import type { PastErrors } from './rolling-origin.js'

// Errors half a day apart are taken as independent, closer ones as one.
const independentRowsPerDay = 2

/** How a point forecast made at a row spreads, without the places of past errors. */
export type PointSpread = Omit<PathErrors, 'ranks'> & { distribution: ErrorDistribution }

/** Undefined where no error was observed before the row. */
export function spreadPoint(
  point: Float64Array,
  past: PastErrors,
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
): PointSpread | undefined {
  const origin = grid.origins[row]!
  const distribution = learnErrors(past, grid, origin)
  if (distribution === undefined) return undefined
  const { first, ends } = observedRows(grid, row)
  const rows = ends[0]! - first
  const factor =
    distribution.volatility * widening(Math.min(rows, (rows / grid.rowsPerDay) * independentRowsPerDay))
  let highest = 0
  for (let slot = 0; slot < origin; slot++)
    if (observed[slot] === 1) highest = Math.max(highest, values[slot]!)
  return {
    distribution,
    quantiles: distribution.quantiles,
    spread: point.map(
      (amount, lead) => factor * spreadAt(distribution, amount, lead, (origin + lead) % grid.slotsPerDay),
    ),
    ceiling: 2 * highest,
  }
}

export function createErrors(
  { quantiles, spread, ceiling, distribution }: PointSpread,
  past: PastErrors,
  blocks: PastBlocks,
): PathErrors {
  return { ranks: rankErrors(past, distribution.rowFactors, blocks), quantiles, spread, ceiling }
}

/**
 * What the 90 % interval of a normal sample of n must be widened by to hold a new value 90 % of the time: Student's
 * t for its estimated spread, √(1 + 1/n) for its estimated mean, √(n/(n − 1)) for the sample's own spread.
 */
function widening(errors: number): number {
  const n = Math.max(2, errors)
  const z = 1.6449
  const v = n - 1
  // t by its expansion in 1/v (Abramowitz and Stegun 26.7.5).
  const t = z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v * v)
  return (t / z) * Math.sqrt(1 + 1 / n) * Math.sqrt(n / v)
}
