import type { PresetName } from '../../config/schema.js'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import type { EpochSeconds } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import type { DayHistogram, HistogramMetric } from '../histogram.js'
import { type BucketColumn, sumBucketsByDay } from './day-histograms.js'
import type { DaySeries } from './day-store.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import type { SignalQuery } from './query-plan.js'
import type { RangeAnswer } from './read-range.js'

/** How series are brought to workloads. */
export interface Naming {
  /** The server, as messages call it. */
  server: string
  settings: Pick<PrometheusSettings, 'region'>
  /** Regions of the environment: series without a region get the only one. */
  regions: readonly string[]
}

/** What was asked about one workload, by step; NaN where there is no answer. */
export type SignalColumns = { [signal in SignalQuery['signal']]?: Float64Array }

/** What was answered about one workload. */
export interface WorkloadSignals {
  workload: Workload
  signals: SignalColumns
  /** Whether its requests are counted when they arrive. */
  countsArrivals: boolean
}

interface Answered {
  query: SignalQuery
  values: Float64Array
}

/**
 * Brings the series of each answer to the workloads that their labels name. Of each workload and signal the first
 * query that has it counts; how often it was scraped and what is in flight must come from where its requests are
 * counted: what a gateway has passed on is in flight at the engine behind it once more.
 *
 * Throws `badData`: REGION_UNKNOWN where nothing says which region, LABEL_MISSING where no series of requests, or of
 * the user's own PromQL, names a workload. Series that name none are left out with a finding.
 */
export function gatherSignals(
  queries: readonly SignalQuery[],
  answers: readonly RangeAnswer[],
  naming: Naming,
): { workloads: WorkloadSignals[]; findings: Warning[] } {
  const byWorkload = new Map<string, { workload: Workload; answered: Answered[] }>()
  const findings: Warning[] = []
  for (const [index, query] of queries.entries()) {
    const { placed, unplaced } = placeSeries(query, answers[index]!.series, naming)
    if (unplaced > 0) findings.push(describeUnplaced(query, unplaced, naming))
    for (const [id, { workload, series }] of placed) {
      const entry = byWorkload.get(id) ?? { workload, answered: [] }
      byWorkload.set(id, entry)
      entry.answered.push({ query, values: series.map(({ values }) => values).reduce(addColumns) })
    }
  }
  const workloads: WorkloadSignals[] = []
  const lost = new Map<string, string>()
  for (const [id, { workload, answered }] of byWorkload) {
    const requests = answered.find(({ query }) => query.signal === 'requests')?.query
    if (requests === undefined) {
      for (const { query } of answered) lost.set(query.signal, id)
      continue
    }
    const signals = chooseSignals(answered, requests.preset)
    workloads.push({ workload, signals, countsArrivals: requests.countsArrivals ?? false })
  }
  for (const [signal, id] of lost) {
    const used = workloads.some(({ signals }) => signals[signal as keyof SignalColumns] !== undefined)
    if (used) continue
    findings.push({
      code: 'SIGNAL_UNUSED',
      message: `${naming.server}: ${signal} names ${id}, of which no requests are counted; its labels differ from those of requests.`,
    })
  }
  return { workloads, findings }
}

function chooseSignals(answered: readonly Answered[], counting: PresetName | undefined): SignalColumns {
  const signals: SignalColumns = {}
  for (const { query, values } of answered) {
    const { signal, preset } = query
    const isBound = signal === 'inFlightRequests' || signal === 'samples'
    if (signals[signal] === undefined && !(isBound && preset !== undefined && preset !== counting))
      signals[signal] = values
  }
  return signals
}

/** Histograms by workload and day; of each workload and metric those of the first query that has it. */
export function gatherHistograms(
  queries: readonly SignalQuery[],
  answers: readonly RangeAnswer[],
  from: EpochSeconds,
  naming: Naming,
): Map<string, DayHistogram[]> {
  const byWorkload = new Map<string, DayHistogram[]>()
  for (const [index, query] of queries.entries()) {
    const { placed } = placeSeries(query, answers[index]!.series, naming)
    const metric = query.signal as HistogramMetric
    for (const [id, { series }] of placed) {
      const known = byWorkload.get(id) ?? []
      if (known.some((each) => each.metric === metric)) continue
      const buckets = series.map((each) => toBucket(each, query, naming))
      byWorkload.set(id, known.concat(sumBucketsByDay(metric, buckets, from)))
    }
  }
  return byWorkload
}

function toBucket({ labels, values }: DaySeries, { query }: SignalQuery, naming: Naming): BucketColumn {
  const bound = Number(labels['le']?.replace('+Inf', 'Infinity'))
  if (!Number.isNaN(bound)) return { le: bound, values }
  throw new LlmscaleError(
    'badData',
    'LABEL_MISSING',
    `${naming.server}: the answer to ${query.slice(0, 200)} has no label "le", by which a histogram's buckets are told apart`,
    ['Keep it in the query: sum by (le, …).'],
  )
}

function placeSeries(
  query: SignalQuery,
  series: readonly DaySeries[],
  naming: Naming,
): { placed: Map<string, { workload: Workload; series: DaySeries[] }>; unplaced: number } {
  const placed = new Map<string, { workload: Workload; series: DaySeries[] }>()
  let unplaced = 0
  for (const each of series) {
    const workload = nameWorkload(each.labels, query, naming)
    if (workload === undefined) {
      unplaced++
      continue
    }
    const id = workloadId(workload)
    const entry = placed.get(id) ?? { workload, series: [] }
    placed.set(id, entry)
    entry.series.push(each)
  }
  const isNeeded = query.signal === 'requests' || query.preset === undefined
  if (unplaced > 0 && placed.size === 0 && isNeeded) throw unnamed(query, series, naming)
  return { placed, unplaced }
}

/** The workload that labels name; undefined where they name no model, or none of several regions. */
function nameWorkload(
  labels: DaySeries['labels'],
  { labels: names }: SignalQuery,
  { server, settings, regions }: Naming,
): Workload | undefined {
  const only = settings.region ?? (regions.length === 1 ? regions[0] : undefined)
  if (names.region === undefined && only === undefined) {
    throw new LlmscaleError(
      'badData',
      'REGION_UNKNOWN',
      `${server}: no label names the region, and there is not exactly one to take instead (${regions.join(', ') || 'none is known'})`,
      ['Set labels: {region: NAME} or region: NAME of prometheus: in llmscale.yaml.'],
    )
  }
  const model = labels[names.model] || undefined
  const region = (names.region && labels[names.region]) || only
  const tenant = (names.tenant && labels[names.tenant]) || undefined
  if (model === undefined || region === undefined) return undefined
  return tenant === undefined ? { model, region } : { model, region, tenant }
}

function unnamed(query: SignalQuery, series: readonly DaySeries[], { server }: Naming): LlmscaleError {
  const has = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))]
  return new LlmscaleError(
    'badData',
    'LABEL_MISSING',
    `${server}: no series of the answer to ${query.query.slice(0, 200)} names a workload by ${Object.values(query.labels).join(', ')}; it has ${has.length === 0 ? 'no labels' : `labels ${has.join(', ')}`}`,
    ['Keep the labels in the query: sum by (…), or correct labels of prometheus: in llmscale.yaml.'],
  )
}

function describeUnplaced({ signal, labels }: SignalQuery, count: number, { server }: Naming): Warning {
  return {
    code: 'SERIES_UNNAMED',
    message: `${server}: ${count} series of ${signal} name no ${labels.region === undefined ? 'model' : 'model or no region'} and are left out.`,
  }
}

function addColumns(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, at) => {
    const other = b[at]!
    if (Number.isNaN(value)) return other
    return Number.isNaN(other) ? value : value + other
  })
}
