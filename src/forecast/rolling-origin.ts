import type { PointModel, PooledModel, Predict, Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import { fitEnd, type OriginGrid } from './origin-grid.js'

// Models learn from no more than the last eight weeks before their fit.
const windowDays = 56

/** A model as a grid needs it: the one that was learned up to slot `end`, to be fitted to a series. */
export interface Member {
  name: string
  /** History that makes a fit worth keeping for a week. */
  leastDays: number
  learn(end: number): PointModel
}

export function singleMember(model: PointModel): Member {
  return { name: model.name, leastDays: 7, learn: () => model }
}

/** Learns once for each end, whichever series asks. */
export function poolMember(model: PooledModel, fleet: readonly Series[]): Member {
  const learned = new Map<number, PointModel>()
  return {
    name: model.name,
    leastDays: 1,
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

export function windowStart(end: number, slotsPerDay: number): number {
  return Math.max(0, end - windowDays * slotsPerDay)
}

function viewFrom({ values, observed, stepsPerDay, levels }: Series, start: number): Series {
  return {
    values: values.subarray(start),
    observed: observed.subarray(start),
    stepsPerDay,
    ...(levels && { levels: levels.subarray(start) }),
  }
}

/** Point forecasts of a model, or of a combination, over a grid. */
export interface RolledPoints {
  /** By row, fitted before its week began: what past errors are read from. */
  past: readonly Float64Array[]
  /** By row that a forecast is asked for, fitted up to the row. */
  asked: ReadonlyMap<number, Float64Array>
}

/** Rolls a model over all rows of a grid, each time from values strictly before the row. */
export function rollMember(member: Member, series: Series, grid: OriginGrid): RolledPoints {
  let fitted: { end: number; start: number; view: Series; predict: Predict } | undefined
  const predictFrom = (end: number, origin: number, leads: number) => {
    if (fitted?.end !== end) {
      const start = windowStart(end, grid.slotsPerDay)
      const view = viewFrom(series, start)
      const predict = member.learn(end).fit(view, end - start) ?? seasonalNaiveDay.fit(view, end - start)!
      fitted = { end, start, view, predict }
    }
    return fitted.predict(fitted.view, origin - fitted.start, leads)
  }
  return {
    past: grid.origins.map((origin, row) =>
      predictFrom(fitEnd(grid, row, member.leastDays), origin, grid.leads),
    ),
    asked: new Map(
      grid.asked.map((row) => {
        const origin = grid.origins[row]!
        return [row, predictFrom(origin, origin, grid.slotsAhead)]
      }),
    ),
  }
}
