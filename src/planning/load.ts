import type { DemandPath } from '../forecast/demand-forecast.js'
import type { EpochSeconds } from '../kit/units.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'

/**
 * The fine grid on which ready capacity is compared with demand. Its tick divides the step of the demand and is no
 * coarser than a quarter of the shortest cold start: on a coarser one a late replica would look as if it were in time.
 */
export interface LoadGrid {
  start: EpochSeconds
  tickSeconds: number
  ticksPerStep: number
  /** Number of ticks. */
  length: number
}

export function createLoadGrid(
  start: EpochSeconds,
  stepSeconds: number,
  steps: number,
  shortestColdStartSeconds: number,
): LoadGrid {
  const coarsestTickSeconds = Math.max(15, shortestColdStartSeconds / 4)
  const ticksPerStep = Math.max(1, Math.ceil(stepSeconds / coarsestTickSeconds))
  return { start, tickSeconds: stepSeconds / ticksPerStep, ticksPerStep, length: steps * ticksPerStep }
}

/** One workload on one path, by tick. A masked step has NaN in both columns. */
export interface Load {
  /** Replicas that demand keeps busy, with the burst factor; not rounded. */
  replicas: Float64Array
  /** Requests that arrive in the tick. */
  requests: Float64Array
}

/** Demand of one path, by tick. */
export function createLoad(
  path: DemandPath,
  capacity: ReplicaCapacity,
  grid: LoadGrid,
  burstFactor: number,
): Load {
  const requests = refine(path.requests, grid.ticksPerStep)
  for (let tick = 0; tick < requests.length; tick++) requests[tick]! /= grid.ticksPerStep
  return { replicas: busyReplicas(path, capacity, grid, burstFactor), requests }
}

/** Replicas that the demand of one path keeps busy, by tick, with the burst factor; not rounded. */
export function busyReplicas(
  path: DemandPath,
  capacity: ReplicaCapacity,
  grid: LoadGrid,
  burstFactor: number,
): Float64Array {
  const { requests, inputTokens, outputTokens } = path
  const { replicaSecondsPerInputToken, replicaSecondsPerOutputToken, requestsPerSecond } = capacity
  const busy = new Float64Array(requests.length)
  const hasTokens = inputTokens.some((tokens) => tokens > 0) || outputTokens.some((tokens) => tokens > 0)
  const perStepSecond = burstFactor / (grid.tickSeconds * grid.ticksPerStep)
  for (let step = 0; step < busy.length; step++) {
    const replicaSeconds = hasTokens
      ? inputTokens[step]! * replicaSecondsPerInputToken + outputTokens[step]! * replicaSecondsPerOutputToken
      : requests[step]! / requestsPerSecond
    busy[step] = replicaSeconds * perStepSecond
  }
  return refine(busy, grid.ticksPerStep)
}

/**
 * Linear between the middles of steps, constant beyond the first and the last, then scaled so that each step keeps its
 * mean; a neighbour that is NaN is not used.
 */
function refine(values: Float64Array, ticksPerStep: number): Float64Array {
  if (ticksPerStep === 1) return values.slice()
  const fine = new Float64Array(values.length * ticksPerStep)
  for (let step = 0; step < values.length; step++) {
    const here = values[step]!
    const before = known(values[step - 1], here)
    const after = known(values[step + 1], here)
    const first = step * ticksPerStep
    let sum = 0
    for (let tick = 0; tick < ticksPerStep; tick++) {
      const position = (tick + 0.5) / ticksPerStep - 0.5
      const value = position < 0 ? here + (before - here) * -position : here + (after - here) * position
      fine[first + tick] = value
      sum += value
    }
    const scale = sum > 0 ? (here * ticksPerStep) / sum : 1
    for (let tick = 0; tick < ticksPerStep; tick++) fine[first + tick]! *= scale
  }
  return fine
}

function known(value: number | undefined, otherwise: number): number {
  return value === undefined || Number.isNaN(value) ? otherwise : value
}
