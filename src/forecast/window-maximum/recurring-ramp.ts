import { secondsPerHour } from '../../kit/units.js'
import { earlierWindows, type LoadGrid, maximumOf, stepsOf } from './near-past.js'

const daysNeeded = 3
const growthNeeded = 1.15
const leastRise = 0.1
const mostOverThen = 1.15

/**
 * A ramp in the window ahead on at least 3 of the last 7 days, of more than 15 % and a tenth of the scale: what the load
 * now would become with the rise of each day, at most 1.15 times that day's load. A regression pooled over the day has
 * no reason to learn a few steps a week. Rises are added: a job that starts by the clock brings its load, whatever ran
 * before it.
 *
 * @param scale the size of the load, an amount a second
 * @returns amounts a second by day, descending, 0 for a day without a ramp; empty where nothing recurs
 */
export function recurringRamp(load: Float64Array, now: number, grid: LoadGrid, scale: number): Float64Array {
  // Both sides are maxima: the maximum of noise always lies above its mean.
  const level = maximumOf(load, now - stepsOf(secondsPerHour / 4, grid), now)
  const loads = Float64Array.from(earlierWindows(load, now, grid), ({ maximum, maximumBefore }) => {
    const rise = maximum - maximumBefore
    const isRamp = maximum > growthNeeded * maximumBefore && rise > leastRise * scale
    return isRamp ? Math.min(level + rise, mostOverThen * maximum) : 0
  })
  const ramps = loads.filter((value) => value > 0).length
  return ramps < daysNeeded ? new Float64Array(0) : loads.sort().reverse()
}

/**
 * The quantile of what as few days tell: of n, the k-th largest is that of 1 − k / (n + 1), in between linear (Weibull's
 * plotting positions). 0 where nothing recurs.
 */
export function rampQuantile(descending: Float64Array, probability: number): number {
  const days = descending.length
  if (days === 0) return 0
  const rank = Math.min(Math.max((days + 1) * (1 - probability), 1), days)
  const above = descending[Math.floor(rank) - 1]!
  const below = descending[Math.ceil(rank) - 1]!
  return above + (rank - Math.floor(rank)) * (below - above)
}
