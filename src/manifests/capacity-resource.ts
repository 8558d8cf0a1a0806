/** What a plan needs of AWS, as plain values: a component of `stacks/` declares each. */
export interface CapacityResource {
  /** Pulumi's type token, e.g. `aws:eks/nodeGroup:NodeGroup`. */
  type: string
  /** Name of the resource in the stack, unique in its type. */
  name: string
  /** As the AWS provider takes them. */
  inputs: Readonly<Record<string, unknown>>
  /** Bills from its creation: people name it with --allow-purchase. */
  purchase?: string
}
