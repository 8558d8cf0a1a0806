import { lagsWithin } from './lags.js'
import type { PointModel, Predict, Series } from './point-model.js'
import { fitRobustRidge } from './robust-ridge.js'

// In squared standard deviations of the differences: light.
const penalty = 1

/**
 * Ridge regression on daily differences z(t) = y(t) − y(t − day), from lags of z. Recursive: predicted differences
 * serve as lags of later ones.
 */
export const seasonalRidge: PointModel = {
  name: 'seasonal-ridge',
  fit(series, end) {
    const lags = lagsWithin(end, series.stepsPerDay)
    if (lags === undefined) return undefined
    const coefficients = fitCoefficients(series, end, lags)
    return coefficients === undefined ? undefined : recursion(lags, coefficients)
  },
}

function fitCoefficients({ values, observed, stepsPerDay: day }: Series, end: number, lags: number[]) {
  const columns = lags.length
  const z = new Float64Array(end)
  for (let step = day; step < end; step++) z[step] = values[step]! - values[step - day]!
  const rows: number[] = []
  let squares = 0
  for (let step = day + lags[columns - 1]!; step < end; step++) {
    if (observed[step] === 1 && observed[step - day] === 1) {
      rows.push(step)
      squares += z[step]! ** 2
    }
  }
  if (rows.length < 3 * columns) return undefined
  const scale = Math.sqrt(squares / rows.length)
  if (scale === 0) return new Float64Array(columns)
  const design = new Float64Array(rows.length * columns)
  rows.forEach((step, row) => {
    for (let i = 0; i < columns; i++) design[row * columns + i] = z[step - lags[i]!]! / scale
  })
  return fitRobustRidge({
    columns,
    design,
    targets: Float64Array.from(rows, (step) => z[step]! / scale),
    weights: new Float64Array(rows.length).fill(1),
    penalties: new Float64Array(columns).fill(penalty),
  })
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
