import type { DatedException, WorkloadDecision } from '../planning/capacity-plan.js'
import {
  type AutoscalerEntry,
  createAutoscalerMetadata,
  createScaleTargetRef,
  requireBounds,
  requireTrigger,
} from './autoscaler.js'
import type { CronTrigger, PrometheusTrigger, ScaledObject } from './cluster-object.js'
import { createCronFloor } from './cron-window.js'
import { createLiveFloorTrigger } from './live-floor-trigger.js'
import { createScalingBehavior, obeysTolerance } from './scaling-behavior.js'

/**
 * The autoscaler's bounds for one workload: floors by cron, the reactive trigger and where the plan has one the live
 * floor above them, the hard maximum.
 * It never names `spec.replicas` of the target: that belongs to the autoscaler.
 * Throws TRIGGER_MISSING and BOUNDS_INVALID.
 * @param clusterVersion of Kubernetes, e.g. 1.35; from that one on floors are exact, else with `reachedFloor`
 */
export function createScaledObject(
  workload: WorkloadDecision,
  environment: string,
  entry?: AutoscalerEntry,
  clusterVersion?: string,
): ScaledObject {
  const exact = obeysTolerance(clusterVersion)
  const trigger = requireTrigger(workload)
  const { live } = workload
  const { minReplicas, windows } = createCronFloor(workload.floors, workload.timeZone)
  requireBounds(workload, minReplicas)
  const cronTriggers = windows.map(
    ({ timeZone, start, end, replicas }): CronTrigger => ({
      type: 'cron',
      metadata: {
        timezone: timeZone,
        start,
        end,
        desiredReplicas: String(reachedFloor(replicas, exact)),
      },
    }),
  )
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: createAutoscalerMetadata(workload, entry),
    spec: {
      scaleTargetRef: createScaleTargetRef(workload.target),
      // KEDA's default is 0, which would scale to zero.
      minReplicaCount: minReplicas,
      maxReplicaCount: workload.hardMaximum,
      // `static` would scale down when Prometheus dies (https://github.com/kedacore/keda/issues/6659).
      fallback: { failureThreshold: 3, replicas: minReplicas, behavior: 'currentReplicasIfHigher' },
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: createScalingBehavior(workload.hardMaximum, exact),
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
        ...(live === undefined
          ? []
          : [createLiveFloorTrigger({ environment, workload, live, exact }, trigger.serverAddress)]),
        ...cronTriggers,
        ...workload.floors.exceptions.map((exception, index) =>
          createExceptionTrigger(exception, index, trigger.serverAddress, exact),
        ),
      ],
    },
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
 * @param exact true where the autoscaler scales up without tolerance: see `createScalingBehavior`
 */
export function reachedFloor(floor: number, exact = false): number {
  if (exact) return floor
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
  exact: boolean,
): PrometheusTrigger {
  const [start, end] = [from, until].map((time) => Date.parse(time) / 1000)
  return {
    type: 'prometheus',
    name: `exception-${index + 1}`,
    metricType: 'AverageValue',
    metadata: {
      serverAddress,
      query: `vector(${reachedFloor(replicas, exact)} * (time() >= bool ${start}) * (time() < bool ${end}))`,
      threshold: '1',
      ignoreNullValues: 'false',
    },
  }
}
