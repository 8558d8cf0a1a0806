import type { Event } from '../../config/events-file.js'
import { digestText } from '../../kit/digest.js'
import { createRandom } from '../../kit/random.js'
import { formatInstant } from '../../kit/time.js'
import { workloadId } from '../../kit/workload.js'
import type { DemandHistory } from '../../metrics/demand-history.js'
import type { DemandForecast, SeriesForecast, WorkloadForecast } from '../demand-forecast.js'
import { type Calendar, concerns } from './calendar.js'
import { learnOf, listOccurrences, meanFactor, type Occurrence } from './event-course.js'
import { holidayEffects } from './holiday-effects.js'
import type { ComingEffect, DatedEffect, PathEffect } from './path-effect.js'

/**
 * A forecast whose sample paths hold what the calendar says: an event of certainty c multiplies demand on a share c of
 * the paths, the same ones for all workloads that it names; a holiday is like a Sunday. Points and scores stay those
 * of the models.
 *
 * @param history with the holidays that `adjustHistory` left out
 */
export function withCalendar(
  forecast: DemandForecast,
  calendar: Calendar,
  history: DemandHistory,
): { forecast: DemandForecast; dated: Map<string, DatedEffect[]> } {
  const dated = new Map<string, DatedEffect[]>()
  const notes = [...forecast.notes]
  const workloads = forecast.workloads.map((each) => {
    const id = workloadId(each.workload)
    const users = calendar.users.get(id)
    const demand = history.workloads.find(({ workload }) => workloadId(workload) === id)
    const found = [
      ...calendar.events
        .filter((event) => concerns(event, each.workload))
        .flatMap((event) => eventEffects(event, forecast)),
      ...(demand === undefined || users === undefined
        ? []
        : holidayEffects(demand, history, users, forecast)),
    ]
    if (found.length === 0) return each
    dated.set(
      id,
      found.map(({ effect: _, ...what }) => what),
    )
    notes.push(...found.map(({ reason }) => `${id}: ${reason}.`))
    return addEffects(
      each,
      found.map(({ effect }) => effect),
    )
  })
  return { forecast: { ...forecast, workloads, notes }, dated }
}

function addEffects(workload: WorkloadForecast, effects: readonly PathEffect[]): WorkloadForecast {
  const { requests, inputTokens, outputTokens } = workload.series
  return {
    ...workload,
    series: {
      requests: { ...requests, effects },
      inputTokens: { ...inputTokens, effects },
      outputTokens: { ...outputTokens, effects },
    },
  }
}

function eventEffects(event: Event, forecast: DemandForecast): ComingEffect[] {
  const { origin, stepSeconds, length } = forecast
  const hasBegun = event.start < origin
  const isLearned = learnOf(event) === 'keep' && hasBegun
  // What comes again and was learned is in the forecast already.
  if (isLearned && event.every !== undefined) return []
  return listOccurrences(event, origin, origin + length * stepSeconds).flatMap((occurrence) => {
    const learned = isLearned ? meanFactor(event, occurrence, origin - stepSeconds, origin) : 1
    const from = Math.max(0, Math.floor((occurrence.start - origin) / stepSeconds))
    const end = isLearned ? length : Math.min(length, Math.ceil((occurrence.end - origin) / stepSeconds))
    const factors = Float64Array.from({ length: end - from }, (_, index) => {
      const at = origin + (from + index) * stepSeconds
      return meanFactor(event, occurrence, at, at + stepSeconds) / learned
    })
    if (factors.every((factor) => factor === 1)) return []
    const certainty = occurrence.start < origin ? 1 : event.certainty
    const effect = { from, factors, paths: choosePaths(event, occurrence, certainty, forecast) }
    const until = origin + end * stepSeconds
    return [
      {
        name: event.name,
        from: Math.max(origin, occurrence.start),
        until,
        reason: describe(event, occurrence, certainty, learned),
        raises: factors.some((factor) => factor > 1),
        effect,
      },
    ]
  })
}

function describe(event: Event, { start }: Occurrence, certainty: number, learned: number): string {
  const times = Number((event.multiplier / learned).toPrecision(2))
  const sure = certainty === 1 ? '' : ` on ${Math.round(100 * certainty)} % of the paths`
  if (learned !== 1) return `${event.name} (${event.kind} since ${formatInstant(start)}) goes on to change`
  return `${event.name} (${event.kind}, ${formatInstant(start)}) multiplies demand by up to ${times}${sure}`
}

/** As many paths as the certainty asks for, in an order that has nothing to do with the past that paths follow. */
function choosePaths(
  { name }: Event,
  { start }: Occurrence,
  certainty: number,
  { seed, pathCount }: DemandForecast,
): Uint8Array {
  const random = createRandom(Number.parseInt(digestText(`${seed} ${start} ${name}`).slice(0, 8), 16) | 0)
  const order = Array.from({ length: pathCount }, (_, path) => path)
  for (let last = pathCount - 1; last > 0; last--) {
    const other = random.integer(last + 1)
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  const paths = new Uint8Array(pathCount)
  for (const path of order.slice(0, Math.round(certainty * pathCount))) paths[path] = 1
  return paths
}

/** The forecast of usual days alone: what weekly floors are for. */
export function withoutDated(forecast: DemandForecast): DemandForecast {
  const strip = ({ effects: _, ...series }: SeriesForecast): SeriesForecast => series
  return {
    ...forecast,
    workloads: forecast.workloads.map((workload) => ({
      ...workload,
      series: {
        requests: strip(workload.series.requests),
        inputTokens: strip(workload.series.inputTokens),
        outputTokens: strip(workload.series.outputTokens),
      },
    })),
  }
}
