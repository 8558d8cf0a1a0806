import { runtime } from '@pulumi/pulumi'
import { describe, expect, it } from 'vitest'
import { createCapacity } from '../../src/manifests/capacity.js'
import type { CapacityResource } from '../../src/manifests/capacity-resource.js'
import { declareCapacity } from '../../stacks/capacity.js'
import { capacityConfig, commitment, decisionOf } from '../capacity-fixture.js'
import { pool } from '../plan-fixture.js'

type Registration = runtime.MockResourceArgs

/** What the program asks of the engine, with outputs as AWS would give them. */
async function registrations(resources: readonly CapacityResource[]): Promise<Registration[]> {
  const asked: Registration[] = []
  runtime.setMocks({
    newResource: (args) => {
      asked.push(args)
      const { inputs, name, type } = args
      const outputs: Record<string, unknown> = { ...inputs, arn: `arn:${name}` }
      if (type.endsWith(':LaunchTemplate')) outputs['latestVersion'] = 7
      if (type.endsWith(':Queue')) outputs['url'] = `https://sqs/${name}`
      if (type.endsWith(':NodeGroup'))
        outputs['resources'] = [
          { autoscalingGroups: [{ name: `eks-${name}` }], remoteAccessSecurityGroupId: '' },
        ]
      return { id: `id-${name}`, state: outputs }
    },
    call: ({ inputs }) => inputs,
  })
  declareCapacity(resources)
  await runtime.disconnect()
  return asked
}

const isReserved = ({ name }: Registration) => name.includes('winter')
const ofType = (asked: readonly Registration[], type: string) => asked.filter((each) => each.type === type)

describe('declareCapacity', () => {
  it('puts outputs where the plan refers to them, and pins the region', async () => {
    const resources = createCapacity(
      decisionOf({
        pools: [pool({ capacityType: 'reserved', maximumNodes: 2, weight: 60 }), pool({ maximumNodes: 3 })],
        commitments: [commitment()],
      }),
      'us-east-1',
      capacityConfig(),
    )
    const asked = await registrations(resources)
    for (const { type, name } of resources)
      expect(asked.filter((each) => each.type === type && each.name === name)).toHaveLength(1)
    const groups = ofType(asked, 'aws:eks/nodeGroup:NodeGroup')
    const reserved = groups.find(isReserved)
    expect(reserved!.inputs['launchTemplate']).toEqual({ id: `id-${reserved!.name}`, version: '7' })
    expect(
      ofType(asked, 'aws:ec2/launchTemplate:LaunchTemplate').find(isReserved)!.inputs[
        'capacityReservationSpecification'
      ],
    ).toEqual({
      capacityReservationTarget: { capacityReservationId: 'id-winter' },
    })
    const scaled = ofType(asked, 'aws:autoscaling/schedule:Schedule').map(
      ({ inputs }) => inputs['autoscalingGroupName'],
    )
    expect(new Set(scaled)).toEqual(
      new Set(groups.filter((group) => !isReserved(group)).map(({ name }) => `eks-${name}`)),
    )
    const cloud = asked.filter(({ type }) => type.startsWith('aws:'))
    expect(new Set(cloud.map(({ inputs }) => inputs['region']))).toEqual(new Set(['us-east-1']))
    expect(new Set(cloud.map(({ provider }) => provider).filter(Boolean)).size).toBe(1)
  })

  it('lets events fill the queue of interruptions alone', async () => {
    const asked = await registrations(
      createCapacity(
        decisionOf(),
        'us-east-1',
        capacityConfig('manager: karpenter, interruptionQueue: true'),
      ),
    )
    const [policy] = ofType(asked, 'aws:sqs/queuePolicy:QueuePolicy')
    expect(policy!.inputs).toMatchObject({
      queueUrl: 'https://sqs/gpu-east',
      policy: { Statement: [{ Resource: 'arn:gpu-east' }, { Effect: 'Deny' }] },
    })
    const targets = ofType(asked, 'aws:cloudwatch/eventTarget:EventTarget')
    expect(targets).toHaveLength(5)
    expect(targets.every(({ inputs }) => inputs['arn'] === 'arn:gpu-east')).toBe(true)
  })

  it('refuses a list that refers to what it lacks', () => {
    const [, template] = createCapacity(
      decisionOf({
        pools: [pool({ capacityType: 'reserved', maximumNodes: 2 })],
        commitments: [commitment()],
      }),
      'us-east-1',
      capacityConfig(),
    )
    expect(() => declareCapacity([template!])).toThrow(/nothing before declares .*CapacityReservation winter/)
  })
})
