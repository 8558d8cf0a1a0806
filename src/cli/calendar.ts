import { relative } from 'node:path'
import { type Event, parseEvents } from '../config/events-file.js'
import type { Config } from '../config/schema.js'
import { type Revision, workTree } from '../delivery/revision.js'
import type { Calendar, Users } from '../forecast/calendar/calendar.js'
import { listHolidays } from '../forecast/calendar/public-holidays.js'
import { LlmscaleError } from '../kit/errors.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { besideConfig } from './project.js'

/** Where a configuration is or was read. */
export interface ConfigPlace {
  configPath: string
  /** Default the work tree. */
  revision?: Revision | undefined
}

/**
 * Events and holidays of the workloads of a history, as far ahead as is forecast; undefined where the configuration
 * has none. Throws `configInvalid`: EVENTS_MISSING, EVENTS_INVALID, HOLIDAYS_UNKNOWN.
 */
export async function readCalendar(
  config: Config,
  place: ConfigPlace,
  history: DemandHistory,
  horizonSeconds: number,
): Promise<Calendar | undefined> {
  const { forecast, workloads } = config
  const events = forecast.events === undefined ? [] : await readEvents(place, forecast.events)
  const from = history.start
  const to = from + history.length * history.stepSeconds + horizonSeconds
  const users = new Map<string, Users>()
  for (const { workload } of history.workloads) {
    const entry = workloads.find((each) => isEntryOf(each, workload))
    const countries = entry?.holidays ?? forecast.holidays
    users.set(workloadId(workload), {
      timeZone: entry?.timeZone ?? 'UTC',
      countries: countries.length,
      holidays: await listHolidays(countries, from, to),
    })
  }
  const hasHolidays = [...users.values()].some(({ holidays }) => holidays.length > 0)
  return events.length > 0 || hasHolidays ? { events, users } : undefined
}

function isEntryOf({ model, tenant, regions }: Config['workloads'][number], workload: Workload): boolean {
  return (
    model === workload.model &&
    (tenant === undefined || tenant === workload.tenant) &&
    (regions === undefined || regions.includes(workload.region))
  )
}

async function readEvents(place: ConfigPlace, file: string): Promise<Event[]> {
  const { path, revision } = locate(place, file)
  const text = await revision.readText!(path)
  const name = revision.nameFile(path)
  if (text !== undefined) return parseEvents(text, name)
  throw new LlmscaleError('configInvalid', 'EVENTS_MISSING', `${name} does not exist`, [
    'Correct forecast.events in the configuration.',
  ])
}

/** The events file that a configuration names, as it is or was there; undefined without one. */
export async function readEventsText(
  { forecast: { events } }: Config,
  place: ConfigPlace,
): Promise<string | undefined> {
  if (events === undefined) return undefined
  const { path, revision } = locate(place, events)
  return revision.readText!(path)
}

function locate({ configPath, revision }: ConfigPlace, file: string): { path: string; revision: Revision } {
  const folder = besideConfig(configPath, '.')
  return {
    path: relative(folder, besideConfig(configPath, file)),
    revision: revision?.readText === undefined ? workTree(folder) : revision,
  }
}
