import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe } from 'vitest'
import { Prometheus } from '../../src/config/schema.js'
import { csvToParquet } from '../../src/delivery/parquet.js'
import { formatInstant } from '../../src/kit/time.js'
import { fileSource } from '../../src/metrics/files/file-source.js'
import { openDayStore } from '../../src/metrics/prometheus/day-store.js'
import { createPrometheusClient } from '../../src/metrics/prometheus/http-client.js'
import { prometheusSource } from '../../src/metrics/prometheus/prometheus-source.js'
import { csvField } from '../../src/metrics/table-csv.js'
import { openMetricsOf } from '../open-metrics.js'
import { backfill, prometheusFolder, prometheusNote, startPrometheus } from '../prometheus-fixture.js'
import { startProxy, type Treatment } from '../prometheus-proxy.js'
import { emptyFolder } from '../run-cli.js'
import {
  describeSourceContract,
  type SourceUnderTest,
  type TrueDemand,
  type TrueWorkload,
} from './source-contract.js'

function namesOf({ workload: { model, region, tenant = '' } }: TrueWorkload): string {
  return [model, region, tenant].map(csvField).join(',')
}

function aggregatedCsv({ start, stepSeconds, length, workloads }: TrueDemand): string {
  const lines = ['timestamp,model,region,tenant,requests,input_tokens,output_tokens']
  for (let step = 0; step < length; step++) {
    for (const truth of workloads) {
      const count = truth.requests[step]!
      if (Number.isNaN(count)) continue
      const { lengths } = truth
      const tokens = lengths === undefined ? ',' : `${count * lengths.input},${count * lengths.output}`
      lines.push(`${formatInstant(start + step * stepSeconds)},${namesOf(truth)},${count},${tokens}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** One row a request, evenly over its step, and one after the last step: a log goes on. */
function requestsCsv({ start, stepSeconds, length, workloads }: TrueDemand): string {
  const lines = ['timestamp,model,region,tenant,input_tokens,output_tokens']
  for (const truth of workloads) {
    const { input = '', output = '' } = truth.lengths ?? {}
    const add = (steps: number) => {
      const time = new Date((start + steps * stepSeconds) * 1000).toISOString()
      lines.push(`${time},${namesOf(truth)},${input},${output}`)
    }
    truth.requests.forEach((count, step) => {
      for (let request = 0; request < count; request++) add(step + request / count)
    })
    add(length)
  }
  return `${lines.join('\n')}\n`
}

async function sourceOfFile(name: string, bytes: string | Uint8Array): Promise<SourceUnderTest> {
  const path = join(emptyFolder(), name)
  writeFileSync(path, bytes)
  return {
    source: fileSource({ files: [path], regions: [] }),
    cut: () => {
      const whole = readFileSync(path)
      writeFileSync(path, whole.subarray(0, whole.length / 2))
    },
    remove: () => rmSync(path),
  }
}

describeSourceContract('CSV', (demand) => sourceOfFile('demand.csv.gz', gzipSync(aggregatedCsv(demand))))

describeSourceContract('Parquet', async (demand) =>
  sourceOfFile(
    'demand.parquet',
    await csvToParquet(aggregatedCsv(demand), 'timestamp', ['model', 'region', 'tenant']),
  ),
)

describeSourceContract(
  'a log of requests',
  (demand) => sourceOfFile('requests.csv.gz', gzipSync(requestsCsv(demand))),
  { silenceIsZero: true },
)

const scrapeSeconds = 60

/** The counters that a fleet with this demand has, each workload in a process of its own. */
async function startFilledPrometheus(demand: TrueDemand) {
  const folder = emptyFolder()
  for (const truth of demand.workloads) await backfillWorkload(folder, demand, truth)
  return startPrometheus({ folder })
}

async function backfillWorkload(
  folder: string,
  { start, stepSeconds }: TrueDemand,
  { workload: { model, region, tenant }, requests, lengths }: TrueWorkload,
): Promise<void> {
  const isMissing = Number.isNaN
  const first = requests.findIndex((count) => !isMissing(count))
  const end = requests.findLastIndex((count) => !isMissing(count)) + 1
  const counts = requests.slice(first, end).map((count) => count || 0)
  const from = start + first * stepSeconds
  const hole = requests.slice(first, end)
  const holeFrom = hole.findIndex(isMissing)
  const { input = 0, output = 0 } = lengths ?? {}
  const { text } = openMetricsOf(
    {
      start: from,
      stepSeconds,
      models: [
        {
          model,
          requests: counts,
          inputTokens: counts.map((count) => count * input),
          outputTokens: counts.map((count) => count * output),
        },
      ],
    },
    {
      pods: 1,
      scrapeSeconds,
      labels: { region, ...(tenant !== undefined && { tenant }) },
      ...(holeFrom >= 0 && {
        hole: {
          from: from + holeFrom * stepSeconds,
          to: from + (hole.findLastIndex(isMissing) + 1) * stepSeconds,
        },
      }),
    },
  )
  const isOfTokens = /^(# TYPE )?vllm:(prompt_tokens|generation_tokens)/
  const lines = text.split('\n').filter((line) => lengths !== undefined || !isOfTokens.test(line))
  await backfill(folder, lines.join('\n'))
}

async function sourceOfPrometheus(demand: TrueDemand, keeps: boolean): Promise<SourceUnderTest> {
  const prometheus = await startFilledPrometheus(demand)
  let treatment: Treatment = 'pass'
  const proxy = await startProxy(prometheus.url, ({ path }) =>
    treatment === 'cut' && path !== '/api/v1/query_range' ? 'pass' : treatment,
  )
  const settings = Prometheus.parse({
    url: proxy.url,
    presets: ['vllm'],
    labels: { region: 'region', tenant: 'tenant' },
    history: '4d',
  })
  const now = Date.now() / 1000
  const { store } = keeps ? await openDayStore(join(emptyFolder(), 'days.duckdb'), now) : {}
  const client = createPrometheusClient({
    ...settings,
    timeoutSeconds: settings.timeout,
    folder: '.',
    wait: async () => {},
  })
  return {
    source: prometheusSource({
      client,
      settings,
      regions: [],
      histograms: ['input_tokens'],
      now,
      store,
      server: proxy.url,
    }),
    cut: () => {
      treatment = 'cut'
    },
    remove: () => {
      treatment = 'gone'
    },
    close: async () => {
      store?.close()
      await proxy.close()
      await prometheus.stop()
    },
  }
}

/**
 * `increase` extrapolates from the first and last sample of a step to its ends. What remains is the rounding of the
 * counters to whole numbers at both: below three for each of the two series that count a workload's requests.
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#increase
 */
const tolerance = () => 6

describe.skipIf(prometheusFolder === undefined)(`Prometheus${prometheusNote}`, () => {
  describeSourceContract('Prometheus', (demand) => sourceOfPrometheus(demand, false), { tolerance })
  describeSourceContract('Prometheus with a store', (demand) => sourceOfPrometheus(demand, true), {
    tolerance,
  })
})
