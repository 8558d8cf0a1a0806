import { solvePositiveDefinite } from './normal-equations.js'

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

/** Adds the weighted products of the columns with each other (lower triangle) and with the targets. */
function addProducts(
  normal: Float64Array,
  right: Float64Array,
  design: Float64Array,
  targets: Float64Array,
  weights: Float64Array,
  p: number,
): void {
  const rows = targets.length
  let row = 0
  // Four rows and two columns at once: each entry is read and written a quarter as often, which halves the time.
  for (; row + 3 < rows; row += 4) {
    const a = row * p
    const b = a + p
    const c = b + p
    const d = c + p
    const [v, w, x, y] = [weights[row]!, weights[row + 1]!, weights[row + 2]!, weights[row + 3]!]
    const [s, t, u, z] = [targets[row]!, targets[row + 1]!, targets[row + 2]!, targets[row + 3]!]
    let i = 0
    for (; i + 1 < p; i += 2) {
      const e = v * design[a + i]!
      const f = w * design[b + i]!
      const g = x * design[c + i]!
      const h = y * design[d + i]!
      const l = v * design[a + i + 1]!
      const m = w * design[b + i + 1]!
      const n = x * design[c + i + 1]!
      const o = y * design[d + i + 1]!
      right[i]! += e * s + f * t + g * u + h * z
      right[i + 1]! += l * s + m * t + n * u + o * z
      const index = i * p
      for (let j = 0; j <= i; j++) {
        const first = design[a + j]!
        const second = design[b + j]!
        const third = design[c + j]!
        const fourth = design[d + j]!
        normal[index + j]! += e * first + f * second + g * third + h * fourth
        normal[index + p + j]! += l * first + m * second + n * third + o * fourth
      }
      normal[index + p + i + 1]! +=
        l * design[a + i + 1]! + m * design[b + i + 1]! + n * design[c + i + 1]! + o * design[d + i + 1]!
    }
    if (i < p) {
      const e = v * design[a + i]!
      const f = w * design[b + i]!
      const g = x * design[c + i]!
      const h = y * design[d + i]!
      right[i]! += e * s + f * t + g * u + h * z
      for (let j = 0; j <= i; j++)
        normal[i * p + j]! +=
          e * design[a + j]! + f * design[b + j]! + g * design[c + j]! + h * design[d + j]!
    }
  }
  for (; row < rows; row++) {
    const from = row * p
    for (let i = 0; i < p; i++) {
      const weighted = weights[row]! * design[from + i]!
      right[i]! += weighted * targets[row]!
      for (let j = 0; j <= i; j++) normal[i * p + j]! += weighted * design[from + j]!
    }
  }
}
