import type { PointModel, Predict, Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import { fitEnd, type OriginGrid, observedRows } from './origin-grid.js'

// Models learn from no more than the last eight weeks before their fit.
const windowDays = 56

/** A model rolled over a grid: blocks are a row's days ahead, at `row × days + day`. */
export interface RolledSeries {
  /** By row, fitted before its week began. */
  points: Float64Array[]
  /** Forecasts of `slotsAhead` from the rows that a forecast is asked for, fitted up to them. */
  latest: ReadonlyMap<number, Float64Array>
  /** Sum of |actual − point| by block. */
  absoluteErrors: Float64Array
  /** Observed points by block. */
  observedPoints: Float64Array
}

/** Rolls a model over all rows of a grid, each time from values strictly before the row. */
export function rollModel(
  model: PointModel,
  series: Series,
  grid: OriginGrid,
  rows: readonly number[],
  slotsAhead: number,
): RolledSeries {
  const fits = new Map<number, Predict>()
  const predictFrom = (end: number, origin: number, leads: number) => {
    const start = Math.max(0, end - windowDays * grid.slotsPerDay)
    const view = {
      values: series.values.subarray(start),
      observed: series.observed.subarray(start),
      stepsPerDay: series.stepsPerDay,
    }
    if (!fits.has(end))
      fits.set(end, model.fit(view, end - start) ?? seasonalNaiveDay.fit(view, end - start)!)
    return fits.get(end)!(view, origin - start, leads)
  }
  const points = grid.origins.map((origin, row) => predictFrom(fitEnd(grid, row), origin, grid.leads))
  const latest = new Map(
    rows.map((row) => [row, predictFrom(grid.origins[row]!, grid.origins[row]!, slotsAhead)]),
  )
  return { points, latest, ...sumErrors(points, series, grid) }
}

function sumErrors(
  points: readonly Float64Array[],
  { values, observed }: Series,
  { origins, leads, slotsPerDay, days }: OriginGrid,
): Pick<RolledSeries, 'absoluteErrors' | 'observedPoints'> {
  const absoluteErrors = new Float64Array(origins.length * days)
  const observedPoints = new Float64Array(origins.length * days)
  for (const [row, point] of points.entries()) {
    const known = Math.min(leads, values.length - origins[row]!)
    for (let lead = 0; lead < known; lead++) {
      const slot = origins[row]! + lead
      if (observed[slot] === 0) continue
      const block = row * days + Math.floor(lead / slotsPerDay)
      absoluteErrors[block]! += Math.abs(values[slot]! - point[lead]!)
      observedPoints[block]! += 1
    }
  }
  return { absoluteErrors, observedPoints }
}

/** What a mixture of models left on the rows before one row, as far as it was observed then. */
export interface PastErrors {
  /** Slot of the origin, by row. */
  origins: Float64Array
  leads: number
  /** By row and lead, row-major. */
  points: Float64Array
  /** Actual − point; NaN where it was not observed. */
  errors: Float64Array
}

export function mixErrors(
  members: readonly RolledSeries[],
  weights: readonly number[],
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
): PastErrors {
  const { leads, origins } = grid
  const now = origins[row]!
  const { first } = observedRows(grid, row)
  const rows = row - first
  const past: PastErrors = {
    origins: Float64Array.from(origins.slice(first, row)),
    leads,
    points: new Float64Array(rows * leads),
    errors: new Float64Array(rows * leads).fill(Number.NaN),
  }
  for (let earlier = 0; earlier < rows; earlier++) {
    const points = past.points.subarray(earlier * leads, (earlier + 1) * leads)
    addWeighted(
      points,
      members.map((member) => member.points[first + earlier]!),
      weights,
    )
    const origin = past.origins[earlier]!
    const known = Math.min(leads, now - origin)
    for (let lead = 0; lead < known; lead++)
      if (observed[origin + lead] === 1)
        past.errors[earlier * leads + lead] = values[origin + lead]! - points[lead]!
  }
  return past
}

/** Adds the weighted sum of forecasts. */
export function addWeighted(
  sum: Float64Array,
  forecasts: readonly Float64Array[],
  weights: readonly number[],
): void {
  for (const [index, weight] of weights.entries()) {
    if (weight === 0) continue
    const forecast = forecasts[index]!
    for (let lead = 0; lead < sum.length; lead++) sum[lead]! += weight * forecast[lead]!
  }
}
