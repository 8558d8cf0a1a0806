import { solvePositiveDefinite } from './normal-equations.js'
import type { PointModel, Predict, Series } from './point-model.js'

// Ridge regression on daily differences z(t) = y(t) − y(t − day), from lags of z: the last hour or so, around a
// day ago, and whole days up to a week. A light penalty on standardised columns; the robust weights of Huber keep
// a single surprise from bending it. Recursive: predicted differences serve as lags of later ones.
const penalty = 1
const huberSteps = 2
const huberCutoff = 1.345 // 95 % efficiency for normal errors (Huber 1981)

export const seasonalRidge: PointModel = {
  name: 'seasonal-ridge',
  fit(series, end) {
    const lags = lagsWithin(end, series.stepsPerDay)
    if (lags === undefined) return undefined
    const coefficients = fitCoefficients(series, end, lags)
    return coefficients === undefined ? undefined : recursion(lags, coefficients)
  },
}

/** Whole-day lags reach back at most half of the history, so that the other half is left to fit to. */
function lagsWithin(end: number, day: number): number[] | undefined {
  const days = Math.min(7, Math.floor(end / day / 2))
  if (days < 1) return undefined
  const lags = new Set([1, 2, 3, 4, day - 2, day - 1, day, day + 1, day + 2])
  for (let multiple = 2; multiple <= days; multiple++) lags.add(multiple * day)
  if (days === 7) lags.add(7 * day - 1).add(7 * day + 1)
  return [...lags].filter((lag) => lag > 0).sort((a, b) => a - b)
}

function fitCoefficients({ values, observed, stepsPerDay: day }: Series, end: number, lags: number[]) {
  const p = lags.length
  const z = new Float64Array(end)
  for (let step = day; step < end; step++) z[step] = values[step]! - values[step - day]!
  const rows: number[] = []
  let squares = 0
  for (let step = day + lags[p - 1]!; step < end; step++) {
    if (observed[step] === 1 && observed[step - day] === 1) {
      rows.push(step)
      squares += z[step]! ** 2
    }
  }
  if (rows.length < 3 * p) return undefined
  const scale = Math.sqrt(squares / rows.length)
  if (scale === 0) return new Float64Array(p)

  const weights = new Float64Array(rows.length).fill(1)
  const residuals = new Float64Array(rows.length)
  const features = new Float64Array(p)
  let coefficients: Float64Array = new Float64Array(p)
  for (let pass = 0; pass <= huberSteps; pass++) {
    const normal = new Float64Array(p * p)
    const right = new Float64Array(p)
    for (let row = 0; row < rows.length; row++) {
      const step = rows[row]!
      for (let i = 0; i < p; i++) features[i] = z[step - lags[i]!]!
      for (let i = 0, index = 0; i < p; i++, index = i * p) {
        const weighted = weights[row]! * features[i]!
        right[i]! += weighted * z[step]!
        for (let j = 0; j <= i; j++) normal[index + j]! += weighted * features[j]!
      }
    }
    for (let i = 0; i < p; i++) normal[i * p + i]! += penalty * scale * scale
    coefficients = solvePositiveDefinite(normal, right)
    if (pass === huberSteps) break
    for (let row = 0; row < rows.length; row++) {
      const step = rows[row]!
      let fitted = 0
      for (let i = 0; i < p; i++) fitted += coefficients[i]! * z[step - lags[i]!]!
      residuals[row] = Math.abs(z[step]! - fitted)
    }
    const sorted = residuals.slice().sort()
    // 1.4826 × the median absolute deviation estimates the standard deviation of normal errors.
    const cutoff = huberCutoff * 1.4826 * sorted[sorted.length >> 1]!
    for (let row = 0; row < rows.length; row++)
      weights[row] = residuals[row]! <= cutoff ? 1 : cutoff / residuals[row]!
  }
  return coefficients
}

function recursion(lags: number[], coefficients: Float64Array): Predict {
  return ({ values, stepsPerDay: day }, origin, leads) => {
    const reach = lags[lags.length - 1]!
    const z = new Float64Array(reach + leads)
    for (let back = 1; back <= reach; back++)
      z[reach - back] = values[origin - back]! - (values[origin - back - day] ?? values[origin - back]!)
    let highest = 0
    for (let step = 0; step < origin; step++) highest = Math.max(highest, values[step]!)
    const point = new Float64Array(leads)
    for (let lead = 0; lead < leads; lead++) {
      let difference = 0
      for (let i = 0; i < lags.length; i++) difference += coefficients[i]! * z[reach + lead - lags[i]!]!
      const before = lead < day ? values[origin - day + lead]! : point[lead - day]!
      point[lead] = Math.min(Math.max(before + difference, 0), 2 * highest)
      z[reach + lead] = point[lead]! - before
    }
    return point
  }
}
