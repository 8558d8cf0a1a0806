import * as ec2 from '@pulumi/aws/ec2/capacityReservation.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'

/**
 * An on-demand capacity reservation: whole instances of one type in one zone, billed at the on-demand rate from its
 * creation to its `endDate` (UTC), used or not. Protected: neither an update nor a destroy gives it back.
 */
export class CapacityReservation extends ComponentResource {
  readonly resource: ec2.CapacityReservation

  constructor(name: string, inputs: ec2.CapacityReservationArgs, options?: ComponentResourceOptions) {
    super('llmscale:capacity:CapacityReservation', name, {}, options)
    this.resource = new ec2.CapacityReservation(name, inputs, { parent: this, protect: true })
    this.registerOutputs()
  }
}
