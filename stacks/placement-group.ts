import * as ec2 from '@pulumi/aws/ec2/placementGroup.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'

/** Keeps the nodes of one group close to each other in one zone, for replicas that span several. */
export class PlacementGroup extends ComponentResource {
  readonly resource: ec2.PlacementGroup

  constructor(name: string, inputs: ec2.PlacementGroupArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:PlacementGroup', name, {}, options)
    this.resource = new ec2.PlacementGroup(name, inputs, { parent: this })
    this.registerOutputs()
  }
}
