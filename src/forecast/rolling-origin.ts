import type { PointModel, PooledModel, Predict, Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import { fitEnd, type OriginGrid, observedRows } from './origin-grid.js'

// Models learn from no more than the last eight weeks before their fit.
const windowDays = 56

/** A model as a grid needs it: the one that was learned up to slot `end`, to be fitted to a series. */
export interface Member {
  name: string
  learn(end: number): PointModel
}

export function singleMember(model: PointModel): Member {
  return { name: model.name, learn: () => model }
}

/** Learns once for each end, whichever series asks. */
export function poolMember(model: PooledModel, fleet: readonly Series[]): Member {
  const learned = new Map<number, PointModel>()
  return {
    name: model.name,
    learn(end) {
      if (!learned.has(end)) {
        const start = windowStart(end, fleet[0]!.stepsPerDay)
        const views = fleet.map((series) => viewFrom(series, start))
        learned.set(end, model.fit(views, end - start))
      }
      return learned.get(end)!
    },
  }
}

function windowStart(end: number, slotsPerDay: number): number {
  return Math.max(0, end - windowDays * slotsPerDay)
}

function viewFrom({ values, observed, stepsPerDay }: Series, start: number): Series {
  return { values: values.subarray(start), observed: observed.subarray(start), stepsPerDay }
}

/** A model rolled over a grid. */
export interface RolledSeries {
  /** By row, fitted before its week began. */
  points: Float64Array[]
  /** Forecasts of `slotsAhead` from the rows that a forecast is asked for; that of the last row is fitted up to it. */
  latest: ReadonlyMap<number, Float64Array>
}

/** Rolls a model over all rows of a grid, each time from values strictly before the row. */
export function rollMember(
  member: Member,
  series: Series,
  grid: OriginGrid,
  rows: readonly number[],
  slotsAhead: number,
): RolledSeries {
  const fits = new Map<number, Predict>()
  const predictFrom = (end: number, origin: number, leads: number) => {
    const start = windowStart(end, grid.slotsPerDay)
    const view = viewFrom(series, start)
    if (!fits.has(end)) {
      const predict = member.learn(end).fit(view, end - start) ?? seasonalNaiveDay.fit(view, end - start)!
      fits.set(end, predict)
    }
    return fits.get(end)!(view, origin - start, leads)
  }
  const points = grid.origins.map((origin, row) => predictFrom(fitEnd(grid, row), origin, grid.leads))
  // Only the newest forecast is worth a fit of its own; earlier ones are asked for by the dozen.
  const newest = grid.origins.length - 1
  const latest = new Map(
    rows.map((row) => {
      const origin = grid.origins[row]!
      return [row, predictFrom(row === newest ? origin : fitEnd(grid, row), origin, slotsAhead)]
    }),
  )
  return { points, latest }
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

/** @param combine makes one forecast of those of the members */
export function mixErrors(
  members: readonly RolledSeries[],
  combine: (forecasts: readonly Float64Array[]) => Float64Array,
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
    const points = combine(members.map((member) => member.points[first + earlier]!))
    past.points.set(points, earlier * leads)
    const origin = past.origins[earlier]!
    const known = Math.min(leads, now - origin)
    for (let lead = 0; lead < known; lead++)
      if (observed[origin + lead] === 1)
        past.errors[earlier * leads + lead] = values[origin + lead]! - points[lead]!
  }
  return past
}
