import { cleanText } from '../kit/foreign-text.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { statusName, type WorkloadStatus } from './live-state.js'

/** A line of the log. */
export interface LogEntry {
  time: EpochSeconds
  level: 'info' | 'warning'
  message: string
  /** Further fields of a line in JSON. */
  fields?: { readonly [name: string]: unknown }
}

export type Log = (entry: LogEntry) => void

/** Of the workloads of a line so many are named. */
const mostNamed = 5

/** Writes a line for each state that workloads have come to since the call before; nothing where none changed. */
export function createStateLog(log: Log): (statuses: readonly WorkloadStatus[], time: EpochSeconds) => void {
  let before = new Map<string, string>()
  return (statuses, time) => {
    const now = new Map(statuses.map((status) => [statusName(status), keyOf(status)]))
    const changed = new Map<string, WorkloadStatus[]>()
    for (const status of statuses) {
      const key = keyOf(status)
      if (before.get(statusName(status)) !== key) changed.set(key, [...(changed.get(key) ?? []), status])
    }
    before = now
    for (const group of changed.values()) log(describeChange(group, time))
  }
}

function keyOf({ state }: WorkloadStatus): string {
  return `${state.state} ${state.reason}`
}

function describeChange(group: readonly WorkloadStatus[], time: EpochSeconds): LogEntry {
  const { state, reason, detail } = group[0]!.state
  const names = group.slice(0, mostNamed).map((status) => cleanText(statusName(status), []))
  const rest = group.length - names.length
  const who = names.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
  const isQuiet = state === 'following' || reason === 'gate-closed' || reason === 'starting'
  return {
    time,
    level: isQuiet ? 'info' : 'warning',
    message:
      state === 'following'
        ? `${who}: the live floor is followed`
        : `${who}: the template stands (${reason}): ${detail}`,
    fields: { state, reason, workloads: group.length },
  }
}

/** `2026-11-21T10:00:00Z warning …` */
export function formatLogEntry({ time, level, message }: LogEntry): string {
  return `${formatInstant(Math.floor(time))} ${level} ${message}`
}

/** The same as a line of JSON. */
export function formatLogJson({ time, level, message, fields }: LogEntry): string {
  return JSON.stringify({ time: formatInstant(Math.floor(time)), level, message, ...fields })
}
