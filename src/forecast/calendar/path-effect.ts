import type { EpochSeconds } from '../../kit/units.js'

/** What a dated event does to the sample paths of one workload. */
export interface PathEffect {
  /** First step ahead that it changes. */
  from: number
  /** Demand with it over demand without it, by step from there on. */
  factors: Float64Array
  /** 1 for the paths on which it happens: the same ones for all workloads and metrics. */
  paths: Uint8Array
}

/** Something dated that changes what is forecast: for people, and for a plan's dated exceptions. */
export interface DatedEffect {
  name: string
  from: EpochSeconds
  until: EpochSeconds
  reason: string
  /** Whether it ever adds to demand. */
  raises: boolean
}

export interface ComingEffect extends DatedEffect {
  effect: PathEffect
}

/** Changes one sample path in place. */
export function multiplyPath(
  path: Float64Array,
  effects: readonly PathEffect[] | undefined,
  pathIndex: number,
): Float64Array {
  for (const { from, factors, paths } of effects ?? []) {
    if (paths[pathIndex] !== 1) continue
    for (let step = 0; step < factors.length; step++) path[from + step]! *= factors[step]!
  }
  return path
}
