import type { Config } from '../config/schema.js'
import type { PlanDecision } from '../planning/capacity-plan.js'
import type { CapacityResource } from './capacity-resource.js'

/** What a plan needs of AWS in one region; nothing where the environment names no EKS cluster there. */
export function createCapacity(
  _decision: PlanDecision,
  _region: string,
  _config: Config,
): CapacityResource[] {
  return []
}

/**
 * The step before serving changes: all that is deployed or comes, each at the larger of its two sizes, so that nothing
 * is taken away before what uses it has moved.
 */
export function expandCapacity(
  deployed: readonly CapacityResource[],
  next: readonly CapacityResource[],
): CapacityResource[] {
  const names = new Set(next.map(({ type, name }) => `${type} ${name}`))
  return [...next, ...deployed.filter(({ type, name }) => !names.has(`${type} ${name}`))]
}
