import { median } from '../../kit/statistics.js'
import { secondsPerDay } from '../../kit/units.js'
import { type DemandHistory, maskReasons, type WorkloadDemand } from '../../metrics/demand-history.js'
import type { DemandForecast } from '../demand-forecast.js'
import type { Users } from './calendar.js'
import { formatDay, type LocalSteps, localSteps, weekdayOf } from './local-time.js'
import type { ComingEffect } from './path-effect.js'

const sunday = 6
const hoursPerDay = 24
/** Days of a profile are not older. */
const profileDays = 56
/** What a Sunday says counts as so many past holidays. */
const sundayHolidays = 1
const factorLimits = { least: 0.05, most: 5 }

/**
 * What holidays ahead do to demand, by hour of the local day: a Sunday's over that of the same weekday, drawn towards
 * what past holidays of the history were over theirs.
 *
 * @param demand as it came: holidays are not masked
 */
export function holidayEffects(
  demand: WorkloadDemand,
  grid: DemandHistory,
  { timeZone, countries, holidays }: Users,
  forecast: DemandForecast,
): ComingEffect[] {
  const { origin, stepSeconds, length, pathCount } = forecast
  const ahead = localSteps(origin, stepSeconds, length, timeZone)
  const coming = holidays.filter(({ day }) => ahead.days.includes(day) && weekdayOf(day) !== sunday)
  if (coming.length === 0) return []
  const past = localSteps(grid.start, grid.stepSeconds, grid.length, timeZone)
  const byDay = sumHours(demand, past)
  const dates = new Set(holidays.map(({ day }) => day))
  const usualDays = (weekday: number) =>
    [...byDay.entries()]
      .filter(([day]) => weekdayOf(day) === weekday && !dates.has(day))
      .filter(([day]) => day * secondsPerDay > origin - profileDays * secondsPerDay)
      .map(([, hours]) => hours)
  const seen = holidays.filter(({ day }) => byDay.has(day) && weekdayOf(day) !== sunday)
  return coming.flatMap(({ day, name, country }): ComingEffect[] => {
    const sundays = usualDays(sunday)
    const usual = usualDays(weekdayOf(day))
    if (usual.length === 0 || (sundays.length === 0 && seen.length === 0)) return []
    const likeSunday = ratioByHour(sundays, usual)
    const likePast = seen.map((each) => ratioByHour([byDay.get(each.day)!], usualDays(weekdayOf(each.day))))
    const factorOf = (hour: number) => {
      const logs = likePast.flatMap((ratios) => (ratios[hour]! > 0 ? [Math.log(ratios[hour]!)] : []))
      const sundayLog = likeSunday[hour]! > 0 ? Math.log(likeSunday[hour]!) : 0
      const past = logs.length === 0 ? sundayLog : median(logs)
      const log = (sundayHolidays * sundayLog + logs.length * past) / (sundayHolidays + logs.length)
      // Of several countries with as many users each, one has a holiday.
      const factor = 1 + (Math.exp(log) - 1) / countries
      return Math.min(factorLimits.most, Math.max(factorLimits.least, factor))
    }
    const from = ahead.days.indexOf(day)
    const end = ahead.days.lastIndexOf(day) + 1
    const factors = Float64Array.from(ahead.hours.subarray(from, end), factorOf)
    const like = seen.length === 0 ? 'like a Sunday' : 'between a Sunday and the holidays before it'
    return [
      {
        name,
        from: origin + from * stepSeconds,
        until: origin + end * stepSeconds,
        reason: `${formatDay(day)} (${name}, ${country}) is forecast ${like}`,
        raises: factors.some((factor) => factor > 1),
        effect: { from, factors, paths: new Uint8Array(pathCount).fill(1) },
      },
    ]
  })
}

/** Requests by hour of each local day that is known whole, but for an hour or two. */
function sumHours(
  { requests, mask }: WorkloadDemand,
  { days, hours }: LocalSteps,
): Map<number, Float64Array> {
  const sums = new Map<number, { requests: Float64Array; steps: Uint16Array }>()
  const event = maskReasons.indexOf('event')
  for (let step = 0; step < days.length; step++) {
    if (mask[step] !== 0 && mask[step] !== event) continue
    if (Number.isNaN(requests[step]!)) continue
    const day = days[step]!
    let sum = sums.get(day)
    if (sum === undefined) {
      sum = { requests: new Float64Array(hoursPerDay), steps: new Uint16Array(hoursPerDay) }
      sums.set(day, sum)
    }
    sum.requests[hours[step]!]! += requests[step]!
    sum.steps[hours[step]!]!++
  }
  const whole = [...sums].filter(
    ([, { steps }]) => steps.filter((count) => count > 0).length >= hoursPerDay - 2,
  )
  return new Map(
    whole.map(([day, { requests: sum, steps }]) => [
      day,
      sum.map((value, hour) => (steps[hour]! > 0 ? value / steps[hour]! : Number.NaN)),
    ]),
  )
}

/** By hour: the median of some days over that of others; NaN where either is unknown or zero. */
function ratioByHour(some: readonly Float64Array[], others: readonly Float64Array[]): number[] {
  const medianAt = (days: readonly Float64Array[], hour: number) => {
    const known = days.map((hours) => hours[hour]!).filter((value) => !Number.isNaN(value))
    return known.length === 0 ? Number.NaN : median(known)
  }
  return Array.from({ length: hoursPerDay }, (_, hour) => {
    const ratio = medianAt(some, hour) / medianAt(others, hour)
    return ratio > 0 && Number.isFinite(ratio) ? ratio : Number.NaN
  })
}
