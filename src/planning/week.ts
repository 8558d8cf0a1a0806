import { localMinuteOfWeek, utcOffsetSeconds } from '../kit/time.js'
import { secondsPerWeek } from '../kit/units.js'
import type { LoadGrid } from './load.js'

/** Floors are set on a 15-minute grid: hourly windows lose twice as much (designs/0001-floors.md). */
export const slotMinutes = 15
export const slotsPerDay = 96
export const slotsPerWeek = 672

/** Minute of the local week, 0 … 10,079 from Monday 00:00, of each tick of a grid; right across changes of clocks. */
export function localMinutes(grid: LoadGrid, timeZone: string): Int16Array {
  const minutes = new Int16Array(grid.length)
  const offsetAt = (tick: number) => utcOffsetSeconds(grid.start + tick * grid.tickSeconds, timeZone)
  // The clock changes at most once in some weeks: where it does not, one look at the zone is enough.
  const isConstant =
    grid.length * grid.tickSeconds < 3 * secondsPerWeek && offsetAt(0) === offsetAt(grid.length - 1)
  let offsetSeconds = offsetAt(0)
  let offsetUntil = Number.NEGATIVE_INFINITY
  for (let tick = 0; tick < grid.length; tick++) {
    const instant = grid.start + tick * grid.tickSeconds
    if (!isConstant && instant >= offsetUntil) {
      // Clocks change on quarters of an hour, everywhere in the IANA database.
      offsetSeconds = offsetAt(tick)
      offsetUntil = (Math.floor(instant / 900) + 1) * 900
    }
    minutes[tick] = localMinuteOfWeek(instant, offsetSeconds)
  }
  return minutes
}

/** Slot of the local week, 0 … 671, of each tick. */
export function localSlots(grid: LoadGrid, timeZone: string): Int16Array {
  return localMinutes(grid, timeZone).map((minute) => Math.floor(minute / slotMinutes))
}
