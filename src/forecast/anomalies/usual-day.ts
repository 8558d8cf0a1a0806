import { median } from '../../kit/statistics.js'
import { secondsPerDay, secondsPerHour } from '../../kit/units.js'

/** How steps lie in time. */
export interface StepGrid {
  /** Start of the first step. */
  start: number
  stepSeconds: number
}

// Fewer days than this have no hours to compare.
const leastDays = 3
/** All days together count as so many weeks of the same weekday. */
const shrinkWeeks = 2
/** All hours together count as so many values of one hour. */
const shrinkValues = 12
/** A spread is taken from about so many values. */
const spreadValues = 4000
/** From the median absolute deviation to the standard deviation of a normal. */
const normalOfMad = 1.4826

/** Whether a history has days to compare. */
export function hasDays(length: number, { stepSeconds }: StepGrid): boolean {
  return length * stepSeconds >= leastDays * secondsPerDay && secondsPerDay % stepSeconds === 0
}

/**
 * Logarithm of a usual day's course, by step, zero where there are too few days: the median of the same time on all
 * days, drawn towards the same weekday by the weeks that there are. Days are brought to one level first. Of two weeks
 * the lower counts, in which the surge is not.
 *
 * @param logs logarithms of amounts; NaN where nothing is known
 */
export function findUsualDay(logs: Float64Array, grid: StepGrid): Float64Array {
  const profile = new Float64Array(logs.length)
  if (!hasDays(logs.length, grid)) return profile
  const perDay = secondsPerDay / grid.stepSeconds
  const first = Math.floor((grid.start % secondsPerDay) / grid.stepSeconds)
  const days = Math.ceil((logs.length + first) / perDay)
  const at = (day: number, slot: number) => logs[day * perDay + slot - first] ?? Number.NaN
  const dayLevels = Array.from({ length: days }, (_, day) => {
    const known: number[] = []
    for (let slot = 0; slot < perDay; slot++) if (!Number.isNaN(at(day, slot))) known.push(at(day, slot))
    return known.length < perDay / 2 ? Number.NaN : median(known)
  })
  for (let slot = 0; slot < perDay; slot++) {
    const byWeekday: number[][] = Array.from({ length: 7 }, () => [])
    for (let day = 0; day < days; day++) {
      const value = at(day, slot) - dayLevels[day]!
      if (!Number.isNaN(value)) byWeekday[day % 7]!.push(value)
    }
    const all = byWeekday.flat()
    const usual = all.length === 0 ? 0 : median(all)
    const shrunk = byWeekday.map((same) => {
      if (same.length < 2) return usual
      const own = same.length === 2 ? Math.min(...same) : median(same)
      return (same.length * own + shrinkWeeks * usual) / (same.length + shrinkWeeks)
    })
    for (let day = 0; day < days; day++) {
      const step = day * perDay + slot - first
      if (step >= 0 && step < profile.length) profile[step] = shrunk[day % 7]!
    }
  }
  return profile
}

/**
 * Standard deviation by step that most values of the same hour of the day have around zero, by the median absolute
 * deviation; hours are drawn towards all of them, and are one where there are too few days.
 */
export function findSpread(values: Float64Array, grid: StepGrid): Float64Array {
  // A part of many values says as much. So many steps apart they still fall on all hours.
  const stride = Math.max(1, Math.floor(values.length / spreadValues))
  const sample: number[] = []
  const byHour: number[][] = Array.from({ length: 24 }, () => [])
  const hourOf = (step: number) =>
    Math.floor(((grid.start + step * grid.stepSeconds) % secondsPerDay) / secondsPerHour)
  for (let step = 0; step < values.length; step += stride) {
    const value = values[step]!
    if (Number.isNaN(value)) continue
    sample.push(value)
    byHour[hourOf(step)]!.push(value)
  }
  const all = medianSize(sample)
  if (!hasDays(values.length, grid)) return new Float64Array(values.length).fill(normalOfMad * all)
  const spreads = byHour.map(
    (hour) =>
      (normalOfMad * (hour.length * medianSize(hour) + shrinkValues * all)) / (hour.length + shrinkValues),
  )
  return values.map((_, step) => spreads[hourOf(step)]!)
}

function medianSize(values: ArrayLike<number>): number {
  return values.length === 0 ? 0 : median(Array.from(values, Math.abs))
}
