import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerMinute } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import type { DemandSource, DemandWindow } from '../demand-source.js'
import { type DemandTable, inOrder, mapServing, type TableColumns } from '../demand-table.js'
import { type HistogramMetric, histogramMetrics } from '../histogram.js'
import { countArrivals } from './arrivals.js'
import type { DayStore } from './day-store.js'
import { requireEvenStep, suggestStep } from './even-step.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { countSeriesQuery } from './promql.js'
import { histogramStepSeconds, planQueries, type QueryPlan, type SignalQuery } from './query-plan.js'
import { type RangeAnswer, readRanges } from './read-range.js'
import { readServerClock } from './server-clock.js'
import { gatherHistograms, gatherSignals, type Naming } from './workload-series.js'

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
 * STEP_UNEVEN, STEP_TOO_FINE, TOO_MANY_SERIES, TOO_MANY_WORKLOADS, REGION_UNKNOWN, LABEL_MISSING, NO_SAMPLES.
 */
export function prometheusSource(options: PrometheusSourceOptions): DemandSource {
  return { name: options.client.name, read: (window) => read(window, options) }
}

async function read(window: DemandWindow, options: PrometheusSourceOptions): Promise<DemandTable> {
  const { client, settings } = options
  const stepSeconds = requireEvenStep(window.stepSeconds ?? defaultStepSeconds)
  const { serverNow, skewSeconds, isOff } = await readServerClock(client, options.now)
  const findings = isOff ? [describeSkew(client.name, skewSeconds)] : []
  const to = Math.floor(Math.min(window.until ?? serverNow, serverNow) / stepSeconds) * stepSeconds
  const from = Math.ceil((window.from ?? to - settings.history) / stepSeconds) * stepSeconds
  if (from >= to) return { start: to, stepSeconds, length: 0, workloads: [], inputs: [], findings }

  const plan = await planQueries(client, settings, { from, to, stepSeconds }, options.histograms)
  await refuseTooMuch(client, plan, settings, { from, to, stepSeconds })
  const reader = { ...options, parallel: settings.parallel, now: serverNow }
  const counts = await readCounts(plan, { from, to, stepSeconds }, reader)
  const histograms = await readHistograms(plan, { from, to }, reader)
  const answers = [...counts.answers, ...histograms.answers]
  findings.push(
    ...plan.findings,
    ...counts.findings,
    ...findOddities(answers, counts.maskedSteps, client.name),
  )
  const workloads = counts.workloads.map((columns) => {
    const days = histograms.byWorkload.get(workloadId(columns.workload))
    return days === undefined ? columns : { ...columns, histograms: days }
  })
  const input = {
    path: client.name,
    layout: 'prometheus' as const,
    rows: answers.reduce((sum, { samples }) => sum + samples, 0),
    badRows: answers.reduce((sum, { unusableSamples }) => sum + unusableSamples, 0),
    badExamples: [],
  }
  const { start, length } = counts
  const whole = { start, stepSeconds, length, workloads: inOrder(workloads), inputs: [input], findings }
  const table = trimTable(whole, Math.round((from - start) / stepSeconds))
  if (table === undefined) throw noSamples(client, from, to)
  if (table.start - from > secondsPerDay) findings.push(shortRetention(client, from, table.start))
  return table
}

interface Reader extends PrometheusSourceOptions {
  parallel: number
}

function isHistogram({ signal }: SignalQuery): boolean {
  return histogramMetrics.some((metric) => metric === signal)
}

const midnight = (time: EpochSeconds) => Math.floor(time / secondsPerDay) * secondsPerDay

/** Arrivals of each workload; from the day of the step before the window on, whose end says what is in flight. */
async function readCounts(
  plan: QueryPlan,
  { from, to, stepSeconds }: { from: EpochSeconds; to: EpochSeconds; stepSeconds: number },
  reader: Reader,
) {
  const queries = plan.queries.filter((query) => !isHistogram(query))
  const start = midnight(from - stepSeconds)
  const expressions = queries.map(({ query }) => query)
  const answers = await readRanges(expressions, { from: start, to, stepSeconds }, reader)
  const gathered = gatherSignals(queries, answers, namingOf(reader))
  const { findings } = gathered
  const workloads: TableColumns[] = []
  const sparse: { workload: Workload; scrapeSeconds: number }[] = []
  let maskedSteps = 0
  for (const signals of gathered.workloads) {
    const counted = countArrivals(signals, stepSeconds)
    if (counted === undefined) continue
    if ('scrapeSeconds' in counted) {
      sparse.push({ workload: signals.workload, ...counted })
      continue
    }
    workloads.push(counted.columns)
    maskedSteps += counted.maskedSteps
  }
  const tooFine = sparse.map((each) => stepTooFine(each.workload, each.scrapeSeconds, stepSeconds))
  if (workloads.length === 0 && tooFine[0] !== undefined) throw tooFine[0]
  findings.push(
    ...tooFine.map(({ message }) => ({ code: 'WORKLOAD_UNREAD', message: `${message}; it is left out` })),
  )
  const length = Math.round((to - start) / stepSeconds)
  return { start, length, workloads, maskedSteps, answers, findings }
}

async function readHistograms(
  plan: QueryPlan,
  { from, to }: { from: EpochSeconds; to: EpochSeconds },
  reader: Reader,
) {
  const queries = plan.queries.filter(isHistogram)
  const start = Math.max(midnight(from), midnight(to) - histogramDays * secondsPerDay)
  const window = { from: start, to: midnight(to), stepSeconds: histogramStepSeconds }
  const expressions = queries.map(({ query }) => query)
  const answers = await readRanges(expressions, window, { ...reader, onProgress: undefined })
  return { answers, byWorkload: gatherHistograms(queries, answers, start, namingOf(reader)) }
}

function namingOf({ client, settings, regions }: PrometheusSourceOptions): Naming {
  return { server: client.name, settings, regions }
}

/** Without the tenant, which has its name of the server here. */
function stepTooFine({ model, region }: Workload, scrapeSeconds: number, stepSeconds: number): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'STEP_TOO_FINE',
    `${workloadId({ model, region })} is scraped about every ${formatDuration(Math.round(scrapeSeconds))}; the increase of a counter over a step of ${formatDuration(stepSeconds)} needs two samples`,
    [`Set forecast.step to ${suggestStep(scrapeSeconds)} or more.`],
  )
}

function describeSkew(name: string, skewSeconds: number): Warning {
  const skew = formatDuration(Math.round(Math.abs(skewSeconds)))
  return {
    code: 'CLOCK_SKEW',
    message: `the clock of ${name} is ${skew} ${skewSeconds > 0 ? 'ahead of' : 'behind'} this machine's; the server's counts`,
  }
}

/** Values of one signal that are held at once; ten signals of so many take some two GB. */
const mostValues = 25_000_000

/** Counts before anything is read, so that neither the server nor this machine is loaded with what cannot work. */
async function refuseTooMuch(
  client: PrometheusClient,
  { countedSeries, queries }: QueryPlan,
  { maximumSeries }: PrometheusSettings,
  { from, to, stepSeconds }: { from: EpochSeconds; to: EpochSeconds; stepSeconds: number },
): Promise<void> {
  const count = async (query: string) =>
    (await client.queryInstant(countSeriesQuery(query), to)).series[0]?.values[0] ?? 0
  for (const series of countedSeries) {
    const found = await count(series)
    if (found > maximumSeries) throw tooManySeries(client.name, series, found, maximumSeries)
  }
  const steps = Math.round((to - from) / stepSeconds)
  for (const { query } of queries.filter(({ signal }) => signal === 'requests')) {
    const workloads = await count(query)
    if (workloads * steps <= mostValues) continue
    throw new LlmscaleError(
      'badData',
      'TOO_MANY_WORKLOADS',
      `${client.name}: ${workloads} workloads of ${steps} steps each are more than can be held at once (${mostValues} values)`,
      ['Read a shorter history or a coarser forecast.step, or leave labels.tenant away.'],
    )
  }
}

/** The error of more series behind one signal than the settings allow. */
export function tooManySeries(name: string, series: string, count: number, maximum: number): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'TOO_MANY_SERIES',
    `${name}: ${series} has ${count} series, above the ${maximum} of maximumSeries`,
    [
      'Add matchers, or give queries of a recording rule that sums by model, region and tenant.',
      'Raise maximumSeries of prometheus: in llmscale.yaml if the server can bear it.',
    ],
  )
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
