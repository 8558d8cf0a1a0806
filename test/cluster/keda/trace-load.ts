import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { EpochSeconds } from '../../../src/kit/units.js'

/** A tenant of the shared traces whose batch work begins at the same time each day, within 20 minutes. */
const tenant = 'tenant-105'
const rowsPerDay = 144
/** Of each day, from its midnight: before, on and after the ramp, which is in the rows 5 and 6. */
const rowsPlayed = 24
const rampRow = 5
/** The ten minutes of a row. */
const playedSeconds = 60

/** A trace compressed ten times, played once a day at the time of day of `rampStart`; its last day is the one of now. */
export interface TraceLoad {
  /** Replicas busy at a time; between two rows linear, and the level before the ramp for the rest of a day. */
  at(time: EpochSeconds): number
}

/**
 * @param rampStart when the ramp of the last day begins
 * @param peak replicas busy at the highest level of the trace
 */
export function readTraceLoad(folder: string, rampStart: EpochSeconds, peak: number): TraceLoad {
  const text = gunzipSync(readFileSync(join(folder, 'servegen-tenants-10min.csv.gz'))).toString()
  const requests = text
    .split('\n')
    .map((line) => line.split(','))
    .flatMap(([, , name, amount]) => (name === tenant ? [Number(amount)] : []))
  const days = requests.length / rowsPerDay
  const level = [...requests].sort((a, b) => a - b).at(-3)!
  const row = (day: number, index: number) =>
    (requests[Math.max(0, day) * rowsPerDay + index]! / level) * peak
  // The amount of a row is that of its middle.
  const firstMiddle = rampStart - (rampRow - 0.5) * playedSeconds
  return {
    at: (time) => {
      const daysAgo = Math.max(0, Math.ceil((firstMiddle - time) / 86_400))
      const day = days - 1 - daysAgo
      const played = (time - (firstMiddle - daysAgo * 86_400)) / playedSeconds
      if (played < 0 || played >= rowsPlayed - 1) return row(day, 0)
      const index = Math.floor(played)
      return row(day, index) + (played - index) * (row(day, index + 1) - row(day, index))
    },
  }
}
