import { PodDisruptionBudget as BudgetResource } from '@pulumi/kubernetes/policy/v1/podDisruptionBudget.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { PodDisruptionBudget } from '../src/manifests/cluster-object.js'

/** How many pods of one workload drains may take away at once, in whole per cent: a PodDisruptionBudget. */
export class DisruptionBudget extends ComponentResource {
  constructor(name: string, object: PodDisruptionBudget, options?: ComponentResourceOptions) {
    super('llmscale:serving:DisruptionBudget', name, {}, options)
    new BudgetResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
