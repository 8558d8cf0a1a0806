import type { HistogramMetric } from '../histogram.js'

/** Counters: their increase over a step is what the step holds. */
export const counterSignals = [
  /** Requests that ended, or, where the preset says so, that arrived. */
  'requests',
  'rejectedRequests',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
] as const
export type CounterSignal = (typeof counterSignals)[number]

/** Gauges: their value at the end of a step. */
export const gaugeSignals = [
  /** Requests that arrived and have not ended: waiting or running. */
  'inFlightRequests',
  'queuedRequests',
  'replicas',
  'readyReplicas',
] as const
export type GaugeSignal = (typeof gaugeSignals)[number]

/** Everything that may be asked about a workload; a user's own PromQL is given by these names. */
export type Signal = CounterSignal | GaugeSignal | HistogramMetric
