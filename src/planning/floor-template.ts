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
        windows.push(
          createWindow(members, from * slotMinutes - (rises ? leadMinutes : 0), to * slotMinutes, replicas),
        )
      }
      from = to
    }
  }
  return { minReplicas, windows: joinOverMidnight(windows), exceptions: [] }
}

/** A start before midnight belongs to the day before. */
function createWindow(
  members: readonly number[],
  fromMinute: number,
  toMinute: number,
  replicas: number,
): FloorWindow {
  const back = fromMinute < 0 ? 1 : 0
  return {
    days: members
      .map((day) => (day + 7 - back) % 7)
      .sort((a, b) => a - b)
      .map((day) => weekdays[day]!),
    from: formatMinute(fromMinute + back * minutesPerDay),
    to: formatMinute(toMinute),
    replicas,
  }
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

/** Floor that is ready at each tick: the least that was asked for throughout the cold start before it. */
export function readyFloors(
  template: FloorTemplate,
  coldStartSeconds: number,
  grid: LoadGrid,
  timeZone: string,
): Float64Array {
  const week = requestedFloors(template)
  const leadMinutes = Math.ceil(coldStartSeconds / 60)
  const ready = new Int16Array(minutesPerWeek)
  for (let minute = 0; minute < minutesPerWeek; minute++) {
    let least = week[minute]!
    for (let back = 1; back <= leadMinutes && least > template.minReplicas; back++) {
      least = Math.min(least, week[(minute + minutesPerWeek - back) % minutesPerWeek]!)
    }
    ready[minute] = least
  }
  return Float64Array.from(localMinutes(grid, timeZone), (minute) => ready[minute]!)
}

/** Sum over the week of the floors that are asked for, in replica-hours. */
export function floorReplicaHours(template: FloorTemplate): number {
  return requestedFloors(template).reduce((sum, replicas) => sum + replicas, 0) / 60
}
