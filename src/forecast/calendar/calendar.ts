import type { Event } from '../../config/events-file.js'
import { isNamed, type Workload } from '../../kit/workload.js'
import type { Holiday } from './public-holidays.js'

/** What is known of days that are unlike others. Plain values, which pass between threads. */
export interface Calendar {
  events: readonly Event[]
  /** Whose days and holidays a workload follows, by its id. */
  users: ReadonlyMap<string, Users>
}

export interface Users {
  /** IANA zone. */
  timeZone: string
  /** Number of countries, each of which has as many users as the next. */
  countries: number
  holidays: readonly Holiday[]
}

/** Whether an event changes the demand of a workload. */
export function concerns({ workloads }: Event, workload: Workload): boolean {
  return workloads === undefined || isNamed(workload, workloads)
}
