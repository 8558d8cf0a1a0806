import { describe, expect, it } from 'vitest'
import { findAnomalies } from '../../../src/forecast/anomalies/find-anomalies.js'
import { createRandom } from '../../../src/kit/random.js'
import { secondsPerDay, secondsPerMinute } from '../../../src/kit/units.js'
import type { DemandHistory } from '../../../src/metrics/demand-history.js'

const start = Date.UTC(2026, 0, 5) / 1000
const days = 14

/** Days of one shape; amounts by the expected ones. */
function daysOf(stepSeconds: number, mean: number, amountOf: (expected: number) => number): DemandHistory {
  const length = (days * secondsPerDay) / stepSeconds
  const requests = Float64Array.from({ length }, (_, step) =>
    amountOf(mean * (1.4 + Math.sin((2 * Math.PI * step * stepSeconds) / secondsPerDay))),
  )
  return {
    start,
    stepSeconds,
    length,
    workloads: [
      {
        workload: { model: 'chat', region: 'r' },
        requests,
        inputTokens: requests.map((count) => 700 * count),
        outputTokens: requests.map((count) => 200 * count),
        tokens: 'measured',
        mask: new Uint8Array(length),
      },
    ],
  }
}

describe('findAnomalies in what is only noise', () => {
  it('finds at most one episode in 200 weeks, whatever the noise and the step', { timeout: 120_000 }, () => {
    let found = 0
    let weeks = 0
    for (const noise of [0.05, 0.1, 0.15, 0.2, 0.3])
      for (const minutes of [5, 10, 15, 30, 60])
        for (const seed of [1, 2, 3, 4]) {
          const random = createRandom(100 * seed + minutes)
          const history = daysOf(minutes * secondsPerMinute, 1000, (expected) =>
            Math.round(expected * Math.exp(noise * random.normal())),
          )
          found += findAnomalies(history).length
          weeks += days / 7
        }
    expect(weeks).toBe(200)
    expect(found).toBeLessThanOrEqual(1)
  })

  it('does not call a few requests a day an attack', { timeout: 60_000 }, () => {
    for (const perStep of [0.02, 0.1, 0.5, 2])
      for (const minutes of [5, 60])
        for (const seed of [1, 2, 3, 4]) {
          const random = createRandom(seed)
          // Who comes asks some times in a row.
          const history = daysOf(minutes * secondsPerMinute, perStep, (expected) =>
            random.uniform() < expected / 3 ? 1 + Math.floor(-3 * Math.log(1 - random.uniform())) : 0,
          )
          expect(findAnomalies(history), `${perStep} a step of ${minutes} min, seed ${seed}`).toEqual([])
        }
  })
})
