import { localMinuteOfWeek, parseInstant, utcOffsetSeconds } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { requestedFloors } from '../planning/floor-template.js'

/** Replicas that the reviewed template asks for at a time. */
export type TemplateFloor = (now: EpochSeconds) => number

/** Clocks change on quarters of an hour, everywhere in the IANA database. */
const offsetSeconds = 900

/** The template of a decision as a function of time: its weekly windows, and its dated exceptions above them. */
export function createTemplateFloor({
  floors,
  timeZone,
}: Pick<WorkloadDecision, 'floors' | 'timeZone'>): TemplateFloor {
  const week = requestedFloors(floors)
  const exceptions = floors.exceptions.map(({ from, until, replicas }) => ({
    from: parseInstant(from)!,
    until: parseInstant(until)!,
    replicas,
  }))
  let quarter = Number.NaN
  let offset = 0
  return (now) => {
    const present = Math.floor(now / offsetSeconds)
    if (present !== quarter) {
      offset = utcOffsetSeconds(now, timeZone)
      quarter = present
    }
    const dated = exceptions.filter(({ from, until }) => from <= now && now < until)
    return Math.max(week[localMinuteOfWeek(now, offset)]!, ...dated.map(({ replicas }) => replicas))
  }
}
