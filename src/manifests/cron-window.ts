import { type FloorTemplate, type FloorWindow, weekdays } from '../planning/capacity-plan.js'
import { type ClockChanges, clockChanges, type LocalInterval, minutesPerWeek } from './clock-changes.js'

/** A floor as KEDA's cron trigger takes it: five-field cron expressions in the local time of `timeZone`. */
export interface CronWindow {
  timeZone: string
  start: string
  end: string
  replicas: number
}

/** The constant part of a floor and its windows. */
export interface CronFloor {
  minReplicas: number
  windows: CronWindow[]
}

const minutesPerDay = 1440

/**
 * The cron windows of a floor template, in order of their first start.
 *
 * KEDA's cron trigger is on while the next end comes before the next start
 * (https://keda.sh/docs/2.21/scalers/cron/). This is right only for intervals that neither touch nor overlap, so
 * windows of equal replicas are merged to such intervals first; `24:00` becomes midnight of the next day, and a
 * floor that never ends becomes part of `minReplicas`. Intervals with the same clock times share a trigger.
 *
 * A local time that a clock change skips never comes, and one that it repeats comes twice: an end that is skipped
 * would switch a window off for the whole night, and a repeated start would delay it by an hour. Starts therefore
 * move to the minute before such an hour, and ends to its end, on the weekday of the change alone.
 *
 * Where a clock skips midnight, or changes beside the full hours, KEDA loses and invents firings around that day.
 * What it would misread is in UTC, which knows no changes: an hour longer, so that it holds by either offset.
 */
export function createCronFloor(template: FloorTemplate, timeZone: string): CronFloor {
  const changes = clockChanges(timeZone)
  let minReplicas = template.minReplicas
  const windows: (CronWindow & { firstMinute: number })[] = []
  const levels = [...new Set(template.windows.map((window) => window.replicas))].sort((a, b) => a - b)
  for (const replicas of levels) {
    const intervals = mergeIntervals(
      template.windows.filter((window) => window.replicas === replicas).flatMap(localIntervals),
    )
    const misread = intervals.filter((interval) => isMisread(interval, intervals, changes))
    const read = intervals.filter((interval) => !misread.includes(interval))
    const local = mergeIntervals(read.map((interval) => avoidClockChanges(interval, changes)))
    const utc = mergeIntervals(misread.map((interval) => toUtc(interval, changes)))
    if ([...local, ...utc].some(({ start, end }) => end - start >= minutesPerWeek))
      minReplicas = Math.max(minReplicas, replicas)
    else windows.push(...formatWindows(local, replicas, timeZone), ...formatWindows(utc, replicas, 'UTC'))
  }
  return {
    minReplicas,
    windows: windows
      .filter((window) => window.replicas > minReplicas)
      .sort((a, b) => a.firstMinute - b.firstMinute || a.replicas - b.replicas)
      .map(({ firstMinute, ...window }) => window),
  }
}

/** Minutes since Monday 00:00; `end` may lie in the next week. */
function localIntervals(window: FloorWindow): LocalInterval[] {
  const from = minuteOfDay(window.from)
  const to = minuteOfDay(window.to)
  const length = to > from ? to - from : to + minutesPerDay - from
  return window.days.map((day) => {
    const start = weekdays.indexOf(day) * minutesPerDay + from
    return { start, end: start + length }
  })
}

function minuteOfDay(text: string): number {
  const [hours, minutes] = text.split(':')
  return Number(hours) * 60 + Number(minutes)
}

/**
 * robfig/cron looks for a firing by counting days, then hours, then minutes, and looks at the weekday again only
 * where the hour comes to 0 (https://github.com/robfig/cron/blob/v3.0.1/spec.go). Over a change beside the full hours
 * it counts on from 02:30 and misses what fires at 06:00. Where midnight is skipped it takes the day of the change for
 * the day before, and in zones ahead of UTC steps over it. That does no harm to a start and an end that are found or
 * missed together: those of one day after its first hour, or those of every day alike.
 */
function isMisread(interval: LocalInterval, intervals: LocalInterval[], changes: ClockChanges): boolean {
  const { skipped, repeated } = changes
  const startDay = dayOf(interval.start)
  const endDay = dayOf(interval.end)
  const touches = (day: number) => day === startDay || day === endDay
  const isUneven = (hour: LocalInterval) => hour.start % 60 !== 0 || hour.end % 60 !== 0
  if ([...skipped, ...repeated].some((hour) => isUneven(hour) && touches(dayOf(hour.start)))) return true
  const isNear = skipped.some(
    ({ start }) =>
      start % minutesPerDay === 0 && (touches(dayOf(start)) || touches(dayOf(start - minutesPerDay))),
  )
  if (!isNear) return false
  if (startDay === endDay) return interval.start % minutesPerDay < 60
  const alike = intervals.filter((other) => clockOf(avoidClockChanges(other, changes)) === clockOf(interval))
  return alike.length < weekdays.length
}

const dayOf = (minute: number) => Math.floor(wrap(minute) / minutesPerDay)

/** An interval of the UTC week that holds the local one before and after each change. */
function toUtc({ start, end }: LocalInterval, { skipped, repeated }: ClockChanges): LocalInterval {
  const ahead = [...skipped, ...repeated].flatMap(({ before, after }) => [before, after])
  return { start: start - Math.max(...ahead), end: end - Math.min(...ahead) }
}

function avoidClockChanges(interval: LocalInterval, { skipped, repeated }: ClockChanges): LocalInterval {
  let { start, end } = interval
  const ambiguous = [...skipped, ...repeated]
  // In New York 02:30 is skipped in March, and the minute before that hour, 01:59, is repeated in November.
  for (let hour = hourOf(start, ambiguous); hour !== undefined; hour = hourOf(start, ambiguous))
    start -= wrap(start - hour.start) + 1
  for (let hour = hourOf(end, skipped); hour !== undefined; hour = hourOf(end, skipped))
    end += hour.end - hour.start - wrap(end - hour.start)
  return { start, end }
}

function hourOf(minute: number, hours: LocalInterval[]): LocalInterval | undefined {
  return hours.find(({ start, end }) => wrap(minute - start) < end - start)
}

const wrap = (minute: number) => ((minute % minutesPerWeek) + minutesPerWeek) % minutesPerWeek

/** Joins intervals of the week's circle that touch or overlap; one that never ends lasts a week or longer. */
function mergeIntervals(intervals: LocalInterval[]): LocalInterval[] {
  const sorted = intervals
    .map(({ start, end }) => ({ start: wrap(start), end: wrap(start) + end - start }))
    .sort((a, b) => a.start - b.start)
  const merged: LocalInterval[] = []
  // Three turns of the circle: those that start in the second have met their neighbours on both sides.
  for (const turn of [0, minutesPerWeek, 2 * minutesPerWeek]) {
    for (const { start, end } of sorted) {
      const last = merged.at(-1)
      if (last !== undefined && start + turn <= last.end) last.end = Math.max(last.end, end + turn)
      else merged.push({ start: start + turn, end: end + turn })
    }
  }
  const endless = merged.find(({ start, end }) => end - start >= minutesPerWeek)
  if (endless !== undefined) return [endless]
  return merged
    .filter(({ start }) => start >= minutesPerWeek && start < 2 * minutesPerWeek)
    .map(({ start, end }) => ({ start: wrap(start), end: wrap(start) + end - start }))
    .sort((a, b) => a.start - b.start)
}

function formatWindows(
  intervals: LocalInterval[],
  replicas: number,
  timeZone: string,
): (CronWindow & { firstMinute: number })[] {
  const groups = new Map<string, LocalInterval[]>()
  for (const interval of intervals) {
    const clock = clockOf(interval)
    groups.set(clock, [...(groups.get(clock) ?? []), interval])
  }
  return [...groups.values()].map((group) => ({
    timeZone,
    firstMinute: group[0]!.start,
    start: cronExpression(group.map(({ start }) => start)),
    end: cronExpression(group.map(({ end }) => wrap(end))),
    replicas,
  }))
}

const clockOf = ({ start, end }: LocalInterval) => `${start % minutesPerDay}-${end % minutesPerDay}`

/** Minutes of the week with one clock time, as `minute hour * * days`. */
export function cronExpression(minutesOfWeek: number[]): string {
  const clock = minutesOfWeek[0]! % minutesPerDay
  // cron counts days from Sunday = 0, the template from Monday.
  const days = minutesOfWeek.map((minute) => (Math.floor(minute / minutesPerDay) + 1) % 7).sort()
  return `${clock % 60} ${Math.floor(clock / 60)} * * ${formatDays(days)}`
}

/** `*`, `1-5`, `0,2-4`. */
function formatDays(days: number[]): string {
  if (days.length === 7) return '*'
  const runs: [number, number][] = []
  for (const day of days) {
    const last = runs.at(-1)
    if (last !== undefined && day === last[1] + 1) last[1] = day
    else runs.push([day, day])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
