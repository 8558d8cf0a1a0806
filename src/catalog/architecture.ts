/** The numbers of a decoder-only transformer with grouped-query attention that memory and speed follow from. */
export interface Architecture {
  layers: number
  hiddenSize: number
  attentionHeads: number
  keyValueHeads: number
  headSize: number
  /** Width of a dense feed-forward block, or of one expert. */
  intermediateSize: number
  vocabularySize: number
  experts?: number | undefined
  expertsPerToken?: number | undefined
  /** True where the output layer shares the embedding's weights. */
  tiedEmbeddings?: boolean | undefined
  /** Layers that attend to (and cache) only the last `tokens`. */
  slidingWindow?: { tokens: number; layers: number } | undefined
  /** Weights that share one scale byte in a four-bit checkpoint: 16 (NVFP4, the default) or 32 (MXFP4). */
  fourBitBlockSize?: number | undefined
}

/** Weights by how they are stored and read: a step reads all but the embedding, and of the experts only those hit. */
export interface ParameterCounts {
  /** Attention, norms, routers and dense feed-forward blocks. */
  dense: number
  /** All experts of all layers. */
  experts: number
  /** The output layer. */
  head: number
  /** The input embedding; 0 where it is the output layer's. */
  embedding: number
  total: number
  /** That one token passes through. */
  active: number
}

/** Counts parameters from the architecture; biases are left out (less than 0.1 %). */
export function countParameters(architecture: Architecture): ParameterCounts {
  const { layers, hiddenSize, attentionHeads, keyValueHeads, headSize, intermediateSize } = architecture
  const { experts = 0, expertsPerToken = 0 } = architecture
  const attention = 2 * hiddenSize * headSize * (attentionHeads + keyValueHeads)
  const norms = 2 * hiddenSize
  const feedForward = 3 * hiddenSize * intermediateSize
  const router = hiddenSize * experts
  const dense = layers * (attention + norms + router + (experts === 0 ? feedForward : 0)) + hiddenSize
  const allExperts = layers * experts * feedForward
  const head = architecture.vocabularySize * hiddenSize
  const embedding = architecture.tiedEmbeddings ? 0 : head
  return {
    dense,
    experts: allExperts,
    head,
    embedding,
    total: dense + allExperts + head + embedding,
    active: dense + layers * expertsPerToken * feedForward + head + embedding,
  }
}
