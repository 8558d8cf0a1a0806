import { minimize } from './nelder-mead.js'
import type { PointModel, Series } from './point-model.js'

const leastDays = 3
// A season of almost nothing would blow up what is left of a quiet hour.
const leastSeason = 0.05
// A day with less than this of the highest step is rounding left over, and no mean to hold a step against.
const leastDayShare = 1e-9
// One smoothing constant is found in so many tries.
const evaluations = 25

/**
 * The theta method: demand over its season of the day is smoothed exponentially and goes on with half of its linear
 * trend (Assimakopoulos and Nikolopoulos 2000, doi:10.1016/S0169-2070(00)00066-2; as smoothing with drift: Hyndman and
 * Billah 2003). It follows the level of the last hours, which regressions on yesterday are slow to.
 */
export const theta: PointModel = {
  name: 'theta',
  fit(series, end) {
    const day = series.stepsPerDay
    if (end < leastDays * day) return undefined
    const season = findSeason(series, end)
    const best = minimize(([x]) => smooth(series, season, end, constantOf(x!)).squares, [-1], 1, evaluations)
    const constant = constantOf(best[0]!)
    return (later, origin, leads) => {
      const { level, slope, highest } = smooth(later, season, origin, constant)
      const drift = slope / 2
      const behind = (1 - (1 - constant) ** origin) / constant
      return Float64Array.from({ length: leads }, (_, lead) =>
        Math.min(
          Math.max(0, (level + drift * (lead + behind)) * season[(origin + lead) % day]!),
          2 * highest,
        ),
      )
    }
  },
}

function constantOf(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** Each step of the day over the mean of the day around it, averaged; their mean is one. */
function findSeason({ values, stepsPerDay: day }: Series, end: number): Float64Array {
  const season = new Float64Array(day)
  const count = new Float64Array(day)
  const half = Math.floor(day / 2)
  let [around, highest] = [0, 0]
  for (let step = 0; step < day; step++) around += values[step]!
  for (let step = 0; step < end; step++) highest = Math.max(highest, values[step]!)
  for (let step = half; step + day - half < end; step++) {
    if (around > leastDayShare * highest) {
      season[step % day]! += (values[step]! * day) / around
      count[step % day]!++
    }
    around += values[step + day - half]! - values[step - half]!
  }
  for (let at = 0; at < day; at++) season[at] = count[at]! > 0 ? season[at]! / count[at]! : 1
  const mean = season.reduce((sum, share) => sum + share, 0) / day
  return season.map((share) => Math.max(share / mean, leastSeason))
}

/** Level after the steps before `end`, slope of the line through them, their highest, and squared errors a step ahead. */
function smooth(
  { values, stepsPerDay: day }: Series,
  season: Float64Array,
  end: number,
  constant: number,
): { level: number; slope: number; highest: number; squares: number } {
  let level = values[0]! / season[0]!
  let [squares, weighted, highest] = [0, 0, 0]
  const middle = (end - 1) / 2
  for (let step = 0; step < end; step++) {
    const adjusted = values[step]! / season[step % day]!
    const error = adjusted - level
    squares += error * error
    level += constant * error
    weighted += (step - middle) * adjusted
    highest = Math.max(highest, values[step]!)
  }
  return { level, slope: (12 * weighted) / (end * (end * end - 1)), highest, squares }
}
