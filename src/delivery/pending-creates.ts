import type { EC2Client } from '@aws-sdk/client-ec2'
import { LlmscaleError } from '../kit/errors.js'
import type { FindCreated } from './engine.js'

/**
 * Finds what a run created without living to note it, by the names that we give. Ids of most things follow from their
 * names, and the engine then looks whether they are there; AWS is asked for launch templates and reservations. What
 * may be made twice without harm (a queue, a rule, a schedule: the same request gives the same thing) is not looked up.
 * The finder throws `upstreamUnavailable`, CREATED_UNKNOWN, where AWS does not answer: making it again could bill twice.
 */
export function createFinder(region: string): FindCreated {
  return async (type, inputs) => {
    if (type.startsWith('kubernetes:')) return kubernetesId(inputs)
    switch (type) {
      case 'aws:eks/nodeGroup:NodeGroup':
        return `${inputs['clusterName']}:${inputs['nodeGroupName']}`
      case 'aws:ec2/placementGroup:PlacementGroup':
        return String(inputs['name'])
      case 'aws:ec2/launchTemplate:LaunchTemplate':
        return withEc2(region, 'ec2:DescribeLaunchTemplates', (client) => findLaunchTemplate(client, inputs))
      case 'aws:ec2/capacityReservation:CapacityReservation':
        return withEc2(region, 'ec2:DescribeCapacityReservations', (client) =>
          findReservation(client, inputs),
        )
      default:
        return undefined
    }
  }
}

function kubernetesId({ metadata }: Record<string, unknown>): string | undefined {
  const { namespace, name } = (metadata ?? {}) as { namespace?: string; name?: string }
  return name === undefined ? undefined : [namespace, name].filter((part) => part !== undefined).join('/')
}

async function withEc2<T>(
  region: string,
  permission: string,
  ask: (client: EC2Client) => Promise<T>,
): Promise<T> {
  const { EC2Client } = await import('@aws-sdk/client-ec2')
  const client = new EC2Client({ region })
  try {
    return await ask(client)
  } catch (cause) {
    // Only the name: messages of AWS may hold an access key.
    throw new LlmscaleError(
      'upstreamUnavailable',
      'CREATED_UNKNOWN',
      `An earlier run was interrupted while it created something in ${region}, and AWS does not say whether it is there: ` +
        `${permission} fails with ${(cause as Error).name}. Nothing was deployed, as it could be made, and bill, twice.`,
      [`Give AWS credentials with the permission ${permission}, and run it again.`],
    )
  } finally {
    client.destroy()
  }
}

async function findLaunchTemplate(
  client: EC2Client,
  { name }: Record<string, unknown>,
): Promise<string | undefined> {
  const { DescribeLaunchTemplatesCommand } = await import('@aws-sdk/client-ec2')
  const { LaunchTemplates = [] } = await client.send(
    new DescribeLaunchTemplatesCommand({ Filters: [filter('launch-template-name', name)] }),
  )
  return LaunchTemplates[0]?.LaunchTemplateId
}

/** A reservation has no name: tags of ours tell it from others. One that ended or was cancelled stays listed. */
async function findReservation(
  client: EC2Client,
  { tags, instanceType, availabilityZone }: Record<string, unknown>,
): Promise<string | undefined> {
  const { DescribeCapacityReservationsCommand } = await import('@aws-sdk/client-ec2')
  const { CapacityReservations = [] } = await client.send(
    new DescribeCapacityReservationsCommand({
      Filters: [
        ...Object.entries(tags as Record<string, string>).map(([key, value]) => filter(`tag:${key}`, value)),
        filter('instance-type', instanceType),
        filter('availability-zone', availabilityZone),
        { Name: 'state', Values: ['active', 'pending', 'scheduled'] },
      ],
    }),
  )
  return CapacityReservations[0]?.CapacityReservationId
}

function filter(name: string, value: unknown): { Name: string; Values: string[] } {
  return { Name: name, Values: [String(value)] }
}
