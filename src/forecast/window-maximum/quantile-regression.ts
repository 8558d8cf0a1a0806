import { addProducts, solvePositiveDefinite } from '../models/normal-equations.js'

/** Rows of a linear model: `features` is row-major, `rows × columns`. */
export interface QuantileSample {
  features: Float64Array
  targets: Float64Array
  rows: number
  columns: number
}

const mostSteps = 25
const enough = 1e-3
const leastDeviation = 1e-4
// Each quantile starts from its neighbour on the way out from the median; none is further away than these.
const stops = [0.01, 0.1, 0.9, 0.99]
// The corner of the pinball loss is rounded off within this share of the mean residual: wide at first, for speed. A
// tail's corner is rounded off in proportion to the weight of its lighter side, or it would be pushed outwards.
const firstRounding = 0.5
const lastRounding = 0.02

/**
 * Linear quantile regression, shrunk towards priors: minimises twice the pinball loss plus
 * penalty × Σ deviation_j × (coefficient_j − prior_j)² by majorisation (Hunter and Lange 2000, "Quantile Regression
 * via an MM Algorithm"), each step of which is a weighted least-squares problem.
 *
 * @param priors by probability
 * @param penalty a row; the penalty of a column grows with its standard deviation, as the loss does
 * @param starts by probability, coefficients of nearly the same sample: the search goes on from there
 * @returns coefficients by probability
 */
export function fitQuantiles(
  sample: QuantileSample,
  probabilities: readonly number[],
  priors: readonly Float64Array[],
  penalty: number,
  starts?: readonly Float64Array[],
): Float64Array[] {
  const penalties = standardDeviations(sample).map(
    (deviation) => penalty * sample.rows * Math.max(deviation, leastDeviation),
  )
  if (starts !== undefined)
    return probabilities.map((probability, index) =>
      fitQuantile(sample, probability, priors[index]!, penalties, starts[index]!, lastRounding),
    )
  const fitFrom = (probability: number, start?: Float64Array) => {
    const prior = priors[nearest(probabilities, probability)]!
    return fitQuantile(sample, probability, prior, penalties, start ?? prior, firstRounding)
  }
  const median = fitFrom(0.5)
  const fitted = new Map([[0.5, median]])
  const lowest = Math.min(...probabilities)
  const highest = Math.max(...probabilities)
  const wanted = [...probabilities, ...stops.filter((stop) => stop > lowest && stop < highest)]
  for (const side of [
    wanted.filter((probability) => probability > 0.5).sort((a, b) => a - b),
    wanted.filter((probability) => probability < 0.5).sort((a, b) => b - a),
  ]) {
    let last = median
    for (const probability of side) {
      last = fitted.get(probability) ?? fitFrom(probability, last)
      fitted.set(probability, last)
    }
  }
  return probabilities.map((probability) => fitted.get(probability)!)
}

function nearest(probabilities: readonly number[], probability: number): number {
  const distances = probabilities.map((other) => Math.abs(other - probability))
  return distances.indexOf(Math.min(...distances))
}

function fitQuantile(
  sample: QuantileSample,
  probability: number,
  prior: Float64Array,
  penalties: Float64Array,
  start: Float64Array,
  rounding: number,
): Float64Array {
  const { features, targets, rows, columns } = sample
  const tilt = 2 * probability - 1
  const lighterSide = 2 * Math.min(probability, 1 - probability)
  const residuals = new Float64Array(rows)
  const weights = new Float64Array(rows)
  const sums = new Float64Array(columns)
  for (let row = 0, at = 0; row < rows; row++, at += columns)
    for (let i = 0; i < columns; i++) sums[i]! += features[at + i]!
  let coefficients = start
  for (let step = 0; step < mostSteps; step++) {
    let total = 0
    for (let row = 0; row < rows; row++) {
      const residual = targets[row]! - multiply(features, row * columns, coefficients)
      residuals[row] = Math.abs(residual)
      total += residuals[row]!
    }
    const share = Math.max(lastRounding, rounding * 0.6 ** step)
    const corner = (total / rows) * lighterSide * share + 1e-12
    const normal = new Float64Array(columns * columns)
    const right = new Float64Array(columns)
    for (let row = 0; row < rows; row++) weights[row] = 1 / (corner + residuals[row]!)
    addProducts(normal, right, features, targets.subarray(0, rows), weights, columns)
    for (let i = 0; i < columns; i++) {
      normal[i * columns + i]! += penalties[i]!
      right[i]! += penalties[i]! * prior[i]! + tilt * sums[i]!
    }
    const next = solvePositiveDefinite(normal, right)
    const isSettled =
      share === lastRounding && next.every((value, i) => Math.abs(value - coefficients[i]!) < enough)
    coefficients = next
    if (isSettled) break
  }
  return coefficients
}

/** The product of a row that starts at `at` with coefficients. */
export function multiply(features: Float64Array, at: number, coefficients: Float64Array): number {
  let sum = 0
  for (let i = 0; i < coefficients.length; i++) sum += features[at + i]! * coefficients[i]!
  return sum
}

function standardDeviations({ features, rows, columns }: QuantileSample): Float64Array {
  const means = new Float64Array(columns)
  const squares = new Float64Array(columns)
  for (let row = 0, at = 0; row < rows; row++, at += columns)
    for (let i = 0; i < columns; i++) means[i]! += features[at + i]! / rows
  for (let row = 0, at = 0; row < rows; row++, at += columns)
    for (let i = 0; i < columns; i++) squares[i]! += (features[at + i]! - means[i]!) ** 2 / rows
  return squares.map(Math.sqrt)
}
