import type { GridSeries } from './grid-series.js'
import type { OriginGrid } from './origin-grid.js'
import type { PastErrors } from './past-errors.js'

/**
 * Moves past points towards the mean day of their time, and their errors with them, by the share that it returns.
 *
 * A point forecast repeats some of the noise of the days before, and errors point back from it: paths that added such
 * errors to the point would scatter too far, and their maxima would be too high. What they scatter around lies between
 * the point and the mean day, where past errors no longer depend on the distance of the two (least squares).
 */
export function centerErrors(
  { first, rows, leads, points, errors }: PastErrors,
  { meanDays }: GridSeries,
  { origins, slotsPerDay }: OriginGrid,
): number {
  const distances = points.map((point, cell) => {
    const row = first + rows[cell]!
    return point - meanDays[row]![(origins[row]! + leads[cell]!) % slotsPerDay]!
  })
  let squares = 0
  let products = 0
  for (let cell = 0; cell < errors.length; cell++) {
    squares += distances[cell]! ** 2
    products -= distances[cell]! * errors[cell]!
  }
  const share = squares > 0 ? Math.min(Math.max(products / squares, 0), 1) : 0
  for (let cell = 0; cell < errors.length; cell++) {
    points[cell]! -= share * distances[cell]!
    errors[cell]! += share * distances[cell]!
  }
  return share
}

/** The point at a row, moved by a share of its distance to the mean day. */
export function centerPoint(
  point: Float64Array,
  share: number,
  { meanDays }: GridSeries,
  { origins, slotsPerDay }: OriginGrid,
  row: number,
): Float64Array {
  const day = meanDays[row]!
  const now = origins[row]!
  return point.map((amount, lead) => amount - share * (amount - day[(now + lead) % slotsPerDay]!))
}
