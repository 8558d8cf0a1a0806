import { utcOffsetSeconds } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import { type Calendar, concerns } from './calendar.js'
import { listOccurrences } from './event-course.js'

/** A time with a name. */
export interface DatedSpan {
  from: EpochSeconds
  to: EpochSeconds
  label: string
}

/** Events and holidays of a workload between two times, past and to come, the earliest first. */
export function listDatedSpans(
  { events, users }: Calendar,
  workload: Workload,
  from: EpochSeconds,
  to: EpochSeconds,
): DatedSpan[] {
  const own = users.get(workloadId(workload))
  const holidays = (own?.holidays ?? []).map(({ day, name }): DatedSpan => {
    const midnight = day * secondsPerDay
    const start = midnight - utcOffsetSeconds(midnight, own!.timeZone)
    return { from: start, to: start + secondsPerDay, label: name }
  })
  const spans = events
    .filter((event) => concerns(event, workload))
    .flatMap((event) =>
      listOccurrences(event, from, to).map(
        ({ start, end }): DatedSpan => ({ from: start, to: Math.min(end, to), label: event.name }),
      ),
    )
  return [...spans, ...holidays.filter((span) => span.from < to && span.to > from)].sort(
    (a, b) => a.from - b.from,
  )
}
