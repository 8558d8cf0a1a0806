import type { PastBlocks, PathErrors } from './demand-forecast.js'
import { type ErrorDistribution, learnErrors, spreadAt } from './error-distribution.js'
import type { GridSeries } from './grid-series.js'
import { type OriginGrid, observedRows } from './origin-grid.js'
import { rankErrors } from './past-blocks.js'
import { type PastPoint, samplePastErrors } from './past-errors.js'
import { centerErrors, centerPoint } from './path-center.js'
import { independentRowsPerDay, widening } from './widening.js'

/** What past errors say at a row of how its forecast spreads. */
export interface RowErrors {
  /** Share of the distance to the mean day that points are moved by to be the center of paths. */
  share: number
  /** Undefined where no error was observed before the row: paths equal the center. */
  distribution: ErrorDistribution | undefined
  /** What the spread is widened by. */
  factor: number
}

/**
 * @param centers whether paths scatter around another line than the point
 * @param cells how many past errors to learn from: more say the same and cost more
 */
export function learnRowErrors(
  pastPoint: PastPoint,
  series: GridSeries,
  grid: OriginGrid,
  row: number,
  centers: boolean,
  cells: number,
): RowErrors {
  const past = samplePastErrors(pastPoint, series, grid, row, cells)
  const share = centers ? centerErrors(past, series, grid) : 0
  const distribution = learnErrors(past, grid)
  const { first, ends } = observedRows(grid, row)
  const rows = ends[0]! - first
  const independent = Math.min(rows, (rows / grid.rowsPerDay) * independentRowsPerDay)
  return { share, distribution, factor: (distribution?.volatility ?? 0) * widening(independent) }
}

/** How a forecast spreads. */
export interface PointSpread {
  /** What paths scatter around, by lead. */
  center: Float64Array
  /** Ascending standardised errors, evenly spaced in probability. */
  quantiles: Float64Array
  /** What one of them is worth, by lead. */
  spread: Float64Array
  ceiling: number
}

const noErrors = new Float64Array(1)

/** The spread of a point forecast that was made at a row. */
export function spreadPoint(
  point: Float64Array,
  { share, distribution, factor }: RowErrors,
  series: GridSeries,
  grid: OriginGrid,
  row: number,
): PointSpread {
  const origin = grid.origins[row]!
  const center = share === 0 ? point : centerPoint(point, share, series, grid, row)
  return {
    center,
    quantiles: distribution?.quantiles ?? noErrors,
    spread: center.map((amount, lead) =>
      distribution === undefined
        ? 0
        : factor * spreadAt(distribution, amount, lead, (origin + lead) % grid.slotsPerDay),
    ),
    ceiling: 2 * series.highest[row]!,
  }
}

/** What the paths of a forecast made at a row need; undefined where no error was observed. */
export function createErrors(
  pastPoint: PastPoint,
  { share, distribution }: RowErrors,
  { quantiles, spread, ceiling }: PointSpread,
  series: GridSeries,
  grid: OriginGrid,
  row: number,
  blocks: PastBlocks | undefined,
): PathErrors | undefined {
  if (distribution === undefined || blocks === undefined) return undefined
  const { first } = observedRows(grid, row)
  const { slotsPerDay } = grid
  const { origins, columns } = blocks
  const errors = new Float64Array(origins.length * columns).fill(Number.NaN)
  for (let block = 0; block < origins.length; block++) {
    const means = series.meanDays[first + block]!
    const factor = distribution.rowFactors[block]!
    for (let lead = 0; lead < columns; lead++) {
      const slot = origins[block]! + lead
      if (series.observed[slot] === 0) continue
      const point = pastPoint(first + block, lead)
      errors[block * columns + lead] =
        (series.values[slot]! - point + share * (point - means[slot % slotsPerDay]!)) / factor
    }
  }
  return { ranks: rankErrors(errors, blocks), quantiles, spread, ceiling }
}
