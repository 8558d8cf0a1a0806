import { createRandom } from '../../src/kit/random.js'
import { secondsPerDay } from '../../src/kit/units.js'
import type { DemandHistory, WorkloadDemand } from '../../src/metrics/demand-history.js'

/** A workload of given requests; tokens in proportion. */
export function demandOf(model: string, requests: Float64Array): WorkloadDemand {
  return {
    workload: { model, region: 'us-east-1' },
    requests,
    inputTokens: requests.map((amount) => 700 * amount),
    outputTokens: requests.map((amount) => 200 * amount),
    tokens: 'measured',
    mask: new Uint8Array(requests.length),
  }
}

export function historyOf(workloads: WorkloadDemand[], stepSeconds = 3600): DemandHistory {
  return { start: 1_741_000_000, stepSeconds, length: workloads[0]!.requests.length, workloads }
}

/** A daily season with noise in proportion and a level that wanders. */
export function noisyDemand(model: string, days: number, seed: number, stepSeconds = 3600): WorkloadDemand {
  const random = createRandom(seed)
  const perDay = secondsPerDay / stepSeconds
  let level = 1
  const requests = Float64Array.from({ length: days * perDay }, (_, step) => {
    level *= Math.exp((0.2 / perDay) * random.normal())
    const season = 1.4 + Math.sin((2 * Math.PI * step) / perDay)
    return 1000 * level * season * Math.exp(0.15 * random.normal())
  })
  return demandOf(model, requests)
}
