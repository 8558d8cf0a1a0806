import type { Warning } from '../kit/errors.js'
import { formatDuration } from '../kit/time.js'
import { type EpochSeconds, secondsPerHour } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandTable } from './demand-table.js'

/** Shorter silences are ordinary. */
const leastSilenceSeconds = secondsPerHour

/** A finding for each workload whose rows end long before those of the others: it stopped reporting. */
export function findSilence(table: DemandTable, until: EpochSeconds): Warning[] {
  const { start, stepSeconds } = table
  return table.workloads.flatMap(({ workload, requests, first, last }) => {
    const silentSeconds = until - (start + (last + 1) * stepSeconds)
    let pause = 0
    let longestPause = 0
    for (let step = first; step <= last; step++) {
      pause = requests[step]! > 0 ? 0 : pause + 1
      longestPause = Math.max(longestPause, pause)
    }
    const tolerated = Math.max(leastSilenceSeconds, 3 * stepSeconds, 2 * longestPause * stepSeconds)
    if (silentSeconds <= tolerated) return []
    return [
      {
        code: 'WORKLOAD_SILENT',
        message: `${workloadId(workload)} stopped reporting: the last step ends ${formatDuration(silentSeconds)} before the end of the history. If it was renamed, say so under metrics.renames.`,
      },
    ]
  })
}
