import type { Event } from '../../config/events-file.js'
import type { EpochSeconds } from '../../kit/units.js'

/** How the past of an event is learned; one that lasts is a level that models find by themselves. */
export function learnOf({ learn, duration }: Event): NonNullable<Event['learn']> {
  return learn ?? (duration === undefined ? 'keep' : 'leave-out')
}

/** One time that an event takes place: from its start until the way back is over. */
export interface Occurrence {
  start: EpochSeconds
  end: EpochSeconds
}

/** The times that an event takes place between two times, the earliest first. */
export function listOccurrences(event: Event, from: EpochSeconds, to: EpochSeconds): Occurrence[] {
  const { start, duration = Number.POSITIVE_INFINITY, ramp, every, until = Number.POSITIVE_INFINITY } = event
  const lasts = duration + ramp
  const occurrences: Occurrence[] = []
  const first = every === undefined ? 0 : Math.max(0, Math.floor((from - start - lasts) / every))
  for (let index = first; ; index++) {
    const begin = start + index * (every ?? 0)
    if (begin >= to || begin > until) return occurrences
    if (begin + lasts > from) occurrences.push({ start: begin, end: begin + lasts })
    if (every === undefined) return occurrences
  }
}

/** Mean over a step of demand with one occurrence of an event over demand without it. */
export function meanFactor(
  { multiplier, ramp, duration }: Event,
  { start }: Occurrence,
  from: EpochSeconds,
  to: EpochSeconds,
): number {
  // Integral of the rise alone, and of the way back, up to a time.
  const area = (time: EpochSeconds) =>
    rampArea(time - start, ramp) - (duration === undefined ? 0 : rampArea(time - start - duration, ramp))
  return 1 + (multiplier - 1) * ((area(to) - area(from)) / (to - from))
}

/** Integral of a ramp from 0 to 1 up to so many seconds after it begins. */
function rampArea(seconds: number, ramp: number): number {
  if (seconds <= 0) return 0
  return seconds < ramp ? (seconds * seconds) / (2 * ramp) : seconds - ramp / 2
}
