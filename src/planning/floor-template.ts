import { parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { type FloorTemplate, type FloorWindow, weekdays } from './capacity-plan.js'
import { type FloorLevels, unfoldDays } from './floor-levels.js'
import type { LoadGrid } from './load.js'
import { localMinutes, slotMinutes, slotsPerDay, slotsPerWeek } from './week.js'

const minutesPerDay = 1440
const minutesPerWeek = 10_080

/**
 * Windows for the floors that a week needs. A window starts earlier than the demand by the cold start where the
 * level before it is lower; it ends when the demand ends.
 */
export function createFloorTemplate(needed: FloorLevels, coldStartSeconds: number): FloorTemplate {
  const { days, levels } = needed
  const minReplicas = levels.reduce((a, b) => Math.min(a, b))
  const week = unfoldDays(needed)
  const leadMinutes = Math.ceil(coldStartSeconds / 60)
  const windows: FloorWindow[] = []
  for (const [group, members] of days.entries()) {
    const profile = levels.subarray(group * slotsPerDay, (group + 1) * slotsPerDay)
    for (let from = 0; from < slotsPerDay; ) {
      const replicas = profile[from]!
      let to = from
      while (to < slotsPerDay && profile[to] === replicas) to++
      if (replicas > minReplicas) {
        const rises = members.some(
          (day) => week[(day * slotsPerDay + from + slotsPerWeek - 1) % slotsPerWeek]! < replicas,
        )
        const start = from * slotMinutes - (rises ? leadMinutes : 0)
        windows.push(...createWindows(members, start, to * slotMinutes, replicas))
      }
      from = to
    }
  }
  return { minReplicas, windows: joinOverMidnight(windows), exceptions: [] }
}

/**
 * A start before midnight belongs to the day before. A window that would then last a day or more cannot be told from
 * a short one by its clock times: it becomes the piece before midnight and the rest.
 */
function createWindows(
  members: readonly number[],
  start: number,
  end: number,
  replicas: number,
): FloorWindow[] {
  const window = (days: readonly number[], from: number, to: number): FloorWindow => ({
    days: [...days].sort((a, b) => a - b).map((day) => weekdays[day]!),
    from: formatMinute(from),
    to: formatMinute(to),
    replicas,
  })
  if (start >= 0) return [window(members, start, end)]
  const eves = members.map((day) => (day + 6) % 7)
  const from = start + minutesPerDay
  return end <= from
    ? [window(eves, from, end)]
    : [window(eves, from, minutesPerDay), window(members, 0, end)]
}

/** Where all days share one profile, the last window of a day and an equal first one of the next are one. */
function joinOverMidnight(windows: FloorWindow[]): FloorWindow[] {
  const last = windows.at(-1)
  const first = windows[0]
  if (first === undefined || last === undefined || first === last) return windows
  const joins =
    first.days.length === 7 &&
    first.from === '00:00' &&
    last.to === '24:00' &&
    first.replicas === last.replicas
  return joins ? [...windows.slice(1, -1), { ...last, to: first.to }] : windows
}

function formatMinute(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}

function parseMinute(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}

/** Floor that the template asks for at each minute of the local week. */
export function requestedFloors(template: FloorTemplate): Int16Array {
  const week = new Int16Array(minutesPerWeek).fill(template.minReplicas)
  for (const { days, from, to, replicas } of template.windows) {
    const start = parseMinute(from)
    const end = parseMinute(to)
    const minutes = end > start ? end - start : end + minutesPerDay - start
    for (const day of days) {
      const monday = weekdays.indexOf(day) * minutesPerDay
      for (let minute = 0; minute < minutes; minute++) {
        const at = (monday + start + minute) % minutesPerWeek
        week[at] = Math.max(week[at]!, replicas)
      }
    }
  }
  return week
}

/** Floors by tick: those that are asked for and paid, and those that are ready one cold start later. */
export interface TickFloors {
  asked: Float64Array
  ready: Float64Array
}

/**
 * A floor is ready where it was asked for throughout the cold start before. Dated exceptions stand on their dates over
 * the week's.
 */
export function tickFloors(
  template: FloorTemplate,
  coldStartSeconds: number,
  grid: LoadGrid,
  timeZone: string,
): TickFloors {
  const week = requestedFloors(template)
  const leadMinutes = Math.ceil(coldStartSeconds / 60)
  const ready = week.map((_, minute) =>
    leastAsked(leadMinutes, template.minReplicas, (back) => week[wrapMinute(minute - back)]!),
  )
  const minutes = localMinutes(grid, timeZone)
  const floors: TickFloors = {
    asked: Float64Array.from(minutes, (minute) => week[minute]!),
    ready: Float64Array.from(minutes, (minute) => ready[minute]!),
  }
  const dated = readExceptions(template)
  if (dated.length === 0) return floors
  for (let tick = 0; tick < grid.length; tick++) {
    const time = grid.start + tick * grid.tickSeconds
    if (!dated.some(({ from, until }) => time >= from && time - leadMinutes * 60 < until)) continue
    const askedBefore = (back: number) =>
      datedFloor(dated, time - back * 60, week[wrapMinute(minutes[tick]! - back)]!)
    floors.asked[tick] = askedBefore(0)
    floors.ready[tick] = leastAsked(leadMinutes, template.minReplicas, askedBefore)
  }
  return floors
}

/** What was asked for throughout the last minutes. */
function leastAsked(minutes: number, minReplicas: number, askedBefore: (back: number) => number): number {
  let least = askedBefore(0)
  for (let back = 1; back <= minutes && least > minReplicas; back++)
    least = Math.min(least, askedBefore(back))
  return least
}

function wrapMinute(minute: number): number {
  return (minute + minutesPerWeek) % minutesPerWeek
}

interface ExceptionInForce {
  from: EpochSeconds
  until: EpochSeconds
  replicas: number
}

function readExceptions({ exceptions }: FloorTemplate): ExceptionInForce[] {
  return exceptions.map(({ from, until, replicas }) => ({
    from: parseInstant(from)!,
    until: parseInstant(until)!,
    replicas,
  }))
}

/** The floor at a time, where the week's is `weekly`. */
function datedFloor(exceptions: readonly ExceptionInForce[], time: EpochSeconds, weekly: number): number {
  return exceptions.reduce(
    (most, { from, until, replicas }) => (from <= time && time < until ? Math.max(most, replicas) : most),
    weekly,
  )
}

/** Sum over the week of the floors that are asked for, in replica-hours. */
export function floorReplicaHours(template: FloorTemplate): number {
  return requestedFloors(template).reduce((sum, replicas) => sum + replicas, 0) / 60
}
