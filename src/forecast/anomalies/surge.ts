import { secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import type { Run } from '../../metrics/gaps.js'
import { hasDays, type StepGrid } from './usual-day.js'

/** A run of steps that stands out of a signal. */
export interface Surge extends Run {
  /** How far, over what the signal does at that hour. */
  deviations: number
}

const mostSecondsWithDays = 9 * secondsPerHour
const mostSecondsWithoutDays = 90 * secondsPerMinute
const mostShareOfSpan = 0.4

/** Steps: surges longer than this are levels. */
export function longestSurge(length: number, grid: StepGrid): number {
  const span = length * grid.stepSeconds
  const most = hasDays(length, grid)
    ? mostSecondsWithDays
    : Math.min(mostSecondsWithoutDays, mostShareOfSpan * span)
  return Math.round(most / grid.stepSeconds)
}

/** Steps of both runs over those of either. */
export function shareOf(one: Run, other: Run): number {
  const both = overlap(one, other)
  return both / (one.to - one.from + other.to - other.from - both)
}

export function overlap(one: Run, other: Run): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from))
}

/** Values of the steps that are known. */
export function known(signal: Float64Array, from: number, to: number): number[] {
  const values: number[] = []
  for (let step = Math.max(0, from); step < Math.min(signal.length, to); step++)
    if (!Number.isNaN(signal[step]!)) values.push(signal[step]!)
  return values
}
