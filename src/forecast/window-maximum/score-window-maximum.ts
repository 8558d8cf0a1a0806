import { secondsPerDay } from '../../kit/units.js'
import { knownShare, maximumOf, stepsOf } from './near-past.js'
import type { PredictMaximum, WindowMaximumMethod } from './window-maximum.js'

export interface MaximumScoreOptions {
  stepSeconds: number
  coldStartSeconds: number
  /** Between two forecasts: the window is a cold start and this. */
  everySeconds: number
  /** Ascending, in (0, 1). */
  quantiles: readonly number[]
}

/** Sums over the origins of a day; those by quantile are in the order of the options. */
export interface MaximumDay {
  origins: number
  /** Of the maxima that came; amounts a second. */
  maxima: number
  pinball: number[]
  /** Origins whose maximum was not above the quantile. */
  covered: number[]
  /** Of the floors that the quantiles imply: load above and capacity without load, and all load. */
  late: number[]
  idle: number[]
  load: number
}

export interface WindowMaximumScore {
  origins: number
  /** By quantile: mean loss relative to the mean of the maxima. */
  pinball: number[]
  /** By quantile: share of maxima not above it. */
  coverage: number[]
  /** By quantile: share of the load without capacity, and idle capacity relative to the load, of its floor alone. */
  lateShare: number[]
  idleShare: number[]
}

/**
 * Scores a method on the origins from step `from` up to `to`, re-fitted once a day, each forecast from what lies before
 * it. The floor that a quantile implies is what it asked for a cold start ago. Windows that were not observed whole
 * are left out.
 *
 * @returns one entry a day, for `poolMaximumDays` and for bootstraps by day
 */
export function scoreWindowMaximum(
  method: WindowMaximumMethod,
  load: Float64Array,
  from: number,
  to: number,
  options: MaximumScoreOptions,
): MaximumDay[] {
  const { stepSeconds, coldStartSeconds, everySeconds, quantiles } = options
  const grid = { stepSeconds, windowSeconds: coldStartSeconds + everySeconds, quantiles }
  const day = Math.round(secondsPerDay / stepSeconds)
  const days: MaximumDay[] = []
  for (let start = from; start < to; start += day) {
    const predict = method.fit(load, start, grid)
    days.push(scoreDay(predict, load, start, Math.min(start + day, to), options))
  }
  return days
}

function scoreDay(
  predict: PredictMaximum,
  load: Float64Array,
  from: number,
  to: number,
  options: MaximumScoreOptions,
): MaximumDay {
  const { coldStartSeconds, everySeconds, quantiles } = options
  const window = stepsOf(coldStartSeconds + everySeconds, options)
  const coldStart = stepsOf(coldStartSeconds, options)
  const zeros = () => quantiles.map(() => 0)
  const sum: MaximumDay = {
    origins: 0,
    maxima: 0,
    pinball: zeros(),
    covered: zeros(),
    late: zeros(),
    idle: zeros(),
    load: 0,
  }
  for (let now = from; now < to && now + window <= load.length; now += stepsOf(everySeconds, options)) {
    if (knownShare(load, now, now + window) < 1) continue
    const forecast = predict(now)
    if (forecast.some(Number.isNaN)) continue
    const maximum = maximumOf(load, now, now + window)
    sum.origins++
    sum.maxima += maximum
    quantiles.forEach((probability, index) => {
      const error = maximum - forecast[index]!
      sum.pinball[index]! += Math.max(probability * error, (probability - 1) * error)
      if (error <= 0) sum.covered[index]!++
    })
    for (let step = now + coldStart; step < now + window; step++) {
      sum.load += load[step]!
      quantiles.forEach((_, index) => {
        const over = load[step]! - forecast[index]!
        sum.late[index]! += Math.max(0, over)
        sum.idle[index]! += Math.max(0, -over)
      })
    }
  }
  return sum
}

/** The score over all origins of some days; NaN where none has an origin. */
export function poolMaximumDays(days: readonly MaximumDay[]): WindowMaximumScore {
  const total = (read: (day: MaximumDay) => number) => days.reduce((sum, day) => sum + read(day), 0)
  const origins = total((day) => day.origins)
  const by = (read: (day: MaximumDay) => number[], divisor: number) =>
    (days[0] === undefined ? [] : read(days[0])).map(
      (_, index) => total((day) => read(day)[index]!) / divisor,
    )
  return {
    origins,
    pinball: by(
      ({ pinball }) => pinball,
      total(({ maxima }) => maxima),
    ),
    coverage: by(({ covered }) => covered, origins),
    lateShare: by(
      ({ late }) => late,
      total(({ load }) => load),
    ),
    idleShare: by(
      ({ idle }) => idle,
      total(({ load }) => load),
    ),
  }
}
