// Errors half a day apart are taken as independent, closer ones as one.
export const independentRowsPerDay = 2

/**
 * What the 90 % interval of a normal sample of n must be widened by to hold a new value 90 % of the time: Student's
 * t for its estimated spread, √(1 + 1/n) for its estimated mean, √(n/(n − 1)) for the sample's own spread.
 */
export function widening(errors: number): number {
  const n = Math.max(2, errors)
  const z = 1.6449
  const v = n - 1
  // t by its expansion in 1/v (Abramowitz and Stegun 26.7.5).
  const t = z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v * v)
  return (t / z) * Math.sqrt(1 + 1 / n) * Math.sqrt(n / v)
}
