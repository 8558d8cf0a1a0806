import type { EpochSeconds } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { Histogram } from './histogram.js'

/** Why a point of a history is not learned from; the index is the code in `WorkloadDemand.mask`. */
export const maskReasons = ['observed', 'gap', 'retry-storm', 'attack', 'load-test', 'event'] as const
export type MaskReason = (typeof maskReasons)[number]

/** Demand of all workloads on one regular grid in UTC. Columns, never rows. */
export interface DemandHistory {
  /** Start of the first step. */
  start: EpochSeconds
  stepSeconds: number
  /** Number of steps; every column has this length. */
  length: number
  /** In ascending order of `workloadId`. */
  workloads: WorkloadDemand[]
  /** What else was measured on the grid and may tell of demand to come; absent where nothing is named. */
  covariates?: Covariate[]
}

/** Active conversations, sign-ups: any quantity beside demand. */
export interface Covariate {
  name: string
  /** Whose demand it may tell of: model, model/region or model/region/tenant; default all. */
  workloads?: readonly string[]
  /** Mean of each step; NaN where it is not known. */
  values: Float64Array
}

/**
 * Amounts a step (not rates). A point whose `mask` is not 0 is missing or excluded: its amounts are NaN and
 * must not be read as zero.
 */
export interface WorkloadDemand {
  workload: Workload
  requests: Float64Array
  inputTokens: Float64Array
  outputTokens: Float64Array
  /** Those of `requests` that were turned away, where a source says; NaN where unknown. */
  rejectedRequests?: Float64Array
  /** Whether the token columns were measured, or computed from the config's `assumedLengths`; `none` when there are neither (columns of zeros). */
  tokens: 'measured' | 'assumed' | 'none'
  /** 0 observed, else an index into `maskReasons`. */
  mask: Uint8Array
  /** How long its requests were, where a source says: all days together. */
  lengths?: RequestLengthHistograms
}

interface RequestLengthHistograms {
  inputTokens?: Histogram
  outputTokens?: Histogram
}

export const demandMetrics = ['requests', 'inputTokens', 'outputTokens'] as const
export type DemandMetric = (typeof demandMetrics)[number]
