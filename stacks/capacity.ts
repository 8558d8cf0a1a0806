import { Provider } from '@pulumi/aws/provider.js'
import type { Resource } from '@pulumi/pulumi'
import {
  type CapacityResource,
  isReference,
  type OutputReference,
  resourceKey,
} from '../src/manifests/capacity-resource.js'
import { CapacityReservation } from './capacity-reservation.js'
import { InterruptionQueue } from './interruption-queue.js'
import { InterruptionRule } from './interruption-rule.js'
import { LaunchTemplate } from './launch-template.js'
import { NodeGroup } from './node-group.js'
import { PlacementGroup } from './placement-group.js'

/** A component with its resource, or a resource. */
type Declared = Resource & { resource?: Resource }

/**
 * Declares what a plan needs of AWS in one region, each resource after those that it refers to. The region is that of
 * the resources: the machine's own settings move nothing.
 */
export function declareCapacity(resources: readonly CapacityResource[]): void {
  const declared = new Map<string, Declared>()
  const regions = [...new Set(resources.map(regionOf))]
  const providers = new Map(regions.map((region) => [region, new Provider(region, { region })]))
  for (const resource of resources) {
    const provider = providers.get(regionOf(resource))!
    declared.set(resourceKey(resource), declareResource(resource, declared, provider))
  }
}

function declareResource(
  { type, name, inputs, kept = [] }: CapacityResource,
  declared: ReadonlyMap<string, Declared>,
  provider: Provider,
): Declared {
  // The type token says which of the provider's types the inputs are.
  const values = resolve(inputs, declared) as never
  const options = { provider }
  switch (type) {
    case 'aws:ec2/capacityReservation:CapacityReservation':
      return new CapacityReservation(name, values, options)
    case 'aws:ec2/placementGroup:PlacementGroup':
      return new PlacementGroup(name, values, options)
    case 'aws:ec2/launchTemplate:LaunchTemplate':
      return new LaunchTemplate(name, values, { ...options, kept })
    case 'aws:eks/nodeGroup:NodeGroup':
      return new NodeGroup(name, values, { ...options, isFixed: isFixed(inputs) })
    case 'aws:autoscaling/schedule:Schedule':
      return find(groupOf(inputs), declared, NodeGroup).schedule(name, values)
    case 'aws:sqs/queue:Queue':
      return new InterruptionQueue(name, values, options)
    case 'aws:sqs/queuePolicy:QueuePolicy':
      return find(`aws:sqs/queue:Queue ${name}`, declared, InterruptionQueue).permit(name, values)
    case 'aws:cloudwatch/eventRule:EventRule':
      return new InterruptionRule(name, values, options)
    case 'aws:cloudwatch/eventTarget:EventTarget':
      return find(`aws:cloudwatch/eventRule:EventRule ${name}`, declared, InterruptionRule).send(name, values)
  }
}

function regionOf({ inputs }: CapacityResource): string {
  return inputs['region'] as string
}

/** Key of the node group that a schedule changes. */
function groupOf({ autoscalingGroupName }: CapacityResource['inputs']): string {
  return (autoscalingGroupName as OutputReference).outputOf
}

function isFixed({ scalingConfig }: CapacityResource['inputs']): boolean {
  const { minSize, maxSize } = scalingConfig as { minSize: number; maxSize: number }
  return minSize === maxSize
}

/** The inputs with the outputs that they refer to. */
function resolve(value: unknown, declared: ReadonlyMap<string, Declared>): unknown {
  if (isReference(value)) return outputOf(value, declared)
  if (Array.isArray(value)) return value.map((each) => resolve(each, declared))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, declared)]))
}

function outputOf({ outputOf, output }: OutputReference, declared: ReadonlyMap<string, Declared>): unknown {
  const owner = declared.get(outputOf)
  if (owner === undefined) throw new Error(`nothing before declares ${outputOf}`)
  return ({ ...owner.resource, ...owner } as Partial<Record<OutputReference['output'], unknown>>)[output]
}

function find<Component extends Declared>(
  key: string,
  declared: ReadonlyMap<string, Declared>,
  kind: new (...args: never[]) => Component,
): Component {
  const owner = declared.get(key)
  if (owner instanceof kind) return owner
  throw new Error(`nothing before declares ${key}`)
}
