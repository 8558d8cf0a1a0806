import { minimize } from './nelder-mead.js'
import type { PointModel, Series } from './point-model.js'

const evaluations = 60
const profileWeeks = 4
// Growth that a few weeks show does not go on for ever: it fades by this factor a week (Gardner and McKenzie 1985).
const fadingByWeek = 0.85

/**
 * For weeks ahead: totals of weeks with a damped linear trend, shared out by the mean week of the last four. Whole weeks
 * are counted back from the origin, so that the last one is complete.
 */
export const dampedGrowth: PointModel = {
  name: 'damped-growth',
  fit(series, end) {
    const week = 7 * series.stepsPerDay
    if (end < 3 * week) return undefined
    const totals = weekTotals(series, end)
    const best = minimize((point) => smooth(totals, sharesOf(point)).error, [0, -2], 1, evaluations)
    return (later, origin, leads) => {
      const { level, trend } = smooth(weekTotals(later, origin), sharesOf(best))
      const profile = weekProfile(later, origin)
      return Float64Array.from({ length: leads }, (_, lead) => {
        const weeks = Math.floor(lead / week) + 1
        // 1 + f + … + f^(weeks − 1), the trend as it fades.
        const grown = (1 - fadingByWeek ** weeks) / (1 - fadingByWeek)
        return Math.max(0, level + fadingByWeek * trend * grown) * profile[lead % week]!
      })
    }
  },
}

/** Totals of the whole weeks before a step, oldest first; steps that were not observed count as the others of their week. */
function weekTotals({ values, observed, stepsPerDay }: Series, end: number): Float64Array {
  const week = 7 * stepsPerDay
  const count = Math.floor(end / week)
  return Float64Array.from({ length: count }, (_, index) => {
    let sum = 0
    let seen = 0
    for (let step = end - (count - index) * week, last = step + week; step < last; step++) {
      sum += values[step]! * observed[step]!
      seen += observed[step]!
    }
    return seen === 0 ? 0 : (sum / seen) * week
  })
}

/** Each step's share of its week over the last weeks, for the week that starts at `origin`. */
function weekProfile({ values, stepsPerDay }: Series, origin: number): Float64Array {
  const week = 7 * stepsPerDay
  const shares = new Float64Array(week)
  for (let back = week; back <= Math.min(origin, profileWeeks * week); back += week)
    for (let step = 0; step < week; step++) shares[step]! += values[origin - back + step]!
  const sum = shares.reduce((total, share) => total + share, 0)
  return shares.map((share) => (sum > 0 ? share / sum : 1 / week))
}

function sharesOf(point: Float64Array): { level: number; trend: number } {
  const share = (value: number) => 1 / (1 + Math.exp(-value))
  return { level: share(point[0]!), trend: share(point[1]!) }
}

/** Holt's method with a damped trend over week totals, and its mean absolute error a week ahead. */
function smooth(totals: Float64Array, shares: { level: number; trend: number }) {
  let level = totals[0]!
  let trend = 0
  let error = 0
  for (let week = 1; week < totals.length; week++) {
    const expected = level + fadingByWeek * trend
    const surprise = totals[week]! - expected
    error += Math.abs(surprise)
    level = expected + shares.level * surprise
    trend = fadingByWeek * trend + shares.level * shares.trend * surprise
  }
  return { level, trend, error }
}
