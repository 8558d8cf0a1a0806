import { createRandom } from '../../src/kit/random.js'
import { sortedQuantile } from '../../src/kit/statistics.js'

const draws = 1000

/** The 95 % interval of a figure of units that are drawn anew, with replacement. */
export function bootstrap<T>(units: readonly T[], figure: (drawn: readonly T[]) => number): [number, number] {
  const random = createRandom(1)
  const figures = Float64Array.from({ length: draws }, () =>
    figure(units.map(() => units[random.integer(units.length)]!)),
  ).sort()
  return [sortedQuantile(figures, 0.025), sortedQuantile(figures, 0.975)]
}
