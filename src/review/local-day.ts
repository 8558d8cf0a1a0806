import { parseInstant, utcOffsetSeconds } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { requestedFloors } from '../planning/floor-template.js'

// Days of charts: counted from 1970, in the workload's local time.

export const minutesPerDay = 1440

export function dayOf(date: string): number {
  return parseInstant(`${date}T00:00:00Z`)! / secondsPerDay
}

export function weekdayName(day: number): string {
  return ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][mondayBased(day)]!
}

/** Floors that are asked for at each local minute of a day: the weekly template and dated exceptions. */
export function floorsOfDay({ floors, timeZone }: WorkloadDecision, day: number): Int16Array {
  const from = mondayBased(day) * minutesPerDay
  const asked = requestedFloors(floors).slice(from, from + minutesPerDay)
  for (const { replicas, ...exception } of floors.exceptions) {
    const [begin, end] = [exception.from, exception.until].map((time) => {
      const instant = parseInstant(time)!
      const minute = (instant + utcOffsetSeconds(instant, timeZone)) / 60 - day * minutesPerDay
      return Math.max(0, Math.min(minutesPerDay, Math.floor(minute)))
    })
    for (let minute = begin!; minute < end!; minute++) asked[minute] = Math.max(asked[minute]!, replicas)
  }
  return asked
}

/** 0 is Monday: 1970-01-01 was a Thursday. */
function mondayBased(day: number): number {
  return (day + 3) % 7
}
