import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { requestedFloors } from '../planning/floor-template.js'
import { minutesAhead, minutesPerWeek } from './clock-changes.js'

/**
 * The floor of a workload by minute of the week from Monday 00:00 on the clock of another zone. Clock changes move one
 * zone against the other and a plan is not rendered again for them: each minute has the highest floor that any of
 * them may put there, a replica too many for an hour, never one too few.
 */
export function floorsInZone(
  { floors, timeZone }: Pick<WorkloadDecision, 'floors' | 'timeZone'>,
  zone: string,
): Int16Array {
  const local = requestedFloors(floors)
  const week = new Int16Array(minutesPerWeek)
  for (const ahead of minutesAhead(timeZone, zone)) {
    for (let minute = 0; minute < minutesPerWeek; minute++) {
      const replicas = local[(minute + ahead + minutesPerWeek) % minutesPerWeek]!
      if (replicas > week[minute]!) week[minute] = replicas
    }
  }
  return week
}
