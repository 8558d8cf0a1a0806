import type { EpochSeconds } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import { type DemandHistory, demandMetrics, maskReasons, type WorkloadDemand } from './demand-history.js'
import { addHistograms } from './histogram.js'

/** Above this share of the mean requests, tenants that are masked at a step leave the sum unknown there. */
const largestMissingShare = 0.05

/** The wanted workloads that a history has, on the same grid; a workload without a tenant is the sum of the tenants without one. */
export function selectWorkloads(history: DemandHistory, wanted: readonly Workload[]): DemandHistory {
  const workloads = wanted.flatMap((workload) => {
    // A tenant with a workload of its own is not in the sum of the others.
    const others = wanted.filter((each) => each !== workload && covers(workload, each))
    const parts = history.workloads.filter(
      (demand) =>
        covers(workload, demand.workload) && !others.some((other) => covers(other, demand.workload)),
    )
    return parts.length > 1 ? [sumDemand(workload, parts)] : parts.map((part) => ({ ...part, workload }))
  })
  return { ...history, workloads }
}

/** Whether demand of `part` belongs to `workload`. */
export function covers(workload: Workload, part: Workload): boolean {
  return (
    workload.model === part.model &&
    workload.region === part.region &&
    (workload.tenant ?? part.tenant) === part.tenant
  )
}

function sumDemand(workload: Workload, parts: readonly WorkloadDemand[]): WorkloadDemand {
  const length = parts[0]!.mask.length
  const mean = parts.map(({ requests }) => requests.reduce((sum, value) => sum + (value || 0), 0) / length)
  const total = mean.reduce((sum, value) => sum + value, 0)
  const sum: WorkloadDemand = {
    workload,
    requests: new Float64Array(length),
    inputTokens: new Float64Array(length),
    outputTokens: new Float64Array(length),
    tokens: parts.some((part) => part.tokens === 'none')
      ? 'none'
      : parts.some((part) => part.tokens === 'assumed')
        ? 'assumed'
        : 'measured',
    mask: new Uint8Array(length),
    ...sumLengths(parts),
  }
  for (let step = 0; step < length; step++) {
    let missing = 0
    for (const [index, part] of parts.entries()) {
      if (part.mask[step] !== 0) missing += mean[index]!
      else for (const metric of demandMetrics) sum[metric][step]! += part[metric][step]!
    }
    if (missing <= largestMissingShare * total) continue
    sum.mask[step] = maskReasons.indexOf('gap')
    for (const metric of demandMetrics) sum[metric][step] = Number.NaN
  }
  return sum
}

function sumLengths(parts: readonly WorkloadDemand[]): Pick<WorkloadDemand, 'lengths'> {
  const all = parts.flatMap(({ lengths }) => lengths ?? [])
  if (all.length === 0) return {}
  const input = all.flatMap(({ inputTokens }) => inputTokens ?? [])
  const output = all.flatMap(({ outputTokens }) => outputTokens ?? [])
  return {
    lengths: {
      ...(input.length > 0 && { inputTokens: addHistograms(input) }),
      ...(output.length > 0 && { outputTokens: addHistograms(output) }),
    },
  }
}

/** The steps of a history that were over at a time: views of the same columns. */
export function cutHistory(history: DemandHistory, until: EpochSeconds): DemandHistory {
  const over = Math.floor((until - history.start) / history.stepSeconds)
  const length = Math.max(0, Math.min(history.length, over))
  return {
    ...history,
    ...(history.covariates && {
      covariates: history.covariates.map((each) => ({ ...each, values: each.values.subarray(0, length) })),
    }),
    length,
    workloads: history.workloads.map((demand) => ({
      ...demand,
      requests: demand.requests.subarray(0, length),
      inputTokens: demand.inputTokens.subarray(0, length),
      outputTokens: demand.outputTokens.subarray(0, length),
      ...(demand.rejectedRequests && { rejectedRequests: demand.rejectedRequests.subarray(0, length) }),
      mask: demand.mask.subarray(0, length),
    })),
  }
}
