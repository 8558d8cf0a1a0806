import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { workloadId } from '../kit/workload.js'
import type { PlanDecision } from '../planning/capacity-plan.js'
import type { ClusterObject, ScaledObject } from './cluster-object.js'
import { createNodePool } from './node-pool.js'
import { createScaledObject } from './scaled-object.js'

/**
 * What a plan puts into one region's cluster beside the team's own charts: a ScaledObject for each workload and a
 * NodePool for each pool, in the plan's order.
 * Throws TRIGGER_MISSING, BOUNDS_INVALID, TARGET_SHARED, and REGION_UNKNOWN where the plan has nothing for the region.
 */
export function createManifests(decision: PlanDecision, region: string, _config: Config): ClusterObject[] {
  const workloads = decision.workloads.filter((workload) => workload.region === region)
  const pools = decision.pools.filter((pool) => pool.region === region)
  if (workloads.length === 0 && pools.length === 0) throw unknownRegion(decision, region)
  const owners = new Map<string, string>()
  const scaledObjects = workloads.map((workload) => {
    const object = createScaledObject(workload)
    requireOwnTarget(object, workloadId(workload), owners)
    return object
  })
  return [...scaledObjects, ...pools.map((pool) => createNodePool(pool, decision.environment))]
}

/** The regions that a plan has objects for, in ascending order. */
export function planRegions(decision: PlanDecision): string[] {
  return [...new Set([...decision.workloads, ...decision.pools].map(({ region }) => region))].sort()
}

/** Two ScaledObjects on one target fight over it (https://github.com/kedacore/keda/issues/3646). */
function requireOwnTarget(object: ScaledObject, workload: string, owners: Map<string, string>): void {
  const { kind, name } = object.spec.scaleTargetRef
  const target = `${kind} ${object.metadata.namespace}/${name}`
  const owner = owners.get(target)
  if (owner !== undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'TARGET_SHARED',
      `workloads ${owner} and ${workload} both scale ${target}: one target takes one autoscaler`,
      ['Give each workload of llmscale.yaml its own target, and run `llmscale plan`.'],
    )
  }
  owners.set(target, workload)
}

function unknownRegion(decision: PlanDecision, region: string): LlmscaleError {
  return new LlmscaleError(
    'usage',
    'REGION_UNKNOWN',
    `The plan of ${decision.environment} has nothing for region ${JSON.stringify(region)}; it has ${planRegions(decision).join(', ') || 'none'}.`,
  )
}
