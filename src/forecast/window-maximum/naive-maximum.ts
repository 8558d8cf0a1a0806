import { sortedQuantile } from '../../kit/statistics.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import { earlierWindows, type LoadGrid, maximumOf, meanOf, stepsOf } from './near-past.js'
import type { WindowMaximumMethod } from './window-maximum.js'

const fitDays = 14
const originSeconds = 300
const levelSeconds = 5 * secondsPerMinute
// A level next to nothing would make a ratio of any size.
const leastLevelShare = 0.1

/**
 * The load of the last five minutes with a margin: the quantile of how much the window's maximum exceeded it on the
 * last 14 days, as a ratio or as a difference, by band of the day.
 */
export function persistenceWithMargin(
  margin: 'ratio' | 'difference',
  bandHours: number,
): WindowMaximumMethod {
  return {
    name: `persistence-${margin}-${bandHours}h`,
    fit(load, end, options) {
      const { quantiles } = options
      const first = Math.max(0, end - stepsOf(fitDays * secondsPerDay, options))
      const least = leastLevelShare * (meanOf(load, first, end) || 0)
      const window = stepsOf(options.windowSeconds, options)
      const levelAt = (now: number) => {
        const level = meanOf(load, now - stepsOf(levelSeconds, options), now)
        return margin === 'ratio' ? Math.max(level, least) : level
      }
      const bandAt = (now: number) =>
        Math.floor(((now * options.stepSeconds) % secondsPerDay) / (bandHours * secondsPerHour))
      const margins = Array.from({ length: Math.ceil(24 / bandHours) }, (): number[] => [])
      const stride = stepsOf(originSeconds, options)
      for (let now = end - window; now > first; now -= stride) {
        const level = levelAt(now)
        const maximum = maximumOf(load, now, now + window)
        const exceeds = margin === 'ratio' ? maximum / level : maximum - level
        if (Number.isFinite(exceeds)) margins[bandAt(now)]!.push(exceeds)
      }
      const sorted = margins.map((band) => Float64Array.from(band).sort())
      return (now) => {
        const level = levelAt(now)
        const band = sorted[bandAt(now)]!
        return Float64Array.from(quantiles, (probability) => {
          if (band.length === 0) return level
          const exceeds = sortedQuantile(band, probability)
          return Math.max(0, margin === 'ratio' ? level * exceeds : level + exceeds)
        })
      }
    },
  }
}

/** The quantile of the same window on the last seven days, as a floor planned the day before would know it. */
export const dayAheadTemplate: WindowMaximumMethod = {
  name: 'day-ahead-template',
  fit(load, _end, options) {
    return (now) => {
      const maxima = earlierWindows(load, now, options).map(({ maximum }) => maximum)
      const known = maxima.length > 0 ? maxima : [lastDayMaximum(load, now, options)]
      const sorted = Float64Array.from(known).sort()
      return Float64Array.from(options.quantiles, (probability) => sortedQuantile(sorted, probability))
    }
  },
}

function lastDayMaximum(load: Float64Array, now: number, grid: LoadGrid): number {
  return maximumOf(load, now - stepsOf(secondsPerDay, grid), now)
}
