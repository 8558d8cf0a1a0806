/** What a plan needs of AWS, as plain values: a component of `stacks/` declares each. */
export interface CapacityResource {
  /** Pulumi's type token, e.g. `aws:eks/nodeGroup:NodeGroup`. */
  type: ResourceType
  /** Name of the resource in the stack, unique in its type. */
  name: string
  /** As the AWS provider takes them, but for references to what only exists once it is created. */
  inputs: Readonly<Record<string, unknown>>
  /** Bills from its creation: people name it with --allow-purchase. */
  purchase?: string
  /** Inputs that stay as they are in the cloud: they refer to what is no more. */
  kept?: string[]
}

type ResourceType =
  | 'aws:ec2/capacityReservation:CapacityReservation'
  | 'aws:ec2/placementGroup:PlacementGroup'
  | 'aws:ec2/launchTemplate:LaunchTemplate'
  | 'aws:eks/nodeGroup:NodeGroup'
  | 'aws:autoscaling/schedule:Schedule'
  | 'aws:sqs/queue:Queue'
  | 'aws:sqs/queuePolicy:QueuePolicy'
  | 'aws:cloudwatch/eventRule:EventRule'
  | 'aws:cloudwatch/eventTarget:EventTarget'

/**
 * Stands in the inputs for an output of another resource, which comes earlier in the list. Plain, so that a list can
 * be kept in a stack's outputs and read back.
 */
export interface OutputReference {
  outputOf: string
  output: 'id' | 'arn' | 'name' | 'url' | 'latestVersion' | 'autoscalingGroupName'
}

export function referTo(
  { type, name }: Pick<CapacityResource, 'type' | 'name'>,
  output: OutputReference['output'],
): OutputReference {
  return { outputOf: resourceKey({ type, name }), output }
}

/** Tells resources of a list apart. */
export function resourceKey({ type, name }: Pick<CapacityResource, 'type' | 'name'>): string {
  return `${type} ${name}`
}

/** Whether a value has a reference to one of these resources in it. */
export function refersTo(value: unknown, keys: ReadonlySet<string>): boolean {
  if (isReference(value)) return keys.has(value.outputOf)
  return (
    typeof value === 'object' && value !== null && Object.values(value).some((each) => refersTo(each, keys))
  )
}

export function isReference(value: unknown): value is OutputReference {
  return typeof value === 'object' && value !== null && 'outputOf' in value
}
