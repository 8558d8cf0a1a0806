import { formatInstant } from '../../kit/time.js'
import { workloadId } from '../../kit/workload.js'
import {
  type DemandHistory,
  demandMetrics,
  maskReasons,
  type WorkloadDemand,
} from '../../metrics/demand-history.js'
import { type Calendar, concerns } from './calendar.js'
import { learnOf, listOccurrences, meanFactor } from './event-course.js'
import { formatDay, localSteps, weekdayOf } from './local-time.js'

/** An effect below this is none: it is not worth a masked point. */
const leastEffect = 0.02
const sunday = 6

/**
 * A history as models may learn it: past events and holidays left out (masked), or demand divided by what an event
 * multiplied it by. Columns are copied where they change. Notes say what was done, event by event.
 */
export function adjustHistory(
  history: DemandHistory,
  calendar: Calendar,
): { history: DemandHistory; notes: string[] } {
  const notes: string[] = []
  const workloads = history.workloads.map((demand) => {
    const adjusted = { ...demand, mask: demand.mask.slice() }
    for (const metric of demandMetrics) adjusted[metric] = demand[metric].slice()
    const done = [...adjustEvents(adjusted, history, calendar), ...maskHolidays(adjusted, history, calendar)]
    if (done.length === 0) return demand
    const id = workloadId(demand.workload)
    notes.push(...done.map((what) => `${id}: ${what}`))
    return adjusted
  })
  return { history: { ...history, workloads }, notes }
}

function adjustEvents(demand: WorkloadDemand, grid: DemandHistory, { events }: Calendar): string[] {
  const { start, stepSeconds, length } = grid
  const end = start + length * stepSeconds
  return events.flatMap((event) => {
    const how = learnOf(event)
    if (how === 'keep' || !concerns(event, demand.workload)) return []
    let steps = 0
    for (const occurrence of listOccurrences(event, start, end)) {
      const first = Math.max(0, Math.floor((occurrence.start - start) / stepSeconds))
      const after = Math.min(length, Math.ceil((occurrence.end - start) / stepSeconds))
      for (let step = first; step < after; step++) {
        const from = start + step * stepSeconds
        const factor = meanFactor(event, occurrence, from, from + stepSeconds)
        if (Math.abs(factor - 1) < leastEffect || demand.mask[step] !== 0) continue
        steps++
        if (how === 'leave-out') maskStep(demand, step)
        else for (const metric of demandMetrics) demand[metric][step]! /= factor
      }
    }
    if (steps === 0) return []
    const what = how === 'leave-out' ? 'not learned' : 'divided by what it multiplied demand by'
    return [`${steps} steps of ${event.name} (${event.kind} of ${formatInstant(event.start)}) are ${what}.`]
  })
}

function maskHolidays(demand: WorkloadDemand, grid: DemandHistory, { users }: Calendar): string[] {
  const own = users.get(workloadId(demand.workload))
  if (own === undefined || own.holidays.length === 0) return []
  const { timeZone, holidays } = own
  const { days } = localSteps(grid.start, grid.stepSeconds, grid.length, timeZone)
  return holidays.flatMap(({ day, name, country }) => {
    if (weekdayOf(day) === sunday) return []
    let steps = 0
    for (let step = 0; step < days.length; step++) {
      if (days[step] !== day || demand.mask[step] !== 0) continue
      maskStep(demand, step)
      steps++
    }
    return steps === 0 ? [] : [`${formatDay(day)} (${name}, ${country}) is not learned.`]
  })
}

function maskStep(demand: WorkloadDemand, step: number): void {
  demand.mask[step] = maskReasons.indexOf('event')
  for (const metric of demandMetrics) demand[metric][step] = Number.NaN
}
