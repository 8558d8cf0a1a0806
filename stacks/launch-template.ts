import * as ec2 from '@pulumi/aws/ec2/launchTemplate.js'
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi'

/**
 * How the nodes of one group are launched: root volume (GiB, gp3, encrypted), IMDSv2 alone, network interfaces,
 * placement and reservation. Each change is a new version, to which EKS moves the nodes one at a time.
 */
export class LaunchTemplate extends ComponentResource {
  readonly resource: ec2.LaunchTemplate
  /** As node groups take it. */
  readonly latestVersion: Output<string>

  constructor(name: string, inputs: ec2.LaunchTemplateArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:LaunchTemplate', name, {}, options)
    this.resource = new ec2.LaunchTemplate(name, inputs, { parent: this })
    this.latestVersion = this.resource.latestVersion.apply(String)
    this.registerOutputs()
  }
}
