import type { Architecture } from '../catalog/architecture.js'
import { type GpuShape, shapeName } from '../catalog/gpu-shape.js'
import { findGpu, gpuNames } from '../catalog/gpus.js'
import { findInstanceType, nodesOfReplica } from '../catalog/instance-types.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { type ColdStartParts, estimateColdStart } from './cold-start.js'
import {
  fittedGpus,
  interTokenSeconds,
  latencyConstants,
  meanContextTokens,
  prefillSeconds,
  promptSeconds,
  stepSeconds,
} from './latency.js'
import {
  kvCacheBytes,
  kvCacheCapacityBytes,
  kvCacheShards,
  minimumConcurrency,
  weightBytes,
} from './memory.js'
import { type Placement, placeModel } from './placement.js'
import type { ReplicaCapacity, RequestLengths } from './replica-capacity.js'

/** 95th percentiles, in seconds; a missing one is no limit. */
export interface ServiceLevel {
  ttftP95Seconds?: number | undefined
  itlP95Seconds?: number | undefined
  endToEndP95Seconds?: number | undefined
}

export interface ReplicaToSize {
  /** As people call it; shown in results and errors. */
  modelName: string
  architecture: Architecture
  /** True where the real architecture is not known. */
  assumed: boolean
  shape: GpuShape
  slo: ServiceLevel
  lengths: RequestLengths
  coldStart?: ColdStartParts
}

/** Engines stop admitting here, whatever memory is left: the larger default of vLLM's `max_num_seqs`. */
const batchLimit = 1024
/** Requests running on average at which a request as good as never meets another: the least load that is tried. */
const leastRunning = 0.01
/** Prompt tokens that one step takes beside the decoding: the smaller default of vLLM's `max_num_batched_tokens`. */
const prefillTokensPerStep = 2048
/** Above it a prefill queue hardly drains, whatever time to first token is allowed. */
const highestPrefillUtilisation = 0.95
/** 95th percentiles: of an exponential distribution over its mean, of a normal one in standard deviations. */
const p95OverMean = Math.log(20)
const p95Deviations = 1.645

/** A replica at a number of running requests, under open arrivals; latencies at the 95th percentile. */
interface Operation {
  ttftSeconds: number
  itlSeconds: number
  endToEndSeconds: number
  prefillUtilisation: number
  outputTokensPerSecond: number
  /** Of the replica, at one request: time spent on its prompt, and on each of its output tokens. */
  secondsPerPrompt: number
  secondsPerOutputToken: number
}

/**
 * What one replica carries under the service level.
 *
 * Assumptions, for people to argue with: requests arrive at random (Poisson), their lengths spread exponentially
 * around the means. TTFT is that of a replica on its own; a router that looks at queues does better. ITL is the mean
 * over the tokens of a request and its P95 that over requests, in a pool whose router keeps replicas evenly loaded; a
 * replica on its own fluctuates more. End to end is for the P95 of output lengths. The load is the one at which
 * `maximumConcurrency` requests, before it is rounded down, run on average. test/sizing/engine-simulation.test.ts
 * replays engines under this load and holds these percentiles against them. Over several nodes requests are spread
 * evenly over the lanes of the pipeline (see `Placement`); such figures are labelled assumed.
 *
 * Throws `infeasible`: MODEL_DOES_NOT_FIT (by how many GB and what would do) or SLO_NOT_REACHABLE (which and by how much).
 */
export function sizeReplica(replica: ReplicaToSize): ReplicaCapacity {
  const { modelName, architecture, assumed, shape, slo, lengths } = replica
  const stages = nodesOfReplica(shape)
  const placement = placeModel(
    { architecture, precision: shape.precision },
    gpuOf(shape),
    shape.gpusPerReplica / stages,
    undefined,
    stages,
  )
  const meanContext = meanContextTokens(lengths)
  const cacheBytes = kvCacheCapacityBytes(placement)
  const cacheBytesPerRequest = kvCacheBytes(placement, meanContext)
  checkFit(replica, placement)

  const memoryLimit = meanBelow(cacheBytes / cacheBytesPerRequest)
  const limits = serviceLimits(slo)
  checkServiceLevel(replica, placement, limits)
  const brokenLimit = (running: number) => {
    const operation = operate(placement, running, lengths)
    const broken = limits.find(({ of, seconds }) => operation[of] > seconds)?.limit
    return broken ?? (operation.prefillUtilisation > highestPrefillUtilisation ? 'ttft' : undefined)
  }
  const ceiling = Math.min(memoryLimit, batchLimit / stages)
  const { running, above } = largest(ceiling, (value) => brokenLimit(value) === undefined)
  const operation = operate(placement, running, lengths)
  const { ttftSeconds, itlSeconds, secondsPerPrompt, secondsPerOutputToken } = operation
  const { inputTokens, outputTokens } = lengths
  const weights = weightBytes(placement).total
  const cacheBytesPerToken = cacheBytesPerRequest / meanContext
  // Of one lane of the replica until here, of all from here on.
  const lanes = stages
  return {
    model: modelName,
    shape,
    provenance: assumed || stages > 1 ? 'assumed' : 'estimated',
    source: describeSource(replica),
    weightBytes: weights,
    kvCacheBytesPerToken: cacheBytesPerToken,
    kvCacheTokens: Math.floor((lanes * cacheBytes) / cacheBytesPerToken),
    maximumConcurrency: Math.max(1, Math.floor(lanes * running)),
    bindingLimit: brokenLimit(above) ?? (memoryLimit <= batchLimit / stages ? 'kv-cache' : 'batch-limit'),
    ttftSeconds,
    itlSeconds,
    prefillTokensPerSecond: inputTokens / prefillSeconds(placement, inputTokens),
    decodeTokensPerSecond: lanes * operation.outputTokensPerSecond,
    replicaSecondsPerInputToken: secondsPerPrompt / inputTokens / lanes,
    replicaSecondsPerOutputToken: secondsPerOutputToken / lanes,
    requestsPerSecond: lanes / (secondsPerPrompt + outputTokens * secondsPerOutputToken),
    lengths,
    coldStart: estimateColdStart(weights, replica.coldStart),
  }
}

function describeSource({ assumed, shape }: ReplicaToSize): string {
  const carried = fittedGpus.some((gpu) => gpu === findGpu(shape.gpu)?.name)
    ? `roofline, constants fitted to public measurements on ${fittedGpus.join(', ')}`
    : `roofline, constants of ${fittedGpus.join(', ')} carried over to ${shape.gpu}`
  const pipeline =
    nodesOfReplica(shape) > 1
      ? `; a pipeline of ${nodesOfReplica(shape)} nodes is assumed to take ${latencyConstants.pipelineStretch} times as long as one node`
      : ''
  return `${carried}${pipeline}${assumed ? '; the architecture is assumed' : ''}`
}

function gpuOf(shape: GpuShape) {
  const gpu = findGpu(shape.gpu)
  if (gpu !== undefined) return gpu
  const near = nearestName(shape.gpu, gpuNames)
  throw new LlmscaleError(
    'configInvalid',
    'GPU_UNKNOWN',
    `The catalogue has no GPU ${JSON.stringify(shape.gpu)}; it has ${gpuNames.join(', ')}.`,
    near === undefined ? [] : [`Did you mean ${near}?`],
  )
}

/** The greatest value up to the ceiling that holds, where smaller ones do, and one just above it: by bisection. */
function largest(ceiling: number, holds: (value: number) => boolean): { running: number; above: number } {
  if (holds(ceiling)) return { running: ceiling, above: ceiling }
  let [running, above] = [leastRunning, ceiling]
  while (above - running > 1e-9 * ceiling) {
    const middle = (running + above) / 2
    if (holds(middle)) running = middle
    else above = middle
  }
  return { running, above }
}

/** Latencies and work with so many requests in prefill or decoding on average; below 1 a request runs alone. */
function operate(placement: Placement, running: number, lengths: RequestLengths): Operation {
  const { inputTokens, outputTokens, maximumOutputTokens } = lengths
  const batch = Math.max(1, running)
  const step = stepSeconds(placement, batch, meanContextTokens(lengths))
  const prefill = prefillSeconds(placement, inputTokens)
  const prompt = promptSeconds(placement, inputTokens)
  const meanItl = interTokenSeconds(placement, batch, lengths)
  // Little's law: arrivals a second = running requests / time that each runs.
  const requestsPerSecond = running / (prompt + outputTokens * meanItl)
  // A prompt takes turns with decode steps, waits for the one under way and for the prompts before it: the P95 of an
  // M/M/1 sojourn is ln 20 × service / (1 − utilisation).
  const service = prefill + (step * inputTokens) / prefillTokensPerStep
  const prefillUtilisation = requestsPerSecond * service
  const queued =
    prefillUtilisation < 1 ? (p95OverMean * service) / (1 - prefillUtilisation) : Number.POSITIVE_INFINITY
  const ttftSeconds = step + prompt - prefill + queued
  // While a request of half the mean length runs, running / 2 prompts arrive on average, give or take; each holds it up
  // for an exponential time. The deviation of the sum, spread over its tokens, is 2 √running × prefill / output tokens.
  const itlDeviation = (2 * Math.sqrt(running) * prefill) / outputTokens
  const longOutputTokens = Math.min(maximumOutputTokens, p95OverMean * outputTokens)
  return {
    ttftSeconds,
    itlSeconds: meanItl + p95Deviations * itlDeviation,
    endToEndSeconds: ttftSeconds + longOutputTokens * meanItl,
    prefillUtilisation,
    outputTokensPerSecond: requestsPerSecond * outputTokens,
    secondsPerPrompt: (prompt + (batch - 1) * prefill) / running,
    secondsPerOutputToken: step / running,
  }
}

/** The mean number of running requests whose P95 still holds: what they keep in memory varies as a Poisson count does. */
function meanBelow(limit: number): number {
  const root = (-p95Deviations + Math.sqrt(p95Deviations ** 2 + 4 * limit)) / 2
  return root ** 2
}

interface ServiceLimit {
  limit: 'ttft' | 'itl' | 'end-to-end'
  name: string
  of: 'ttftSeconds' | 'itlSeconds' | 'endToEndSeconds'
  seconds: number
}

function serviceLimits(slo: ServiceLevel): ServiceLimit[] {
  const all = [
    { limit: 'ttft', name: 'time to first token', of: 'ttftSeconds', seconds: slo.ttftP95Seconds },
    { limit: 'itl', name: 'inter-token latency', of: 'itlSeconds', seconds: slo.itlP95Seconds },
    {
      limit: 'end-to-end',
      name: 'end-to-end latency',
      of: 'endToEndSeconds',
      seconds: slo.endToEndP95Seconds,
    },
  ] as const
  return all.flatMap((limit) => (limit.seconds === undefined ? [] : [{ ...limit, seconds: limit.seconds }]))
}

function checkServiceLevel(replica: ReplicaToSize, placement: Placement, limits: ServiceLimit[]): void {
  const alone = operate(placement, leastRunning, replica.lengths)
  const missed = limits.filter(({ of, seconds }) => alone[of] > seconds)
  if (missed.length === 0) return
  const misses = missed.map(
    ({ name, of, seconds }) =>
      `P95 ${name} of a request that runs alone is ${formatSeconds(alone[of])} (estimated), ` +
      `${formatSeconds(alone[of] - seconds)} above ${formatSeconds(seconds)}`,
  )
  throw new LlmscaleError(
    'infeasible',
    'SLO_NOT_REACHABLE',
    `${replica.modelName} on ${shapeName(replica.shape)}: ${misses.join('; ')}.`,
    ['Allow a shape with more or faster GPUs, or a lower precision.', 'Loosen the service level.'],
  )
}

function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`
}

/** Weights, and beside them the longest request or a minimum of mean ones. */
function checkFit(replica: ReplicaToSize, placement: Placement): void {
  const missing = missingBytes(placement, replica.lengths)
  if (missing <= 0) return
  const { shape, lengths } = replica
  const gpusPerNode = findInstanceType(shape.instanceType)?.gpusPerNode ?? shape.gpusPerReplica
  const enough = [1, 2, 4, 8, 16].find(
    (gpus) => gpus <= gpusPerNode && missingBytes({ ...placement, gpus, stages: 1 }, lengths) <= 0,
  )
  const cached = Math.max(
    minimumConcurrency * kvCacheBytes(placement, meanContextTokens(lengths)),
    kvCacheBytes(placement, lengths.maximumInputTokens + lengths.maximumOutputTokens),
  )
  throw new LlmscaleError(
    'infeasible',
    'MODEL_DOES_NOT_FIT',
    `${replica.modelName} does not fit ${shapeName(shape)}: ${formatGB(missing)} short, with ` +
      `${formatGB(weightBytes(placement).total)} of weights and ${formatGB(cached)} of KV cache for ` +
      `${minimumConcurrency} mean requests and the longest one.`,
    enough === undefined
      ? [`No number of GPUs of one ${shape.instanceType} holds it: allow a larger GPU or a lower precision.`]
      : [`gpusPerReplica: ${enough} holds it on ${shape.instanceType}.`],
  )
}

/** Bytes that a replica lacks, over all its GPUs. */
function missingBytes(placement: Placement, lengths: RequestLengths): number {
  const longest = kvCacheBytes(placement, lengths.maximumInputTokens + lengths.maximumOutputTokens)
  const batch = minimumConcurrency * kvCacheBytes(placement, meanContextTokens(lengths))
  const short = Math.max(longest, batch) - kvCacheCapacityBytes(placement)
  return (short * placement.gpus * placement.stages) / kvCacheShards(placement)
}

function formatGB(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
