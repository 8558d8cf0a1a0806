import type { ColdStart } from './replica-capacity.js'

/** Parts that the config gives, in seconds. */
export interface ColdStartParts {
  node?: number | undefined
  image?: number | undefined
  weights?: number | undefined
  warmUp?: number | undefined
}

// Round values at the upper end of what operators report: 2–8 minutes in all for a replica on a fresh GPU node.
/** From an unschedulable pod to a node that takes it: EC2 launch, boot, GPU drivers and device plugin. */
const nodeSeconds = 120
/** Pull and unpack of a serving image of about 10 GB. */
const imageSeconds = 120
/** From object storage or a network disk into GPU memory. */
const weightBytesPerSecond = 1e9
/** Compilation, CUDA graphs, KV cache allocation, first readiness probe. */
const warmUpSeconds = 60

/** Cold start at the 95th percentile: the config's parts, the others estimated. */
export function estimateColdStart(weightBytes: number, parts: ColdStartParts = {}): ColdStart {
  const { node, image, weights, warmUp } = parts
  const whole = {
    nodeSeconds: node ?? nodeSeconds,
    imageSeconds: image ?? imageSeconds,
    weightsSeconds: weights ?? Math.ceil(weightBytes / weightBytesPerSecond),
    warmUpSeconds: warmUp ?? warmUpSeconds,
  }
  const given = [node, image, weights, warmUp].every((part) => part !== undefined)
  return {
    ...whole,
    totalSeconds: Object.values(whole).reduce((sum, seconds) => sum + seconds, 0),
    provenance: given ? 'assumed' : 'estimated',
  }
}
