import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerMinute } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import type { DemandSource, DemandWindow } from '../demand-source.js'
import { type DemandTable, inOrder, mapServing, type TableColumns } from '../demand-table.js'
import { type DayHistogram, type HistogramMetric, histogramMetrics } from '../histogram.js'
import { countArrivals, type SignalColumns } from './arrivals.js'
import { type BucketColumn, sumBucketsByDay } from './day-histograms.js'
import type { DaySeries, DayStore } from './day-store.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { countSeriesQuery } from './promql.js'
import { histogramStepSeconds, planQueries, type QueryPlan, type SignalQuery } from './query-plan.js'
import { type RangeAnswer, readRanges } from './read-range.js'
import { readServerClock } from './server-clock.js'

export interface PrometheusSourceOptions {
  client: PrometheusClient
  settings: PrometheusSettings
  /** Regions of the environment: series without a region label get the only one. */
  regions: readonly string[]
  /** Which histograms are read besides the counts; of the last week. */
  histograms: readonly HistogramMetric[]
  /** The machine's clock. */
  now: EpochSeconds
  store?: DayStore | undefined
  /** What identifies the server, and a tenant in it, in the store. */
  server: string
  onProgress?: ((done: number, total: number) => void) | undefined
}

const defaultStepSeconds = 5 * secondsPerMinute
const histogramDays = 7

/**
 * Demand from a server of the Prometheus API. Rejects with what `planQueries` and the client throw, and `badData`:
 * STEP_UNEVEN, STEP_TOO_FINE, TOO_MANY_SERIES, REGION_UNKNOWN, LABEL_MISSING, NO_SAMPLES.
 */
export function prometheusSource(options: PrometheusSourceOptions): DemandSource {
  return { name: options.client.name, read: (window) => read(window, options) }
}

async function read(window: DemandWindow, options: PrometheusSourceOptions): Promise<DemandTable> {
  const { client, settings, server, store } = options
  const stepSeconds = requireEvenStep(window.stepSeconds ?? defaultStepSeconds)
  const { serverNow, skewSeconds, isOff } = await readServerClock(client, options.now)
  const findings = isOff ? [describeSkew(client.name, skewSeconds)] : []
  const to = Math.floor(Math.min(window.until ?? serverNow, serverNow) / stepSeconds) * stepSeconds
  const from = Math.ceil((window.from ?? to - settings.history) / stepSeconds) * stepSeconds
  if (from >= to) return { start: to, stepSeconds, length: 0, workloads: [], inputs: [], findings }

  const plan = await planQueries(client, settings, { from, to, stepSeconds }, options.histograms)
  await refuseManySeries(client, plan, settings.maximumSeries, to)
  const reader = { client, store, server, now: serverNow, parallel: settings.parallel }
  const isHistogram = ({ signal }: SignalQuery) => histogramMetrics.some((metric) => metric === signal)
  const counts = plan.queries.filter((query) => !isHistogram(query))
  const shapes = plan.queries.filter(isHistogram)
  // From midnight on: days are kept whole, and what is in flight at the first step is known.
  const midnight = (time: EpochSeconds) => Math.floor(time / secondsPerDay) * secondsPerDay
  const start = midnight(from)
  const answers = await readRanges(
    counts.map(({ query }) => query),
    { from: start, to, stepSeconds },
    { ...reader, onProgress: options.onProgress },
  )
  const histogramWindow = {
    from: Math.max(midnight(from), midnight(to) - histogramDays * secondsPerDay),
    to: midnight(to),
    stepSeconds: histogramStepSeconds,
  }
  const buckets = await readRanges(
    shapes.map(({ query }) => query),
    histogramWindow,
    reader,
  )
  const nameOf = (labels: DaySeries['labels'], query: SignalQuery) =>
    workloadOf(labels, query, settings, options)
  const byWorkload = groupSignals(counts, answers, nameOf)
  const histograms = groupHistograms(shapes, buckets, histogramWindow.from, nameOf)
  const workloads: TableColumns[] = []
  let maskedSteps = 0
  for (const [id, { workload, signals }] of byWorkload) {
    const { countsArrivals } = plan
    const counted = countArrivals(workload, signals, { countsArrivals, stepSeconds })
    if (counted === undefined) continue
    const days = histograms.get(id)
    workloads.push({ ...counted.columns, ...(days && { histograms: days }) })
    maskedSteps += counted.maskedSteps
  }
  const all = [...answers, ...buckets]
  findings.push(...findOddities(all, maskedSteps, client.name))
  const input = {
    path: client.name,
    layout: 'prometheus' as const,
    rows: all.reduce((sum, { samples }) => sum + samples, 0),
    badRows: all.reduce((sum, { unusableSamples }) => sum + unusableSamples, 0),
    badExamples: [],
  }
  const length = Math.round((to - start) / stepSeconds)
  const read = { start, stepSeconds, length, workloads: inOrder(workloads), inputs: [input], findings }
  const table = trimTable(read, Math.round((from - start) / stepSeconds))
  if (table === undefined) throw noSamples(client, from, to)
  if (table.start - from > secondsPerDay) findings.push(shortRetention(client, from, table.start))
  return table
}

function requireEvenStep(stepSeconds: number): number {
  if (Number.isInteger(secondsPerDay / stepSeconds) && Number.isInteger(stepSeconds)) return stepSeconds
  throw new LlmscaleError(
    'badData',
    'STEP_UNEVEN',
    `a day does not divide into steps of ${formatDuration(stepSeconds)}, as reading from a Prometheus needs`,
    ['Use 1m, 5m, 10m, 15m, 30m or 1h.'],
  )
}

function describeSkew(name: string, skewSeconds: number): Warning {
  const skew = formatDuration(Math.round(Math.abs(skewSeconds)))
  return {
    code: 'CLOCK_SKEW',
    message: `the clock of ${name} is ${skew} ${skewSeconds > 0 ? 'ahead of' : 'behind'} this machine's; the server's counts`,
  }
}

async function refuseManySeries(
  client: PrometheusClient,
  plan: QueryPlan,
  maximumSeries: number,
  at: EpochSeconds,
): Promise<void> {
  const { series } = await client.queryInstant(countSeriesQuery(plan.countedSeries), at)
  const count = series[0]?.values[0] ?? 0
  if (count <= maximumSeries) return
  throw new LlmscaleError(
    'badData',
    'TOO_MANY_SERIES',
    `${client.name}: ${plan.countedSeries} has ${count} series, above the ${maximumSeries} of maximumSeries`,
    [
      'Add matchers, or give queries of a recording rule that sums by model, region and tenant.',
      'Raise maximumSeries of prometheus: in llmscale.yaml if the server can bear it.',
    ],
  )
}

/** The workload that labels name; undefined for series that name no model. */
function workloadOf(
  labels: DaySeries['labels'],
  { labels: names, query }: SignalQuery,
  settings: PrometheusSettings,
  { client, regions }: PrometheusSourceOptions,
): Workload | undefined {
  const model = labels[names.model]
  if (model === undefined && Object.keys(labels).length > 0 && settings.labels.model !== undefined) {
    throw new LlmscaleError(
      'badData',
      'LABEL_MISSING',
      `${client.name}: the answer to ${query.slice(0, 200)} has no label ${JSON.stringify(names.model)}; it has ${Object.keys(labels).join(', ')}`,
      ['Keep it in the query: sum by (…), or correct labels of prometheus: in llmscale.yaml.'],
    )
  }
  if (model === undefined || model === '') return undefined
  const region = (names.region && labels[names.region]) || settings.region || regions[0]
  if (
    region === undefined ||
    (names.region === undefined && settings.region === undefined && regions.length > 1)
  ) {
    throw new LlmscaleError(
      'badData',
      'REGION_UNKNOWN',
      `${client.name}: no label names the region, and there is not exactly one to take instead (${regions.join(', ') || 'none is known'})`,
      ['Set labels: {region: NAME} or region: NAME of prometheus: in llmscale.yaml.'],
    )
  }
  const tenant = names.tenant === undefined ? undefined : labels[names.tenant]
  return tenant === undefined || tenant === '' ? { model, region } : { model, region, tenant }
}

type NameOf = (labels: DaySeries['labels'], query: SignalQuery) => Workload | undefined

function groupSignals(
  queries: readonly SignalQuery[],
  answers: readonly RangeAnswer[],
  nameOf: NameOf,
): Map<string, { workload: Workload; signals: SignalColumns }> {
  const byWorkload = new Map<string, { workload: Workload; signals: SignalColumns }>()
  for (const [index, query] of queries.entries()) {
    for (const { labels, values } of answers[index]!.series) {
      const workload = nameOf(labels, query)
      if (workload === undefined) continue
      const id = workloadId(workload)
      const entry = byWorkload.get(id) ?? { workload, signals: {} }
      byWorkload.set(id, entry)
      const known = entry.signals[query.signal]
      entry.signals[query.signal] =
        known === undefined ? values : known.map((value, at) => add(value, values[at]!))
    }
  }
  return byWorkload
}

function add(a: number, b: number): number {
  if (Number.isNaN(a)) return b
  return Number.isNaN(b) ? a : a + b
}

function groupHistograms(
  queries: readonly SignalQuery[],
  answers: readonly RangeAnswer[],
  from: EpochSeconds,
  nameOf: NameOf,
): Map<string, DayHistogram[]> {
  const byWorkload = new Map<string, DayHistogram[]>()
  for (const [index, query] of queries.entries()) {
    const buckets = new Map<string, BucketColumn[]>()
    for (const { labels, values } of answers[index]!.series) {
      const workload = nameOf(labels, query)
      const le = Number(labels['le']?.replace('+Inf', 'Infinity'))
      if (workload === undefined || Number.isNaN(le)) continue
      const id = workloadId(workload)
      buckets.set(id, [...(buckets.get(id) ?? []), { le, values }])
    }
    for (const [id, columns] of buckets) {
      const days = sumBucketsByDay(query.signal as HistogramMetric, columns, from)
      byWorkload.set(id, [...(byWorkload.get(id) ?? []), ...days])
    }
  }
  return byWorkload
}

function findOddities(answers: readonly RangeAnswer[], maskedSteps: number, name: string): Warning[] {
  const unusable = answers.reduce((sum, { unusableSamples }) => sum + unusableSamples, 0)
  const findings: Warning[] = []
  if (unusable > 0) {
    findings.push({
      code: 'SAMPLES_UNUSABLE',
      message: `${name}: ${unusable} samples are NaN or infinite and count as missing.`,
    })
  }
  if (maskedSteps > 0) {
    findings.push({
      code: 'SCRAPE_INTERRUPTED',
      message: `${name}: in ${maskedSteps} steps of workloads scraping was interrupted; they count as missing.`,
    })
  }
  const messages = new Set(answers.flatMap(({ warnings }) => warnings.map(({ message }) => message)))
  return findings.concat(
    [...messages].map((message) => ({ code: 'PROMETHEUS_WARNING', message: `${name}: ${message}` })),
  )
}

function shortRetention(client: PrometheusClient, asked: EpochSeconds, known: EpochSeconds): Warning {
  return {
    code: 'RETENTION_SHORT',
    message: `${client.name} has data since ${formatInstant(known)}, ${formatDuration(known - asked)} less than was asked for: keep more (retention), or pull regularly into files.`,
  }
}

function noSamples(client: PrometheusClient, from: EpochSeconds, to: EpochSeconds): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'NO_SAMPLES',
    `${client.name} has no samples of requests from ${formatInstant(from)} to ${formatInstant(to)}`,
    ['Look at the window, and at matchers and labels of prometheus: in llmscale.yaml.'],
  )
}

/**
 * The table from a step on, without the steps before the first and after the last value of any workload, which say
 * nothing; undefined where there is no value.
 */
function trimTable(table: DemandTable, skip: number): DemandTable | undefined {
  const ends = table.workloads.map(({ requests, last }) => {
    const first = requests.findIndex((value, step) => step >= skip && !Number.isNaN(value))
    return { first, last }
  })
  const present = table.workloads.filter((_, at) => ends[at]!.first >= 0)
  if (present.length === 0) return undefined
  const known = ends.filter(({ first }) => first >= 0)
  const from = Math.min(...known.map(({ first }) => first))
  const to = Math.max(...known.map(({ last }) => last)) + 1
  const cut = (column: Float64Array) => column.slice(from, to)
  return {
    ...table,
    start: table.start + from * table.stepSeconds,
    length: to - from,
    workloads: present.map((columns, at) => ({
      ...columns,
      requests: cut(columns.requests),
      inputTokens: cut(columns.inputTokens),
      outputTokens: cut(columns.outputTokens),
      tokenRequests: cut(columns.tokenRequests),
      first: known[at]!.first - from,
      last: known[at]!.last - from,
      serving: mapServing([columns], (column) => cut(columns.serving![column]!)),
    })),
  }
}
