import { LlmscaleError } from '../kit/errors.js'
import { dnsName } from '../kit/names.js'
import { workloadId } from '../kit/workload.js'
import type { DatedException, ScaleTarget, WorkloadDecision } from '../planning/capacity-plan.js'
import type { CronTrigger, PrometheusTrigger, ScaledObject, ScaleTargetRef } from './cluster-object.js'
import { createCronFloor } from './cron-window.js'
import { createMetadata } from './metadata.js'

/**
 * The autoscaler's bounds for one workload: floors by cron, the reactive trigger above them, the hard maximum.
 * It never names `spec.replicas` of the target: that belongs to the autoscaler.
 * Throws TRIGGER_MISSING and BOUNDS_INVALID.
 */
export function createScaledObject(workload: WorkloadDecision): ScaledObject {
  const trigger = requireTrigger(workload)
  const { minReplicas, windows } = createCronFloor(workload.floors, workload.timeZone)
  requireBounds(workload, minReplicas)
  const cronTriggers = windows.map(
    ({ start, end, replicas }): CronTrigger => ({
      type: 'cron',
      metadata: {
        timezone: workload.timeZone,
        start,
        end,
        desiredReplicas: String(reachedFloor(replicas)),
      },
    }),
  )
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: createMetadata(scaledObjectName(workload), workload.target.namespace),
    spec: {
      scaleTargetRef: createScaleTargetRef(workload.target),
      // KEDA's default is 0, which would scale to zero.
      minReplicaCount: minReplicas,
      maxReplicaCount: workload.hardMaximum,
      // `static` would scale down when Prometheus dies (https://github.com/kedacore/keda/issues/6659).
      fallback: { failureThreshold: 3, replicas: minReplicas, behavior: 'currentReplicasIfHigher' },
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: {
            // A floor starts one cold start before its demand: reach it in one step. The maximum still holds.
            scaleUp: {
              stabilizationWindowSeconds: 0,
              selectPolicy: 'Max',
              policies: [{ type: 'Pods', value: workload.hardMaximum, periodSeconds: 15 }],
            },
            // Scale in only below the highest wish of five minutes, and at most by a fifth a minute.
            scaleDown: {
              stabilizationWindowSeconds: 300,
              selectPolicy: 'Max',
              policies: [
                { type: 'Percent', value: 20, periodSeconds: 60 },
                { type: 'Pods', value: 1, periodSeconds: 60 },
              ],
            },
          },
        },
      },
      triggers: [
        {
          type: 'prometheus',
          name: 'reactive',
          metricType: 'AverageValue',
          metadata: {
            serverAddress: trigger.serverAddress,
            query: trigger.query,
            threshold: String(trigger.thresholdPerReplica),
            // The default takes an empty answer for no load.
            ignoreNullValues: 'false',
          },
        },
        ...cronTriggers,
        ...workload.floors.exceptions.map((exception, index) =>
          createExceptionTrigger(exception, index, trigger.serverAddress),
        ),
      ],
    },
  }
}

/** KEDA names its HPA after it. */
function scaledObjectName(workload: WorkloadDecision): string {
  return dnsName(workload.tenant === undefined ? workload.model : `${workload.model}/${workload.tenant}`)
}

/**
 * What KEDA scales for a target: any object with a scale subresource. A KServe InferenceService has none; without
 * Knative it owns the Deployment `<name>-predictor`, which an outside autoscaler may scale when the service carries
 * `serving.kserve.io/autoscalerClass: external` (https://github.com/kserve/kserve/issues/2131).
 */
function createScaleTargetRef({ kind, name }: ScaleTarget): ScaleTargetRef {
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

/**
 * The value to ask for so that the autoscaler really reaches `floor`.
 *
 * For an external metric with target 1 the HPA compares metric / replicas with 1 and does nothing within its
 * tolerance, 0.1 by default: a floor of 21 with 20 running is ignored
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details). From one replica
 * below the floor the ratio must exceed 1.1, hence the smallest whole number above 1.1 × (floor − 1). Up to 10
 * replicas that is the floor itself; above, up to 10 % more.
 * `behavior.scaleUp.tolerance: 0` would be exact, but clusters before Kubernetes 1.34 and older KEDA schemas lack it
 * and drop or refuse the field.
 */
export function reachedFloor(floor: number): number {
  // In whole tenths: 1.1 × 10 is not 11 in floating point.
  return Math.max(floor, Math.floor((11 * (floor - 1)) / 10) + 1)
}

/**
 * A dated floor. As a cron window it would come back every year, so Prometheus compares its own clock with the two
 * dates: before and after them the floor is 0, for ever. Like every floor it only adds to the weekly template.
 */
function createExceptionTrigger(
  { from, until, replicas }: DatedException,
  index: number,
  serverAddress: string,
): PrometheusTrigger {
  const [start, end] = [from, until].map((time) => Date.parse(time) / 1000)
  return {
    type: 'prometheus',
    name: `exception-${index + 1}`,
    metricType: 'AverageValue',
    metadata: {
      serverAddress,
      query: `vector(${reachedFloor(replicas)} * (time() >= bool ${start}) * (time() < bool ${end}))`,
      threshold: '1',
      ignoreNullValues: 'false',
    },
  }
}

function requireTrigger(workload: WorkloadDecision): NonNullable<WorkloadDecision['trigger']> {
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

function requireBounds(workload: WorkloadDecision, minReplicas: number): void {
  if (workload.hardMaximum >= Math.max(1, minReplicas)) return
  throw new LlmscaleError(
    'configInvalid',
    'BOUNDS_INVALID',
    `${workloadId(workload)} has hardMaximum ${workload.hardMaximum}, below its minimum of ${Math.max(1, minReplicas)} ` +
      'replicas: the autoscaler refuses such bounds',
    ['Raise maxReplicas or lower minReplicas in llmscale.yaml, and run `llmscale plan`.'],
  )
}
