import type { HistogramMetric } from '../histogram.js'
import type { CounterSignal, GaugeSignal } from './signals.js'

/**
 * Names of one metric, newest first. Where a process exposes several of them, the first counts and the others are
 * the same thing under an older name: they are never added.
 */
export type MetricNames = readonly [MetricName, ...MetricName[]]

export interface MetricName {
  metric: string
  /** Further matchers, such as `error_code=~"429|503"`. */
  matchers?: string
}

/** What a serving engine or gateway exposes, by our signals. */
export interface Preset {
  /** A regular expression (RE2, anchored as in PromQL) of its metric names. */
  metricNames: string
  /** The label that names the model; undefined where it exposes none, and the user must name one. */
  modelLabel?: string
  /** Whether `requests` counts arrivals; else requests that ended, and what is in flight has to be added. */
  countsArrivals: boolean
  /** Whether those who expose the metrics are the replicas that serve, or gateways before them. */
  processes: 'replicas' | 'gateways'
  counters: { [signal in CounterSignal]?: MetricNames }
  /** A signal made of several gauges is their sum: waiting and running. */
  gauges: { [signal in GaugeSignal]?: readonly MetricNames[] }
  /** Names without `_bucket`. */
  histograms: { [metric in HistogramMetric]?: MetricNames }
  /** Where the names were read: documentation or source, with its date. */
  source: string
}
