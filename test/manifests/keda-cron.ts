import { localMinuteOfWeek, utcOffsetSeconds } from '../../src/kit/time.js'
import type { CronWindow } from '../../src/manifests/cron-window.js'

const minutesPerDay = 1440

/** Minutes of the local week (Monday 00:00 = 0) at which a five-field cron expression `m h * * days` fires. */
function firesAt(expression: string): Set<number> {
  const [minute, hour, , , days] = expression.split(' ') as [string, string, string, string, string]
  const weekdays =
    days === '*'
      ? [0, 1, 2, 3, 4, 5, 6]
      : days.split(',').flatMap((part) => {
          const [first, last = first] = part.split('-').map(Number) as [number, number?]
          return Array.from({ length: last! - first + 1 }, (_, index) => first + index)
        })
  return new Set(weekdays.map((day) => ((day + 6) % 7) * minutesPerDay + Number(hour) * 60 + Number(minute)))
}

/** Local minute of the week at each of `minutes` minutes from an instant. */
export function localWeek(start: number, minutes: number, timeZone: string): number[] {
  return Array.from({ length: minutes }, (_, index) => {
    const instant = start + index * 60
    return localMinuteOfWeek(instant, utcOffsetSeconds(instant, timeZone))
  })
}

/**
 * What KEDA's cron scaler answers at each minute, the largest over all windows, 0 outside: a window is on while the
 * next firing of its end does not come after the next firing of its start. Local times that are skipped never fire,
 * those that are repeated fire twice, as in robfig/cron. Firings after the last minute are not seen: look at the
 * minutes before the last week only. test/cluster/keda holds it against KEDA itself, and has the zones in which
 * KEDA forgets a firing: those whose clock changes at midnight or by half an hour.
 */
export function evaluateCron(
  windows: CronWindow[],
  local: number[],
  value: (replicas: number) => number,
): number[] {
  const answer = new Array<number>(local.length).fill(0)
  for (const window of windows) {
    const starts = firesAt(window.start)
    const ends = firesAt(window.end)
    let nextStart = Number.POSITIVE_INFINITY
    let nextEnd = Number.POSITIVE_INFINITY
    for (let minute = local.length - 1; minute >= 0; minute--) {
      if (nextEnd <= nextStart) answer[minute] = Math.max(answer[minute]!, value(window.replicas))
      if (starts.has(local[minute]!)) nextStart = minute
      if (ends.has(local[minute]!)) nextEnd = minute
    }
  }
  return answer
}
