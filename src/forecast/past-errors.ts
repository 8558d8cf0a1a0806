import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows } from './origin-grid.js'

/** Point forecasts of the past, by row and lead. */
export type PastPoint = (row: number, lead: number) => number

/** The same, worked out once for all that a row looks back on. */
export function settlePast(pastPoint: PastPoint, grid: OriginGrid, row: number): PastPoint {
  const { first } = observedRows(grid, row)
  const points = grid.origins.slice(first, row).map((origin, earlier) => {
    const known = Math.min(grid.leads, grid.origins[row]! - origin)
    const point = new Float64Array(known)
    for (let lead = 0; lead < known; lead++) point[lead] = pastPoint(first + earlier, lead)
    return point
  })
  return (earlier, lead) => points[earlier - first]![lead]!
}

/** A sample of what forecasts from the rows before one row left until then, column by column. */
export interface PastErrors {
  /** First row that is looked back on, and how many. */
  first: number
  rowCount: number
  /** Row of each cell, counted from the first. */
  rows: Int32Array
  leads: Int32Array
  points: Float64Array
  /** Actual − point. */
  errors: Float64Array
}

/** @param mostCells how many to choose, evenly, from all that was observed */
export function samplePastErrors(
  pastPoint: PastPoint,
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
  mostCells: number,
): PastErrors {
  const { origins, leads } = grid
  const now = origins[row]!
  const { first } = observedRows(grid, row)
  let all = 0
  for (let earlier = first; earlier < row; earlier++) all += Math.min(leads, now - origins[earlier]!)
  const kept = Math.min(all, mostCells)
  const past = {
    first,
    rowCount: row - first,
    rows: new Int32Array(kept),
    leads: new Int32Array(kept),
    points: new Float64Array(kept),
    errors: new Float64Array(kept),
  }
  let count = 0
  let index = 0
  for (let earlier = first, before = 0; earlier < row; earlier++) {
    const origin = origins[earlier]!
    const known = Math.min(leads, now - origin)
    for (; index < kept; index++) {
      const lead = Math.floor((index * all) / kept) - before
      if (lead >= known) break
      if (observed[origin + lead] === 0) continue
      const point = pastPoint(earlier, lead)
      past.rows[count] = earlier - first
      past.leads[count] = lead
      past.points[count] = point
      past.errors[count++] = values[origin + lead]! - point
    }
    before += known
  }
  return {
    ...past,
    rows: past.rows.subarray(0, count),
    leads: past.leads.subarray(0, count),
    points: past.points.subarray(0, count),
    errors: past.errors.subarray(0, count),
  }
}
