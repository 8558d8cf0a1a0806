import type { ClusterConfig } from '../config/schema.js'
import type { EpochSeconds } from '../kit/units.js'
import type { PlanDecision } from '../planning/capacity-plan.js'
import { createInterruptionQueue } from './capacity-interruption.js'
import { createNodeGroups } from './capacity-node-group.js'
import { capacityPlace } from './capacity-place.js'
import { createReservation, hasEnded } from './capacity-reservation.js'
import { type CapacityResource, refersTo, resourceKey } from './capacity-resource.js'

/**
 * What a plan needs of AWS in one region, each resource after those that it refers to; nothing where the environment
 * names no EKS cluster there. With Karpenter these are what it needs beforehand, else the node groups too.
 * Throws CAPACITY_BLOCK_UNBOUGHT, RESERVATION_ENDLESS and CLUSTER_INCOMPLETE.
 */
export function createCapacity(
  decision: PlanDecision,
  region: string,
  config: ClusterConfig,
): CapacityResource[] {
  const place = capacityPlace(config, decision.environment, region)
  const { nodes } = place.settings
  const clusterName = place.cluster.name
  if (clusterName === undefined) return []
  const reservations = decision.commitments
    .filter((commitment) => commitment.region === region)
    .flatMap((commitment) => createReservation(commitment, place) ?? [])
  if (nodes.manager === 'managed-node-groups') return [...reservations, ...createNodeGroups(decision, place)]
  return [...reservations, ...(nodes.interruptionQueue ? createInterruptionQueue(clusterName, place) : [])]
}

/**
 * The step before serving changes: all that is deployed or comes, each at the larger of its two sizes, so that nothing
 * is taken away before what uses it has moved.
 */
export function expandCapacity(
  deployed: readonly CapacityResource[],
  next: readonly CapacityResource[],
): CapacityResource[] {
  const before = new Map(deployed.map((resource) => [resourceKey(resource), resource]))
  const names = new Set(next.map(resourceKey))
  return [
    ...next.map((resource) => {
      const old = before.get(resourceKey(resource))
      return old === undefined ? resource : expandResource(old, resource)
    }),
    ...deployed.filter((resource) => !names.has(resourceKey(resource))),
  ]
}

/**
 * Without reservations whose time is over, which EC2 has ended. Nodes that were launched into one run on, at the
 * on-demand price: what refers to it keeps what it has, until a plan takes it away.
 */
export function withoutEnded(resources: readonly CapacityResource[], now: EpochSeconds): CapacityResource[] {
  const ended = new Set(resources.filter((each) => hasEnded(each, now)).map(resourceKey))
  return resources
    .filter((resource) => !ended.has(resourceKey(resource)))
    .map((resource) => {
      const inputs = Object.entries(resource.inputs)
      const kept = inputs.filter(([, value]) => refersTo(value, ended)).map(([name]) => name)
      if (kept.length === 0) return resource
      return {
        ...resource,
        inputs: Object.fromEntries(inputs.filter(([name]) => !kept.includes(name))),
        kept,
      }
    })
}

function expandResource(deployed: CapacityResource, next: CapacityResource): CapacityResource {
  const inputs = { ...next.inputs }
  switch (next.type) {
    case 'aws:eks/nodeGroup:NodeGroup':
      inputs['scalingConfig'] = largerSizes(deployed.inputs['scalingConfig'], inputs['scalingConfig'])
      return { ...next, inputs }
    case 'aws:autoscaling/schedule:Schedule':
      return { ...next, inputs: { ...inputs, ...larger(deployed.inputs, inputs, 'minSize') } }
    case 'aws:ec2/capacityReservation:CapacityReservation':
      // Of another type or in another zone it would be another one: the old one stays for this step.
      return ['instanceType', 'availabilityZone'].every((key) => deployed.inputs[key] === inputs[key])
        ? {
            ...next,
            inputs: {
              ...inputs,
              ...larger(deployed.inputs, inputs, 'instanceCount'),
              ...larger(deployed.inputs, inputs, 'endDate'),
            },
          }
        : deployed
    default:
      return next
  }
}

type Sizes = Readonly<Record<string, unknown>>

function largerSizes(before: unknown, after: unknown): Sizes {
  const [old, next] = [before as Sizes, after as Sizes]
  return Object.assign({}, ...Object.keys(next).map((key) => larger(old, next, key)))
}

/** The larger of two numbers, or the later of two times as formatted by one rule. */
function larger(before: Sizes, after: Sizes, key: string): Sizes {
  const [old, next] = [before[key], after[key]] as [number, number]
  return { [key]: old > next ? old : next }
}
