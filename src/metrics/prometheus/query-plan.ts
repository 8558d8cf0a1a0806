import type { PresetName } from '../../config/schema.js'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { type HistogramMetric, histogramMetrics } from '../histogram.js'
import {
  type CountedMetric,
  findCounted,
  findPresets,
  type KnownPreset,
  matchersOf,
  missingMetric,
  type Window,
} from './known-presets.js'
import type { MetricNames, Preset } from './preset.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { fillStep, type QueryKind, readyQuery, samplesQuery, signalQuery } from './promql.js'
import { counterSignals, gaugeSignals, type Signal } from './signals.js'

/** One expression to ask, and the labels of its answer that name the workload. */
export interface SignalQuery {
  /** `samples`: how often the process that was scraped most was scraped in a step. */
  signal: Signal | 'samples'
  query: string
  labels: WorkloadLabels
  /** Whose metrics these are; undefined for the user's own PromQL. */
  preset?: PresetName
  /** Of `requests`: whether they are counted when they arrive, or when they end. */
  countsArrivals?: boolean
}

interface WorkloadLabels {
  model: string
  region?: string | undefined
  tenant?: string | undefined
}

export interface QueryPlan {
  /** By signal; of each the one that counts most first. */
  queries: SignalQuery[]
  /** Selectors, or expressions, of the series behind `requests`. */
  countedSeries: string[]
  findings: Warning[]
}

/** Histograms are asked by the hour: a day at once takes more samples than servers allow, a step many more points. */
export const histogramStepSeconds = 3600

const kinds: readonly { signals: readonly Signal[]; kind: QueryKind }[] = [
  { signals: counterSignals, kind: 'counter' },
  { signals: gaugeSignals, kind: 'gauge' },
  { signals: histogramMetrics, kind: 'histogram' },
]

/**
 * What to ask a server: for each signal the user's own PromQL, else each preset whose metrics are there, in the order
 * of the settings, so that each workload can take the first that has it.
 *
 * Throws `configInvalid`, LABEL_NEEDED where nothing says which label names the model; `badData`, METRIC_MISSING where
 * nothing counts requests, LABEL_MISSING where the metrics lack a label that should name the workload. Both name what
 * is near.
 */
export async function planQueries(
  client: PrometheusClient,
  settings: PrometheusSettings,
  window: Window & { stepSeconds: number },
  histograms: readonly HistogramMetric[],
): Promise<QueryPlan> {
  const found = await findPresets(client, settings, window)
  const { usable, findings } = await keepLabelled(client, settings, found, window)
  const queries: SignalQuery[] = []
  for (const { signals, kind } of kinds) {
    const stepSeconds = kind === 'histogram' ? histogramStepSeconds : window.stepSeconds
    for (const signal of signals) {
      if (kind === 'histogram' && !histograms.includes(signal as HistogramMetric)) continue
      const own = settings.queries[signal]
      if (own === undefined) queries.push(...presetQueries(settings, usable, signal, kind, stepSeconds))
      else queries.push(ownQuery(settings, usable, signal, fillStep(own, stepSeconds)))
    }
  }
  const requests = queries.filter(({ signal }) => signal === 'requests')
  if (requests.length === 0) throw await missingMetric(client, settings, window)
  if (settings.queries.requests === undefined)
    queries.push(...processQueries(settings, usable, window, queries))
  const countedSeries = requests.map(
    ({ query, preset }) => countedOf(settings, usable, preset)?.series ?? query,
  )
  return { queries, countedSeries, findings }
}

function ownQuery(
  settings: PrometheusSettings,
  known: readonly KnownPreset[],
  signal: Signal,
  query: string,
): SignalQuery {
  const { countsArrivals = false } = settings
  return {
    signal,
    query,
    labels: labelsOf(settings, known[0]?.preset),
    ...(signal === 'requests' && { countsArrivals }),
  }
}

function presetQueries(
  settings: PrometheusSettings,
  known: readonly KnownPreset[],
  signal: Signal,
  kind: QueryKind,
  stepSeconds: number,
): SignalQuery[] {
  return known.flatMap(({ name, preset, available }) => {
    const names = namesOf(preset, signal)
    if (names === undefined) return []
    const labels = labelsOf(settings, preset)
    const groupBy = Object.values(labels)
    const query = signalQuery(names, kind, {
      groupBy,
      stepSeconds,
      matchers: matchersOf(settings),
      available,
    })
    if (query === undefined) return []
    const countsArrivals = settings.countsArrivals ?? preset.countsArrivals
    return [{ signal, query, labels, preset: name, ...(signal === 'requests' && { countsArrivals }) }]
  })
}

/** What is read off the processes themselves: how often they were scraped, and how many of them serve. */
function processQueries(
  settings: PrometheusSettings,
  known: readonly KnownPreset[],
  { stepSeconds }: { stepSeconds: number },
  queries: readonly SignalQuery[],
): SignalQuery[] {
  const hasReady = queries.some(({ signal }) => signal === 'readyReplicas')
  return known.flatMap(({ name, preset }): SignalQuery[] => {
    const counted = countedOf(settings, known, name)
    if (counted === undefined) return []
    const labels = labelsOf(settings, preset)
    const { metric, matchers } = counted
    const options = { groupBy: Object.values(labels), stepSeconds, matchers }
    const samples = { signal: 'samples' as const, query: samplesQuery(metric, options), labels, preset: name }
    if (hasReady || preset.processes === 'gateways') return [samples]
    return [samples, { signal: 'readyReplicas', query: readyQuery(metric, options), labels, preset: name }]
  })
}

function countedOf(
  settings: PrometheusSettings,
  known: readonly KnownPreset[],
  preset: PresetName | undefined,
): CountedMetric | undefined {
  return findCounted(
    known.filter(({ name }) => name === preset),
    matchersOf(settings),
  )
}

/**
 * The presets whose series have the labels that name workloads. A later one that lacks a label of the first cannot be
 * told apart as the first is: it would count the same demand once more under fewer names.
 */
async function keepLabelled(
  client: PrometheusClient,
  settings: PrometheusSettings,
  known: readonly KnownPreset[],
  window: Window,
): Promise<{ usable: KnownPreset[]; findings: Warning[] }> {
  const usable: KnownPreset[] = []
  const findings: Warning[] = []
  for (const each of known) {
    const counted = countedOf(settings, known, each.name)
    const missing =
      counted && (await findMissingLabel(client, counted.series, labelsOf(settings, each.preset), window))
    if (missing === undefined) usable.push(each)
    else if (usable.length === 0) throw missing
    else
      findings.push({
        code: 'PRESET_UNUSED',
        message: `${missing.message}; nothing of preset ${each.name} is read`,
      })
  }
  return { usable, findings }
}

function namesOf(preset: Preset, signal: Signal): MetricNames | readonly MetricNames[] | undefined {
  return { ...preset.counters, ...preset.gauges, ...preset.histograms }[signal]
}

function labelsOf({ labels }: PrometheusSettings, preset: Preset | undefined): WorkloadLabels {
  const model = labels.model ?? preset?.modelLabel
  if (model !== undefined) return { ...labels, model }
  throw new LlmscaleError(
    'configInvalid',
    'LABEL_NEEDED',
    'nothing says which label of the metrics names the model',
    [
      'Name it: labels: {model: NAME} of prometheus: in llmscale.yaml.',
      'llmscale metrics discover lists the labels.',
    ],
  )
}

async function findMissingLabel(
  client: PrometheusClient,
  series: string,
  labels: WorkloadLabels,
  { from, to }: Window,
): Promise<LlmscaleError | undefined> {
  const names = (await client.labelNames(series, from, to)).filter((name) => name !== '__name__')
  const [role, label] = Object.entries(labels).find(([, name]) => !names.includes(name)) ?? []
  if (label === undefined) return undefined
  return new LlmscaleError(
    'badData',
    'LABEL_MISSING',
    `${client.name}: ${series} has no label ${JSON.stringify(label)}, which should name the ${role}; it has ${names.join(', ')}`,
    [`Set labels: {${role}: ${nearestName(label, names) ?? 'NAME'}} of prometheus: in llmscale.yaml.`],
  )
}
