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

/** Demand of one path in replicas of a capacity, by tick. */
export function createLoad(
  path: DemandPath,
  capacity: ReplicaCapacity,
  grid: LoadGrid,
  burstFactor: number,
): Load {
  const steps = path.requests.length
  const stepSeconds = grid.tickSeconds * grid.ticksPerStep
  const busy = new Float64Array(steps)
  const hasTokens =
    path.inputTokens.some((tokens) => tokens > 0) || path.outputTokens.some((tokens) => tokens > 0)
  for (let step = 0; step < steps; step++) {
    const replicaSeconds = hasTokens
      ? path.inputTokens[step]! * capacity.replicaSecondsPerInputToken +
        path.outputTokens[step]! * capacity.replicaSecondsPerOutputToken
      : path.requests[step]! / capacity.requestsPerSecond
    busy[step] = (replicaSeconds / stepSeconds) * burstFactor
  }
  return {
    replicas: refine(busy, grid.ticksPerStep),
    requests: refine(path.requests, grid.ticksPerStep).map((requests) => requests / grid.ticksPerStep),
  }
}

/** Linear between the middles of steps, constant beyond the first and the last; a neighbour that is NaN is not used. */
function refine(values: Float64Array, ticksPerStep: number): Float64Array {
  if (ticksPerStep === 1) return values
  const fine = new Float64Array(values.length * ticksPerStep)
  for (let step = 0; step < values.length; step++) {
    const here = values[step]!
    const before = known(values[step - 1], here)
    const after = known(values[step + 1], here)
    for (let tick = 0; tick < ticksPerStep; tick++) {
      const position = (tick + 0.5) / ticksPerStep - 0.5
      fine[step * ticksPerStep + tick] =
        position < 0 ? here + (before - here) * -position : here + (after - here) * position
    }
  }
  return fine
}

function known(value: number | undefined, otherwise: number): number {
  return value === undefined || Number.isNaN(value) ? otherwise : value
}
