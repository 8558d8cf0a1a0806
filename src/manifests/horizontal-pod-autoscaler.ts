import type { Config } from '../config/schema.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { constantFloor } from '../planning/constant-floor.js'
import {
  type AutoscalerEntry,
  createAutoscalerMetadata,
  createScaleTargetRef,
  requireBounds,
  requireTrigger,
  workloadName,
} from './autoscaler.js'
import type { HorizontalPodAutoscaler, HpaMetric } from './cluster-object.js'
import { createScalingBehavior, obeysTolerance } from './scaling-behavior.js'

type WorkloadEntry = Config['workloads'][number]
type Hpa = WorkloadEntry['hpa']
type Slo = WorkloadEntry['slo']

/**
 * The bounds of one workload in a cluster without KEDA. An HPA knows no hours: its least replicas are the highest
 * floor of the week, and `findConstantFloors` says what that costs.
 * Throws TRIGGER_MISSING and BOUNDS_INVALID.
 * @param clusterVersion of Kubernetes, e.g. 1.35
 */
export function createHorizontalPodAutoscaler(
  workload: WorkloadDecision,
  entry: Pick<WorkloadEntry, 'hpa' | 'slo'> & AutoscalerEntry,
  clusterVersion?: string,
): HorizontalPodAutoscaler {
  const minReplicas = constantFloor(workload.floors)
  requireBounds(workload, minReplicas)
  const { hpa, slo } = entry
  const isReactive = hpa.preset === 'reactive'
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: createAutoscalerMetadata(workload, entry),
    spec: {
      scaleTargetRef: createScaleTargetRef(workload.target),
      minReplicas,
      maxReplicas: workload.hardMaximum,
      // Only the plan's own trigger is meant to the replica: CPU and memory flutter.
      behavior: createScalingBehavior(workload.hardMaximum, isReactive && obeysTolerance(clusterVersion)),
      metrics: [
        ...(isReactive ? [reactiveMetric(workload, hpa)] : multipleMetrics(workload, hpa, slo)),
        ...(workload.live === undefined ? [] : [liveFloorMetric(workload)]),
      ],
    },
  }
}

/** What KEDA would read from Prometheus itself comes through a metrics adapter here, at the same threshold. */
function reactiveMetric(workload: WorkloadDecision, { reactive }: Hpa): HpaMetric {
  const { metric = 'llmscale_reactive_load', labels } = reactive ?? {}
  return externalMetric(metric, labels ?? ownLabels(workload), {
    type: 'AverageValue',
    averageValue: toQuantity(requireTrigger(workload).thresholdPerReplica),
  })
}

/** The replicas that `liveFloorQuery` asks for, by a recording rule; without the metric an HPA scales in no more. */
function liveFloorMetric(workload: WorkloadDecision): HpaMetric {
  return externalMetric('llmscale_live_floor', ownLabels(workload), {
    type: 'AverageValue',
    averageValue: '1',
  })
}

/** The usual five; the HPA takes the largest count that any of them asks for. */
function multipleMetrics(workload: WorkloadDecision, hpa: Hpa, slo: Slo): HpaMetric[] {
  const queue = hpa.queue ?? { metric: 'vllm_num_requests_waiting', perPod: 10 }
  const requests = hpa.requests ?? { metric: 'vllm_num_requests_running', perPod: 50 }
  const latency =
    hpa.latency ??
    (slo.ttftP95 === undefined
      ? undefined
      : { metric: 'vllm_time_to_first_token_p95_seconds', seconds: slo.ttftP95 })
  return [
    resourceMetric('cpu', hpa.cpu ?? 0.7),
    resourceMetric('memory', hpa.memory ?? 0.8),
    podsMetric(queue.metric, queue.perPod),
    podsMetric(requests.metric, requests.perPod),
    ...(latency === undefined
      ? []
      : [
          externalMetric(latency.metric, latency.labels ?? ownLabels(workload), {
            type: 'Value',
            value: toQuantity(latency.seconds),
          }),
        ]),
  ]
}

function resourceMetric(name: 'cpu' | 'memory', share: number): HpaMetric {
  const averageUtilization = Math.max(1, Math.round(share * 100))
  return { type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization } } }
}

function podsMetric(name: string, perPod: number): HpaMetric {
  return {
    type: 'Pods',
    pods: { metric: { name }, target: { type: 'AverageValue', averageValue: toQuantity(perPod) } },
  }
}

type ExternalMetric = Extract<HpaMetric, { type: 'External' }>['external']

function externalMetric(
  name: string,
  matchLabels: Record<string, string>,
  target: ExternalMetric['target'],
): HpaMetric {
  return { type: 'External', external: { metric: { name, selector: { matchLabels } }, target } }
}

function ownLabels(workload: WorkloadDecision): Record<string, string> {
  return { workload: workloadName(workload) }
}

/** A Kubernetes quantity in its normal form, so that the server gives back what it was given: 2.5 → `2500m`. */
function toQuantity(amount: number): string {
  const thousandths = Math.max(1, Math.round(amount * 1000))
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`
}
