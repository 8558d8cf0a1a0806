import { Schedule, type ScheduleArgs } from '@pulumi/aws/autoscaling/schedule.js'
import * as eks from '@pulumi/aws/eks/nodeGroup.js'
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi'

/**
 * An EKS managed node group: a part of a pool in one zone or one reservation. Sizes are nodes. Between the least and
 * the most, the number that runs belongs to the cluster's autoscaler: what is desired is set at creation alone. Refresh
 * before an update: EKS takes all three sizes together, and an old number would end nodes that serve.
 */
export class NodeGroup extends ComponentResource {
  readonly resource: eks.NodeGroup
  /** Of the Auto Scaling group that EKS makes for it. */
  readonly autoscalingGroupName: Output<string>

  /** @param isFixed whether all of its nodes always run, as those of a reservation do */
  constructor(
    name: string,
    inputs: eks.NodeGroupArgs,
    options?: ComponentResourceOptions & { isFixed?: boolean },
  ) {
    super('llmscale:capacity:NodeGroup', name, {}, options)
    this.resource = new eks.NodeGroup(name, inputs, {
      parent: this,
      ignoreChanges: options?.isFixed ? [] : ['scalingConfig.desiredSize'],
    })
    this.autoscalingGroupName = this.resource.resources.apply(
      ([resources]) => resources!.autoscalingGroups[0]!.name,
    )
    this.registerOutputs()
  }

  /**
   * A change of its sizes, in nodes, at one time or by a cron expression in an IANA time zone; -1 leaves a size as it
   * is. The autoscaler takes away what is above the least and empty. No component of its own: a group has up to 120.
   */
  schedule(name: string, inputs: ScheduleArgs): Schedule {
    return new Schedule(name, inputs, { parent: this })
  }
}
