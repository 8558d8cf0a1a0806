import { nodesOfReplica } from '../catalog/instance-types.js'
import type { Environment } from '../config/environment.js'
import type { ClusterConfig } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import type { PlanDecision, WorkloadDecision } from '../planning/capacity-plan.js'
import type { ClusterObject, Ec2NodeClass, NodePool, PriorityClass } from './cluster-object.js'
import { createEc2NodeClass, declaresNodeClass } from './ec2-node-class.js'
import { createHorizontalPodAutoscaler } from './horizontal-pod-autoscaler.js'
import { createModelServer, requireGroups } from './model-server.js'
import { createNodePool } from './node-pool.js'
import { createPodDisruptionBudget } from './pod-disruption-budget.js'
import { createPriorityClass, priorityClassName } from './priority-class.js'
import { createScaledObject } from './scaled-object.js'
import { serverLabels } from './served-workload.js'
import { requireOwnNames, requireOwnTargets } from './sole-owners.js'
import { findWorkloadEntry } from './workload-entry.js'

/**
 * What a plan puts into one region's cluster beside the team's own charts: a PriorityClass for each priority, an
 * autoscaler (and a PodDisruptionBudget where one is asked for) for each workload, its servers too in own mode, and
 * where Karpenter launches nodes an EC2NodeClass and a NodePool for each pool.
 * Throws ENVIRONMENT_UNKNOWN, TRIGGER_MISSING, BOUNDS_INVALID, TARGET_SHARED, NAME_TOO_LONG, NAME_TAKEN,
 * NODE_CLASS_INCOMPLETE, SHAPE_SPANS_NODES, TARGET_NOT_OURS, TARGET_NAME_INVALID, and REGION_UNKNOWN where the plan has
 * nothing for the region.
 */
export function createManifests(
  decision: PlanDecision,
  region: string,
  config: ClusterConfig,
): ClusterObject[] {
  const workloads = decision.workloads.filter((workload) => workload.region === region)
  const pools = decision.pools.filter((pool) => pool.region === region)
  if (workloads.length === 0 && pools.length === 0) throw unknownRegion(decision, region)
  const settings = settingsOf(config, decision.environment)
  requireOwnTargets(workloads)
  const objects = [
    ...createPriorityClasses(workloads, decision.environment, config),
    ...workloads.flatMap((workload) =>
      createWorkloadObjects(workload, decision.environment, settings, config),
    ),
    ...createNodeObjects({ ...decision, workloads, pools }, region, settings, config),
  ]
  requireOwnNames(objects)
  return objects
}

/** The regions that a plan has objects for, in ascending order. */
export function planRegions(decision: PlanDecision): string[] {
  return [...new Set([...decision.workloads, ...decision.pools].map(({ region }) => region))].sort()
}

function createPriorityClasses(
  workloads: readonly WorkloadDecision[],
  environment: string,
  config: ClusterConfig,
): PriorityClass[] {
  const priorities = workloads.flatMap((workload) => findWorkloadEntry(config, workload)?.priority ?? [])
  return [...new Set(priorities)]
    .sort((a, b) => a - b)
    .map((priority) => createPriorityClass(priority, environment))
}

function createWorkloadObjects(
  workload: WorkloadDecision,
  environment: string,
  settings: Environment,
  config: ClusterConfig,
): ClusterObject[] {
  const entry = findWorkloadEntry(config, workload)
  const version = settings.clusters[workload.region]?.version
  const autoscaler =
    settings.autoscaler === 'keda'
      ? createScaledObject(workload, environment, entry, version)
      : createHorizontalPodAutoscaler(workload, entry ?? { hpa: { preset: 'reactive' }, slo: {} }, version)
  const { disruptionBudget, priority, serve, lengthLimits, target } = entry ?? {}
  if (serve === undefined) {
    requireGroups(workload)
    if (disruptionBudget === undefined || target?.selector === undefined) return [autoscaler]
    return [autoscaler, createPodDisruptionBudget(workload, disruptionBudget, target.selector)]
  }
  const served = {
    workload,
    serve,
    lengthLimits,
    priorityClassName: priority === undefined ? undefined : priorityClassName(priority, environment),
    rolloutSurge: config.planning.rolloutSurge,
  }
  const objects = [...createModelServer(served), autoscaler]
  if (disruptionBudget === undefined) return objects
  // A pod that goes takes its group along: of all pods only so many may go as there may be groups.
  const share = disruptionBudget / nodesOfReplica(workload.shape)
  return [...objects, createPodDisruptionBudget(workload, share, serverLabels(served))]
}

/** Nothing where node groups take the place of Karpenter: those are resources of AWS. */
function createNodeObjects(
  { environment, workloads, pools, commitments }: PlanDecision,
  region: string,
  settings: Environment,
  config: ClusterConfig,
): (Ec2NodeClass | NodePool)[] {
  if (settings.nodes.manager !== 'karpenter') return []
  const bearsMoves = (workload: WorkloadDecision) =>
    findWorkloadEntry(config, workload)?.disruptionBudget !== undefined && workload.floors.minReplicas > 1
  const nodePools = pools.map((pool) => {
    const members = workloads.filter(({ shape }) => shape.instanceType === pool.instanceType)
    return createNodePool(pool, {
      environment,
      settings,
      workloads: members,
      bearsMoves: members.every(bearsMoves),
    })
  })
  if (!declaresNodeClass(settings) || pools.length === 0) return nodePools
  const own = commitments.filter((commitment) => commitment.region === region)
  return [createEc2NodeClass({ environment, region, settings, commitments: own }), ...nodePools]
}

function settingsOf(config: ClusterConfig, environment: string): Environment {
  const settings = config.environments[environment]
  if (settings !== undefined) return settings
  throw new LlmscaleError(
    'configInvalid',
    'ENVIRONMENT_UNKNOWN',
    `the plan is of environment ${environment}, and llmscale.yaml has ${Object.keys(config.environments).join(', ')}`,
  )
}

function unknownRegion(decision: PlanDecision, region: string): LlmscaleError {
  return new LlmscaleError(
    'usage',
    'REGION_UNKNOWN',
    `The plan of ${decision.environment} has nothing for region ${JSON.stringify(region)}; it has ${planRegions(decision).join(', ') || 'none'}.`,
  )
}
