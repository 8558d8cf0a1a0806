import { shapeName } from '../catalog/gpu-shape.js'
import { nodesOfReplica } from '../catalog/instance-types.js'
import { ownTargetName } from '../config/serve.js'
import { LlmscaleError } from '../kit/errors.js'
import { workloadId } from '../kit/workload.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'
import type { ServerObject } from './cluster-object.js'
import { createDeployment } from './deployment.js'
import { createLeaderWorkerSet } from './leader-worker-set.js'
import { createModelCache } from './model-cache.js'
import type { ServedWorkload } from './served-workload.js'
import { createService } from './service.js'

/**
 * What serves a workload in own mode: the claim of its model cache, its Service, and a Deployment or LeaderWorkerSet.
 * Throws SHAPE_SPANS_NODES, TARGET_NOT_OURS and TARGET_NAME_INVALID.
 */
export function createModelServer(served: ServedWorkload): ServerObject[] {
  requireGroups(served.workload)
  requireTarget(served.workload)
  const server =
    served.workload.target.kind === 'Deployment' ? createDeployment(served) : createLeaderWorkerSet(served)
  return [...createModelCache(served), createService(served), server]
}

/**
 * A replica over several nodes is several pods, which only a LeaderWorkerSet scales as one. Throws SHAPE_SPANS_NODES.
 */
export function requireGroups(workload: WorkloadDecision): void {
  const { shape, target } = workload
  if (nodesOfReplica(shape) === 1 || target.kind === 'LeaderWorkerSet') return
  throw new LlmscaleError(
    'configInvalid',
    'SHAPE_SPANS_NODES',
    `${workloadId(workload)} has shape ${shapeName(shape)} on several nodes, and target ${target.kind} ${target.name} ` +
      'scales single pods',
    ['Set target.kind: LeaderWorkerSet of this workload in llmscale.yaml, or give it other shapes.'],
  )
}

function requireTarget(workload: WorkloadDecision): void {
  const { kind, name } = workload.target
  if (kind !== 'Deployment' && kind !== 'LeaderWorkerSet') {
    throw new LlmscaleError(
      'configInvalid',
      'TARGET_NOT_OURS',
      `${workloadId(workload)} has serve, and llmscale makes no ${kind}, only a Deployment or LeaderWorkerSet`,
      ['Set target.kind of this workload, or remove serve, in llmscale.yaml.'],
    )
  }
  if (ownTargetName.test(name)) return
  throw new LlmscaleError(
    'configInvalid',
    'TARGET_NAME_INVALID',
    `${workloadId(workload)} has serve, and target.name ${JSON.stringify(name)} cannot name a Service`,
    ['Begin it with a letter and use at most 50 of a-z, 0-9 and -.'],
  )
}
