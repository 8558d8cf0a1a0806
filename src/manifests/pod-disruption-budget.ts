import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { workloadName } from './autoscaler.js'
import type { PodDisruptionBudget } from './cluster-object.js'
import { createMetadata } from './metadata.js'

/**
 * How many of a workload's pods drains may take away at once.
 * @param share of its pods, 0 … 1, in whole per cent; Kubernetes rounds the pods up, so that a drain always ends
 * unless the share is 0
 * @param matchLabels that all of its pods have, and no others
 */
export function createPodDisruptionBudget(
  workload: WorkloadDecision,
  share: number,
  matchLabels: Record<string, string>,
): PodDisruptionBudget {
  const percent = share === 0 ? 0 : Math.max(1, Math.round(share * 100))
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: createMetadata(workloadName(workload), workload.target.namespace),
    spec: { maxUnavailable: `${percent}%`, selector: { matchLabels: { ...matchLabels } } },
  }
}
