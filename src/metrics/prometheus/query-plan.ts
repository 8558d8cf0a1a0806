import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { type HistogramMetric, histogramMetrics } from '../histogram.js'
import { findCounted, findPresets, matchersOf, missingMetric, type Window } from './known-presets.js'
import type { MetricNames, Preset } from './preset.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { fillStep, readyQuery, samplesQuery, signalQuery } from './promql.js'
import { counterSignals, gaugeSignals, type Signal } from './signals.js'

/** One expression to ask, and the labels of its answer that name the workload. */
export interface SignalQuery {
  /** `samples`: how often the process that was scraped most was scraped in a step. */
  signal: Signal | 'samples'
  query: string
  labels: WorkloadLabels
}

interface WorkloadLabels {
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
  const matchers = matchersOf(settings)
  const known = await findPresets(client, settings, window)
  const counted = settings.queries.requests === undefined ? findCounted(known, matchers) : undefined
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
        // What is in flight at an engine has been counted by the gateway before it.
        if (names === undefined || (signal === 'inFlightRequests' && preset !== counted?.preset)) continue
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
  if (requests === undefined) throw await missingMetric(client, settings, window)
  if (counted === undefined)
    return { queries, countsArrivals: settings.countsArrivals ?? false, countedSeries: requests.query }

  const { metric, matchers: own, series, preset } = counted
  await requireLabels(client, series, requests.labels, window)
  const add = (signal: SignalQuery['signal'], query: string, { labels }: SignalQuery) =>
    queries.push({ signal, query, labels })
  const groupBy = Object.values(requests.labels)
  add('samples', samplesQuery(metric, { groupBy, stepSeconds: window.stepSeconds, matchers: own }), requests)
  const replicas = findCounted(
    known.filter((each) => each.preset.processes === 'replicas'),
    matchers,
  )
  if (replicas !== undefined && !queries.some(({ signal }) => signal === 'readyReplicas'))
    add('readyReplicas', readyQuery(replicas.metric, { groupBy, matchers: replicas.matchers }), requests)
  return { queries, countsArrivals: settings.countsArrivals ?? preset.countsArrivals, countedSeries: series }
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
