import type { EpochSeconds } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory } from './demand-history.js'

/** The workloads of a history that are named, on the same grid. */
export function selectWorkloads(history: DemandHistory, ids: ReadonlySet<string>): DemandHistory {
  return { ...history, workloads: history.workloads.filter(({ workload }) => ids.has(workloadId(workload))) }
}

/** The steps of a history that were over at a time: views of the same columns. */
export function cutHistory(history: DemandHistory, until: EpochSeconds): DemandHistory {
  const over = Math.floor((until - history.start) / history.stepSeconds)
  const length = Math.max(0, Math.min(history.length, over))
  return {
    ...history,
    length,
    workloads: history.workloads.map((demand) => ({
      ...demand,
      requests: demand.requests.subarray(0, length),
      inputTokens: demand.inputTokens.subarray(0, length),
      outputTokens: demand.outputTokens.subarray(0, length),
      mask: demand.mask.subarray(0, length),
    })),
  }
}
