import { dnsName } from '../kit/names.js'
import { type CapacityPlace, tagsOf } from './capacity-place.js'
import { type CapacityResource, referTo } from './capacity-resource.js'

/** What EC2 tells of a node before it goes: https://karpenter.sh/docs/concepts/disruption/#interruption */
const events = [
  { name: 'spot-interruption', source: 'aws.ec2', detailType: 'EC2 Spot Instance Interruption Warning' },
  { name: 'rebalance', source: 'aws.ec2', detailType: 'EC2 Instance Rebalance Recommendation' },
  { name: 'state-change', source: 'aws.ec2', detailType: 'EC2 Instance State-change Notification' },
  {
    name: 'reservation-interruption',
    source: 'aws.ec2',
    detailType: 'EC2 Capacity Reservation Instance Interruption Warning',
  },
  { name: 'health', source: 'aws.health', detailType: 'AWS Health Event' },
]

/**
 * The queue that Karpenter's setting `interruptionQueue` names, called as the cluster, and the rules that fill it.
 * Messages older than five minutes say nothing any more.
 */
export function createInterruptionQueue(clusterName: string, place: CapacityPlace): CapacityResource[] {
  const { region } = place
  const queue: CapacityResource = {
    type: 'aws:sqs/queue:Queue',
    name: clusterName,
    inputs: {
      region,
      name: clusterName,
      messageRetentionSeconds: 300,
      sqsManagedSseEnabled: true,
      tags: tagsOf(place, clusterName),
    },
  }
  const queueArn = referTo(queue, 'arn')
  const policy: CapacityResource = {
    type: 'aws:sqs/queuePolicy:QueuePolicy',
    name: clusterName,
    inputs: {
      region,
      queueUrl: referTo(queue, 'url'),
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'SendFromEvents',
            Effect: 'Allow',
            Principal: { Service: ['events.amazonaws.com', 'sqs.amazonaws.com'] },
            Action: 'sqs:SendMessage',
            Resource: queueArn,
          },
          {
            Sid: 'DenyPlainText',
            Effect: 'Deny',
            Principal: '*',
            Action: 'sqs:*',
            Resource: queueArn,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
    },
  }
  const rules = events.flatMap(({ name: event, source, detailType }): CapacityResource[] => {
    const name = dnsName(`${clusterName}-${event}`)
    const rule: CapacityResource = {
      type: 'aws:cloudwatch/eventRule:EventRule',
      name,
      inputs: {
        region,
        name,
        eventPattern: JSON.stringify({ source: [source], 'detail-type': [detailType] }),
        tags: tagsOf(place, name),
      },
    }
    const target: CapacityResource = {
      type: 'aws:cloudwatch/eventTarget:EventTarget',
      name,
      inputs: { region, rule: referTo(rule, 'name'), targetId: 'karpenter', arn: queueArn },
    }
    return [rule, target]
  })
  return [queue, policy, ...rules]
}
