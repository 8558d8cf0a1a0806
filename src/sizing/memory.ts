import { bytesPerWeight, type Placement } from './placement.js'

/** Share of a GPU's memory that serving engines take: vLLM's default `--gpu-memory-utilization` was 0.90 for years. */
const usableMemoryShare = 0.9
/** Activations, CUDA graphs and communication buffers of one GPU: 2–3 GB on an 80 GB GPU, less on small ones. */
const overheadBytes = 2.5e9
const overheadShare = 0.03

/** Below this many mean requests at once a replica mostly reads weights, so such a fit is not called one. */
export const minimumConcurrency = 8

export interface WeightBytes {
  dense: number
  experts: number
  /** Output layer; embeddings and output layers stay at 16 bits in quantised checkpoints. */
  head: number
  embedding: number
  total: number
}

/** Bytes of all weights of one replica. */
export function weightBytes({ architecture, parameters, precision, densePrecision }: Placement): WeightBytes {
  const dense = parameters.dense * bytesPerWeight(densePrecision, architecture)
  const experts = parameters.experts * bytesPerWeight(precision, architecture)
  const head = parameters.head * 2
  const embedding = parameters.embedding * 2
  return { dense, experts, head, embedding, total: dense + experts + head + embedding }
}

/** Bytes that a sequence of some tokens holds in the KV cache, over all layers and GPUs, each head stored once. */
export function kvCacheBytes({ architecture, kvCacheBytesPerElement }: Placement, tokens: number): number {
  const { keyValueHeads, headSize } = architecture
  return 2 * keyValueHeads * headSize * kvCacheBytesPerElement * layerTokens(architecture, tokens)
}

/** Tokens attended to by the last one, summed over the layers: a windowed layer sees no more than its window. */
export function layerTokens(
  { layers, slidingWindow = { tokens: 0, layers: 0 } }: Placement['architecture'],
  tokens: number,
): number {
  return (
    (layers - slidingWindow.layers) * tokens + slidingWindow.layers * Math.min(tokens, slidingWindow.tokens)
  )
}

/** Over how many GPUs the cache is split: beyond one head a GPU, heads are copied. */
export function kvCacheShards({ gpus, architecture }: Placement): number {
  return Math.min(gpus, architecture.keyValueHeads)
}

/** Bytes of one GPU that weights and KV cache may take. */
function usableBytesPerGpu({ gpu }: Placement): number {
  return usableMemoryShare * gpu.memoryBytes - Math.min(overheadBytes, overheadShare * gpu.memoryBytes)
}

/** Bytes left for the KV cache of one replica, or of one lane of it; negative where the weights alone do not fit. */
export function kvCacheCapacityBytes(placement: Placement): number {
  const free =
    usableBytesPerGpu(placement) - weightBytes(placement).total / (placement.gpus * placement.stages)
  return free * kvCacheShards(placement)
}
