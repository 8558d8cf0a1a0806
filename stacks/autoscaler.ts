import { CustomResource } from '@pulumi/kubernetes/apiextensions/index.js'
import { HorizontalPodAutoscaler as HpaResource } from '@pulumi/kubernetes/autoscaling/v2/horizontalPodAutoscaler.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { HorizontalPodAutoscaler, ScaledObject } from '../src/manifests/cluster-object.js'

/**
 * The autoscaler's bounds of one workload, in replicas: a KEDA ScaledObject, or a HorizontalPodAutoscaler in a cluster
 * without KEDA, beside the team's own chart. It never sets the replicas of its target.
 */
export class Autoscaler extends ComponentResource {
  constructor(
    name: string,
    object: ScaledObject | HorizontalPodAutoscaler,
    options?: ComponentResourceOptions,
  ) {
    super('llmscale:serving:Autoscaler', name, {}, options)
    if (object.kind === 'ScaledObject') new CustomResource(name, { ...object }, { parent: this })
    else new HpaResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
