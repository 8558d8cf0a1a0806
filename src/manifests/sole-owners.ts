import { LlmscaleError } from '../kit/errors.js'
import { workloadId } from '../kit/workload.js'
import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { createScaleTargetRef } from './autoscaler.js'
import type { ClusterObject } from './cluster-object.js'

/** What a DNS label may have; longer names are refused where they become labels or host names. */
const longestName = 63

/**
 * Two autoscalers on one target fight over it (https://github.com/kedacore/keda/issues/3646). Throws TARGET_SHARED.
 */
export function requireOwnTargets(workloads: readonly WorkloadDecision[]): void {
  const owners = new Map<string, string>()
  for (const workload of workloads) {
    const { kind, name } = createScaleTargetRef(workload.target)
    const target = `${kind} ${workload.target.namespace}/${name}`
    const owner = owners.get(target)
    if (owner !== undefined) {
      throw new LlmscaleError(
        'configInvalid',
        'TARGET_SHARED',
        `workloads ${owner} and ${workloadId(workload)} both scale ${target}: one target takes one autoscaler`,
        ['Give each workload of llmscale.yaml its own target, and run `llmscale plan`.'],
      )
    }
    owners.set(target, workloadId(workload))
  }
}

/**
 * Of two objects of one kind and name only one would be there. Names come from models and tenants by `dnsName`, so
 * that `a/b` is both a model and tenant `b` of model `a`. Throws NAME_TOO_LONG and NAME_TAKEN.
 */
export function requireOwnNames(objects: readonly ClusterObject[]): void {
  const seen = new Set<string>()
  for (const { kind, metadata } of objects) {
    const { name, namespace } = metadata
    const object = `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`
    // A stack knows autoscalers by their name alone, so that people can name them as they name workloads.
    const isAutoscaler = kind === 'ScaledObject' || kind === 'HorizontalPodAutoscaler'
    const identity = isAutoscaler ? `${kind} ${name}` : object
    if (name.length > longestName) {
      throw new LlmscaleError(
        'configInvalid',
        'NAME_TOO_LONG',
        `${object} has a name of ${name.length} characters; Kubernetes takes at most ${longestName}`,
        ['Shorten the name of the environment or of the target in llmscale.yaml.'],
      )
    }
    if (seen.has(identity)) {
      throw new LlmscaleError(
        'configInvalid',
        'NAME_TAKEN',
        `two workloads would both have ${object}: their model and tenant read the same, or their target.autoscaler does`,
        ['Rename one of them, e.g. with metrics.renames in llmscale.yaml, and run `llmscale plan`.'],
      )
    }
    seen.add(identity)
  }
}
