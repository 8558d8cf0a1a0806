import * as cloudwatch from '@pulumi/aws/cloudwatch/eventRule.js'
import { EventTarget, type EventTargetArgs } from '@pulumi/aws/cloudwatch/eventTarget.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'

/** One kind of event that the interruption queue gets. */
export class InterruptionRule extends ComponentResource {
  readonly resource: cloudwatch.EventRule

  constructor(name: string, inputs: cloudwatch.EventRuleArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:InterruptionRule', name, {}, options)
    this.resource = new cloudwatch.EventRule(name, inputs, { parent: this })
    this.registerOutputs()
  }

  /** Where its events go. */
  send(name: string, inputs: EventTargetArgs): EventTarget {
    return new EventTarget(name, inputs, { parent: this })
  }
}
