import { localMinuteOfWeek, utcOffsetSeconds } from '../kit/time.js'
import { secondsPerDay, secondsPerWeek } from '../kit/units.js'

export const minutesPerWeek = 10_080

/** Minutes since Monday 00:00 local time, `start` ≤ t < `end`. */
export interface LocalInterval {
  start: number
  end: number
}

/** Local time that is skipped or repeated, and the minutes that the clock is ahead of UTC before and after. */
interface ClockChange extends LocalInterval {
  before: number
  after: number
}

/** The local hours of the week in which a zone's clock is ever put forward (skipped) or back (repeated). */
export interface ClockChanges {
  skipped: ClockChange[]
  repeated: ClockChange[]
}

// The rules of the time zone database over these years stand for all: a plan has no year of its own.
const firstInstant = Date.UTC(2025, 0, 1) / 1000
const lastInstant = Date.UTC(2036, 0, 1) / 1000

const known = new Map<string, ClockChanges>()

/** When a zone's clock changes; empty for a zone without summer time. */
export function clockChanges(timeZone: string): ClockChanges {
  let changes = known.get(timeZone)
  if (changes === undefined) {
    changes = findClockChanges(timeZone)
    known.set(timeZone, changes)
  }
  return changes
}

const knownMinutesAhead = new Map<string, number[]>()

/** How many minutes the clock of one zone is ahead of another's, by any of their clock changes. */
export function minutesAhead(zone: string, than: string): number[] {
  if (zone === than) return [0]
  const pair = `${zone} ${than}`
  let ahead = knownMinutesAhead.get(pair)
  if (ahead === undefined) {
    ahead = findMinutesAhead(zone, than)
    knownMinutesAhead.set(pair, ahead)
  }
  return ahead
}

function findMinutesAhead(zone: string, than: string): number[] {
  const ahead = new Set<number>()
  for (let instant = firstInstant; instant < lastInstant; instant += secondsPerDay)
    ahead.add((utcOffsetSeconds(instant, zone) - utcOffsetSeconds(instant, than)) / 60)
  return [...ahead]
}

function findClockChanges(timeZone: string): ClockChanges {
  const skipped = new Map<string, ClockChange>()
  const repeated = new Map<string, ClockChange>()
  let before = utcOffsetSeconds(firstInstant, timeZone)
  // No zone changes its clock twice within a week.
  for (let instant = firstInstant; instant < lastInstant; instant += secondsPerWeek) {
    const after = utcOffsetSeconds(instant + secondsPerWeek, timeZone)
    if (after === before) continue
    const change = firstInstantWith(after, instant, instant + secondsPerWeek, timeZone)
    const start = localMinuteOfWeek(change, Math.min(before, after))
    const end = start + Math.abs(after - before) / 60
    const clockChange = { start, end, before: before / 60, after: after / 60 }
    // Put forward, the clock leaves out the time between the two offsets; put back, it shows it twice.
    if (after > before) skipped.set(`${start}`, clockChange)
    else repeated.set(`${start}`, clockChange)
    before = after
  }
  return { skipped: [...skipped.values()], repeated: [...repeated.values()] }
}

/** The first second in (low, high] with an offset, by bisection. */
function firstInstantWith(offset: number, low: number, high: number, timeZone: string): number {
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (utcOffsetSeconds(middle, timeZone) === offset) high = middle
    else low = middle
  }
  return high
}
