import type { ScalingBehavior } from './cluster-object.js'

/**
 * How fast an HPA moves, ours or KEDA's.
 * @param exact leaves out the tolerance of 10 % within which an HPA does not scale up: floors are reached and load is
 * answered to the replica, as the plan reckons. Scaling in keeps it, so that noise does not move replicas to and fro.
 */
export function createScalingBehavior(hardMaximum: number, exact: boolean): ScalingBehavior {
  return {
    // A floor starts one cold start before its demand: reach it in one step. The maximum still holds.
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: hardMaximum, periodSeconds: 15 }],
      ...(exact && { tolerance: '0' }),
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
  }
}

/**
 * Whether a cluster heeds `behavior.scaleUp.tolerance`. The gate HPAConfigurableTolerance is on by default from
 * Kubernetes 1.35 (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/features/kube_features.go); before, the
 * API server drops the field without a word. KEDA 2.21 passes it on (its CRD's `horizontalPodAutoscalerConfig`).
 */
export function obeysTolerance(clusterVersion: string | undefined): boolean {
  return clusterVersion !== undefined && Number(clusterVersion.split('.')[1]) >= 35
}
