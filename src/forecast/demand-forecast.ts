import type { EpochSeconds } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { DemandMetric } from '../metrics/demand-history.js'

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
  /** How the residual blocks of each day ahead are drawn; empty when there are none, and paths equal the point. */
  days: ForecastDay[]
  workloads: WorkloadForecast[]
  /** What the reader must know: fallbacks, short history. */
  notes: string[]
}

/** One day ahead, in steps after the origin. */
export interface ForecastDay {
  /** First lead of this day. */
  start: number
  /** First lead of the day that residuals are read from: an earlier one where too few were observed so far ahead. */
  source: number
  /** Rows of `ResidualBlocks.values`, from 0 on, whose day was observed whole. */
  rows: number
  /** Factor on residuals that a small number of rows calls for. */
  widening: number
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
}

/** Amounts a step, of length `DemandForecast.length`. */
export interface SeriesForecast {
  point: Float64Array
  /** Out-of-sample residual blocks, in the form that the forecast room's `samplePath` reads. */
  residuals: ResidualBlocks
}

export interface ResidualBlocks {
  /**
   * (actual − point) / (point + offset) by rolling origin (row) and lead step (column), row-major. Only the cells
   * that `ForecastDay` names were observed at the origin; the others must not be read.
   */
  values: Float32Array
  origins: number
  leads: number
  /** Leading rows from before the workload existed: later ones stand in for them. */
  blankRows: number
  /** Added to the point before multiplying, so that small points keep a spread. Amount a step. */
  offset: number
  /** No residual lifts a path above this: a burst over nothing is a huge ratio. Amount a step. */
  ceiling: number
}

export interface ForecastScore {
  /** Mean pinball loss over the written quantiles, on rolling origins; amount a step. */
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
