import type { PointModel, Predict, Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import { isFitRow, type OriginGrid } from './origin-grid.js'

// Errors grow with demand, but less than in proportion. With a share of the mean added to both sides the large
// relative errors of quiet hours do not come back as impossible peaks, and demand of nothing keeps a spread.
const offsetShare = 0.3

/** Point forecasts by row of a grid; rows are asked for in ascending order. */
export type RowForecast = (row: number) => Float64Array

/** What rolling a forecast over a grid leaves: blocks are a row's days ahead, at `row × days + day`. */
export interface RolledSeries {
  /** By row. */
  points: Float64Array[]
  /** (actual − point) / (point + offset) by row and lead; a step that was not observed repeats the one before. */
  residuals: Float32Array
  /** By row: a share of the mean demand before it. */
  offsets: Float64Array
  /** By row: twice the highest demand before it. */
  ceilings: Float64Array
  /** Sum of |actual − point| by block. */
  absoluteErrors: Float64Array
  /** Observed points by block. */
  observedPoints: Float64Array
  /** Leading rows without any observed block: the workload did not exist yet. */
  blankRows: number
}

/** Fits a model once a day and forecasts from every row, each time from values strictly before it. */
export function rollModel(model: PointModel, series: Series, grid: OriginGrid): RowForecast {
  let predict: Predict | undefined
  return (row) => {
    const origin = grid.origins[row]!
    if (predict === undefined || isFitRow(grid, row))
      predict = model.fit(series, origin) ?? seasonalNaiveDay.fit(series, origin)!
    return predict(series, origin, grid.leads)
  }
}

/** Rolls a forecast over the rows of a grid up to `last`. */
export function rollSeries(
  series: Series,
  grid: OriginGrid,
  forecast: RowForecast,
  last = grid.origins.length - 1,
): RolledSeries {
  const { origins, leads, days } = grid
  const rolled: RolledSeries = {
    points: [],
    residuals: new Float32Array(origins.length * leads),
    offsets: new Float64Array(origins.length),
    ceilings: new Float64Array(origins.length),
    absoluteErrors: new Float64Array(origins.length * days),
    observedPoints: new Float64Array(origins.length * days),
    blankRows: 0,
  }
  let total = 0
  let count = 0
  let highest = 0
  for (let row = 0, step = 0; row <= last; row++) {
    for (; step < origins[row]!; step++) {
      total += series.values[step]! * series.observed[step]!
      count += series.observed[step]!
      if (series.observed[step] === 1) highest = Math.max(highest, series.values[step]!)
    }
    rolled.ceilings[row] = 2 * highest
    rolled.offsets[row] = count === 0 ? 0 : (offsetShare * total) / count
    const point = forecast(row)
    rolled.points.push(point)
    keepResiduals(rolled, series, grid, row, point)
  }
  while (rolled.blankRows <= last && isBlank(rolled, grid, rolled.blankRows)) rolled.blankRows++
  return rolled
}

function keepResiduals(
  rolled: RolledSeries,
  { values, observed }: Series,
  { origins, leads, stepsPerDay, days, rowsPerDay }: OriginGrid,
  row: number,
  point: Float64Array,
): void {
  const offset = rolled.offsets[row]!
  const residuals = rolled.residuals.subarray(row * leads, (row + 1) * leads)
  for (let day = 0; day < days; day++) {
    const block = row * days + day
    const start = day * stepsPerDay
    const end = Math.min(start + stepsPerDay, leads)
    for (let lead = start; lead < end; lead++) {
      const step = origins[row]! + lead
      if (step < values.length && observed[step] === 1) {
        const error = values[step]! - point[lead]!
        const base = point[lead]! + offset
        residuals[lead] = base > 0 ? error / base : 0
        rolled.absoluteErrors[block]! += Math.abs(error)
        rolled.observedPoints[block]! += 1
      } else if (lead > 0) residuals[lead] = residuals[lead - 1]!
    }
    // A block that was mostly missing says little: the one made a day before stands in for it.
    const before = (row - rowsPerDay) * leads
    if (before >= 0 && 2 * rolled.observedPoints[block]! < end - start)
      residuals.set(rolled.residuals.subarray(before + start, before + end), start)
  }
}

function isBlank({ observedPoints }: RolledSeries, { days }: OriginGrid, row: number): boolean {
  return observedPoints.subarray(row * days, (row + 1) * days).every((count) => count === 0)
}
