import type { Pool } from './capacity-plan.js'
import { poolName } from './diff-plans.js'

/**
 * A run of the engine on one stack. `expand` only adds capacity, and so does `serving`, where Karpenter's pools are;
 * `contract` also takes away.
 */
export interface RolloutStep {
  stack: string
  region: string
  step: 'expand' | 'serving' | 'contract' | 'destroy'
}

interface Stack {
  stack: string
  region: string
  layer: 'capacity' | 'serving'
}

/**
 * The order of an apply: waves, one after the other; in a wave the regions, at the same time; in a region its steps,
 * one after the other. More capacity comes before what uses it, less after it.
 * @param canary region that goes first and alone
 */
export function planRollout(stacks: readonly Stack[], canary?: string): RolloutStep[][][] {
  const regions = [...new Set(stacks.map(({ region }) => region))].sort()
  const waves = [regions.filter((region) => region === canary), regions.filter((region) => region !== canary)]
  return waves
    .filter((wave) => wave.length > 0)
    .map((wave) => wave.map((region) => listSteps(stacks.filter((each) => each.region === region))))
}

function listSteps(stacks: readonly Stack[]): RolloutStep[] {
  const order = [
    ['expand', 'capacity'],
    ['serving', 'serving'],
    ['contract', 'capacity'],
    ['contract', 'serving'],
  ] as const
  return order.flatMap(([step, layer]) =>
    stacks.filter((each) => each.layer === layer).map(({ stack, region }) => ({ stack, region, step })),
  )
}

/** All pools that are deployed or come, each at the larger of its two limits. */
export function expandPools(deployed: readonly Pool[], next: readonly Pool[]): Pool[] {
  const before = new Map(deployed.map((pool) => [poolName(pool), pool]))
  const names = new Set(next.map(poolName))
  return [
    ...next.map((pool) => {
      const nodes = before.get(poolName(pool))?.maximumNodes ?? 0
      return { ...pool, maximumNodes: Math.max(pool.maximumNodes, nodes) }
    }),
    ...deployed.filter((pool) => !names.has(poolName(pool))),
  ]
}
