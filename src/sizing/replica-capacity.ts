import type { GpuShape } from '../catalog/gpu-shape.js'

/** Where a number comes from; shown beside every figure. */
type Provenance = 'measured' | 'calibrated' | 'estimated' | 'assumed'

/** Mean lengths of a request, and the longest that must fit. */
export interface RequestLengths {
  inputTokens: number
  outputTokens: number
  maximumInputTokens: number
  maximumOutputTokens: number
}

/**
 * What one replica carries under the service level. Load is linear in tokens: a stream of I input and O output
 * tokens a second keeps I × replicaSecondsPerInputToken + O × replicaSecondsPerOutputToken replicas busy.
 */
export interface ReplicaCapacity {
  model: string
  shape: GpuShape
  provenance: Provenance
  source: string
  weightBytes: number
  kvCacheBytesPerToken: number
  /** Tokens that the KV cache of one replica holds. */
  kvCacheTokens: number
  /** Sequences running on average when a service level or memory binds. */
  maximumConcurrency: number
  bindingLimit: 'ttft' | 'itl' | 'end-to-end' | 'kv-cache' | 'batch-limit'
  /** 95th percentiles at maximum concurrency; ITL is the mean over the tokens of a request. */
  ttftSeconds: number
  itlSeconds: number
  /** Of a prompt that has the replica to itself. */
  prefillTokensPerSecond: number
  /** Output tokens at maximum concurrency, prefill of the same load included. */
  decodeTokensPerSecond: number
  replicaSecondsPerInputToken: number
  replicaSecondsPerOutputToken: number
  /** At the stated mean lengths: 1 / (input × … + output × …). */
  requestsPerSecond: number
  lengths: RequestLengths
  coldStart: ColdStart
}

/** Parts of the time from a scaling decision to a ready replica, at the 95th percentile. */
export interface ColdStart {
  nodeSeconds: number
  imageSeconds: number
  weightsSeconds: number
  warmUpSeconds: number
  /** Sum of the parts: at least the 95th percentile of the sum. */
  totalSeconds: number
  provenance: Provenance
}

/**
 * Where 80 % of measured values lie around an uncalibrated prediction, by points of (model, GPU) pairs that the fit
 * had not seen: bench/fit-sizing.ts. Capacity errs about twice as much as ITL, which is flat in concurrency.
 */
export const errorBands = {
  itl: { low: 0.75, high: 1.27 },
  ttft: { low: 0.66, high: 2.35 },
} as const
