import { CustomResource } from '@pulumi/kubernetes/apiextensions/index.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { ScaledObject } from '../src/manifests/cluster-object.js'

/** The autoscaler's bounds of one workload: a KEDA ScaledObject beside the team's own chart. */
export class Autoscaler extends ComponentResource {
  constructor(name: string, object: ScaledObject, options?: ComponentResourceOptions) {
    super('llmscale:serving:Autoscaler', name, {}, options)
    new CustomResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
