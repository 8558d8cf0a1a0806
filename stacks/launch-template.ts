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

  /** @param kept inputs that stay as they are in the cloud, as those of a reservation that has ended */
  constructor(
    name: string,
    inputs: ec2.LaunchTemplateArgs,
    options?: ComponentResourceOptions & { kept?: string[] },
  ) {
    super('llmscale:capacity:LaunchTemplate', name, {}, options)
    this.resource = new ec2.LaunchTemplate(name, inputs, {
      parent: this,
      ignoreChanges: options?.kept ?? [],
    })
    this.latestVersion = this.resource.latestVersion.apply(String)
    this.registerOutputs()
  }
}
