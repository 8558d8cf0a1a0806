import type { EpochSeconds } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { DemandMetric } from '../metrics/demand-history.js'
import type { PathEffect } from './calendar/path-effect.js'

/** Quantiles that are written to files and shown. */
export const forecastQuantiles = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99] as const

/**
 * Joint forecast of all workloads of a history. Quantiles are not stored: they are read off sample paths, and
 * a sum or a maximum must be taken path by path. Adding quantiles of parts overstates the interval of the sum.
 */
export interface DemandForecast {
  /** Start of the first forecast step: the end of the history that was used. */
  origin: EpochSeconds
  stepSeconds: number
  /** Number of steps ahead. */
  length: number
  /** Seed of the block indices, which all workloads and metrics of a path share. */
  seed: number
  /** Number of paths that `samplePath` accepts: index 0 … pathCount − 1. */
  pathCount: number
  /** Steps of a slot, an hour where steps are shorter: what models and past errors know. */
  stepsPerSlot: number
  /** Past origins that paths follow; undefined when there are none, and paths equal the point. */
  blocks: PastBlocks | undefined
  workloads: WorkloadForecast[]
  /** What the reader must know: fallbacks, short history. */
  notes: string[]
}

/** Past origins that were observed far enough ahead. */
export interface PastBlocks {
  /** Slots of the history, ascending. */
  origins: Float64Array
  slotsPerDay: number
  /** Slots ahead that all of them were observed. */
  columns: number
  /** By slot ahead: the column that it follows, an earlier one where it is further ahead than was observed. */
  sources: Uint16Array
}

export interface WorkloadForecast {
  workload: Workload
  /** What made `point`: `combination` or the name of the model that stood in for it. */
  model: string
  /** Weight of each model in the combination; they sum to one. */
  weights: Record<string, number>
  tokens: 'measured' | 'assumed' | 'none'
  series: Record<DemandMetric, SeriesForecast>
  /** Rolling-origin score of `requests`; undefined when the history is too short to score. */
  score?: ForecastScore
  /** What each covariate is worth to it; absent where none is known. */
  covariates?: CovariateUse[]
}

/** What a covariate did for the forecasts of the last two weeks. */
export interface CovariateUse {
  name: string
  /** 1 − absolute error a day ahead of the combination with it / without it; null where nothing could be compared. */
  skill: number | null
  /** 90 %, over resampled origins; null with too few. */
  skillInterval: { low: number; high: number } | null
}

/** Amounts of one metric. */
export interface SeriesForecast {
  /** What dated events do to its paths; none of it is in the point. */
  effects?: readonly PathEffect[]
  /** By step. */
  point: Float64Array
  /** What paths scatter around, by slot: between the point and the mean day. */
  slots: Float64Array
  shape: SlotShape
  /** Undefined where no error is known: paths equal the point. */
  errors: PathErrors | undefined
}

/** How steps share their slot out. */
export interface SlotShape {
  /** Share of each step of the day in its slot; the first one is that of the first step of slot 0 of the history. */
  shares: Float64Array
  /** Slot of the history that the forecast starts with. */
  origin: number
  /** Amounts of past steps, up to the origin. */
  steps: Float32Array
  /** Slot of the first of them. */
  firstSlot: number
  /** No shape lifts a step above this. */
  ceiling: number
}

/** What makes a path of a point: at each slot the error whose place among all is that of a past error. */
export interface PathErrors {
  /** Place of a past error among those of its lead, by origin and column of `PastBlocks`, row-major. */
  ranks: Uint8Array
  /** Ascending standardised errors, evenly spaced in probability. */
  quantiles: Float64Array
  /** What one of them is worth, by slot ahead. */
  spread: Float64Array
  /** No error lifts a path above this. */
  ceiling: number
}

export interface ForecastScore {
  /** Mean pinball loss over the written quantiles, on rolling origins; amount a slot. */
  pinballLoss: number
  /** The same of the best naive baseline. */
  baselinePinballLoss: number
  baseline: string
  /** 1 − pinball loss / baseline pinball loss. */
  forecastSkill: number
  /** Weighted absolute percentage error of the point forecast on rolling origins, 0 … */
  wape: number
  /** Share of observed points inside the 90 % interval, on rolling origins. */
  coverage90: number
  origins: number
}

/** One joint path of one workload: amounts a step, never negative. */
export interface DemandPath {
  requests: Float64Array
  inputTokens: Float64Array
  outputTokens: Float64Array
}
