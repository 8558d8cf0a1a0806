import type { Serve } from '../config/serve.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'

/** A workload in own mode: what the plan decided and how llmscale.yaml wants its servers. */
export interface ServedWorkload {
  workload: WorkloadDecision
  serve: Serve
  /** Longest request in tokens, if it is known. */
  lengthLimits?: { inputTokens: number; outputTokens: number } | undefined
  priorityClassName?: string | undefined
  /** Extra replicas that a rollout may run, as a share of all: 0 … 1. */
  rolloutSurge: number
}

/** Labels that all pods of a workload's servers have, and no others. A selector cannot change later. */
export function serverLabels({ workload }: Pick<ServedWorkload, 'workload'>): Record<string, string> {
  return { 'app.kubernetes.io/name': 'vllm', 'app.kubernetes.io/instance': workload.target.name }
}

/**
 * Seconds that a server may take from the start of its container to its first healthy answer: twice the plan's 95th
 * percentile of a whole cold start, in whole five minutes, so that small changes of the estimate restart no pod.
 */
export function startupSeconds({ workload }: Pick<ServedWorkload, 'workload'>): number {
  const wholeSeconds = 300
  return Math.max(2, Math.ceil((2 * workload.coldStartSeconds) / wholeSeconds)) * wholeSeconds
}

/**
 * Bounds of a rolling update: new replicas come up before old ones go, as the plan's maximum allows for. Kubernetes
 * refuses two zeros, so that without a surge one replica at a time is missing.
 */
export function rolloutBounds({ rolloutSurge }: Pick<ServedWorkload, 'rolloutSurge'>): {
  maxSurge: string | number
  maxUnavailable: number
} {
  const percent = Math.round(rolloutSurge * 100)
  return percent > 0 ? { maxSurge: `${percent}%`, maxUnavailable: 0 } : { maxSurge: 0, maxUnavailable: 1 }
}
