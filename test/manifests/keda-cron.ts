import { utcOffsetSeconds } from '../../src/kit/time.js'
import type { CronWindow } from '../../src/manifests/cron-window.js'

const minutesPerDay = 1440
const minutesPerWeek = 7 * minutesPerDay
// 1970-01-01 was a Thursday.
const daysAfterMonday = 3

/** A zone's clock over 2025 to 2027; instants and local times are minutes since 1970. */
interface Clock {
  offsetAt(instant: number): number
  /** The instant of a local time. One that is skipped or repeated is read as Go's time.Date reads it. */
  instantOf(local: number): number
}

const clocks = new Map<string, Clock>()

function clockOf(timeZone: string): Clock {
  let clock = clocks.get(timeZone)
  if (clock === undefined) {
    clock = readClock(timeZone)
    clocks.set(timeZone, clock)
  }
  return clock
}

function readClock(timeZone: string): Clock {
  const offset = (instant: number) => utcOffsetSeconds(instant * 60, timeZone) / 60
  const first = Date.UTC(2025, 0, 1) / 60_000
  const last = Date.UTC(2028, 0, 1) / 60_000
  const changes: { from: number; offset: number }[] = []
  let before = offset(first)
  for (let day = first; day < last; day += minutesPerDay) {
    if (offset(day + minutesPerDay) === before) continue
    let from = day
    while (offset(from) === before) from++
    before = offset(from)
    changes.unshift({ from, offset: before })
  }
  const initial = offset(first)
  const offsetAt = (instant: number) => {
    for (const { from, offset } of changes) if (from <= instant) return offset
    return initial
  }
  return {
    offsetAt,
    // https://pkg.go.dev/time#Date: the local time is taken for UTC to find an offset, then put right once.
    instantOf: (local) => local - offsetAt(local - offsetAt(local)),
  }
}

/** Local minute of the week (Monday 00:00 = 0) at each of `minutes` minutes from an instant in seconds. */
export function localWeek(start: number, minutes: number, timeZone: string): number[] {
  const clock = clockOf(timeZone)
  return Array.from({ length: minutes }, (_, index) => {
    const instant = start / 60 + index
    return (instant + clock.offsetAt(instant) + daysAfterMonday * minutesPerDay) % minutesPerWeek
  })
}

/** `minute hour * * days`, where days count from Sunday = 0. */
interface Schedule {
  minute: number
  hour: number
  days: Set<number>
}

function parseSchedule(expression: string): Schedule {
  const [minute, hour, , , days] = expression.split(' ') as [string, string, string, string, string]
  return {
    minute: Number(minute),
    hour: Number(hour),
    days: new Set(
      (days === '*' ? '0-6' : days).split(',').flatMap((part) => {
        const [first, last = first] = part.split('-').map(Number) as [number, number?]
        return Array.from({ length: last! - first + 1 }, (_, index) => first + index)
      }),
    ),
  }
}

/**
 * The next firing as robfig/cron finds it, with its errors: day, hour and minute are counted up one after the other
 * until they fit, and the search begins anew only where a count comes to exactly 0. A midnight that is skipped puts
 * the search for a day an hour off, and a change within an hour puts that for an hour beside the full hours.
 * https://github.com/robfig/cron/blob/v3.0.1/spec.go
 */
function nextFiring({ minute, hour, days }: Schedule, now: number, clock: Clock): number {
  const local = (instant: number) => instant + clock.offsetAt(instant)
  const dayOf = (instant: number) => (Math.floor(local(instant) / minutesPerDay) + daysAfterMonday + 1) % 7
  const hourOf = (instant: number) => Math.floor((local(instant) % minutesPerDay) / 60)
  const minuteOf = (instant: number) => local(instant) % 60
  let at = now
  let counted = false
  search: for (;;) {
    while (!days.has(dayOf(at))) {
      if (!counted) at = clock.instantOf(local(at) - (local(at) % minutesPerDay))
      counted = true
      at = clock.instantOf(local(at) + minutesPerDay)
      at += (hourOf(at) > 12 ? 24 - hourOf(at) : -hourOf(at)) * 60
    }
    while (hourOf(at) !== hour) {
      if (!counted) at = clock.instantOf(local(at) - minuteOf(at))
      counted = true
      at += 60
      if (hourOf(at) === 0) continue search
    }
    while (minuteOf(at) !== minute) {
      counted = true
      at++
      if (minuteOf(at) === 0) continue search
    }
    if (counted) return at
    // A firing at this very instant is over: the search begins a second later and is counted up to the next minute.
    counted = true
    at++
  }
}

/** The next firing seen from each minute. Within an hour that is not the schedule's the search is always the same. */
function nextFirings(expression: string, start: number, minutes: number, clock: Clock): Float64Array {
  const schedule = parseSchedule(expression)
  const next = new Float64Array(minutes)
  let hourSeen = Number.NaN
  for (let index = 0; index < minutes; index++) {
    const now = start + index
    const offset = clock.offsetAt(now)
    const hour = Math.floor((now + offset) / 60) * 10_000 + offset
    const isSame = hour === hourSeen && Math.floor(((now + offset) % minutesPerDay) / 60) !== schedule.hour
    next[index] = isSame ? next[index - 1]! : nextFiring(schedule, now, clock)
    hourSeen = hour
  }
  return next
}

/**
 * What KEDA's cron scaler answers at each of `minutes` minutes from an instant in seconds, the largest over all
 * windows, 0 outside. test/cluster/keda holds it against KEDA itself.
 * https://github.com/kedacore/keda/blob/v2.21.0/pkg/scalers/cron_scaler.go
 */
export function evaluateCron(windows: CronWindow[], start: number, minutes: number): number[] {
  const answer = new Array<number>(minutes).fill(0)
  for (const window of windows) {
    const clock = clockOf(window.timeZone)
    const starts = nextFirings(window.start, start / 60, minutes, clock)
    const ends = nextFirings(window.end, start / 60, minutes, clock)
    for (let index = 0; index < minutes; index++) {
      const now = start / 60 + index
      const nextStart = starts[index]!
      const nextEnd = ends[index]!
      // A change within an hour may put a "next" firing into the past.
      const isOn = nextStart < nextEnd ? nextStart < now && now < nextEnd : nextStart < now || now < nextEnd
      if (isOn) answer[index] = Math.max(answer[index]!, window.replicas)
    }
  }
  return answer
}
