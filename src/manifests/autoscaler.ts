import { LlmscaleError } from '../kit/errors.js'
import { dnsName } from '../kit/names.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { ScaleTarget, WorkloadDecision } from '../planning/capacity-plan.js'
import type { ObjectMeta, ScaleTargetRef } from './cluster-object.js'
import { createMetadata } from './metadata.js'

// What a KEDA ScaledObject and a HorizontalPodAutoscaler have in common.

/** Name of a workload's objects. */
export function workloadName(workload: Workload): string {
  return dnsName(workload.tenant === undefined ? workload.model : `${workload.model}/${workload.tenant}`)
}

/** What llmscale.yaml says of a workload's autoscaler. */
export interface AutoscalerEntry {
  /** `autoscaler` is the name of one that exists. */
  target?: { autoscaler?: string | undefined }
}

/** The metadata of a workload's autoscaler; KEDA names its own HPA after it. */
export function createAutoscalerMetadata(workload: WorkloadDecision, entry?: AutoscalerEntry): ObjectMeta {
  return createMetadata(entry?.target?.autoscaler ?? workloadName(workload), workload.target.namespace)
}

/**
 * What the autoscaler scales for a target: any object with a scale subresource. A KServe InferenceService has none;
 * without Knative it owns the Deployment `<name>-predictor`, which an outside autoscaler may scale when the service carries
 * `serving.kserve.io/autoscalerClass: external` (https://github.com/kserve/kserve/issues/2131).
 */
export function createScaleTargetRef({ kind, name }: ScaleTarget): ScaleTargetRef {
  switch (kind) {
    case 'Deployment':
    case 'StatefulSet':
      return { apiVersion: 'apps/v1', kind, name }
    case 'LeaderWorkerSet':
      return { apiVersion: 'leaderworkerset.x-k8s.io/v1', kind, name }
    case 'Rollout':
      return { apiVersion: 'argoproj.io/v1alpha1', kind, name }
    case 'InferenceService':
      return { apiVersion: 'apps/v1', kind: 'Deployment', name: `${name}-predictor` }
  }
}

/** Throws TRIGGER_MISSING. */
export function requireTrigger(workload: WorkloadDecision): NonNullable<WorkloadDecision['trigger']> {
  if (workload.trigger !== null) return workload.trigger
  throw new LlmscaleError(
    'configInvalid',
    'TRIGGER_MISSING',
    `${workloadId(workload)} has no reactive trigger: trigger.serverAddress and trigger.query are missing, and floors ` +
      'alone never react to demand that the forecast did not see',
    [
      'Add trigger: {serverAddress, query} to llmscale.yaml, for all workloads or for this one, and run `llmscale plan`.',
    ],
  )
}

/** Throws BOUNDS_INVALID where the hard maximum is below the least replicas, or 0. */
export function requireBounds(workload: WorkloadDecision, minReplicas: number): void {
  if (workload.hardMaximum >= Math.max(1, minReplicas)) return
  throw new LlmscaleError(
    'configInvalid',
    'BOUNDS_INVALID',
    `${workloadId(workload)} has hardMaximum ${workload.hardMaximum}, below its minimum of ${Math.max(1, minReplicas)} ` +
      'replicas: the autoscaler refuses such bounds',
    ['Raise maxReplicas or lower minReplicas in llmscale.yaml, and run `llmscale plan`.'],
  )
}
