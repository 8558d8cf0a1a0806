import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { DemandHistory, WorkloadDemand } from '../metrics/demand-history.js'
import type { WorkloadDecision, WorkloadReport } from './capacity-plan.js'
import { localDays } from './peaks.js'

/** What the busiest step of a past local day needed, in replicas; measured demand at the plan's capacity. */
export interface PastPeak {
  /** ISO date in the workload's time zone. */
  date: string
  replicas: number
}

/**
 * Peaks of the last so many whole local days of a history, the oldest first. Requests are as long as the plan takes
 * them to be (`meanLengths`). A day of which nothing is known is left out.
 */
export function findPastPeaks(
  { start, stepSeconds, length }: Pick<DemandHistory, 'start' | 'stepSeconds' | 'length'>,
  { requests }: Pick<WorkloadDemand, 'requests'>,
  { timeZone }: Pick<WorkloadDecision, 'timeZone'>,
  { requestsPerSecondPerReplica }: Pick<WorkloadReport, 'requestsPerSecondPerReplica'>,
  { days, burstFactor }: { days: number; burstFactor: number },
): PastPeak[] {
  const end: EpochSeconds = start + length * stepSeconds
  const first = Math.max(0, Math.floor((end - (days + 2) * secondsPerDay - start) / stepSeconds))
  const grid = {
    start: start + first * stepSeconds,
    tickSeconds: stepSeconds,
    ticksPerStep: 1,
    length: length - first,
  }
  const { dates, dayOfTick } = localDays(grid, timeZone)
  const peaks = dates.map(() => Number.NaN)
  for (const [tick, day] of dayOfTick.entries()) {
    const amount = requests[first + tick]!
    if (!Number.isNaN(amount) && !(peaks[day]! >= amount)) peaks[day] = amount
  }
  const perReplicaStep = (requestsPerSecondPerReplica * stepSeconds) / burstFactor
  return dates
    .map((date, day) => ({ date, replicas: Math.ceil(peaks[day]! / perReplicaStep - 1e-9) }))
    .slice(1, -1) // the first and the last are cut by the window
    .slice(-days)
    .filter(({ replicas }) => !Number.isNaN(replicas))
}
