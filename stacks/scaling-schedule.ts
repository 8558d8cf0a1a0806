import * as autoscaling from '@pulumi/aws/autoscaling/schedule.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'

/**
 * A change of a node group's sizes, in nodes, at one time or by a cron expression in an IANA time zone; -1 leaves a
 * size as it is. The autoscaler takes away what is above the least and empty.
 */
export class ScalingSchedule extends ComponentResource {
  readonly resource: autoscaling.Schedule

  constructor(name: string, inputs: autoscaling.ScheduleArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:ScalingSchedule', name, {}, options)
    this.resource = new autoscaling.Schedule(name, inputs, { parent: this })
    this.registerOutputs()
  }
}
