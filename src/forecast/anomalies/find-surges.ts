import { median } from '../../kit/statistics.js'
import { secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import type { Run } from '../../metrics/gaps.js'
import { findSpread, hasDays, type StepGrid } from './usual-day.js'

// A surge begins with a jump: the mean of some steps against that of as many before it. Jumps from step to step are
// far smaller on a usual day than the drift of a level over hours, so that a jump is seen that a level would hide.

/** A run of steps that begins with a jump and ends near the level from before it. */
export interface Surge extends Run {
  /** Jump over the spread of jumps at that hour. */
  deviations: number
}

const leastDeviations = 3
/** A surge ends where less than this share of its jump is left. */
const endShare = 0.35
const levelSeconds = secondsPerHour
const mostSecondsWithDays = 9 * secondsPerHour
const mostSecondsWithoutDays = 90 * secondsPerMinute
const mostShareOfSpan = 0.4

/** Widths of the means that a jump is taken between, in steps: short ones for steep jumps, long ones for noise. */
function jumpWidths(stepSeconds: number): number[] {
  const seconds = stepSeconds >= secondsPerMinute ? [stepSeconds, 3 * stepSeconds] : [45, 120]
  return seconds.map((each) => Math.max(1, Math.round(each / stepSeconds)))
}

/** Surges longer than this are levels. */
export function longestSurge(length: number, grid: StepGrid): number {
  const span = length * grid.stepSeconds
  const most = hasDays(length, grid)
    ? mostSecondsWithDays
    : Math.min(mostSecondsWithoutDays, mostShareOfSpan * span)
  return Math.round(most / grid.stepSeconds)
}

/**
 * Surges of one signal, the most certain first; they may overlap.
 *
 * @param signal additive on the scale on which its noise is even; NaN where nothing is known
 * @param leastJump smaller jumps are no surge, however certain
 */
export function findSurges(signal: Float64Array, grid: StepGrid, leastJump: number): Surge[] {
  const longest = longestSurge(signal.length, grid)
  const surges: Surge[] = []
  for (const width of jumpWidths(grid.stepSeconds)) {
    for (const skip of [0, 1]) {
      const jumps = findJumps(signal, width, skip)
      const spread = findSpread(jumps, grid)
      for (let step = 1; step < jumps.length - 1; step++) {
        const jump = jumps[step]!
        if (!(jump >= leastJump && jump >= leastDeviations * spread[step]!)) continue
        if (jump < (jumps[step - 1] || 0) || jump < (jumps[step + 1] || 0)) continue
        const to = findEnd(signal, step, jump, longest, grid.stepSeconds)
        const deviations = jump / Math.max(spread[step]!, 1e-9)
        if (to !== undefined) surges.push({ from: step, to, deviations })
      }
    }
  }
  return surges.sort((a, b) => b.deviations - a.deviations)
}

/** At each step the mean of the next steps, one later where `skip` is 1, less that of those before. */
function findJumps(signal: Float64Array, width: number, skip: number): Float64Array {
  return signal.map((_, step) => meanOf(signal, step + skip, width) - meanOf(signal, step - width, width))
}

/** NaN where half of it is missing. */
function meanOf(signal: Float64Array, from: number, width: number): number {
  let sum = 0
  let known = 0
  for (let step = from; step < from + width; step++) {
    const value = signal[step]
    if (value === undefined || Number.isNaN(value)) continue
    sum += value
    known++
  }
  return 2 * known > width ? sum / known : Number.NaN
}

/** The first step after a jump at which the signal is back; the end of the signal where it never is; undefined where it lasts. */
function findEnd(
  signal: Float64Array,
  from: number,
  jump: number,
  longest: number,
  stepSeconds: number,
): number | undefined {
  const before = known(signal, from - Math.max(3, Math.round(levelSeconds / 4 / stepSeconds)), from)
  if (before.length === 0) return undefined
  const limit = median(before) + endShare * jump
  const width = Math.max(1, Math.round(secondsPerMinute / stepSeconds))
  for (let step = from + 1; step <= from + longest; step++) {
    if (step >= signal.length) return signal.length
    const near = known(signal, step, step + width)
    if (near.length > 0 && median(near) < limit) return step
  }
  return undefined
}

/** Values of the steps that are known. */
export function known(signal: Float64Array, from: number, to: number): number[] {
  const values: number[] = []
  for (let step = Math.max(0, from); step < Math.min(signal.length, to); step++)
    if (!Number.isNaN(signal[step]!)) values.push(signal[step]!)
  return values
}
