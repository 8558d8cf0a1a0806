import { CustomResource } from '@pulumi/kubernetes/apiextensions/index.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { Ec2NodeClass } from '../src/manifests/cluster-object.js'

/**
 * How Karpenter launches the GPU nodes of a cluster: an EC2NodeClass. The root volume is gp3, encrypted, 500 GiB
 * unless `nodes.volumeGiB` says otherwise.
 */
export class NodeClass extends ComponentResource {
  constructor(name: string, object: Ec2NodeClass, options?: ComponentResourceOptions) {
    super('llmscale:serving:NodeClass', name, {}, options)
    new CustomResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
