import type { EC2Client } from '@aws-sdk/client-ec2'
import type { FindCreated } from './engine.js'

/**
 * Finds what a run created without living to note it, by the names that we give. Ids of most things follow from their
 * names, and the engine then looks whether they are there; AWS is asked for launch templates and reservations. What
 * may be made twice without harm (a queue, a rule, a schedule: the same request gives the same thing) is not looked up.
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
        return withEc2(region, (client) => findLaunchTemplate(client, String(inputs['name'])))
      case 'aws:ec2/capacityReservation:CapacityReservation':
        return withEc2(region, (client) => findReservation(client, inputs['tags'] as Record<string, string>))
      default:
        return undefined
    }
  }
}

function kubernetesId({ metadata }: Record<string, unknown>): string | undefined {
  const { namespace, name } = (metadata ?? {}) as { namespace?: string; name?: string }
  return name === undefined ? undefined : [namespace, name].filter((part) => part !== undefined).join('/')
}

async function withEc2<T>(region: string, ask: (client: EC2Client) => Promise<T>): Promise<T> {
  const { EC2Client } = await import('@aws-sdk/client-ec2')
  const client = new EC2Client({ region })
  try {
    return await ask(client)
  } finally {
    client.destroy()
  }
}

async function findLaunchTemplate(client: EC2Client, name: string): Promise<string | undefined> {
  const { DescribeLaunchTemplatesCommand } = await import('@aws-sdk/client-ec2')
  const filter = { Name: 'launch-template-name', Values: [name] }
  const { LaunchTemplates = [] } = await client.send(
    new DescribeLaunchTemplatesCommand({ Filters: [filter] }),
  )
  return LaunchTemplates[0]?.LaunchTemplateId
}

/** A reservation has no name: a tag of ours tells it from others. One that ended or was cancelled stays listed. */
async function findReservation(client: EC2Client, tags: Record<string, string>): Promise<string | undefined> {
  const { DescribeCapacityReservationsCommand } = await import('@aws-sdk/client-ec2')
  const own = Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }))
  const alive = { Name: 'state', Values: ['active', 'pending', 'scheduled'] }
  const { CapacityReservations = [] } = await client.send(
    new DescribeCapacityReservationsCommand({ Filters: [...own, alive] }),
  )
  return CapacityReservations[0]?.CapacityReservationId
}
