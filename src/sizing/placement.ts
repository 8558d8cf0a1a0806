import { type Architecture, countParameters, type ParameterCounts } from '../catalog/architecture.js'
import type { Precision } from '../catalog/gpu-shape.js'
import type { Gpu } from '../catalog/gpus.js'

/**
 * A model laid out over GPUs by tensor parallelism: what memory and speed are computed from. Over several nodes it is
 * one lane of a pipeline: each node holds a stage of the layers, and each of as many batches as there are stages passes
 * through all of them, one stage at a time. A lane computes as if it had one node alone and keeps its share of the KV
 * cache; a replica has as many lanes as stages.
 */
export interface Placement {
  architecture: Architecture
  parameters: ParameterCounts
  gpu: Gpu
  /** That each layer is split over. */
  gpus: number
  /** Nodes that the layers are spread over. */
  stages: number
  /** Of the feed-forward experts, or of all weights of a dense model. */
  precision: Precision
  /** Four-bit mixture-of-experts checkpoints keep all but the experts at 16 bits. */
  densePrecision: Precision
  kvCacheBytesPerElement: number
}

/** vLLM's and TensorRT-LLM's default: a cache in the model's 16-bit type. */
const kvCacheBytesPerElement = 2

export function placeModel(
  model: { architecture: Architecture; precision: Precision },
  gpu: Gpu,
  gpus: number,
  cacheBytesPerElement = kvCacheBytesPerElement,
  stages = 1,
): Placement {
  const { architecture, precision } = model
  const fourBit = precision === 'fp4' || precision === 'int4'
  return {
    architecture,
    parameters: countParameters(architecture),
    gpu,
    gpus,
    stages,
    precision,
    densePrecision: fourBit && architecture.experts !== undefined ? 'bf16' : precision,
    kvCacheBytesPerElement: cacheBytesPerElement,
  }
}

/** Bytes of one weight, its share of the block's scale included. */
export function bytesPerWeight(precision: Precision, architecture: Architecture): number {
  if (precision === 'bf16') return 2
  if (precision === 'fp8') return 1
  return 0.5 + 1 / (architecture.fourBitBlockSize ?? 16)
}

/** FLOP/s of one GPU on weights of a precision; those that it cannot multiply natively are unpacked to bf16. */
export function peakFlopsPerSecond(gpu: Gpu, precision: Precision): number {
  const { bf16, fp8, fp4 } = gpu.flopsPerSecond
  return (precision === 'fp8' ? fp8 : precision === 'fp4' ? fp4 : undefined) ?? bf16
}
