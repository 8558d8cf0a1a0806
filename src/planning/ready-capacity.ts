import type { Load } from './load.js'

/** How the cluster's own autoscaler follows demand between `minReplicas` and `hardMaximum`. */
export interface Reaction {
  /** Ticks from a load to the ready replicas that answer it: reaction + cold start. */
  lagTicks: number
  /** Utilisation that the trigger aims at, 0 … 1. */
  target: number
  minReplicas: number
  hardMaximum: number
}

/**
 * Replicas that the reactive trigger alone has ready at each tick:
 * `max(min, min(hardMaximum, ceil(load(t − lag) / target)))`. Before the first tick the load is taken as the first.
 * Through a masked step the last known load stands.
 */
export function reactiveReplicas(busy: Float64Array, reaction: Reaction): Float64Array {
  const { lagTicks, target, minReplicas, hardMaximum } = reaction
  const ready = new Float64Array(busy.length)
  let last = 0
  for (let tick = 0; tick < ready.length; tick++) {
    const seen = busy[Math.max(0, tick - lagTicks)]!
    if (!Number.isNaN(seen)) last = seen
    const wanted = Math.ceil(last / target - 1e-9)
    ready[tick] = Math.max(minReplicas, Math.min(hardMaximum, wanted))
  }
  return ready
}

/** The floor or what the trigger has ready, whichever is more. */
export function readyReplicas(reactive: Float64Array, floors: Float64Array): Float64Array {
  return reactive.map((replicas, tick) => Math.max(replicas, floors[tick]!))
}

/** Replica-ticks that stood idle, replica-ticks that were missing, and requests that met missing capacity. */
export interface Shortfall {
  /** Ticks that were compared. */
  ticks: number
  idleReplicaTicks: number
  missingReplicaTicks: number
  breachedRequests: number
  requests: number
}

/**
 * Compares ready capacity with load, tick by tick; masked ticks do not count.
 * `billed` replicas are at least the ready ones: a floor is paid from when it is asked for.
 */
export function compareCapacity(load: Load, ready: Float64Array, billed = ready): Shortfall {
  const sum: Shortfall = {
    ticks: 0,
    idleReplicaTicks: 0,
    missingReplicaTicks: 0,
    breachedRequests: 0,
    requests: 0,
  }
  for (let tick = 0; tick < ready.length; tick++) {
    const spare = ready[tick]! - load.replicas[tick]!
    if (Number.isNaN(spare)) continue
    sum.ticks++
    sum.requests += load.requests[tick]!
    sum.idleReplicaTicks += Math.max(spare, 0) + billed[tick]! - ready[tick]!
    if (spare < 0) {
      sum.missingReplicaTicks -= spare
      sum.breachedRequests += load.requests[tick]!
    }
  }
  return sum
}

/** The share of a path's requests that arrive while ready capacity is below demand, 0 … 1. */
export function breachShare(shortfall: Shortfall): number {
  return shortfall.requests > 0 ? shortfall.breachedRequests / shortfall.requests : 0
}
