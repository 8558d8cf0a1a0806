import { secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import type { RunSums } from './run-sums.js'
import { longestSurge, type Surge } from './surge.js'
import { findSpread, type StepGrid } from './usual-day.js'

// A surge that ebbs away stands above what was before it, not above what comes after. It begins with a jump: the mean
// of some steps against that of as many before. Jumps from step to step are far smaller on a usual day than the drift
// of a level over hours, so that a jump is seen that a level would hide.

const leastDeviations = 3
/** A surge ends where less than this share of its jump is left. */
const endShare = 0.35
const levelSeconds = secondsPerHour / 4
const leastLevelSteps = 3

/** Widths of the means that a jump is taken between, in steps: short ones for steep jumps, long ones for noise. */
function jumpWidths(stepSeconds: number): number[] {
  const seconds = stepSeconds >= secondsPerMinute ? [stepSeconds, 3 * stepSeconds] : [45, 120]
  return seconds.map((each) => Math.max(1, Math.round(each / stepSeconds)))
}

/**
 * Surges of one signal that begin with a jump, the most certain first; they may overlap.
 *
 * @param sums of a signal that is additive on the scale on which its noise is even
 * @param leastJump smaller jumps are no surge, however certain
 */
export function findJumpSurges(sums: RunSums, grid: StepGrid, leastJump: number): Surge[] {
  const longest = longestSurge(sums.length, grid)
  const surges: Surge[] = []
  for (const width of jumpWidths(grid.stepSeconds)) {
    for (const skip of [0, 1]) {
      const jumps = findJumps(sums, width, skip)
      const spread = findSpread(jumps, grid)
      for (let step = 1; step < jumps.length - 1; step++) {
        const jump = jumps[step]!
        if (!(jump >= leastJump && jump >= leastDeviations * spread[step]!)) continue
        if (jump < (jumps[step - 1] || 0) || jump < (jumps[step + 1] || 0)) continue
        const to = findEnd(sums, step, jump, longest, grid.stepSeconds)
        const deviations = jump / Math.max(spread[step]!, 1e-9)
        if (to !== undefined) surges.push({ from: step, to, deviations })
      }
    }
  }
  return surges.sort((a, b) => b.deviations - a.deviations)
}

/** At each step the mean of the next steps, one later where `skip` is 1, less that of those before. */
function findJumps(sums: RunSums, width: number, skip: number): Float64Array {
  const jumps = new Float64Array(sums.length)
  for (let step = 0; step < jumps.length; step++)
    jumps[step] = sums.mean(step + skip, step + skip + width) - sums.mean(step - width, step)
  return jumps
}

/** The first step after a jump at which the signal is back; its end where it never is; undefined where it lasts. */
function findEnd(
  sums: RunSums,
  from: number,
  jump: number,
  longest: number,
  stepSeconds: number,
): number | undefined {
  const before = sums.mean(from - Math.max(leastLevelSteps, Math.round(levelSeconds / stepSeconds)), from)
  if (Number.isNaN(before)) return undefined
  const limit = before + endShare * jump
  const width = Math.max(1, Math.round(secondsPerMinute / stepSeconds))
  for (let step = from + 1; step <= from + longest; step++) {
    if (step >= sums.length) return sums.length
    if (sums.mean(step, step + width) < limit) return step
  }
  return undefined
}
