import { describe, expect, it } from 'vitest'
import { workloadId } from '../../../src/kit/workload.js'
import type { SignalQuery } from '../../../src/metrics/prometheus/query-plan.js'
import type { RangeAnswer } from '../../../src/metrics/prometheus/read-range.js'
import { gatherHistograms, gatherSignals } from '../../../src/metrics/prometheus/workload-series.js'

const labels = { model: 'model', region: 'region', tenant: 'tenant' }
const naming = { server: 'http://prometheus', settings: {}, regions: ['eu', 'us'] }

const query = (signal: SignalQuery['signal'], preset?: SignalQuery['preset'], more = {}): SignalQuery => ({
  signal,
  query: `query of ${signal}`,
  labels,
  ...(preset !== undefined && { preset }),
  ...more,
})

const answer = (...series: [Record<string, string>, number][]): RangeAnswer => ({
  series: series.map(([names, value]) => ({ labels: names, values: Float64Array.of(value) })),
  samples: series.length,
  unusableSamples: 0,
  warnings: [],
})

/** The first value of each signal by workload. */
function gather(asked: [SignalQuery, RangeAnswer][], by = naming) {
  const { workloads, findings } = gatherSignals(
    asked.map(([each]) => each),
    asked.map(([, each]) => each),
    by,
  )
  const values = workloads.map(({ workload, signals }) => [
    workloadId(workload),
    Object.fromEntries(Object.entries(signals).map(([signal, column]) => [signal, column[0]])),
  ])
  return { values: Object.fromEntries(values), findings }
}

describe('gatherSignals', () => {
  it('takes each workload from the first preset that counts its requests', () => {
    const gateway = query('requests', 'llm-d')
    const engine = query('requests', 'vllm')
    const { values } = gather([
      [gateway, answer([{ model: 'a', region: 'eu' }, 10])],
      [engine, answer([{ model: 'a', region: 'eu' }, 9], [{ model: 'b', region: 'eu' }, 5])],
      [
        query('inFlightRequests', 'vllm'),
        answer([{ model: 'a', region: 'eu' }, 3], [{ model: 'b', region: 'eu' }, 2]),
      ],
      [query('inputTokens', 'vllm'), answer([{ model: 'a', region: 'eu' }, 70])],
    ])
    expect(values).toEqual({
      'a/eu': { requests: 10, inputTokens: 70 },
      'b/eu': { requests: 5, inFlightRequests: 2 },
    })
  })

  it('adds series of one workload, and never guesses among regions', () => {
    const { values, findings } = gather([
      [
        query('requests', 'vllm'),
        answer(
          [{ model: 'a', region: 'eu' }, 1],
          [{ model: 'a', region: 'eu', pod: 'x' }, 2],
          [{ model: 'a', region: '' }, 100],
        ),
      ],
    ])
    expect(values).toEqual({ 'a/eu': { requests: 3 } })
    expect(findings).toEqual([
      {
        code: 'SERIES_UNNAMED',
        message: expect.stringContaining('1 series of requests name no model or no region'),
      },
    ])
  })

  it('gives series without a region the only one', () => {
    const requests = answer([{ model: 'a' }, 1])
    expect(gather([[query('requests', 'vllm'), requests]], { ...naming, regions: ['eu'] }).values).toEqual({
      'a/eu': { requests: 1 },
    })
    const unlabelled = { ...query('requests', 'vllm'), labels: { model: 'model' } }
    expect(() => gather([[unlabelled, requests]])).toThrow(
      expect.objectContaining({ code: 'REGION_UNKNOWN' }),
    )
  })

  it('refuses requests and own queries of which no series names a workload', () => {
    for (const [each, series] of [
      [query('requests', 'vllm'), answer([{ pod: 'x' }, 1])],
      [query('inputTokens'), answer([{}, 1])],
    ] as const)
      expect(() => gather([[each, series]])).toThrow(
        expect.objectContaining({ code: 'LABEL_MISSING', message: expect.stringMatching(/pod|no labels/) }),
      )
  })

  it('says which signal belongs to no counted workload', () => {
    const { values, findings } = gather([
      [query('requests', 'llm-d'), answer([{ model: 'a', region: 'eu', tenant: 't' }, 1])],
      [query('inputTokens', 'vllm'), answer([{ model: 'a', region: 'eu' }, 50])],
    ])
    expect(values).toEqual({ 'a/eu/t': { requests: 1 } })
    expect(findings).toEqual([
      { code: 'SIGNAL_UNUSED', message: expect.stringMatching(/inputTokens names a\/eu/) },
    ])
  })
})

describe('gatherHistograms', () => {
  it('needs the bounds of buckets', () => {
    const asked = query('input_tokens')
    const day = { labels: { model: 'a', region: 'eu' }, values: new Float64Array(24).fill(1) }
    const all = { ...answer(), series: [day] }
    expect(() => gatherHistograms([asked], [all], 0, naming)).toThrow(
      expect.objectContaining({ code: 'LABEL_MISSING', message: expect.stringContaining('"le"') }),
    )
  })
})
