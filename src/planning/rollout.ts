/** A run of the engine on one stack. `expand` only adds to the layer `capacity`, `contract` also takes away. */
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
  ] as const
  return order.flatMap(([step, layer]) =>
    stacks.filter((each) => each.layer === layer).map(({ stack, region }) => ({ stack, region, step })),
  )
}
