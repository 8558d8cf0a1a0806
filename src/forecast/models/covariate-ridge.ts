import { lagsWithin } from './lags.js'
import type { PointModel, Predict, Series } from './point-model.js'
import { fitRobustRidge } from './robust-ridge.js'
import { seasonalRidge } from './seasonal-ridge.js'

// In squared standard deviations of the differences. What another quantity says must show more clearly than what demand
// itself does.
const lagPenalty = 1
const covariatePenalty = 5

/** Steps back, first and last, over which differences of the covariate are averaged: the further back, the longer. */
const spans = [
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 4],
  [5, 6],
  [7, 9],
  [10, 13],
  [14, 24],
] as const

/** Amounts below this share of the mean hardly count: near zero a ratio is noise. */
const smallShare = 0.05

/**
 * Ridge regression on how many times demand is that of the day before, from its own past and from how many times a
 * covariate was its own in the hours before: in logarithms, because both have a season of their own. Of the covariate
 * only what lies before the origin is known; after it, it goes on as `seasonalRidge` says. Recursive.
 * @param covariate on the steps of the series, without gaps; may go on after what is known of the series
 */
export function covariateRidge(covariate: Float64Array): PointModel {
  return {
    name: 'covariate-ridge',
    fit(series, end) {
      const lags = lagsWithin(end, series.stepsPerDay)
      return lags === undefined ? undefined : fitDifferences(series, covariate, end, lags)
    },
  }
}

function fitDifferences(
  { values, observed, stepsPerDay: day }: Series,
  covariate: Float64Array,
  end: number,
  lags: number[],
): Predict | undefined {
  const [small, smallCovariate] = [smallShare * meanOf(values, end), smallShare * meanOf(covariate, end)]
  const logs = (later: Float64Array) => later.map((value) => Math.log1p(Math.max(0, value) / small))
  const covariateLogs = covariate.map((value) => Math.log1p(Math.max(0, value) / smallCovariate))
  const own = seasonalRidge.fit(completeSeries(covariateLogs, day), end)
  const reach = Math.max(lags.at(-1)!, spans.at(-1)![1])
  const z = dailyDifferences(logs(values.subarray(0, end)), end, day)
  const c = dailyDifferences(covariateLogs, end, day)
  const rows: number[] = []
  for (let step = day + reach; step < end; step++)
    if (observed[step] === 1 && observed[step - day] === 1) rows.push(step)
  const columns = lags.length + spans.length
  const [scale, covariateScale] = [rootMeanSquare(z, rows), rootMeanSquare(c, rows)]
  if (
    own === undefined ||
    !(small > 0) ||
    !(smallCovariate > 0) ||
    rows.length < 3 * columns ||
    !(scale > 0) ||
    !(covariateScale > 0)
  )
    return undefined
  const design = new Float64Array(rows.length * columns)
  rows.forEach((step, row) => {
    readFeatures(design, row * columns, z, c, step, lags, covariateScale / scale)
  })
  for (let at = 0; at < design.length; at++) design[at]! /= scale
  const coefficients = fitRobustRidge({
    columns,
    design,
    targets: Float64Array.from(rows, (step) => z[step]! / scale),
    weights: new Float64Array(rows.length).fill(1),
    penalties: Float64Array.from({ length: columns }, (_, at) =>
      at < lags.length ? lagPenalty : covariatePenalty,
    ),
  })
  return (later, origin, leads) => {
    const courses = new Float64Array(origin + leads)
    courses.set(covariateLogs.subarray(0, origin))
    courses.set(own(completeSeries(covariateLogs, day), origin, leads), origin)
    const c = dailyDifferences(courses, origin + leads, day)
    const demand = new Float64Array(origin + leads)
    demand.set(logs(later.values.subarray(0, origin)))
    const z = new Float64Array(origin + leads)
    z.set(dailyDifferences(demand, origin, day))
    const highest = demand.subarray(0, origin).reduce((most, value) => Math.max(most, value), 0)
    const ceiling = Math.log1p(2 * Math.expm1(highest))
    const features = new Float64Array(columns)
    const point = new Float64Array(leads)
    for (let lead = 0; lead < leads; lead++) {
      readFeatures(features, 0, z, c, origin + lead, lags, covariateScale / scale)
      let difference = 0
      for (let at = 0; at < columns; at++) difference += coefficients[at]! * features[at]!
      const step = origin + lead
      const before = demand[step - day]!
      demand[step] = Math.min(Math.max(before + difference, 0), ceiling)
      z[step] = demand[step]! - before
      point[lead] = small * Math.expm1(demand[step]!)
    }
    return point
  }
}

/** What a step is explained by, from `from` on: differences of demand at the lags, and means of the covariate's. */
function readFeatures(
  features: Float64Array,
  from: number,
  z: Float64Array,
  c: Float64Array,
  step: number,
  lags: readonly number[],
  covariateScale: number,
): void {
  for (let at = 0; at < lags.length; at++) features[from + at] = z[step - lags[at]!] ?? 0
  for (let at = 0; at < spans.length; at++) {
    const [first, last] = spans[at]!
    let sum = 0
    for (let back = first; back <= last; back++) sum += c[step - back] ?? 0
    features[from + lags.length + at] = sum / (last - first + 1) / covariateScale
  }
}

/** Differences to the day before, of the steps before `end`; zero on the first day. */
function dailyDifferences(values: Float64Array, end: number, day: number): Float64Array {
  const differences = new Float64Array(end)
  for (let step = day; step < end; step++) differences[step] = values[step]! - values[step - day]!
  return differences
}

function meanOf(values: Float64Array, end: number): number {
  return values.subarray(0, end).reduce((sum, value) => sum + value, 0) / end
}

function rootMeanSquare(values: Float64Array, rows: readonly number[]): number {
  return Math.sqrt(rows.reduce((sum, step) => sum + values[step]! ** 2, 0) / Math.max(1, rows.length))
}

function completeSeries(values: Float64Array, stepsPerDay: number): Series {
  return { values, observed: new Uint8Array(values.length).fill(1), stepsPerDay }
}
