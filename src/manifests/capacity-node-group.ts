import { digestText } from '../kit/digest.js'
import { LlmscaleError } from '../kit/errors.js'
import { dnsName } from '../kit/names.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { secondsPerHour } from '../kit/units.js'
import type { Commitment, PlanDecision, Pool, WorkloadDecision } from '../planning/capacity-plan.js'
import { nodesPerReplica } from '../planning/node-group.js'
import { floorChanges, type NodeFloor, nodeFloor } from './capacity-floor.js'
import { createLaunchTemplate, imageFamily } from './capacity-launch-template.js'
import { type CapacityPlace, tagsOf } from './capacity-place.js'
import { reservationId } from './capacity-reservation.js'
import { type CapacityResource, referTo } from './capacity-resource.js'

/** A part of a pool in one zone, or in one reservation. */
interface Slice {
  pool: Pool
  zone: string
  /** Below its maximum, what runs belongs to the cluster's autoscaler. */
  minimumNodes: number
  maximumNodes: number
  reservation?: Commitment
  isMultiNode: boolean
  /** How its minimum changes over the week. */
  floor?: NodeFloor
}

/**
 * The EKS managed node groups of one region: each pool gets one a zone, so that the loss of a zone takes only its own,
 * and a reserved pool one a reservation. Throws CLUSTER_INCOMPLETE.
 */
export function createNodeGroups(decision: PlanDecision, place: CapacityPlace): CapacityResource[] {
  const pools = decision.pools.filter(({ region }) => region === place.region)
  const instanceTypes = [...new Set(pools.map(({ instanceType }) => instanceType))].sort()
  return instanceTypes.flatMap((instanceType) => {
    const own = pools.filter((pool) => pool.instanceType === instanceType).sort((a, b) => b.weight - a.weight)
    return sliceAll(own, decision, place).flatMap((slice) => createNodeGroup(slice, place))
  })
}

/** Floors fill the pools as nodes do: those of the highest weight first. */
function sliceAll(pools: readonly Pool[], decision: PlanDecision, place: CapacityPlace): Slice[] {
  const [{ region, instanceType, gpusPerNode }] = pools as [Pool]
  const workloads = decision.workloads.filter(
    (workload) => workload.region === region && workload.shape.instanceType === instanceType,
  )
  const nodesOf = ({ shape }: WorkloadDecision) => nodesPerReplica(shape.gpusPerReplica, gpusPerNode)
  const unit = Math.max(1, ...workloads.map(nodesOf))
  const floor = nodeFloor(workloads, nodesOf)
  let below = 0
  return pools.flatMap((pool) => {
    const filled = below
    below += pool.maximumNodes
    if (pool.capacityType === 'reserved') return sliceReservations(pool, decision.commitments, unit > 1)
    const nodesAt = (nodes: number) => Math.min(Math.max(nodes - filled, 0), pool.maximumNodes)
    return sliceZones(pool, unit, place, { ...floor, nodes: floor.nodes.map(nodesAt) })
  })
}

/** Nodes of a reservation are paid whether they run or not: all of them stay. */
function sliceReservations(pool: Pool, commitments: readonly Commitment[], isMultiNode: boolean): Slice[] {
  let left = pool.maximumNodes
  return commitments
    .filter(
      ({ kind, region, instanceType }) =>
        (kind === 'odcr' || kind === 'capacity-block') &&
        region === pool.region &&
        instanceType === pool.instanceType,
    )
    .map((reservation) => {
      const nodes = Math.min(reservation.count, left)
      left -= nodes
      const zone = reservation.zone!
      return { pool, zone, minimumNodes: nodes, maximumNodes: nodes, reservation, isMultiNode }
    })
    .filter(({ maximumNodes }) => maximumNodes > 0)
}

function sliceZones(pool: Pool, unit: number, place: CapacityPlace, floor: NodeFloor): Slice[] {
  const zones = [...new Set(requireCluster(place).zones)]
  return zones.flatMap((zone, index) => {
    const shareOf = (nodes: number) => zoneShare(nodes, zones.length, index, unit)
    const maximumNodes = shareOf(pool.maximumNodes)
    // EKS refuses a group that may have no node.
    if (maximumNodes === 0) return []
    return {
      pool,
      zone,
      minimumNodes: 0,
      maximumNodes,
      isMultiNode: unit > 1,
      floor: { ...floor, nodes: floor.nodes.map(shareOf) },
    }
  })
}

/** Nodes of one zone of several, in whole replicas; the first zones get what is left over. Never falls as nodes rise. */
export function zoneShare(nodes: number, zones: number, index: number, unit: number): number {
  const units = Math.floor(nodes / unit)
  const whole = Math.floor(units / zones) + (index < units % zones ? 1 : 0)
  // Nodes that make no whole replica go where the next replica would.
  return whole * unit + (index === units % zones ? nodes - units * unit : 0)
}

function createNodeGroup(slice: Slice, place: CapacityPlace): CapacityResource[] {
  const { pool, zone, reservation, isMultiNode, minimumNodes, maximumNodes } = slice
  const { clusterName, nodeRole, subnets, zones } = requireCluster(place)
  const subnetIds = subnets.filter((_, index) => zones[index] === zone)
  const { amiType } = imageFamily(place.settings.nodes.amiAlias)
  const isBlock = reservation?.kind === 'capacity-block'
  const capacityType = isBlock ? 'CAPACITY_BLOCK' : pool.capacityType === 'spot' ? 'SPOT' : 'ON_DEMAND'
  const fixed = { clusterName, nodeRoleArn: nodeRole, subnetIds, amiType, capacityType }
  const name = groupName(slice, place, fixed)
  const templates = createLaunchTemplate(
    name,
    {
      instanceType: pool.instanceType,
      isMultiNode,
      ...(reservation !== undefined && { reservation: { id: reservationId(reservation), isBlock } }),
    },
    place,
  )
  const template = templates.at(-1)!
  const group: CapacityResource = {
    type: 'aws:eks/nodeGroup:NodeGroup',
    name,
    inputs: {
      region: place.region,
      nodeGroupName: name,
      ...fixed,
      instanceTypes: [pool.instanceType],
      launchTemplate: { id: referTo(template, 'id'), version: referTo(template, 'latestVersion') },
      // Floors stand in the schedules: EKS refuses a minimum above what happens to run, an Auto Scaling group raises it.
      scalingConfig: { minSize: minimumNodes, maxSize: maximumNodes, desiredSize: minimumNodes },
      // Replicas take minutes to come back: one node at a time.
      updateConfig: { maxUnavailable: 1 },
      // No key of kubernetes.io: the kubelet refuses to start with one that it does not know.
      labels: { 'managed-by': 'llmscale' },
      taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NO_SCHEDULE' }],
      tags: tagsOf(place, name),
    },
  }
  return [...templates, group, ...createSchedules(slice, group, place)]
}

/**
 * A change of what EKS cannot change in place gives another name: a new group beside the old one, which goes only
 * when serving has moved. A group of the same name would be deleted before it is made again.
 */
function groupName(
  { pool, zone, reservation }: Slice,
  { environment }: CapacityPlace,
  fixed: object,
): string {
  const what = reservation?.name ?? pool.capacityType
  const digits = digestText(JSON.stringify(fixed)).slice(0, 6)
  return dnsName(`${environment}-${pool.instanceType}-${what}-${zone}-${digits}`)
}

/** The Auto Scaling group behind a node group takes neither more than its maximum nor less than none. */
function createSchedules(
  { floor, reservation, maximumNodes }: Slice,
  group: CapacityResource,
  { region }: CapacityPlace,
): CapacityResource[] {
  const schedule = (action: string, inputs: object): CapacityResource => ({
    type: 'aws:autoscaling/schedule:Schedule',
    name: `${group.name}-${action}`,
    inputs: {
      region,
      autoscalingGroupName: referTo(group, 'autoscalingGroupName'),
      scheduledActionName: `llmscale-${action}`,
      // What is left out would become 0; -1 leaves it as it is.
      minSize: -1,
      maxSize: -1,
      desiredCapacity: -1,
      ...inputs,
    },
  })
  const rises = floor === undefined ? [] : floorChanges(floor)
  const floors = rises.map(({ recurrence, nodes }) =>
    schedule(dnsName(recurrence), {
      recurrence,
      timeZone: floor!.timeZone,
      minSize: Math.min(nodes, maximumNodes),
    }),
  )
  if (reservation?.kind !== 'capacity-block' || reservation.until === undefined) return floors
  const startTime = formatInstant(parseInstant(reservation.until)! - drainSeconds)
  return [...floors, schedule('end', { startTime, minSize: 0, maxSize: 0, desiredCapacity: 0 })]
}

/**
 * EC2 takes the nodes of a Capacity Block 30 minutes before its end; an hour before, they drain in good order.
 * https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html
 */
const drainSeconds = secondsPerHour

function requireCluster({ environment, region, cluster }: CapacityPlace) {
  const { name: clusterName, nodeRole, subnets, zones } = cluster
  if (clusterName === undefined || nodeRole === undefined || subnets === undefined || zones === undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'CLUSTER_INCOMPLETE',
      `environments.${environment}.clusters.${region}: managed node groups need name, nodeRole, subnets and zones`,
    )
  }
  return { clusterName, nodeRole, subnets, zones }
}
