import { utcOffsetSeconds } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour } from '../../kit/units.js'

/** Where steps lie in the days of a time zone. */
export interface LocalSteps {
  /** Days since 1970-01-01, by step. */
  days: Int32Array
  /** Hours of the day, by step. */
  hours: Uint8Array
}

/** Local days and hours of steps; offsets are asked for once an hour, as no zone changes its own more often. */
export function localSteps(
  start: EpochSeconds,
  stepSeconds: number,
  length: number,
  timeZone: string,
): LocalSteps {
  const days = new Int32Array(length)
  const hours = new Uint8Array(length)
  let offset = 0
  let askedFor = Number.NaN
  for (let step = 0; step < length; step++) {
    const instant = start + step * stepSeconds
    const hour = Math.floor(instant / secondsPerHour)
    if (hour !== askedFor) offset = utcOffsetSeconds(hour * secondsPerHour, timeZone)
    askedFor = hour
    const local = instant + offset
    days[step] = Math.floor(local / secondsPerDay)
    hours[step] = Math.floor((local - days[step]! * secondsPerDay) / secondsPerHour)
  }
  return { days, hours }
}

/** 0 Monday … 6 Sunday of a day since 1970-01-01, which was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

/** `2026-05-25`. */
export function formatDay(day: number): string {
  return new Date(day * secondsPerDay * 1000).toISOString().slice(0, 10)
}
