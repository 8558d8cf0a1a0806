import { readFile } from 'node:fs/promises'
import { type Event, parseEvents } from '../config/events-file.js'
import type { Config } from '../config/schema.js'
import type { Calendar, Users } from '../forecast/calendar/calendar.js'
import { listHolidays } from '../forecast/calendar/public-holidays.js'
import { LlmscaleError } from '../kit/errors.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { besideConfig } from './project.js'

/**
 * Events and holidays of the workloads of a history, as far ahead as is forecast; undefined where the configuration
 * has none. Throws `configInvalid`: EVENTS_MISSING, EVENTS_INVALID, HOLIDAYS_UNKNOWN.
 */
export async function readCalendar(
  config: Config,
  configPath: string,
  history: DemandHistory,
  horizonSeconds: number,
): Promise<Calendar | undefined> {
  const { forecast, workloads } = config
  const events =
    forecast.events === undefined ? [] : await readEvents(besideConfig(configPath, forecast.events))
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

async function readEvents(path: string): Promise<Event[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new LlmscaleError(
      'configInvalid',
      'EVENTS_MISSING',
      `${path} ${isMissing ? 'does not exist' : `cannot be read: ${(cause as Error).message}`}`,
      ['Correct forecast.events in the configuration.'],
    )
  }
  return parseEvents(text, path)
}
