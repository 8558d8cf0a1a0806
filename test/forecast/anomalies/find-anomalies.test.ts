import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findAnomalies } from '../../../src/forecast/anomalies/find-anomalies.js'
import { maskEpisodes } from '../../../src/forecast/anomalies/mask-episodes.js'
import { createRandom } from '../../../src/kit/random.js'
import { workloadId } from '../../../src/kit/workload.js'
import {
  type DemandHistory,
  demandMetrics,
  maskReasons,
  type WorkloadDemand,
} from '../../../src/metrics/demand-history.js'

const start = Date.UTC(2026, 0, 5) / 1000

/** Office-like days of some tenants with a little noise; 300 and 100 tokens a request. */
function usualHistory(
  tenants: readonly (string | undefined)[],
  { days = 14, stepSeconds = 600, requestsPerStep = 2000, seed = 1, rejected = false } = {},
): DemandHistory {
  const random = createRandom(seed)
  const length = (days * 86_400) / stepSeconds
  const workloads = tenants.map((tenant): WorkloadDemand => {
    const requests = Float64Array.from({ length }, (_, step) => {
      const hour = ((step * stepSeconds) / 3600) % 24
      const season = 0.4 + 0.6 * Math.max(0, Math.sin((Math.PI * (hour - 6)) / 14))
      return Math.round(requestsPerStep * season * Math.exp(0.05 * random.normal()))
    })
    return {
      workload: { model: 'chat', region: 'r', ...(tenant !== undefined && { tenant }) },
      requests,
      inputTokens: requests.map((count) => Math.round(count * 300 * Math.exp(0.02 * random.normal()))),
      outputTokens: requests.map((count) => Math.round(count * 100 * Math.exp(0.02 * random.normal()))),
      tokens: 'measured',
      mask: new Uint8Array(length),
      ...(rejected && { rejectedRequests: requests.map((count) => Math.round(0.004 * count)) }),
    }
  })
  return { start, stepSeconds, length, workloads }
}

interface Added {
  from: number
  to: number
  requests: (step: number) => number
  inputTokens?: number
  outputTokens?: number
  rejected?: number
}

function add(demand: WorkloadDemand, added: Added): void {
  for (let step = added.from; step < added.to; step++) {
    const requests = Math.round(added.requests(step))
    demand.requests[step]! += requests
    demand.inputTokens[step]! += requests * (added.inputTokens ?? 300)
    demand.outputTokens[step]! += requests * (added.outputTokens ?? 100)
    if (demand.rejectedRequests !== undefined)
      demand.rejectedRequests[step]! += Math.round(requests * (added.rejected ?? 0))
  }
}

const tenants = ['a', 'b', 'c', 'd']
const tuesday = 9 * 144 + 60

describe('findAnomalies', () => {
  it('finds nothing in usual days, whoever adds them up', () => {
    for (const seed of [1, 2, 3]) {
      expect(findAnomalies(usualHistory(tenants, { seed }))).toEqual([])
      expect(findAnomalies(usualHistory([undefined], { seed, stepSeconds: 300 }))).toEqual([])
    }
  })

  it('names who attacked, and masks them alone', () => {
    const history = usualHistory([...tenants, 'x'])
    history.workloads[4]!.requests.fill(0)
    history.workloads[4]!.inputTokens.fill(0)
    history.workloads[4]!.outputTokens.fill(0)
    add(history.workloads[4]!, {
      from: tuesday,
      to: tuesday + 9,
      requests: () => 9000,
      inputTokens: 2000,
      outputTokens: 10,
    })
    const episodes = findAnomalies(history)
    expect(episodes).toHaveLength(1)
    const [episode] = episodes
    expect(episode).toMatchObject({ kind: 'attack', workloads: [{ tenant: 'x' }] })
    expect(episode!.from).toBeGreaterThanOrEqual(tuesday - 2)
    expect(episode!.to).toBeLessThanOrEqual(tuesday + 11)
    expect(episode!.evidence.join()).toContain('from x')
    expect(episode!.evidence.join()).toContain('cannot be seen at steps of 10m')

    const masked = maskEpisodes(history, episodes)
    expect(masked.workloads[4]!.mask[tuesday + 4]).toBe(maskReasons.indexOf('attack'))
    expect(masked.workloads[4]!.requests[tuesday + 4]).toBeNaN()
    expect(masked.workloads[0]).toBe(history.workloads[0])
    expect(history.workloads[4]!.requests[tuesday + 4]).toBe(9000)
  })

  it('takes what is turned away and asked again for a retry storm of all', () => {
    const history = usualHistory(tenants, { rejected: true })
    for (const demand of history.workloads) {
      const before = demand.requests.slice()
      add(demand, {
        from: tuesday,
        to: tuesday + 8,
        requests: (step) => 1.5 * before[step]!,
        outputTokens: 30,
        rejected: 0.7,
      })
    }
    const episodes = findAnomalies(history)
    expect(episodes).toMatchObject([{ kind: 'retry-storm' }])
    expect(episodes[0]!.workloads).toHaveLength(4)
  })

  it('leaves a launch alone, and one that ramps for hours', () => {
    for (const rampSteps of [1, 18]) {
      const history = usualHistory(tenants)
      for (const demand of history.workloads) {
        const before = demand.requests.slice()
        add(demand, {
          from: tuesday,
          to: history.length,
          requests: (step) => 1.5 * before[step]! * Math.min(1, (step - tuesday + 1) / rampSteps),
        })
      }
      expect(findAnomalies(history)).toEqual([])
    }
  })

  it('leaves a job alone that comes every night, and one night of another tenant too that came before', () => {
    const history = usualHistory([...tenants, 'job'])
    const job = history.workloads[4]!
    for (const column of [job.requests, job.inputTokens, job.outputTokens]) column.fill(0)
    for (let day = 0; day < 14; day++)
      if (day !== 5)
        add(job, { from: day * 144 + 12, to: day * 144 + 24, requests: () => 4000, inputTokens: 900 })
    expect(findAnomalies(history)).toEqual([])
  })

  it('leaves a campaign alone that everybody joins over hours', () => {
    const history = usualHistory(tenants, { rejected: true })
    for (const demand of history.workloads) {
      const before = demand.requests.slice()
      add(demand, {
        from: tuesday,
        to: tuesday + 48,
        requests: (step) => before[step]! * Math.min(1, (step - tuesday) / 15, (tuesday + 48 - step) / 15),
      })
    }
    expect(findAnomalies(history)).toEqual([])
  })

  it('tells seconds from minutes at steps of 15 seconds', () => {
    const of = (riseSteps: number) => {
      const history = usualHistory([undefined], { days: 0.1, stepSeconds: 15, requestsPerStep: 300 })
      add(history.workloads[0]!, {
        from: 200,
        to: 260,
        requests: (step) => 700 * Math.min(1, (step - 199) / riseSteps, (260 - step) / riseSteps),
      })
      return findAnomalies(history)
    }
    const [attack, ...others] = of(2)
    expect(others).toEqual([])
    expect(attack!.evidence.join()).toMatch(/rose within \d+s/)
    expect(of(28)).toEqual([])
  })

  it('is not misled by a gap, an empty history, or one of a few steps', () => {
    const history = usualHistory(tenants)
    for (const demand of history.workloads) {
      demand.mask.fill(1, 500, 560)
      for (const metric of demandMetrics) demand[metric].fill(Number.NaN, 500, 560)
    }
    expect(findAnomalies(history)).toEqual([])
    expect(findAnomalies({ start, stepSeconds: 600, length: 0, workloads: [] })).toEqual([])
    expect(findAnomalies(usualHistory([undefined], { days: 0.05 }))).toEqual([])
  })

  it('never throws and stays inside of any history; other models change nothing', { timeout: 60_000 }, () => {
    const amount = fc.oneof(
      { weight: 6, arbitrary: fc.nat(50) },
      fc.constant(Number.NaN),
      fc.constant(1e9),
      fc.constant(0),
    )
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 400 }), (amounts) => {
        const column = () => Float64Array.from(amounts)
        const demand: WorkloadDemand = {
          workload: { model: 'm', region: 'r' },
          requests: column(),
          inputTokens: column(),
          outputTokens: column(),
          tokens: 'measured',
          mask: Uint8Array.from(amounts, (each) => (Number.isNaN(each) ? 1 : 0)),
        }
        const history = { start, stepSeconds: 900, length: amounts.length, workloads: [demand] }
        const episodes = findAnomalies(history)
        for (const { from, to, certainty } of episodes) {
          expect(from).toBeGreaterThanOrEqual(0)
          expect(to).toBeLessThanOrEqual(amounts.length)
          expect(certainty).toBeGreaterThan(0)
        }
        const twice = {
          ...history,
          workloads: [demand, { ...demand, workload: { model: 'n', region: 'r' } }],
        }
        expect(findAnomalies(twice).filter(({ workloads }) => workloadId(workloads[0]!) === 'm/r')).toEqual(
          episodes,
        )
      }),
      { numRuns: 60 },
    )
  })
})
