import { presetNames } from '../../config/schema.js'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import type { EpochSeconds } from '../../kit/units.js'
import { type HistogramMetric, histogramMetrics } from '../histogram.js'
import type { MetricName, MetricNames, Preset } from './preset.js'
import { presets } from './presets.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import {
  checkMatchers,
  fillStep,
  quoteLabelValue,
  readyQuery,
  samplesQuery,
  selector,
  signalQuery,
} from './promql.js'
import { counterSignals, gaugeSignals, type Signal } from './signals.js'

/** One expression to ask, and the labels of its answer that name the workload. */
export interface SignalQuery {
  /** `samples`: how often the process that was scraped most was scraped in a step. */
  signal: Signal | 'samples'
  query: string
  labels: WorkloadLabels
}

export interface WorkloadLabels {
  model: string
  region?: string | undefined
  tenant?: string | undefined
}

export interface QueryPlan {
  queries: SignalQuery[]
  /** Whether `requests` counts arrivals; else requests that ended. */
  countsArrivals: boolean
  /** Selects, or computes, the series behind `requests`. */
  countedSeries: string
}

interface Window {
  from: EpochSeconds
  to: EpochSeconds
}

/** A preset of which the server has metrics in the window. */
interface KnownPreset {
  preset: Preset
  available: ReadonlySet<string>
}

/** Histograms are asked by the hour: a day at once takes more samples than servers allow, a step many more points. */
export const histogramStepSeconds = 3600

const kinds: readonly { signals: readonly Signal[]; kind: 'counter' | 'gauge' | 'histogram' }[] = [
  { signals: counterSignals, kind: 'counter' },
  { signals: gaugeSignals, kind: 'gauge' },
  { signals: histogramMetrics, kind: 'histogram' },
]

/**
 * What to ask a server: for each signal the user's own PromQL, else the first preset whose metrics are there.
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
  const { matchers: given } = settings
  if (given !== undefined) checkMatchers(given, 'matchers of prometheus: in llmscale.yaml')
  const matchers = given === undefined ? [] : [given]
  const known: KnownPreset[] = []
  for (const name of settings.presets) {
    const preset = presets[name]
    const series = selector('', [`__name__=~${quoteLabelValue(preset.metricNames)}`, ...matchers])
    const names = await client.labelValues('__name__', series, window.from, window.to)
    known.push({ preset, available: new Set(names) })
  }
  const queries: SignalQuery[] = []
  for (const { signals, kind } of kinds) {
    const stepSeconds = kind === 'histogram' ? histogramStepSeconds : window.stepSeconds
    for (const signal of signals) {
      if (kind === 'histogram' && !histograms.includes(signal as HistogramMetric)) continue
      const own = settings.queries[signal]
      if (own !== undefined) {
        const labels = labelsOf(settings, known[0]?.preset)
        queries.push({ signal, query: fillStep(own, stepSeconds), labels })
        continue
      }
      for (const { preset, available } of known) {
        const names = namesOf(preset, signal)
        if (names === undefined) continue
        const labels = labelsOf(settings, preset)
        const groupBy = Object.values(labels)
        const query = signalQuery(names, kind, { groupBy, stepSeconds, matchers, available })
        if (query === undefined) continue
        queries.push({ signal, query, labels })
        break
      }
    }
  }
  const requests = queries.find(({ signal }) => signal === 'requests')
  if (requests === undefined) throw await missingMetric(client, settings, matchers, window)
  const counted = known.find(({ preset, available }) => newestOf(preset, available) !== undefined)
  if (settings.queries.requests !== undefined || counted === undefined)
    return { queries, countsArrivals: settings.countsArrivals ?? false, countedSeries: requests.query }

  const { preset, available } = counted
  const { metric, matchers: its } = newestOf(preset, available)!
  const all = its === undefined ? matchers : [...matchers, its]
  const countedSeries = selector(metric, all)
  await requireLabels(client, countedSeries, requests.labels, window)
  const options = { groupBy: Object.values(requests.labels), stepSeconds: window.stepSeconds, matchers: all }
  const add = (signal: SignalQuery['signal'], query: string) =>
    queries.push({ signal, query, labels: requests.labels })
  add('samples', samplesQuery(metric, options))
  if (!queries.some(({ signal }) => signal === 'readyReplicas'))
    add('readyReplicas', readyQuery(metric, options))
  return { queries, countsArrivals: settings.countsArrivals ?? preset.countsArrivals, countedSeries }
}

/** The metric that counts requests under its newest name that the server has. */
function newestOf(preset: Preset, available: ReadonlySet<string>): MetricName | undefined {
  return preset.counters.requests?.find(({ metric }) => available.has(metric))
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

async function requireLabels(
  client: PrometheusClient,
  series: string,
  labels: WorkloadLabels,
  { from, to }: Window,
): Promise<void> {
  const names = (await client.labelNames(series, from, to)).filter((name) => name !== '__name__')
  for (const [role, label] of Object.entries(labels)) {
    if (names.includes(label)) continue
    const near = nearestName(label, names)
    throw new LlmscaleError(
      'badData',
      'LABEL_MISSING',
      `${client.name}: ${series} has no label ${JSON.stringify(label)}, which should name the ${role}; it has ${names.join(', ')}`,
      [`Set labels: {${role}: ${near ?? 'NAME'}} of prometheus: in llmscale.yaml.`],
    )
  }
}

async function missingMetric(
  client: PrometheusClient,
  settings: PrometheusSettings,
  matchers: readonly string[],
  { from, to }: Window,
): Promise<LlmscaleError> {
  const wanted = settings.presets.flatMap((name) => presets[name].counters.requests?.[0].metric ?? [])
  const all = await client.labelValues('__name__', selector('', ['__name__=~".+"', ...matchers]), from, to)
  const near = [...new Set(wanted.flatMap((name) => nearestName(name, all) ?? []))]
  const others = presetNames.filter(
    (name) => presets[name].counters.requests?.some(({ metric }) => all.includes(metric)) === true,
  )
  return new LlmscaleError(
    'badData',
    'METRIC_MISSING',
    `${client.name} has no metric that counts requests${wanted.length > 0 ? ` (${wanted.join(', ')})` : ''}${settings.matchers === undefined ? '' : ` where ${settings.matchers}`}; it has ${all.length} others${near.length > 0 ? `, the nearest is ${near.join(', ')}` : ''}`,
    [
      ...(others.length > 0 ? [`Its metrics are those of presets: [${others.join(', ')}].`] : []),
      'Give queries: {requests: …} of prometheus: in llmscale.yaml, or correct presets and matchers.',
      'llmscale metrics discover lists what is there.',
    ],
  )
}
