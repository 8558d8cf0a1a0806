import { findInstanceType } from '../catalog/instance-types.js'
import { LlmscaleError } from '../kit/errors.js'
import { type CapacityPlace, tagsOf } from './capacity-place.js'
import { type CapacityResource, type OutputReference, referTo } from './capacity-resource.js'

/** How the nodes of one group are launched. */
interface NodeLaunch {
  instanceType: string
  /** The reservation that they are launched into. */
  reservation?: { id: string | OutputReference; isBlock: boolean }
  /** Replicas span several of them. */
  isMultiNode: boolean
}

/**
 * The launch template of a node group, after the resources that it needs. Instance type and image stay with the group:
 * https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
 *
 * Nodes whose replicas span several get one EFA interface for each network card and, outside reservations, a cluster
 * placement group: a reservation lies where EC2 put it. Throws CLUSTER_INCOMPLETE where these need security groups.
 */
export function createLaunchTemplate(
  name: string,
  launch: NodeLaunch,
  place: CapacityPlace,
): CapacityResource[] {
  const { region, settings, cluster } = place
  const { securityGroups } = cluster
  const tags = tagsOf(place, name)
  const interfaces = launch.isMultiNode ? efaInterfaces(launch.instanceType, place) : []
  const placementGroup: CapacityResource | undefined =
    launch.isMultiNode && launch.reservation === undefined
      ? {
          type: 'aws:ec2/placementGroup:PlacementGroup',
          name,
          inputs: { region, name, strategy: 'cluster', tags },
        }
      : undefined
  const template: CapacityResource = {
    type: 'aws:ec2/launchTemplate:LaunchTemplate',
    name,
    inputs: {
      region,
      name,
      updateDefaultVersion: true,
      blockDeviceMappings: [
        {
          deviceName: imageFamily(settings.nodes.amiAlias).dataDevice,
          ebs: {
            volumeSize: settings.nodes.volumeGiB,
            volumeType: 'gp3',
            encrypted: 'true',
            deleteOnTermination: 'true',
          },
        },
      ],
      // IMDSv2 alone, and no pod reaches the node's credentials: https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
      // Security groups belong to the interfaces where the template has any.
      ...(interfaces.length > 0
        ? { networkInterfaces: interfaces }
        : securityGroups !== undefined && { vpcSecurityGroupIds: securityGroups }),
      ...(placementGroup !== undefined && { placement: { groupName: referTo(placementGroup, 'name') } }),
      ...(launch.reservation !== undefined && {
        capacityReservationSpecification: {
          capacityReservationTarget: { capacityReservationId: launch.reservation.id },
        },
      }),
      ...(launch.reservation?.isBlock && { instanceMarketOptions: { marketType: 'capacity-block' } }),
      tagSpecifications: ['instance', 'volume', 'network-interface'].map((resourceType) => ({
        resourceType,
        tags,
      })),
      tags,
    },
  }
  return placementGroup === undefined ? [template] : [placementGroup, template]
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html */
function efaInterfaces(instanceType: string, { environment, region, cluster }: CapacityPlace): object[] {
  const cards = findInstanceType(instanceType)?.efaInterfaces ?? 0
  const { securityGroups } = cluster
  // EKS adds the cluster's own group only to templates without interfaces.
  if (cards > 0 && securityGroups === undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'CLUSTER_INCOMPLETE',
      `environments.${environment}.clusters.${region}: replicas over several ${instanceType} need securityGroups`,
      ['Name a group that lets all traffic between its own members pass, and the one of the cluster.'],
    )
  }
  return Array.from({ length: cards }, (_, card) => ({
    networkCardIndex: card,
    deviceIndex: card === 0 ? 0 : 1,
    // Only the first needs an address of the subnet.
    interfaceType: card === 0 ? 'efa' : 'efa-only',
    deleteOnTermination: 'true',
    securityGroups,
  }))
}

/** EKS's name of the GPU image of an alias's family, and the device that holds images and weights. */
export function imageFamily(alias: string | undefined): { amiType: string; dataDevice: string } {
  return alias?.startsWith('bottlerocket@')
    ? { amiType: 'BOTTLEROCKET_x86_64_NVIDIA', dataDevice: '/dev/xvdb' }
    : { amiType: 'AL2023_x86_64_NVIDIA', dataDevice: '/dev/xvda' }
}
