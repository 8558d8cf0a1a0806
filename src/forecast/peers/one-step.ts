import { solvePositiveDefinite } from '../models/normal-equations.js'
import type { PointModel } from '../models/point-model.js'

/** https://github.com/ai-dynamo/dynamo, components/planner: `window_size` and `minimum_data_points`. */
const windowSteps = 100
const leastSteps = 5
const mostLags = 3

/**
 * The next step from the last 100, as Dynamo's planner does with auto-ARIMA: an autoregression of 0 … 3 lags, of values or
 * of their differences, fitted by least squares and chosen by AIC at each origin. It is made for one step; further ahead it
 * feeds on itself. Nothing seasonal fits into its window at steps of minutes.
 */
export const oneStep: PointModel = {
  name: 'dynamo-one-step',
  fit: (_series, end) => {
    if (end < leastSteps) return undefined
    return ({ values }, origin, leads) => {
      const recent = values.subarray(Math.max(0, origin - windowSteps), origin)
      const models = [0, 1].flatMap((differences) =>
        Array.from({ length: mostLags + 1 }, (_, lags) => fitAutoregression(recent, lags, differences === 1)),
      )
      const best = models.reduce((least, model) => (model.aic < least.aic ? model : least))
      return continueSeries(recent, best, leads)
    }
  },
}

interface Autoregression {
  isDifferenced: boolean
  /** Intercept, then one coefficient a lag. */
  coefficients: Float64Array
  aic: number
}

function fitAutoregression(values: Float64Array, lags: number, isDifferenced: boolean): Autoregression {
  const z = isDifferenced ? differencesOf(values) : values
  // The same rows for all, else their likelihoods cannot be compared.
  const first = mostLags + (isDifferenced ? 0 : 1)
  const rows = z.length - first
  const p = lags + 1
  if (rows <= p) return { isDifferenced, coefficients: new Float64Array(p), aic: Number.POSITIVE_INFINITY }
  const normal = new Float64Array(p * p)
  const right = new Float64Array(p)
  const featureOf = (row: number, index: number) => (index === 0 ? 1 : z[row - index]!)
  for (let row = first; row < z.length; row++)
    for (let i = 0; i < p; i++) {
      right[i]! += featureOf(row, i) * z[row]!
      for (let j = 0; j < p; j++) normal[i * p + j]! += featureOf(row, i) * featureOf(row, j)
    }
  const coefficients = solvePositiveDefinite(normal, right)
  let squares = 0
  for (let row = first; row < z.length; row++) {
    let fitted = 0
    for (let i = 0; i < p; i++) fitted += coefficients[i]! * featureOf(row, i)
    squares += (z[row]! - fitted) ** 2
  }
  const aic = rows * Math.log(Math.max(squares / rows, Number.MIN_VALUE)) + 2 * p
  return { isDifferenced, coefficients, aic }
}

function continueSeries(
  values: Float64Array,
  { isDifferenced, coefficients }: Autoregression,
  leads: number,
): Float64Array {
  const z = Array.from(isDifferenced ? differencesOf(values) : values)
  const highest = values.reduce((most, value) => Math.max(most, value), 0)
  let level = values[values.length - 1]!
  return Float64Array.from({ length: leads }, () => {
    let next = coefficients[0]!
    for (let lag = 1; lag < coefficients.length; lag++) next += coefficients[lag]! * z[z.length - lag]!
    level = isDifferenced ? level + next : next
    level = Math.min(Math.max(level, 0), 2 * highest)
    z.push(next)
    return level
  })
}

function differencesOf(values: Float64Array): Float64Array {
  return Float64Array.from({ length: values.length - 1 }, (_, index) => values[index + 1]! - values[index]!)
}
