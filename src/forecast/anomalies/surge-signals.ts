import type { WorkloadDemand } from '../../metrics/demand-history.js'

/** What is seen of one model in one region, step by step; NaN where nothing is known. */
export interface SurgeSignals {
  requests: Float64Array
  /** Mean of a step's requests; undefined without measured tokens. */
  inputTokens: Float64Array | undefined
  outputTokens: Float64Array | undefined
  /** Requests that were turned away; undefined where no source says. */
  rejected: Float64Array | undefined
  /** Requests of each tenant, in the order of the parts; empty where the model is one part. */
  tenants: readonly Float64Array[]
}

/** Sums the tenants of a model; a step that lacks one of them is unknown. */
export function readSignals(parts: readonly WorkloadDemand[]): SurgeSignals {
  const measured = parts.filter(({ tokens }) => tokens === 'measured')
  const known = parts.every(({ rejectedRequests }) => rejectedRequests !== undefined)
  const tokenRequests = sumColumns(measured, ({ requests }) => requests)
  const perRequest = (column: (part: WorkloadDemand) => Float64Array) => {
    if (measured.length === 0) return undefined
    const sum = sumColumns(measured, column)
    return sum.map((tokens, step) => (tokenRequests[step]! > 0 ? tokens / tokenRequests[step]! : Number.NaN))
  }
  return {
    requests: sumColumns(parts, ({ requests }) => requests),
    inputTokens: perRequest(({ inputTokens }) => inputTokens),
    outputTokens: perRequest(({ outputTokens }) => outputTokens),
    rejected: known ? sumColumns(parts, ({ rejectedRequests }) => rejectedRequests!) : undefined,
    tenants: parts.length > 1 ? parts.map(({ requests }) => requests) : [],
  }
}

function sumColumns(
  parts: readonly WorkloadDemand[],
  column: (part: WorkloadDemand) => Float64Array,
): Float64Array {
  const sum = new Float64Array(parts[0]?.requests.length ?? 0)
  for (const part of parts) {
    const values = column(part)
    for (let step = 0; step < sum.length; step++) sum[step]! += values[step]!
  }
  return sum
}
