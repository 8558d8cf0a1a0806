import type { Cluster, Environment } from '../config/environment.js'
import { LlmscaleError } from '../kit/errors.js'
import type { Commitment } from '../planning/capacity-plan.js'
import { reservationTag } from './capacity-reservation.js'
import type { Ec2NodeClass } from './cluster-object.js'
import { createMetadata } from './metadata.js'

interface NodeClassContext {
  environment: string
  region: string
  settings: Environment
  /** Of the region; `reserved` pools launch into them. */
  commitments: readonly Commitment[]
}

/** Name of the class of a NodePool: the team's, ours where we declare one, else Karpenter's customary `default`. */
export function nodeClassName(environment: string, { nodes }: Environment): string {
  return nodes.nodeClass ?? (declaresNodeClass({ nodes }) ? `gpu-${environment}` : 'default')
}

/** Whether llmscale declares the EC2NodeClass itself. */
export function declaresNodeClass({ nodes }: Pick<Environment, 'nodes'>): boolean {
  return nodes.manager === 'karpenter' && nodes.nodeClass === undefined && nodes.amiAlias !== undefined
}

/**
 * How Karpenter launches GPU nodes. Karpenter never uses a reservation that no term selects, so all of the region are
 * listed: one that is owned by its id, one that llmscale buys by its tag, since its id is not known before.
 * Throws NODE_CLASS_INCOMPLETE.
 */
export function createEc2NodeClass({
  environment,
  region,
  settings,
  commitments,
}: NodeClassContext): Ec2NodeClass {
  const { nodes, tags } = settings
  const { nodeRole, subnets, securityGroups, name } = settings.clusters[region] ?? {}
  const alias = nodes.amiAlias
  if (
    alias === undefined ||
    nodeRole === undefined ||
    subnets === undefined ||
    (securityGroups ?? name) === undefined
  )
    throw new LlmscaleError(
      'configInvalid',
      'NODE_CLASS_INCOMPLETE',
      `environments.${environment}.clusters.${region} needs nodeRole, subnets and securityGroups (or the name of the ` +
        'EKS cluster, whose own security group it then takes) for the EC2NodeClass of GPU nodes',
      ['Add them to llmscale.yaml, or name an EC2NodeClass of your own as nodes.nodeClass.'],
    )
  const reservations = commitments.flatMap((commitment) => reservationTerm(commitment, environment))
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: createMetadata(nodeClassName(environment, settings)),
    spec: {
      // Karpenter takes a role by name, without the path of its ARN.
      role: nodeRole.split('/').at(-1)!,
      amiSelectorTerms: [{ alias }],
      subnetSelectorTerms: subnets.map((id) => ({ id })),
      securityGroupSelectorTerms: selectSecurityGroups(securityGroups, name),
      ...(reservations.length > 0 && { capacityReservationSelectorTerms: reservations }),
      blockDeviceMappings: [
        {
          // Bottlerocket keeps images and logs on its second volume.
          deviceName: alias.startsWith('bottlerocket@') ? '/dev/xvdb' : '/dev/xvda',
          rootVolume: true,
          ebs: {
            volumeSize: `${nodes.volumeGiB}Gi`,
            volumeType: 'gp3',
            encrypted: true,
            deleteOnTermination: true,
          },
        },
      ],
      tags: { ...tags, 'managed-by': 'llmscale' },
    },
  }
}

/** EKS tags the security group that it makes for a cluster with the cluster's name. */
function selectSecurityGroups(
  ids: Cluster['securityGroups'],
  clusterName: string | undefined,
): Ec2NodeClass['spec']['securityGroupSelectorTerms'] {
  return ids === undefined ? [{ tags: { 'aws:eks:cluster-name': clusterName! } }] : ids.map((id) => ({ id }))
}

type ReservationTerms = NonNullable<Ec2NodeClass['spec']['capacityReservationSelectorTerms']>

function reservationTerm({ kind, id, name }: Commitment, environment: string): ReservationTerms {
  if (kind !== 'odcr' && kind !== 'capacity-block') return []
  if (id !== undefined) return [{ id }]
  return name === undefined ? [] : [{ tags: reservationTag(environment, name) }]
}
