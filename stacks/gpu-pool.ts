import { CustomResource } from '@pulumi/kubernetes/apiextensions/index.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { NodePool } from '../src/manifests/cluster-object.js'

/** The limit of one pool of GPU nodes, in nodes and GPUs: a Karpenter NodePool. Its disruption hours are UTC. */
export class GpuPool extends ComponentResource {
  constructor(name: string, object: NodePool, options?: ComponentResourceOptions) {
    super('llmscale:serving:GpuPool', name, {}, options)
    new CustomResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
