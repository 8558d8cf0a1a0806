import { kvCacheBytes, kvCacheShards, layerTokens, weightBytes } from './memory.js'
import { type Placement, peakFlopsPerSecond } from './placement.js'

/** What a real engine adds to a roofline. Seconds, and shares of a peak. */
export interface LatencyConstants {
  /** Share of the memory bandwidth that decoding reaches. */
  memoryEfficiency: number
  /** Share of the FLOP/s that decoding reaches. */
  decodeComputeEfficiency: number
  /** Share of the FLOP/s that prefill reaches on dense weights and attention. */
  prefillComputeEfficiency: number
  /** The same on experts, whose matrices are small. */
  expertPrefillEfficiency: number
  /** Share of the link's bandwidth that all-reduces reach. */
  interconnectEfficiency: number
  /** Latency of one all-reduce, two a layer. */
  allReduceSeconds: number
  /** Kernels of a layer in a decode step. */
  layerSeconds: number
  /** Added by each expert that a token passes through, a layer. */
  activeExpertSeconds: number
  /** Sampling, detokenising and scheduling of one sequence in a step of 60 layers. */
  sequenceSeconds: number
  /** Network, tokenising and scheduling of one request. */
  requestSeconds: number
  /** Kernels of a layer when it prefills a prompt. */
  prefillLayerSeconds: number
  /** How much longer a batch takes through a pipeline of nodes than through one node with all layers. */
  pipelineStretch: number
}

/** The limits of the hardware alone: what a replica can never be faster than. */
export const idealLatency: LatencyConstants = {
  memoryEfficiency: 1,
  decodeComputeEfficiency: 1,
  prefillComputeEfficiency: 1,
  expertPrefillEfficiency: 1,
  interconnectEfficiency: 1,
  allReduceSeconds: 0,
  layerSeconds: 0,
  activeExpertSeconds: 0,
  sequenceSeconds: 0,
  requestSeconds: 0,
  prefillLayerSeconds: 0,
  pipelineStretch: 1,
}

/**
 * Round values near the fit of bench/fit-sizing.ts (1,040 points: three models, H100, H200, B200; vLLM, TensorRT-LLM and
 * SGLang of 2025–26). The efficiencies of memory and decoding, the all-reduce and the request are common knowledge of
 * such hardware, not fitted: the points do not tell them from the overheads.
 */
export const latencyConstants: LatencyConstants = {
  memoryEfficiency: 0.8,
  decodeComputeEfficiency: 0.6,
  prefillComputeEfficiency: 0.8,
  expertPrefillEfficiency: 0.2,
  interconnectEfficiency: 0.5,
  allReduceSeconds: 5e-6,
  layerSeconds: 50e-6,
  activeExpertSeconds: 5e-6,
  sequenceSeconds: 25e-6,
  requestSeconds: 5e-3,
  prefillLayerSeconds: 0.9e-3,
  // Assumed, not fitted: no point spans nodes. A stage waits where the batch before it took longer (the bubbles of
  // https://arxiv.org/abs/2403.02310) and for activations to pass between nodes.
  pipelineStretch: 1.25,
}

/** GPUs of the points that the constants were fitted to; on others they are carried over. */
export const fittedGpus: readonly string[] = ['H100', 'H200', 'B200']

/** Factor on the time of everything that passes through all layers. */
function stretch({ stages }: Placement, { pipelineStretch }: LatencyConstants): number {
  return stages > 1 ? pipelineStretch : 1
}

/** Share of the experts that a batch of tokens touches, each token choosing evenly. */
function touchedExperts({ architecture }: Placement, tokens: number): number {
  const { experts, expertsPerToken = 0 } = architecture
  return experts === undefined ? 0 : 1 - (1 - expertsPerToken / experts) ** tokens
}

/** Bytes of an all-reduce around a ring, two a layer, of the activations of some tokens, over the link. */
function allReduceSeconds({ architecture, gpu, gpus }: Placement, tokens: number): number {
  const bytes = 2 * architecture.layers * tokens * architecture.hiddenSize * 2
  return (bytes * 2 * (gpus - 1)) / gpus / gpu.interconnectBytesPerSecond
}

/** FLOP of a matrix product of each weight with one token, in seconds at peak, apart for dense weights, output and experts. */
function secondsPerToken({ parameters, architecture, gpu, gpus, precision, densePrecision }: Placement) {
  const activeExperts =
    architecture.experts === undefined
      ? 0
      : (parameters.experts * (architecture.expertsPerToken ?? 0)) / architecture.experts
  return {
    dense: (2 * parameters.dense) / peakFlopsPerSecond(gpu, densePrecision) / gpus,
    head: (2 * parameters.head) / peakFlopsPerSecond(gpu, 'bf16') / gpus,
    experts: (2 * activeExperts) / peakFlopsPerSecond(gpu, precision) / gpus,
  }
}

/** Time of attention's products with so many key–value pairs, summed over layers, at peak. */
function attentionSeconds({ architecture, gpu, gpus }: Placement, pairs: number): number {
  const flopsPerPair = 4 * architecture.attentionHeads * architecture.headSize
  return (flopsPerPair * pairs) / peakFlopsPerSecond(gpu, 'bf16') / gpus
}

/**
 * Time of one decode step: the greater of reading memory and computing (joined smoothly), and what engines add.
 *
 * @param sequences running at once
 * @param contextTokens that each holds, on average
 */
export function stepSeconds(
  placement: Placement,
  sequences: number,
  contextTokens: number,
  constants: LatencyConstants = latencyConstants,
): number {
  const { architecture, gpu, gpus } = placement
  const weights = weightBytes(placement)
  const bytes =
    (weights.dense + weights.head + weights.experts * touchedExperts(placement, sequences)) / gpus +
    (sequences * kvCacheBytes(placement, contextTokens)) / kvCacheShards(placement)
  const memory = bytes / gpu.memoryBytesPerSecond / constants.memoryEfficiency
  const perToken = secondsPerToken(placement)
  const compute =
    (sequences *
      (perToken.dense +
        perToken.head +
        perToken.experts +
        attentionSeconds(placement, layerTokens(architecture, contextTokens)))) /
    constants.decodeComputeEfficiency
  const { layers, expertsPerToken = 0 } = architecture
  return (
    stretch(placement, constants) *
    ((memory ** 4 + compute ** 4) ** (1 / 4) +
      allReduceSeconds(placement, sequences) / constants.interconnectEfficiency +
      layers *
        ((gpus > 1 ? 2 * constants.allReduceSeconds : 0) +
          constants.layerSeconds +
          expertsPerToken * constants.activeExpertSeconds +
          (sequences * constants.sequenceSeconds) / 60))
  )
}

/** Work that one prompt adds to a busy replica. */
export function prefillSeconds(
  placement: Placement,
  inputTokens: number,
  constants: LatencyConstants = latencyConstants,
): number {
  const { architecture } = placement
  const { layers, slidingWindow = { tokens: 0, layers: 0 } } = architecture
  const pairs =
    ((layers - slidingWindow.layers) * inputTokens ** 2) / 2 +
    slidingWindow.layers * inputTokens * Math.min(inputTokens, slidingWindow.tokens)
  const perToken = secondsPerToken(placement)
  return (
    stretch(placement, constants) *
    ((inputTokens * perToken.dense + attentionSeconds(placement, pairs)) /
      constants.prefillComputeEfficiency +
      (inputTokens * perToken.experts) / constants.expertPrefillEfficiency +
      allReduceSeconds(placement, inputTokens) / constants.interconnectEfficiency)
  )
}

/** Time from a request's arrival at an idle replica to the end of its prefill: at least one reading of the weights. */
export function promptSeconds(
  placement: Placement,
  inputTokens: number,
  constants: LatencyConstants = latencyConstants,
): number {
  const { architecture, gpu, gpus } = placement
  const weights = weightBytes(placement)
  const bytes = (weights.dense + weights.experts * touchedExperts(placement, inputTokens)) / gpus
  const reading = bytes / gpu.memoryBytesPerSecond / constants.memoryEfficiency
  return (
    constants.requestSeconds +
    architecture.layers * constants.prefillLayerSeconds +
    Math.max(prefillSeconds(placement, inputTokens, constants), reading)
  )
}

/**
 * Mean time between the tokens of a request while `sequences` run: a decode step, and the prefill work of the others,
 * spread over the tokens, for each of them brings one prompt in the time that this request runs.
 */
export function interTokenSeconds(
  placement: Placement,
  sequences: number,
  lengths: { inputTokens: number; outputTokens: number },
  constants: LatencyConstants = latencyConstants,
): number {
  return (
    stepSeconds(placement, sequences, meanContextTokens(lengths), constants) +
    ((sequences - 1) * prefillSeconds(placement, lengths.inputTokens, constants)) / lengths.outputTokens
  )
}

/** Tokens that a running request holds, averaged over its life. */
export function meanContextTokens(lengths: { inputTokens: number; outputTokens: number }): number {
  return lengths.inputTokens + lengths.outputTokens / 2
}
