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
