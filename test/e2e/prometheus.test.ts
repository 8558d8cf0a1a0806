import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SuccessEnvelope } from '../../src/cli/envelope.js'
import { formatInstant } from '../../src/kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../../src/kit/units.js'
import { aliasTenant } from '../../src/metrics/tenant-alias.js'
import { type FleetDemand, type FleetTruth, openMetricsOf } from '../open-metrics.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  prometheusNote,
  startPrometheus,
} from '../prometheus-fixture.js'
import { type PrometheusProxy, startProxy } from '../prometheus-proxy.js'
import { emptyFolder, programArgs } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const data = process.env['LLMSCALE_TEST_DATA']
const days = 8
const stepSeconds = 600
const stepsPerDay = secondsPerDay / stepSeconds
const scrapeSeconds = 150
/** Two days before today's midnight, so that every day is over and old enough to be kept. */
const end = (Math.floor(Date.now() / 1000 / secondsPerDay) - 1) * secondsPerDay
const start = end - days * secondsPerDay
const at = (day: number, hours = 0) => start + day * secondsPerDay + hours * 3600
const stepOf = (time: EpochSeconds) => Math.floor((time - start) / stepSeconds)

/** The first days of a model of the trace, as if they were these. */
function traceOf(model: string): FleetDemand['models'][number] {
  const rows = gunzipSync(readFileSync(join(data!, 'servegen-demand-10min.csv.gz')))
    .toString()
    .split('\n')
    .filter((line) => line.includes(`,${model},`))
    .slice(0, days * stepsPerDay)
    .map((line) => line.split(',').slice(2).map(Number))
  const column = (index: number) => Float64Array.from(rows, (row) => row[index]!)
  return { model, requests: column(0), inputTokens: column(1), outputTokens: column(2) }
}

function shareOf(
  { model, requests, inputTokens, outputTokens }: FleetDemand['models'][number],
  share: number,
): FleetDemand['models'][number] {
  const part = (column: ArrayLike<number>) =>
    Float64Array.from(column, (amount) => Math.round(share * amount))
  return {
    model,
    requests: part(requests),
    inputTokens: part(inputTokens),
    outputTokens: part(outputTokens),
  }
}

const events = { upgrade: at(2, 9.5) + 40, rename: at(3), reset: at(4, 14) + 205 }
/** Steps in which a process starts anew: what it counted after its last scrape is lost. */
const restarts = [stepOf(events.upgrade), stepOf(events.reset)]
const hole = { from: at(5, 10) + 90, to: at(5, 11) + 30 }
const holeSteps = Array.from({ length: 7 }, (_, index) => stepOf(hole.from) + index)

/** What was scraped of two environments, two regions and two tenants. */
function makeFleets() {
  const [large, mid] = [traceOf('m-large'), traceOf('m-mid')]
  const fleet = (model: typeof large): FleetDemand => ({ start, stepSeconds, models: [model] })
  const labels = (env: string, region: string, tenant?: string) => ({
    labels: { env, region, ...(tenant !== undefined && { tenant }) },
    scrapeSeconds,
  })
  return {
    large: openMetricsOf(fleet(large), {
      ...labels('prod', 'us-east-1'),
      names: ['old', 'both'],
      upgrade: { pod: 0, at: events.upgrade },
      rename: { model: 'm-large', to: 'm-large-v2', at: events.rename },
      reset: { pod: 1, at: events.reset },
      hole,
    }),
    acme: openMetricsOf(fleet(shareOf(mid, 0.6)), labels('prod', 'eu-west-1', 'acme')),
    globex: openMetricsOf(fleet(shareOf(mid, 0.4)), labels('prod', 'eu-west-1', 'Globex GmbH')),
    staging: openMetricsOf(fleet(shareOf(mid, 0.1)), {
      ...labels('staging', 'us-east-1'),
      requestsPerSecond: 125,
      serviceSeconds: 20,
    }),
  }
}

function configOf(url: string): string {
  const source = (env: string, labels: string) => `
    - environments: [${env}]
      prometheus:
        url: ${url}
        presets: [vllm]
        labels: {${labels}}
        matchers: env="${env}"`
  return `
environments:
  prod: {regions: [us-east-1, eu-west-1]}
  staging: {regions: [us-east-1]}
metrics:
  renames: {model: {m-large: m-large-v2}}
  sources: ${source('prod', 'region: region, tenant: tenant')}${source('staging', 'region: region')}
forecast: {step: 10m}
models:
  m-large-v2: {architecture: llama-3.1-70b, assumed: true}
  m-mid: {architecture: qwen2.5-32b, assumed: true}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4, precision: fp8}]
workloads:
  - {model: m-large-v2, regions: [us-east-1], target: {kind: Deployment, name: large}, slo: {ttftP95: 2s}}
  - {model: m-mid, tenant: acme, regions: [eu-west-1], target: {kind: Deployment, name: acme}, slo: {ttftP95: 2s}}
  - {model: m-mid, regions: [eu-west-1], target: {kind: Deployment, name: mid}, slo: {ttftP95: 2s}}
`
}

function projectOf(url: string): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'llmscale.yaml'), configOf(url))
  return folder
}

const pullArgs = (out: string, env: string, until = end) => [
  ...['metrics', 'pull', '--json', '--out', out, '--force', '--env', env],
  ...['--from', formatInstant(start), '--as-of', formatInstant(until)],
]

/** Pulls into demand.csv of a project. */
async function pull(folder: string, environment = 'prod', env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await runCommand(pullArgs('demand.csv', environment), { cwd: folder, env })
  expect(code, stdout + stderr).toBe(0)
  const { warnings } = SuccessEnvelope.parse(JSON.parse(stdout))
  const text = readFileSync(join(folder, 'demand.csv'), 'utf8')
  return { text, codes: warnings.map(({ code }) => code), warnings, demand: readCsv(text) }
}

/** Columns of a demand file by workload; NaN where it has no row or no amount. */
function readCsv(text: string): Map<string, Record<string, Float64Array>> {
  const [header, ...lines] = text.trimEnd().split('\n')
  const names = header!.split(',')
  const byId = new Map<string, Record<string, Float64Array>>()
  for (const line of lines) {
    const fields = line.split(',')
    const id = fields.slice(1, 4).filter(Boolean).join('/')
    const columns = byId.get(id) ?? {}
    byId.set(id, columns)
    for (const [index, name] of names.entries()) {
      if (index < 4) continue
      columns[name] ??= new Float64Array(days * stepsPerDay).fill(Number.NaN)
      if (fields[index] !== '') columns[name][stepOf(Date.parse(fields[0]!) / 1000)] = Number(fields[index])
    }
  }
  return byId
}

/**
 * Load is even within a step here, so `increase`, which extrapolates from the first and last sample of a step to its
 * ends, errs by the rounding of counters to whole numbers at both: below three for each series that is summed. In a
 * step in which a process of at most two thirds of the load starts anew, up to a scrape interval of it is lost.
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#increase
 */
function expectTruth(
  found: Float64Array | undefined,
  truth: Float64Array,
  { series, except = [], from = 0 }: { series: number; except?: number[]; from?: number },
): void {
  const lost = (2 / 3) * (scrapeSeconds / stepSeconds) * 1.25
  const wrong = [...truth.keys()].filter((step) => {
    if (step < from || except.includes(step)) return !Number.isNaN(found![step]!)
    const error = found![step]! - truth[step]!
    return !(
      error <= 3 * series && error >= -3 * series - (restarts.includes(step) ? lost * truth[step]! : 0)
    )
  })
  expect(wrong.map((step) => [step, found![step], truth[step]])).toEqual([])
}

/** The truth of a model under its two names, as one. */
function joined(truth: Map<string, FleetTruth>, column: keyof FleetTruth): Float64Array {
  const [before, after] = [truth.get('m-large')![column], truth.get('m-large-v2')![column]]
  return before.map((amount, step) => amount + after[step]!)
}

describe.skipIf(prometheusFolder === undefined || data === undefined)(
  `a week of a fleet${prometheusNote} (needs LLMSCALE_TEST_DATA)`,
  () => {
    const dataFolder = emptyFolder()
    let fleets: ReturnType<typeof makeFleets>
    let prometheus: PrometheusServer
    let folder: string
    let pulled: Awaited<ReturnType<typeof pull>>
    beforeAll(async () => {
      fleets = makeFleets()
      for (const { text } of Object.values(fleets)) await backfill(dataFolder, text)
      prometheus = await startPrometheus({ folder: dataFolder })
      folder = projectOf(prometheus.url)
      pulled = await pull(folder)
    })
    afterAll(() => prometheus?.stop())

    it('is pulled as it was: renamed, restarted, upgraded, and with its hole as a gap', () => {
      const alias = aliasTenant('Globex GmbH')
      expect([...pulled.demand.keys()].sort()).toEqual(
        ['m-large-v2/us-east-1', 'm-mid/eu-west-1/acme', `m-mid/eu-west-1/${alias}`].sort(),
      )
      const large = pulled.demand.get('m-large-v2/us-east-1')!
      const { truth } = fleets.large
      expectTruth(large['requests'], joined(truth, 'requests'), { series: 4, except: holeSteps })
      expectTruth(large['input_tokens'], joined(truth, 'inputTokens'), { series: 2, except: holeSteps })
      expectTruth(large['output_tokens'], joined(truth, 'outputTokens'), { series: 2, except: holeSteps })
      const cached = joined(truth, 'cachedInputTokens')
      expectTruth(large['cached_input_tokens'], cached, { series: 2, except: holeSteps })
      for (const [id, fleet] of [
        ['m-mid/eu-west-1/acme', fleets.acme],
        [`m-mid/eu-west-1/${alias}`, fleets.globex],
      ] as const) {
        const [columns, true_] = [pulled.demand.get(id)!, fleet.truth.get('m-mid')!]
        expectTruth(columns['requests'], true_.requests, { series: 4 })
        expectTruth(columns['input_tokens'], true_.inputTokens, { series: 2 })
        expectTruth(columns['output_tokens'], true_.outputTokens, { series: 2 })
      }
      expect(pulled.codes).toContain('SCRAPE_INTERRUPTED')
    })

    it('is demand, not served load, and of one environment: what waited counts when it arrived', async () => {
      const { demand } = await pull(projectOf(prometheus.url), 'staging')
      expect([...demand.keys()]).toEqual(['m-mid/us-east-1'])
      const { arrivedRequests, requests } = fleets.staging.truth.get('m-mid')!
      const found = demand.get('m-mid/us-east-1')!['requests']!
      const total = arrivedRequests.reduce((sum, amount) => sum + amount, 0)
      const error = (column: Float64Array) =>
        column.reduce((sum, amount, step) => sum + Math.abs(amount - arrivedRequests[step]!), 0) / total
      // The gauges are up to a scrape old at both ends of a step. While requests wait they change at the rate of
      // arrivals, so a step is wrong by that part of a step times the change from the step before.
      const change = arrivedRequests.reduce(
        (sum, amount, step, all) => sum + Math.abs(amount - (all[step - 1] ?? amount)),
        0,
      )
      expect(error(found)).toBeLessThan(((scrapeSeconds / stepSeconds) * change) / total)
      expect(found.reduce((sum, amount) => sum + amount, 0) / total).toBeCloseTo(1, 3)
      expect(error(requests)).toBeGreaterThan(10 * error(found))
    })

    it('names no tenant that llmscale.yaml does not name; a key makes other aliases', async () => {
      expect(pulled.text).toContain('acme')
      expect(pulled.text).not.toContain('Globex')
      const { text } = await pull(folder, 'prod', { LLMSCALE_TENANT_KEY: 'not to be guessed' })
      expect(text).not.toContain(aliasTenant('Globex GmbH'))
      expect(text).toContain(aliasTenant('Globex GmbH', 'not to be guessed'))
      expect(text).toContain('acme')
      expect(text).not.toContain('Globex')
    })

    describe('pulled again', () => {
      const ranges = ({ passed }: PrometheusProxy) =>
        passed.filter(({ path }) => path === '/api/v1/query_range')

      it('asks only for what is new', async () => {
        const proxy = await startProxy(prometheus.url)
        try {
          const project = projectOf(proxy.url)
          await runCommand(pullArgs('early.csv', 'prod', end - secondsPerDay), { cwd: project })
          expect(readCsv(readFileSync(join(project, 'early.csv'), 'utf8')).size).toBe(3)
          proxy.passed.length = 0
          const { text } = await pull(project)
          expect(text).toBe(pulled.text)
          expect(ranges(proxy).length).toBeGreaterThan(0)
          for (const { form } of ranges(proxy))
            expect(Number(form.get('start'))).toBeGreaterThan(end - secondsPerDay)
          proxy.passed.length = 0
          expect((await pull(project)).text).toBe(pulled.text)
          expect(ranges(proxy)).toEqual([])
        } finally {
          await proxy.close()
        }
      })

      it('goes on where Ctrl-C stopped it', async () => {
        const answered = 4
        const parallel = 4
        let held = 0
        let interrupted = true
        let child: ReturnType<typeof spawn> | undefined
        const proxy = await startProxy(prometheus.url, async ({ path }) => {
          if (path !== '/api/v1/query_range' || interrupted || ranges(proxy).length <= answered) return 'pass'
          // When as many wait as may be asked at once, all others have been answered and kept.
          if (++held === parallel) child!.kill('SIGINT')
          await once(child!, 'exit')
          return 'gone'
        })
        try {
          await pull(projectOf(proxy.url))
          const full = ranges(proxy).length
          proxy.passed.length = 0
          interrupted = false
          const project = projectOf(proxy.url)
          const args = [...programArgs, ...pullArgs('demand.csv', 'prod')]
          child = spawn(process.execPath, args, { cwd: project, stdio: 'ignore' })
          const [code, signal] = await once(child, 'exit')
          expect([code, signal]).not.toEqual([0, null])
          expect(existsSync(join(project, 'demand.csv'))).toBe(false)
          interrupted = true
          proxy.passed.length = 0
          expect((await pull(project)).text).toBe(pulled.text)
          expect(ranges(proxy)).toHaveLength(full - answered)
        } finally {
          child?.kill()
          await proxy.close()
        }
      })
    })

    it('begins where the retention does, and says so', async () => {
      const copy = emptyFolder()
      cpSync(join(dataFolder, 'data'), join(copy, 'data'), { recursive: true })
      const short = await startPrometheus({ folder: copy, retention: '3d' })
      try {
        const { demand, warnings } = await pull(projectOf(short.url))
        const { message } = warnings.find(({ code }) => code === 'RETENTION_SHORT')!
        const from = stepOf(Date.parse(/data since (\S+),/.exec(message)![1]!) / 1000)
        expect(from).toBeGreaterThanOrEqual(4 * stepsPerDay)
        expect(from).toBeLessThanOrEqual(5 * stepsPerDay)
        expectTruth(
          demand.get('m-mid/eu-west-1/acme')!['requests'],
          fleets.acme.truth.get('m-mid')!.requests,
          {
            series: 4,
            from,
          },
        )
      } finally {
        await short.stop()
      }
    })

    it('is planned as from a file of the truth', async () => {
      const file = join(emptyFolder(), 'truth.csv')
      writeFileSync(file, truthCsv())
      const plan = async (...args: string[]) => {
        const { code, stdout, stderr } = await runCommand(
          ['plan', '--env', 'prod', '--as-of', formatInstant(end), '--dry-run', '--json', ...args],
          { cwd: folder },
        )
        expect(code, stdout + stderr).toBe(0)
        return SuccessEnvelope.parse(JSON.parse(stdout)).result as unknown as PlanResult
      }
      const [ours, theirs] = [await plan(), await plan('--metrics', file)]
      expect(ours.written).toEqual([])
      expect(existsSync(join(folder, 'forecasts'))).toBe(false)
      expect(ours.workloads).toHaveLength(3)
      for (const [index, workload] of ours.workloads.entries()) {
        const other = theirs.workloads[index]!
        expect(workload.dailyPeakReplicas).toHaveLength(7)
        for (const [day, { p10, p50, p90 }] of workload.dailyPeakReplicas.entries()) {
          const peaks = other.dailyPeakReplicas[day]!
          for (const [is, should] of [
            [p10, peaks.p10],
            [p50, peaks.p50],
            [p90, peaks.p90],
          ] as const)
            expect(Math.abs(is - should)).toBeLessThanOrEqual(Math.max(1, 0.01 * should))
        }
        expect(workload.gate.open).toBe(other.gate.open)
        expect(reasonsOf(workload, 'floors')).toEqual(reasonsOf(other, 'floors'))
        expect(Math.abs(maximumOf(workload) - maximumOf(other))).toBeLessThanOrEqual(1)
        for (const name of ['inputTokens', 'outputTokens'] as const)
          expect(workload.meanLengths[name] / other.meanLengths[name]).toBeCloseTo(1, 2)
      }
    })

    /** What the fleet of prod was really asked for, under today's names, without the steps of the hole. */
    function truthCsv(): string {
      const lines = ['timestamp,model,region,tenant,requests,input_tokens,output_tokens']
      const add = (names: string, columns: Float64Array[], except: number[] = []) => {
        for (let step = 0; step < days * stepsPerDay; step++) {
          if (except.includes(step)) continue
          const amounts = columns.map((column) => Math.round(column[step]!))
          lines.push(`${formatInstant(start + step * stepSeconds)},${names},${amounts.join(',')}`)
        }
      }
      const amounts = ['arrivedRequests', 'inputTokens', 'outputTokens'] as const
      const { large, acme, globex } = fleets
      add(
        'm-large-v2,us-east-1,',
        amounts.map((column) => joined(large.truth, column)),
        holeSteps,
      )
      add(
        'm-mid,eu-west-1,acme',
        amounts.map((column) => acme.truth.get('m-mid')![column]),
      )
      add(
        'm-mid,eu-west-1,globex',
        amounts.map((column) => globex.truth.get('m-mid')![column]),
      )
      return `${lines.join('\n')}\n`
    }
  },
)

interface PlanResult {
  written: string[]
  workloads: {
    dailyPeakReplicas: { p10: number; p50: number; p90: number }[]
    gate: { open: boolean }
    reasons: { field: string; value: string | number }[]
    meanLengths: { inputTokens: number; outputTokens: number }
  }[]
}

function reasonsOf({ reasons }: PlanResult['workloads'][number], field: string): unknown[] {
  return reasons.filter((reason) => reason.field === field).map(({ value }) => value)
}

function maximumOf(workload: PlanResult['workloads'][number]): number {
  return Number(reasonsOf(workload, 'hardMaximum')[0])
}
