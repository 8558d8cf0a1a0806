import {
  fitWindowMaximum,
  predictWindowMaximum,
  type WindowMaximumModel,
} from '../forecast/window-maximum/window-maximum.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { LiveFloor } from './capacity-plan.js'

/** How far a floor must look ahead, and how far it may go. */
export interface LiveSettings {
  coldStartSeconds: number
  /** From one floor to the next. */
  everySeconds: number
  /** Of the highest load until what the next floor asks for can be ready. */
  quantile: number
  maximum: number
  hardMaximum: number
}

export type LiveTiming = Pick<LiveSettings, 'coldStartSeconds' | 'everySeconds'>

/** When the steps of a load are. */
export interface StepGrid {
  start: EpochSeconds
  stepSeconds: number
}

/** What a live floor is read off: fitted once a day. */
export interface LiveModel {
  /** The midnight, UTC, that it was fitted to. */
  midnight: EpochSeconds
  model: WindowMaximumModel
}

export interface LiveForecast {
  /** In the order of `liveQuantiles`: replicas that the load keeps busy, not rounded; NaN where nothing is known. */
  quantiles: Float64Array
  /** The same at the quantile of the settings. */
  load: number
  /** That in whole replicas, before template and maxima; NaN where nothing is known. */
  floor: number
}

/** Quantiles that are forecast; one between them is interpolated, so that a higher one never gives a lower floor. */
export const liveQuantiles = [0.5, 0.9, 0.95, 0.99] as const

/**
 * What lies further back is not read: a restart finds the same past, and so the same floors, wherever 15 days are kept,
 * which is Prometheus's default (https://prometheus.io/docs/prometheus/latest/storage/#operational-aspects).
 */
export const liveHistorySeconds = 14 * secondsPerDay

// From the time of a floor until the autoscaler has asked for its replicas: the scrape interval of the exporter's
// ServiceMonitor and the polls of the autoscaler, both of 15 s by default, and as much for reading and forecasting.
const followSeconds = 45

/** What a floor must hold: until what the next one asks for can be ready. */
export function liveWindowSeconds({ coldStartSeconds, everySeconds }: LiveTiming): number {
  return coldStartSeconds + everySeconds + followSeconds
}

/** The last midnight, UTC, at or before a time. */
export function lastMidnight(time: EpochSeconds): EpochSeconds {
  return Math.floor(time / secondsPerDay) * secondsPerDay
}

/**
 * Fits to the 14 days before the last midnight that is not after step `now`: whoever starts within a day fits the same.
 *
 * @param load replicas that demand keeps busy, by step, with the burst factor; NaN where unknown
 * @param now a step; what is read of the load lies strictly before it
 */
export function fitLiveFloor(load: Float64Array, grid: StepGrid, now: number, timing: LiveTiming): LiveModel {
  const midnight = lastMidnight(grid.start + now * grid.stepSeconds)
  const past = pastOf(load, grid, midnight)
  const end = Math.max(0, stepAt(grid, midnight) - past.first)
  const model = fitWindowMaximum(past.load, end, {
    stepSeconds: grid.stepSeconds,
    windowSeconds: liveWindowSeconds(timing),
    quantiles: liveQuantiles,
  })
  return { midnight, model }
}

/** The floor that a model gives from the complete steps strictly before step `now`, whenever within the step it is asked. */
export function forecastLiveFloor(
  { midnight, model }: LiveModel,
  load: Float64Array,
  grid: StepGrid,
  now: number,
  quantile: number,
): LiveForecast {
  const past = pastOf(load, grid, midnight)
  const quantiles = predictWindowMaximum(model, past.load, now - past.first)
  return readForecast(quantiles, quantile)
}

/** What the forecast quantiles say at one of them, or between two. */
export function readForecast(quantiles: Float64Array, quantile: number): LiveForecast {
  const load = interpolate(quantiles, quantile)
  return { quantiles, load, floor: Math.ceil(load - 1e-9) }
}

/** The live floor of one workload as a function of the step: fitted anew at each midnight, UTC. */
export function createLiveFloor(
  load: Float64Array,
  grid: StepGrid,
  settings: LiveSettings,
): (now: number) => LiveForecast {
  let fitted: LiveModel | undefined
  return (now) => {
    if (fitted?.midnight !== lastMidnight(grid.start + now * grid.stepSeconds))
      fitted = fitLiveFloor(load, grid, now, settings)
    return forecastLiveFloor(fitted, load, grid, now, settings.quantile)
  }
}

/** The floor that stands: the template, raised to the live floor within its maxima; where that is not known, the template. */
export function raiseFloor(
  template: number,
  live: number,
  { maximum, hardMaximum }: Pick<LiveSettings, 'maximum' | 'hardMaximum'>,
): number {
  return Number.isNaN(live) ? template : Math.max(template, Math.min(live, maximum, hardMaximum))
}

/** `0.95 quantile of the highest load ahead, up to 30`. */
export function describeLiveFloor({ quantile, maximum }: LiveFloor): string {
  return `${quantile} quantile of the highest load ahead, up to ${maximum}`
}

/** The load from 14 days before a midnight on, and the step that it begins at. */
function pastOf(load: Float64Array, grid: StepGrid, midnight: EpochSeconds) {
  const first = Math.max(0, stepAt(grid, midnight - liveHistorySeconds))
  return { load: load.subarray(first), first }
}

/** The first step that is not before a time. */
function stepAt({ start, stepSeconds }: StepGrid, time: EpochSeconds): number {
  return Math.ceil((time - start) / stepSeconds)
}

/** A quantile between those that are forecast, linear; beyond them the outermost. */
function interpolate(quantiles: Float64Array, quantile: number): number {
  const above = liveQuantiles.findIndex((probability) => probability >= quantile)
  if (above === -1) return quantiles.at(-1)!
  if (above === 0) return quantiles[0]!
  const [from, to] = [liveQuantiles[above - 1]!, liveQuantiles[above]!]
  const share = (quantile - from) / (to - from)
  return quantiles[above - 1]! + share * (quantiles[above]! - quantiles[above - 1]!)
}
