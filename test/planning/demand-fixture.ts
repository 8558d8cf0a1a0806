import type { DemandHistory, WorkloadDemand } from '../../src/metrics/demand-history.js'

/** Demand of a model with usual lengths, measured whole. */
export function demandOf(model: string, requests: Float64Array): WorkloadDemand {
  return {
    workload: { model, region: 'us-east-1' },
    requests,
    inputTokens: requests.map((count) => count * 600),
    outputTokens: requests.map((count) => count * 250),
    tokens: 'measured',
    mask: new Uint8Array(requests.length),
  }
}

/** A history of one large model. */
export function historyOf(requests: Float64Array, start: number, stepSeconds: number): DemandHistory {
  return { start, stepSeconds, length: requests.length, workloads: [demandOf('llama-3.1-70b', requests)] }
}
