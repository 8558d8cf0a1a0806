/**
 * Solves A x = b for a symmetric positive definite A (row-major, n × n) by Cholesky's factorisation. Overwrites
 * both. Pivots that rounding made too small are held up, which leaves their unknowns near zero.
 */
export function solvePositiveDefinite(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  for (let j = 0; j < n; j++) {
    let pivot = matrix[j * n + j]!
    const least = pivot * 1e-12
    for (let k = 0; k < j; k++) pivot -= matrix[j * n + k]! ** 2
    const root = Math.sqrt(Math.max(pivot, least, Number.MIN_VALUE))
    matrix[j * n + j] = root
    for (let i = j + 1; i < n; i++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!
      matrix[i * n + j] = sum / root
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) right[i]! -= matrix[i * n + k]! * right[k]!
    right[i]! /= matrix[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) right[i]! -= matrix[k * n + i]! * right[k]!
    right[i]! /= matrix[i * n + i]!
  }
  return right
}

/**
 * Adds the weighted products of the columns of a design (row-major, p wide) with each other, lower triangle, and with the
 * targets.
 */
export function addProducts(
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
