import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { workloadId } from '../kit/workload.js'
import type { WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import { completeLengths, listWorkloads, shapesToRank } from '../planning/place-workloads.js'
import { rankShapes } from '../planning/rank-shapes.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'

/**
 * What a replica carries by the plan: its reviewed requests a second, split into input and output tokens as sizing
 * does at the plan's mean lengths. Nothing of the demand since is in it, so that it is the same until the next plan.
 * Throws `configInvalid` WORKLOAD_UNKNOWN, and what sizing throws.
 */
export function planCapacity(
  config: Config,
  environment: string,
  decision: WorkloadDecision,
  report: WorkloadReport,
): ReplicaCapacity {
  const id = workloadId(decision)
  const entry = listWorkloads(config, environment).find(({ workload }) => workloadId(workload) === id)?.entry
  if (entry === undefined)
    throw new LlmscaleError('configInvalid', 'WORKLOAD_UNKNOWN', `llmscale.yaml has no workload ${id}`)
  const lengths = completeLengths(report.meanLengths, entry.lengthLimits)
  const ranked = rankShapes(shapesToRank(config, entry, decision.region, lengths, [decision.shape]))
  const { capacity } = ranked.shapes[0]!
  const scale = capacity.requestsPerSecond / report.requestsPerSecondPerReplica
  return {
    ...capacity,
    requestsPerSecond: report.requestsPerSecondPerReplica,
    replicaSecondsPerInputToken: capacity.replicaSecondsPerInputToken * scale,
    replicaSecondsPerOutputToken: capacity.replicaSecondsPerOutputToken * scale,
  }
}
