import { minimize } from './nelder-mead.js'
import type { PointModel, Series } from './point-model.js'

const evaluations = 120
const profileDays = 7

/**
 * Exponential smoothing with a daily and a weekly season and an autoregressive error (Taylor 2003,
 * doi:10.1057/palgrave.jors.2601589), additive, without trend: level, day and week each learn from the same one-step
 * error. Smoothing constants minimise the mean absolute one-step error; a week begins as any other day.
 */
export const doubleSeasonal: PointModel = {
  name: 'double-seasonal',
  fit(series, end) {
    if (end < 2 * series.stepsPerDay) return undefined
    const start = startOf(series, end)
    const best = minimize(
      (point) => smooth(series, end, start, constantsOf(point)).error,
      [-2, -2, -2, 0],
      1,
      evaluations,
    )
    const constants = constantsOf(best)
    return (later, origin, leads) => {
      const { level, day, week, error } = smooth(later, origin, start, constants).state
      let carried = error
      return Float64Array.from({ length: leads }, (_, lead) => {
        const step = origin + lead
        carried *= constants.carry
        return Math.max(0, level + day[step % day.length]! + week[step % week.length]! + carried)
      })
    }
  },
}

/** Shares of a one-step error that level, day, week and the next step take. */
interface Constants {
  level: number
  day: number
  week: number
  carry: number
}

/** Logistic, so that the search is free. */
function constantsOf(point: Float64Array): Constants {
  const share = (value: number) => 1 / (1 + Math.exp(-value))
  return {
    level: share(point[0]!) * 0.5,
    day: share(point[1]!),
    week: share(point[2]!),
    carry: share(point[3]!),
  }
}

interface Start {
  level: number
  day: Float64Array
}

/** Mean and daily profile of the first days. */
function startOf({ values, observed, stepsPerDay }: Series, end: number): Start {
  const length = Math.min(end, profileDays * stepsPerDay)
  const sums = new Float64Array(stepsPerDay)
  const counts = new Float64Array(stepsPerDay)
  let sum = 0
  let count = 0
  for (let step = 0; step < length; step++) {
    if (observed[step] === 0) continue
    sums[step % stepsPerDay]! += values[step]!
    counts[step % stepsPerDay]! += 1
    sum += values[step]!
    count++
  }
  const level = count === 0 ? 0 : sum / count
  return {
    level,
    day: sums.map((total, phase) => (counts[phase] === 0 ? 0 : total / counts[phase]! - level)),
  }
}

function smooth({ values, observed, stepsPerDay }: Series, end: number, start: Start, constants: Constants) {
  const day = start.day.slice()
  const week = new Float64Array(7 * stepsPerDay)
  let level = start.level
  let carried = 0
  let error = 0
  for (let step = 0, phase = 0, weekPhase = 0; step < end; step++) {
    const expected = level + day[phase]! + week[weekPhase]!
    if (observed[step] === 1) {
      const missed = values[step]! - expected
      const surprise = missed - constants.carry * carried
      error += Math.abs(surprise)
      level += constants.level * surprise
      day[phase]! += constants.day * surprise
      week[weekPhase]! += constants.week * surprise
      carried = missed
    } else carried *= constants.carry
    if (++phase === stepsPerDay) phase = 0
    if (++weekPhase === week.length) weekPhase = 0
  }
  return { error, state: { level, day, week, error: carried } }
}
