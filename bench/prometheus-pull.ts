// Wall time, CPU and peak memory of pulling 30 days × 200 series at 5 minutes from a Prometheus on loopback, with
// nothing kept yet and with everything kept, beside the bare requests: the same expressions, each over the whole 30
// days in one request, as many at a time, their answers read to the end and thrown away. Each in a process of its own,
// in turns in one run.
// Usage: node --import tsx bench/prometheus-pull.ts [rounds]
import { execFileSync } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pLimit from 'p-limit'
import { Agent } from 'undici'
import { Prometheus } from '../src/config/schema.js'
import { quantile } from '../src/kit/statistics.js'
import { formatInstant, parseInstant } from '../src/kit/time.js'
import { secondsPerDay } from '../src/kit/units.js'
import { openClient } from '../src/metrics/open-sources.js'
import { openDayStore } from '../src/metrics/prometheus/day-store.js'
import type { PrometheusSettings } from '../src/metrics/prometheus/prometheus-settings.js'
import { prometheusSource } from '../src/metrics/prometheus/prometheus-source.js'
import { planQueries } from '../src/metrics/prometheus/query-plan.js'
import { readTable } from '../src/metrics/read-demand.js'
import { prometheusFolder, startPrometheus } from '../test/prometheus-fixture.js'
import { runAlone } from './own-process.js'

const days = 30
const stepSeconds = 300
const scrapeSeconds = 100
const workloads = 25
const to = parseInstant('2025-04-02T00:00:00Z')!
const from = to - days * secondsPerDay

const ways = ['bare', 'empty store', 'filled store'] as const
type Way = (typeof ways)[number]

interface Measured {
  seconds: number
  cpuSeconds: number
  peakMegabytes: number
  /** Samples that came, or were kept; 0 where nobody looked. */
  samples: number
}

/** What vLLM exposes of 25 models with one replica each: eight series a model. In the temporary folder, once. */
async function makeData(): Promise<string> {
  const folder = join(tmpdir(), 'llmscale-bench', `prometheus-${workloads}-${days}d-${scrapeSeconds}s`)
  if (existsSync(folder)) return folder
  const part = `${folder}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  const text = join(part, 'samples.txt')
  await pipeline(sampleText, createWriteStream(text))
  execFileSync(join(prometheusFolder!, 'promtool'), [
    ...['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=2000h', '--quiet'],
    ...[text, join(part, 'data')],
  ])
  rmSync(text)
  renameSync(part, folder)
  return folder
}

const series: [
  name: string,
  type: string,
  labels: string,
  amount: (requests: number, wave: number) => number,
][] = [
  ['vllm:request_success_total', 'counter', ',finished_reason="stop"', (requests) => 0.8 * requests],
  ['vllm:request_success_total', 'counter', ',finished_reason="length"', (requests) => 0.2 * requests],
  ['vllm:prompt_tokens_total', 'counter', '', (requests) => 800 * requests],
  ['vllm:prompt_tokens_cached_total', 'counter', '', (requests) => 240 * requests],
  ['vllm:prefix_cache_hits_total', 'counter', '', (requests) => 240 * requests],
  ['vllm:generation_tokens_total', 'counter', '', (requests) => 200 * requests],
  ['vllm:num_requests_running', 'gauge', '', (_, wave) => 40 * wave],
  ['vllm:num_requests_waiting', 'gauge', '', (_, wave) => Math.max(0, 20 * (wave - 1.5))],
]

function* sampleText(): Generator<string> {
  let typed = ''
  for (const [name, type, labels, amount] of series) {
    const family = name.replace(/_total$/, '')
    if (family !== typed) yield `# TYPE ${family} ${type}\n`
    typed = family
    for (let model = 0; model < workloads; model++) {
      const head = `${name}{model_name="model-${model}",instance="10.0.0.${model}:8000"${labels}} `
      const lines: string[] = []
      let requests = 0
      for (let time = from - secondsPerDay; time <= to; time += scrapeSeconds) {
        const hour = time / 3600 + model
        const wave = 1 + 0.7 * Math.sin((2 * Math.PI * hour) / 24) + 0.2 * Math.sin(7.3 * hour)
        requests += 20 * scrapeSeconds * wave
        lines.push(`${head}${Math.floor(amount(requests, wave))} ${time + model}`)
      }
      yield `${lines.join('\n')}\n`
    }
  }
  yield '# EOF\n'
}

function settingsOf(url: string): PrometheusSettings {
  return Prometheus.parse({ url, presets: ['vllm'], history: `${days}d` })
}

async function runBare(url: string): Promise<() => Promise<number>> {
  const settings = settingsOf(url)
  const { queries } = await planQueries(
    await openClient(settings, 'llmscale.yaml'),
    settings,
    { from, to, stepSeconds },
    [],
  )
  const agent = new Agent({ connections: settings.parallel, headersTimeout: 0, bodyTimeout: 0 })
  const limit = pLimit(settings.parallel)
  const ask = async (query: string) => {
    const { statusCode, body } = await agent.request({
      origin: url,
      path: '/api/v1/query_range',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: String(
        new URLSearchParams({
          query,
          start: String(from + stepSeconds),
          end: String(to),
          step: String(stepSeconds),
        }),
      ),
    })
    if (statusCode !== 200) throw new Error(`${statusCode}: ${await body.text()}`)
    for await (const _ of body);
  }
  return async () => {
    await Promise.all(queries.map(({ query }) => limit(() => ask(query))))
    return 0
  }
}

async function runLlmscale(url: string, storePath: string): Promise<() => Promise<number>> {
  const settings = settingsOf(url)
  return async () => {
    const now = Date.now() / 1000
    const { store } = await openDayStore(storePath, to) // as if the days were new: old ones are forgotten
    const source = prometheusSource({
      client: await openClient(settings, 'llmscale.yaml'),
      settings,
      regions: ['eu-west-1'],
      histograms: [],
      now,
      store,
      server: url,
    })
    const table = await readTable({ sources: [{ source }], from, until: to, stepSeconds })
    store?.close()
    if (table.workloads.length !== workloads || table.length !== (days * secondsPerDay) / stepSeconds)
      throw new Error(`${table.workloads.length} workloads, ${table.length} steps`)
    return table.inputs[0]!.rows
  }
}

async function report(way: Way, url: string, storePath: string): Promise<void> {
  const run = way === 'bare' ? await runBare(url) : await runLlmscale(url, storePath)
  const cpu = process.cpuUsage()
  const started = performance.now()
  const samples = await run()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const measured: Measured = {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    samples,
  }
  console.log(JSON.stringify(measured))
  process.exit()
}

async function compare(rounds: number): Promise<void> {
  if (prometheusFolder === undefined) throw new Error('no Prometheus: node tools/prometheus.mjs')
  const folder = await makeData()
  const prometheus = await startPrometheus({ folder })
  const storePath = join(folder, 'store.duckdb')
  const measured: Record<Way, Measured[]> = { bare: [], 'empty store': [], 'filled store': [] }
  try {
    await runAlone<Measured>('bare', prometheus.url, storePath) // so that the disk's cache is warm for all
    for (let round = 0; round < rounds; round++) {
      rmSync(storePath, { force: true })
      rmSync(`${storePath}.wal`, { force: true })
      for (const way of ways) measured[way].push(await runAlone<Measured>(way, prometheus.url, storePath))
    }
  } finally {
    await prometheus.stop()
  }
  console.log(
    `${formatInstant(from)} to ${formatInstant(to)} every ${stepSeconds} s, median of ${rounds} rounds, node ${process.version}`,
  )
  const median = (way: Way, field: keyof Measured) =>
    quantile(
      measured[way].map((each) => each[field]),
      0.5,
    )
  for (const way of ways) {
    const wall = median(way, 'seconds')
    console.log(
      `${way.padEnd(13)} ${wall.toFixed(2)} s  ${(wall / median('bare', 'seconds')).toFixed(2)} × bare  ${median(way, 'cpuSeconds').toFixed(2)} CPU s  peak ${median(way, 'peakMegabytes').toFixed(0)} MB  ${median(way, 'samples')} samples`,
    )
  }
}

const [way, url, storePath] = process.argv.slice(2)
if (storePath !== undefined) await report(way as Way, url!, storePath)
else await compare(Number(way ?? 5))
