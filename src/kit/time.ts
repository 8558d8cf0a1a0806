import type { EpochSeconds } from './units.js'

const durationUnitSeconds = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** The texts that parseDuration reads. */
export const durationPattern = /^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/

/** Seconds in a duration such as `500ms`, `2s`, `1h30m`, `7d`, `8w`; undefined when the text is not one. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined
  let seconds = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    seconds += Number(amount) * durationUnitSeconds[unit as keyof typeof durationUnitSeconds]
  }
  return seconds
}

/** The shortest exact text of a duration: 5400 → `1h30m`, 0.5 → `500ms`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0s'
  let milliseconds = Math.round(seconds * 1000)
  let text = ''
  for (const [unit, size] of [
    ['w', 604_800_000],
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    const count = Math.floor(milliseconds / size)
    if (count > 0) text += `${count}${unit}`
    milliseconds -= count * size
  }
  return text
}

const zonedInstant = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)$/

/** Epoch seconds of an ISO 8601 time with a zone; undefined when the text is not one. */
export function parseInstant(text: string): EpochSeconds | undefined {
  if (!zonedInstant.test(text)) return undefined
  const milliseconds = Date.parse(text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00'))
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000
}

/** The same, or a date alone: midnight UTC. */
export function parseDateOrInstant(text: string): EpochSeconds | undefined {
  return parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
}

/** `2025-03-17T00:00:00Z`. */
export function formatInstant(instant: EpochSeconds): string {
  return new Date(Math.round(instant * 1000)).toISOString().replace('.000Z', 'Z')
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone)
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formatters.set(timeZone, formatter)
  }
  return formatter
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Seconds that local time in an IANA zone is ahead of UTC at an instant. */
export function utcOffsetSeconds(instant: EpochSeconds, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  const whole = Math.floor(instant)
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(timeZone).formatToParts(whole * 1000)) part[type] = Number(value)
  const local = Date.UTC(
    part['year']!,
    part['month']! - 1,
    part['day']!,
    part['hour']!,
    part['minute']!,
    part['second']!,
  )
  return local / 1000 - whole
}

/** Minutes since Monday 00:00 local time, 0 … 10,079. */
export function localMinuteOfWeek(instant: EpochSeconds, offsetSeconds: number): number {
  const daysSinceEpoch = (instant + offsetSeconds) / 86_400
  // 1970-01-01 was a Thursday, three days after Monday.
  const days = (((daysSinceEpoch + 3) % 7) + 7) % 7
  return Math.floor(days * 1440 + 1e-6)
}
