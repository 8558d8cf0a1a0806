import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import { findLevelShifts } from '../../src/metrics/data-quality.js'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { findGaps } from '../../src/metrics/gaps.js'
import { scenarioNames, synthesizeDemand } from '../../src/metrics/scenarios.js'
import { cutHistory, selectWorkloads } from '../../src/metrics/select-history.js'

const start = parseInstant('2026-01-05T00:00:00Z')!
const options = { seed: 1, days: 28, stepSeconds: 900, start }

describe('synthesizeDemand', () => {
  it.each(scenarioNames)('%s: the same seed gives the same demand, another one another', (name) => {
    expect(synthesizeDemand(name, options)).toEqual(synthesizeDemand(name, options))
    expect(synthesizeDemand(name, { ...options, seed: 2 })).not.toEqual(synthesizeDemand(name, options))
  })

  it.each(scenarioNames)('%s: nothing in it is taken for a gap but its gap', (name) => {
    for (const seed of [1, 2, 3]) {
      for (const { requests } of synthesizeDemand(name, { ...options, seed }).workloads) {
        expect(findGaps(requests, options.stepSeconds)).toEqual([])
      }
    }
  })

  it('example-fleet has three models in two regions of a size that needs a few to a few dozen replicas', () => {
    const { workloads, length } = synthesizeDemand('example-fleet', options)
    expect(length).toBe(2688)
    expect(workloads.map(({ workload }) => `${workload.model}/${workload.region}`)).toEqual([
      'llama-3.1-70b/eu-west-1',
      'llama-3.1-70b/us-east-1',
      'llama-3.1-8b/eu-west-1',
      'llama-3.1-8b/us-east-1',
      'qwen2.5-72b/eu-west-1',
      'qwen2.5-72b/us-east-1',
    ])
    for (const { requests } of workloads) {
      const peak = requests.reduce((most, each) => Math.max(most, each || 0), 0) / options.stepSeconds
      expect(peak).toBeGreaterThan(5)
      expect(peak).toBeLessThan(250)
    }
  })

  it('launch-and-gap has a launch where it says, and a gap', () => {
    const [demand] = synthesizeDemand('launch-and-gap', options).workloads
    const shifts = findLevelShifts(demand!.requests, start, options.stepSeconds)
    expect(shifts).toEqual([{ at: start + 14 * 86_400, ratio: expect.closeTo(3, 0) }])
    expect(demand!.mask.reduce((sum, each) => sum + each, 0)).toBe(41)
  })

  it('weekly-growth grows without a level shift', () => {
    for (const { requests } of synthesizeDemand('weekly-growth', options).workloads) {
      expect(findLevelShifts(requests, start, options.stepSeconds)).toEqual([])
    }
  })
})

it('writes fields with commas in quotes, and no row for a masked point', () => {
  const one = Float64Array.of(1, Number.NaN)
  const workload = { model: 'a,"b"', region: 'r', tenant: 't' }
  const demand = { workload, requests: one, inputTokens: one, outputTokens: one, tokens: 'measured' as const }
  const history = {
    start,
    stepSeconds: 900,
    length: 2,
    workloads: [{ ...demand, mask: Uint8Array.of(0, 1) }],
  }
  expect(demandCsv(history)).toBe(
    'timestamp,model,region,tenant,requests,input_tokens,output_tokens\n2026-01-05T00:00:00Z,"a,""b""",r,t,1,1,1\n',
  )
})

it('cuts a history at a time and to some workloads', () => {
  const history = synthesizeDemand('example-fleet', { ...options, days: 2 })
  const cut = cutHistory(
    selectWorkloads(history, [{ model: 'llama-3.1-8b', region: 'us-east-1' }]),
    start + 86_400 + 899,
  )
  expect(cut.length).toBe(96)
  expect(cut.workloads.map(({ requests, mask }) => [requests.length, mask.length])).toEqual([[96, 96]])
  expect(cutHistory(history, start - 1).length).toBe(0)
})
