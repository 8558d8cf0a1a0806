import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MetricNames } from '../../../src/metrics/prometheus/preset.js'
import { presets } from '../../../src/metrics/prometheus/presets.js'
import {
  checkMatchers,
  countSeriesQuery,
  fillStep,
  type QueryKind,
  quoteLabelValue,
  readyQuery,
  samplesQuery,
  selector,
  signalQuery,
} from '../../../src/metrics/prometheus/promql.js'
import { type FleetDemand, type FleetTruth, openMetricsOf } from '../../open-metrics.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  prometheusNote,
  startExporter,
  startPrometheus,
} from '../../prometheus-fixture.js'
import { emptyFolder } from '../../run-cli.js'

const nasty = [
  `"} or vector(1) or x{y="`,
  'back\\slash\\',
  'two\nlines\r\n',
  '<img src=x onerror=alert(1)>',
  "'; DROP TABLE demand; --",
  '`tick` {{ .Value }} $1 $$',
  '\u0000\u0007\u001b[31m\u2028\u{1f600}é',
]
const options = {
  groupBy: ['model_name'],
  stepSeconds: 300,
  matchers: ['namespace="llm"'],
  available: new Set(['new_total', 'old_total', 'waiting', 'running', 'h_bucket', 'g_bucket']),
}

describe('queries', () => {
  it('take the increase of a counter over the step, by group', () => {
    expect(signalQuery([{ metric: 'new_total', matchers: 'code=~"429|503"' }], 'counter', options)).toBe(
      'sum by (model_name) (increase(new_total{code=~"429|503",namespace="llm"}[300s]))',
    )
  })

  it('join old and new names process by process, and leave out those that the server does not have', () => {
    const names: MetricNames = [{ metric: 'new_total' }, { metric: 'older_total' }, { metric: 'old_total' }]
    expect(signalQuery(names, 'counter', { ...options, matchers: [] })).toBe(
      'sum by (model_name) (' +
        'sum by (model_name, cluster, namespace, instance, pod) (increase(new_total[300s])) or ' +
        'sum by (model_name, cluster, namespace, instance, pod) (increase(old_total[300s])))',
    )
    expect(signalQuery([{ metric: 'older_total' }], 'counter', options)).toBeUndefined()
  })

  it('add the gauges that there are, and group histograms by bucket too', () => {
    const gauges: MetricNames[] = [[{ metric: 'waiting' }], [{ metric: 'swapped' }]]
    expect(signalQuery(gauges, 'gauge', { ...options, matchers: [] })).toBe('sum by (model_name) (waiting)')
    expect(signalQuery([{ metric: 'h' }], 'histogram', { ...options, matchers: [] })).toBe(
      'sum by (model_name, le) (increase(h_bucket[300s]))',
    )
  })

  it('ask for samples, processes and series', () => {
    const { available: _, ...rest } = { ...options, matchers: [] }
    expect(samplesQuery('up', rest)).toBe('max by (model_name) (count_over_time(up[300s]))')
    expect(readyQuery('up', rest)).toBe(
      'count by (model_name) (count by (model_name, cluster, namespace, instance, pod) (up))',
    )
    expect(countSeriesQuery(selector('up', ['a="b",', 'c="d"']))).toBe('count(up{a="b",c="d"})')
  })

  it('fill the step into a user’s query and touch nothing else', () => {
    expect(fillStep('sum(increase(x{a="{b}"}[{step}])) / 1 # {step}', 600)).toBe(
      'sum(increase(x{a="{b}"}[600s])) / 1 # 600s',
    )
  })

  it('select without a name, and quote names that are no identifiers', () => {
    expect(selector('', ['__name__=~"vllm:.+"', 'a="b"'])).toBe('{__name__=~"vllm:.+",a="b"}')
    expect(selector('http.requests"', [])).toBe('{__name__="http.requests\\""}')
  })

  it('refuse labels that PromQL cannot group by', () => {
    const identifier = /^[a-zA-Z_][a-zA-Z0-9_]*$/
    const label = fc.oneof(fc.string(), fc.constantFrom(...nasty, 'model_name', '_a1', 'a:b', '1a', ''))
    fc.assert(
      fc.property(label, (name) => {
        const ask = () => signalQuery([{ metric: 'new_total' }], 'counter', { ...options, groupBy: [name] })
        if (identifier.test(name)) expect(ask()).toContain(`by (${name})`)
        else expect(ask).toThrow(expect.objectContaining({ code: 'LABEL_INVALID', reason: 'configInvalid' }))
      }),
    )
  })
})

describe('matchers of users', () => {
  it('may use every operator and every kind of quotes', () => {
    for (const text of [
      'namespace="llm"',
      ` a != 'x' , b =~ "a|b\\"}" , `,
      'a!~`} or {`,b="{}"',
      'a="# no comment"',
    ])
      expect(() => checkMatchers(text, 'matchers')).not.toThrow()
  })

  it('are refused where they are anything else', () => {
    const broken = [
      '',
      'a',
      'a="',
      'a="b"}',
      'a="b"} or vector(1) #',
      'a="b" c="d"',
      'a="b\n"',
      'a=b',
      '{a="b"}',
    ]
    for (const text of broken)
      expect(() => checkMatchers(text, 'metrics.prometheus.matchers')).toThrow(
        expect.objectContaining({
          code: 'MATCHERS_INVALID',
          reason: 'configInvalid',
          message: expect.stringContaining('metrics.prometheus.matchers'),
        }),
      )
  })

  it('take time in proportion to their length', () => {
    const started = performance.now()
    expect(() => checkMatchers(`${'a="b",'.repeat(10_000)}!`, 'matchers')).toThrow()
    expect(() => checkMatchers(`a="${'\\\\'.repeat(50_000)}`, 'matchers')).toThrow()
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

it('quoted values round-trip through Go’s escapes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...nasty)), (text) => {
      expect(unquoteGo(quoteLabelValue(text))).toBe(text)
    }),
  )
})

/** https://go.dev/ref/spec#String_literals: interpreted strings. */
function unquoteGo(literal: string): string {
  const escapes: Record<string, string> = {
    a: '\x07',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
    '\\': '\\',
    '"': '"',
  }
  const inside = /^"((?:[^"\\\n]|\\(?:[abfnrtv\\"]|u[0-9a-fA-F]{4}))*)"$/.exec(literal)?.[1]
  if (inside === undefined) throw new Error(`${literal} is no string of Go`)
  return inside.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex?: string, letter?: string) =>
    hex === undefined ? escapes[letter!]! : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

const data = process.env['LLMSCALE_TEST_DATA']
const stepSeconds = 600
const start = Date.UTC(2025, 2, 3) / 1000
const steps = 144

/** A day of m-mid, or of a curve like it where the trace is not to be had; the second half as a model of its own. */
function demandOfDay(): FleetDemand {
  const curve = Float64Array.from({ length: steps }, (_, step) =>
    Math.round(600_000 + 400_000 * Math.sin(step / 23) + 50_000 * Math.sin(step * 7)),
  )
  const columns = {
    requests: curve,
    inputTokens: curve.map((n) => 550 * n),
    outputTokens: curve.map((n) => 120 * n),
  }
  if (data !== undefined) {
    const rows = gunzipSync(readFileSync(join(data, 'servegen-demand-10min.csv.gz')))
      .toString()
      .split('\n')
      .filter((line) => line.includes(',m-mid,'))
      .slice(0, steps)
      .map((line) => line.split(',').slice(2).map(Number))
    columns.requests = Float64Array.from(rows, ([requests]) => requests!)
    columns.inputTokens = Float64Array.from(rows, ([, input]) => input!)
    columns.outputTokens = Float64Array.from(rows, ([, , output]) => output!)
  }
  return { start, stepSeconds, models: [{ model: 'm-mid', ...columns }] }
}

describe.skipIf(prometheusFolder === undefined)(`the presets’ queries${prometheusNote}`, () => {
  const demand = demandOfDay()
  const noon = start + 12 * 3600
  const scenarios = {
    plain: openMetricsOf(demand, { pods: 3, histograms: true, labels: { job: 'plain' } }),
    slow: openMetricsOf(demand, { scrapeSeconds: 150, labels: { job: 'slow' } }),
    reset: openMetricsOf(demand, { reset: { pod: 1, at: noon + 205 }, labels: { job: 'reset' } }),
    both: openMetricsOf(demand, { names: ['both', 'both'], histograms: true, labels: { job: 'both' } }),
    half: openMetricsOf(demand, { names: ['old', 'new'], labels: { job: 'half' } }),
    mixed: openMetricsOf(demand, { names: ['old', 'both', 'new'], pods: 3, labels: { job: 'mixed' } }),
    upgraded: openMetricsOf(demand, { upgrade: { pod: 1, at: noon }, labels: { job: 'upgraded' } }),
    renamed: openMetricsOf(demand, {
      rename: { model: 'm-mid', to: 'm-mid-v2', at: noon + 30 },
      labels: { job: 'renamed' },
    }),
    hole: openMetricsOf(demand, { hole: { from: noon, to: noon + 1800 }, labels: { job: 'hole' } }),
    nan: openMetricsOf(demand, { nan: { from: noon, to: noon + 120 }, labels: { job: 'nan' } }),
    queue: openMetricsOf(demand, {
      requestsPerSecond: 1000,
      serviceSeconds: 20,
      labels: { job: 'queue' },
    }),
  }
  type Scenario = keyof typeof scenarios
  const available = new Set([
    'vllm:request_success_total',
    'vllm:prompt_tokens_total',
    'vllm:generation_tokens_total',
    'vllm:prompt_tokens_cached_total',
    'vllm:prefix_cache_hits_total',
    'vllm:num_requests_waiting',
    'vllm:num_requests_running',
    'vllm:request_prompt_tokens_bucket',
    'vllm:inter_token_latency_seconds_bucket',
    'vllm:time_per_output_token_seconds_bucket',
  ])
  let prometheus: PrometheusServer | undefined
  beforeAll(async () => {
    const folder = emptyFolder()
    for (const { text } of Object.values(scenarios)) await backfill(folder, text)
    prometheus = await startPrometheus({ folder })
  }, 120_000)
  afterAll(() => prometheus?.stop())

  interface Answer {
    metric: Record<string, string>
    values: [number, string][]
  }
  async function ask(path: string, parameters: Record<string, string>): Promise<Answer[]> {
    const response = await fetch(`${prometheus!.url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    })
    const body = (await response.json()) as { status: string; error?: string; data: { result: Answer[] } }
    if (body.status !== 'success') throw new Error(body.error)
    return body.data.result
  }

  /** Values by step, and by the label that tells the series apart; NaN where there is none. */
  async function columns(query: string, label = 'model_name'): Promise<Map<string, Float64Array>> {
    const answers = await ask('query_range', {
      query,
      start: String(start + stepSeconds),
      end: String(start + steps * stepSeconds),
      step: String(stepSeconds),
    })
    return new Map(
      answers.map(({ metric, values }) => {
        const column = new Float64Array(steps).fill(Number.NaN)
        for (const [time, value] of values) column[(time - start) / stepSeconds - 1] = Number(value)
        return [metric[label] ?? '', column]
      }),
    )
  }

  const queryOf = (
    scenario: Scenario,
    names: MetricNames | readonly MetricNames[] | undefined,
    kind: QueryKind,
  ) =>
    signalQuery(names!, kind, {
      groupBy: ['model_name'],
      stepSeconds,
      matchers: [`job="${scenario}"`],
      available,
    })!

  const { counters, gauges, histograms } = presets.vllm
  const truthOf = (scenario: Scenario, model = 'm-mid'): FleetTruth => scenarios[scenario].truth.get(model)!

  /**
   * `increase` extrapolates from the first and last sample of a step to its ends. Load is even within a step of this
   * demand, so what remains is the rounding of each series at both ends to whole requests, extrapolated by at most
   * an interval at each end: below three for each series.
   * https://prometheus.io/docs/prometheus/latest/querying/functions/#increase
   */
  function expectEqual(
    found: Float64Array | undefined,
    truth: Float64Array,
    series: number,
    except: number[] = [],
  ) {
    const wrong = [...truth.keys()].filter(
      (step) => !except.includes(step) && !(Math.abs(found![step]! - truth[step]!) <= 3 * series),
    )
    expect(wrong.map((step) => [step, found![step], truth[step]])).toEqual([])
  }

  it('find every step’s requests and tokens, scraped each minute or each 150 s', async () => {
    for (const scenario of ['plain', 'slow'] as const) {
      const truth = truthOf(scenario)
      for (const signal of ['requests', 'inputTokens', 'cachedInputTokens', 'outputTokens'] as const) {
        const found = await columns(queryOf(scenario, counters[signal], 'counter'))
        expect([...found.keys()]).toEqual(['m-mid'])
        expectEqual(found.get('m-mid'), truth[signal], 6)
      }
    }
  })

  it('count a process that has old and new names once, and a half-upgraded fleet wholly', async () => {
    for (const scenario of ['both', 'half', 'mixed'] as const) {
      const found = await columns(queryOf(scenario, counters.cachedInputTokens, 'counter'))
      expectEqual(found.get('m-mid'), truthOf(scenario).cachedInputTokens, 3)
    }
  })

  it('follow a process that takes the new names', async () => {
    const found = await columns(queryOf('upgraded', counters.cachedInputTokens, 'counter'))
    expectEqual(found.get('m-mid'), truthOf('upgraded').cachedInputTokens, 3)
  })

  it('go over a reset: at most one scrape interval of one process is missing', async () => {
    const found = (await columns(queryOf('reset', counters.requests, 'counter'))).get('m-mid')!
    const { requests } = truthOf('reset')
    const step = 72
    expectEqual(found, requests, 6, [step])
    const missing = (requests[step]! - found[step]!) / requests[step]!
    expect(missing).toBeGreaterThan(-0.001)
    expect(missing).toBeLessThan((2 / 3) * (60 / stepSeconds) * 1.25)
  })

  it('tell a renamed model from the one before', async () => {
    const found = await columns(queryOf('renamed', counters.requests, 'counter'))
    expect([...found.keys()].sort()).toEqual(['m-mid', 'm-mid-v2'])
    const until = Array.from({ length: 72 }, (_, step) => step)
    const after = Array.from({ length: 71 }, (_, step) => step + 73)
    expectEqual(found.get('m-mid'), truthOf('renamed').requests, 6, [72, ...after])
    expectEqual(found.get('m-mid-v2'), truthOf('renamed', 'm-mid-v2').requests, 6, [...until, 72])
  })

  it('see from the samples which steps were not scraped', async () => {
    const query = samplesQuery('vllm:request_success_total', {
      groupBy: ['model_name'],
      stepSeconds,
      matchers: ['job="hole"'],
    })
    const samples = (await columns(query)).get('m-mid')!
    expect([71, 72, 73, 74, 75].map((step) => samples[step])).toEqual([
      10,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      10,
    ])
  })

  it('answer nothing for steps that were not scraped, and no number for those with a NaN', async () => {
    const hole = (await columns(queryOf('hole', counters.requests, 'counter'))).get('m-mid')!
    expectEqual(hole, truthOf('hole').requests, 6, [72, 73, 74])
    expect([...hole.subarray(72, 75)]).toEqual([Number.NaN, Number.NaN, Number.NaN])
    const nan = (await columns(queryOf('nan', counters.requests, 'counter'))).get('m-mid')!
    expectEqual(nan, truthOf('nan').requests, 6, [72])
    expect(nan[72]).toBeNaN()
  })

  it('give requests in flight, with which ended requests make those that arrived', async () => {
    const truth = truthOf('queue')
    const inFlight = (await columns(queryOf('queue', gauges.inFlightRequests, 'gauge'))).get('m-mid')!
    const queued = (await columns(queryOf('queue', gauges.queuedRequests, 'gauge'))).get('m-mid')!
    expect(Math.max(...truth.queuedRequests)).toBeGreaterThan(1000)
    // A gauge is as old as the last scrape, up to a minute: it may have changed by all that came or went since.
    const perMinute = (step: number) =>
      (Math.max(truth.arrivedRequests[step]!, truth.requests[step]!) * 60) / stepSeconds + 1
    for (let step = 0; step < steps; step++) {
      expect(Math.abs(inFlight[step]! - truth.inFlightRequests[step]!)).toBeLessThan(perMinute(step))
      expect(Math.abs(queued[step]! - truth.queuedRequests[step]!)).toBeLessThan(perMinute(step))
    }
  })

  it('give histograms by bucket, one name a process', async () => {
    const lengths = await columns(queryOf('plain', histograms.input_tokens, 'histogram'), 'le')
    const { requests, outputTokens } = truthOf('plain')
    expect([...lengths.keys()].sort()).toEqual(['+Inf', '100', '1000', '10000'])
    expectEqual(lengths.get('+Inf'), requests, 3)
    expectEqual(
      lengths.get('1000'),
      requests.map((count) => 0.75 * count),
      3,
    )
    const gaps = await columns(queryOf('both', histograms.itl_seconds, 'histogram'), 'le')
    expectEqual(gaps.get('+Inf'), outputTokens, 3)
  })

  it('count processes and series', async () => {
    const matchers = ['job="plain"']
    const ready = await columns(readyQuery('vllm:prompt_tokens_total', { groupBy: ['model_name'], matchers }))
    expect([...ready.get('m-mid')!]).toEqual(Array.from({ length: steps }, () => 3))
    const [series] = await ask('query', {
      query: countSeriesQuery(selector('vllm:request_success_total', matchers)),
      time: String(noon),
    })
    expect((series as unknown as { value: [number, string] }).value[1]).toBe('6')
  })

  it('mean exactly the values that stand in them', async () => {
    const samples = fc.sample(fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 40 }), 300)
    const values = [...nasty, ...samples]
    const matchers = values.map((value, at) => `l${at}=${quoteLabelValue(value)}`)
    const [absent] = await ask('query', { query: `absent(${selector('nothing', matchers)})` })
    expect(values.map((_, at) => absent!.metric[`l${at}`])).toEqual(values)
    for (const matcher of matchers) expect(() => checkMatchers(matcher, 'matchers')).not.toThrow()
  })
})

describe.skipIf(prometheusFolder === undefined)(`the stand-in for vLLM${prometheusNote}`, () => {
  it('is scraped each second; a reset loses a second at most, a new name begins a series', async () => {
    const model = { model: 'chat "7b"', requestsPerSecond: 200, inputTokens: 500, outputTokens: 100 }
    const exporter = await startExporter([model], 'both')
    const prometheus = await startPrometheus({
      folder: emptyFolder(),
      scrape: [{ url: `${exporter.url}/metrics`, interval: '1s', labels: { pod: 'a' } }],
    })
    try {
      const value = async (query: string) => {
        const body = new URLSearchParams({ query })
        const response = await fetch(`${prometheus.url}/api/v1/query`, { method: 'POST', body })
        const answer = (await response.json()) as { data: { result: { value: [number, string] }[] } }
        return Number(answer.data.result[0]?.value[1])
      }
      const until = async (query: string, isDone: (value: number) => boolean) => {
        const deadline = Date.now() + 20_000
        while (!isDone(await value(query))) {
          if (Date.now() > deadline) throw new Error(`${query} is ${await value(query)}`)
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      const prompts = selector('vllm:prompt_tokens_total', [`model_name=${quoteLabelValue(model.model)}`])
      await until(`count_over_time(${prompts}[1m])`, (count) => count >= 3)
      await exporter.reset()
      await until(`resets(${prompts}[1m])`, (count) => count === 1)
      await until(`count_over_time(${prompts}[1m])`, (count) => count >= 6)
      await prometheus.restart()
      const restarted = Date.now() / 1000
      // A series that was not scraped since the restart would never be marked as ended.
      await until(`timestamp(${prompts})`, (time) => time > restarted + 4)
      await until(`rate(${prompts}[4s])`, (rate) => Math.abs(rate / 100_000 - 1) < 0.25)
      await exporter.rename(model.model, 'chat-8b')
      await until('count(vllm:prompt_tokens_total{model_name="chat-8b"})', (count) => count === 1)
      await until(`count(${prompts})`, Number.isNaN)
      const totals = await exporter.totals()
      expect(Object.keys(totals)).toEqual([model.model, 'chat-8b'])
      expect(totals['chat-8b']!.requests).toBeGreaterThan(0)
    } finally {
      await prometheus.stop()
      await exporter.stop()
    }
  })
})
