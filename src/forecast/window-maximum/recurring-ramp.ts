import { secondsPerHour } from '../../kit/units.js'
import { earlierWindows, type LoadGrid, maximumOf, stepsOf } from './near-past.js'

/** A load that comes at this time of most days. */
export interface RecurringRamp {
  /** An amount a second; 0 where nothing recurs. */
  load: number
  /** The least quantile that must hold it. */
  probability: number
}

const days = 5
const daysNeeded = 3
const growthNeeded = 1.15
const mostOverThen = 1.15

/**
 * A ramp of more than 15 % in the window ahead on at least 3 of the last 5 days: the load now grown by the third
 * largest of these growths, at most 1.15 times that day's. A regression pooled over the day has no reason to learn a
 * few steps a week. The third largest of five is the estimate of the median.
 */
export function recurringRamp(load: Float64Array, now: number, grid: LoadGrid): RecurringRamp {
  // Both sides are maxima: the maximum of noise always lies above its mean.
  const level = maximumOf(load, now - stepsOf(secondsPerHour / 4, grid), now)
  const ramps = earlierWindows(load, now, grid)
    .filter(({ daysAgo }) => daysAgo <= days)
    .filter(({ maximum, maximumBefore }) => maximum > growthNeeded * maximumBefore)
    .sort((a, b) => b.maximum * a.maximumBefore - a.maximum * b.maximumBefore)
  const third = ramps[daysNeeded - 1]
  if (third === undefined || Number.isNaN(level)) return { load: 0, probability: 1 }
  // A ramp out of silence has no growth: what came then is what comes.
  const grown = third.maximumBefore === 0 ? third.maximum : (level * third.maximum) / third.maximumBefore
  return { load: Math.min(grown, mostOverThen * third.maximum), probability: 0.5 }
}
