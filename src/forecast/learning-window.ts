import { secondsPerDay } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'

/** A forecast learns from at least and at most so much of the past, a window that slides along with the data. */
export const leastWindowSeconds = 7 * secondsPerDay
export const mostWindowSeconds = 56 * secondsPerDay

/** The last part of a history that is learned from: views of the same columns. */
export function keepWindow(history: DemandHistory, windowSeconds: number): DemandHistory {
  const first = Math.max(0, history.length - Math.round(windowSeconds / history.stepSeconds))
  if (first === 0) return history
  return {
    ...history,
    start: history.start + first * history.stepSeconds,
    length: history.length - first,
    ...(history.covariates && {
      covariates: history.covariates.map((each) => ({ ...each, values: each.values.subarray(first) })),
    }),
    workloads: history.workloads.map((demand) => ({
      ...demand,
      requests: demand.requests.subarray(first),
      inputTokens: demand.inputTokens.subarray(first),
      outputTokens: demand.outputTokens.subarray(first),
      ...(demand.rejectedRequests && { rejectedRequests: demand.rejectedRequests.subarray(first) }),
      mask: demand.mask.subarray(first),
    })),
  }
}
