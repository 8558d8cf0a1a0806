import { addProducts, solvePositiveDefinite } from './normal-equations.js'

const huberCutoff = 1.345 // 95 % efficiency for normal errors (Huber 1981)

/** Rows of a regression. */
export interface Regression {
  columns: number
  /** Row-major. */
  design: Float64Array
  targets: Float64Array
  /** What each row weighs before its residual is seen: recency. */
  weights: Float64Array
  /** By column, added to the diagonal of the normal equations: 0 leaves a column free. */
  penalties: Float64Array
  /** How often the weights follow the residuals; 2 where nothing is said. */
  reweightings?: number
}

/**
 * Coefficients of a ridge regression with the robust weights of Huber, which keep a single surprise from bending it.
 * Reweighted least squares; the cutoff follows the median absolute residual.
 */
export function fitRobustRidge({
  columns: p,
  design,
  targets,
  weights,
  penalties,
  reweightings = 2,
}: Regression): Float64Array {
  const rows = targets.length
  const robust = weights.slice()
  const residuals = new Float64Array(rows)
  for (let pass = 0; ; pass++) {
    const normal = new Float64Array(p * p)
    const right = new Float64Array(p)
    addProducts(normal, right, design, targets, robust, p)
    for (let i = 0; i < p; i++) normal[i * p + i]! += penalties[i]!
    const coefficients = solvePositiveDefinite(normal, right)
    if (pass === reweightings) return coefficients
    for (let row = 0, from = 0; row < rows; row++, from += p) {
      let fitted = 0
      for (let i = 0; i < p; i++) fitted += coefficients[i]! * design[from + i]!
      residuals[row] = Math.abs(targets[row]! - fitted)
    }
    const sorted = residuals.slice().sort()
    // 1.4826 × the median absolute deviation estimates the standard deviation of normal errors.
    const cutoff = huberCutoff * 1.4826 * sorted[rows >> 1]!
    for (let row = 0; row < rows; row++)
      robust[row] = residuals[row]! <= cutoff ? weights[row]! : (weights[row]! * cutoff) / residuals[row]!
  }
}
