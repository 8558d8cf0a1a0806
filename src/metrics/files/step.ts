import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import type { EpochSeconds } from '../../kit/units.js'

/** So many equal differences in a row are a step of their own, and not rows that are missing here and there. */
const steadyRun = 12

/**
 * The step of aggregated rows: the most frequent difference between neighbouring timestamps.
 *
 * `timestamps`: by workload name, ascending and distinct. Undefined where no workload has two rows.
 * Throws MIXED_STEPS when workloads, or parts of one, have different steps.
 */
export function detectStep(timestamps: Map<string, ArrayLike<EpochSeconds>>): number | undefined {
  const counts = new Map<number, number>()
  const steady = new Map<number, { workload: string; at: EpochSeconds }>()
  for (const [workload, times] of timestamps) {
    let run = 0
    for (let row = 1; row < times.length; row++) {
      const difference = times[row]! - times[row - 1]!
      counts.set(difference, (counts.get(difference) ?? 0) + 1)
      run = row > 1 && difference === times[row - 1]! - times[row - 2]! ? run + 1 : 1
      if (run === steadyRun && !steady.has(difference)) {
        steady.set(difference, { workload, at: times[row - steadyRun]! })
      }
    }
  }
  if (steady.size > 1) {
    const seen = [...steady].map(
      ([step, { workload, at }]) => `${formatDuration(step)} (${workload} from ${formatInstant(at)})`,
    )
    throw mixedSteps(`mixed steps: ${seen.join(' and ')}`)
  }
  const step = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0]
  if (step === undefined) return undefined
  let phase: number | undefined
  for (const [workload, times] of timestamps) {
    for (let row = 0; row < times.length; row++) {
      phase ??= times[row]! % step
      if (times[row]! % step !== phase) {
        throw mixedSteps(
          `mixed steps: most rows are ${formatDuration(step)} apart, but ${formatInstant(times[row]!)} of ${workload} is not on that grid`,
        )
      }
    }
  }
  return step
}

function mixedSteps(message: string): LlmscaleError {
  return new LlmscaleError('badData', 'MIXED_STEPS', message, [
    'Resample the files to one step, or read those of one step at a time.',
    'For a file of single requests leave the requests column away: each row then counts one.',
  ])
}
