import * as sqs from '@pulumi/aws/sqs/queue.js'
import { QueuePolicy, type QueuePolicyArgs } from '@pulumi/aws/sqs/queuePolicy.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'

/** The queue that tells Karpenter of nodes that are about to go. Messages are kept for seconds, by default 300. */
export class InterruptionQueue extends ComponentResource {
  readonly resource: sqs.Queue

  constructor(name: string, inputs: sqs.QueueArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:InterruptionQueue', name, {}, options)
    this.resource = new sqs.Queue(name, inputs, { parent: this })
    this.registerOutputs()
  }

  /** Who may write to it. */
  permit(name: string, inputs: QueuePolicyArgs): QueuePolicy {
    return new QueuePolicy(name, inputs, { parent: this })
  }
}
