import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFinder } from '../../src/delivery/pending-creates.js'
import { emptyFolder } from '../run-cli.js'
import { type StandInAws, startAws } from '../stand-in-aws.js'

const template = 'aws:ec2/launchTemplate:LaunchTemplate'
const reservation = 'aws:ec2/capacityReservation:CapacityReservation'
const winter = {
  instanceType: 'p5.48xlarge',
  availabilityZone: 'us-east-1b',
  tags: { Name: 'winter', 'llmscale/reservation': 'prod/winter' },
}

describe('createFinder on a stand-in for AWS', () => {
  const find = createFinder('us-east-1')
  let cloud: string
  let aws: StandInAws
  const put = (type: string, id: string, inputs: object) => {
    const folder = join(cloud, 'aws', encodeURIComponent(type))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${encodeURIComponent(id)}.json`), JSON.stringify(inputs))
  }
  beforeEach(async () => {
    cloud = emptyFolder()
    aws = await startAws(cloud)
    for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await aws.stop()
  })

  it('finds a launch template by its name', async () => {
    put(template, 'lt-1', { name: 'other' })
    expect(await find(template, { name: 'own' })).toBeUndefined()
    put(template, 'lt-2', { name: 'own' })
    expect(await find(template, { name: 'own' })).toBe('lt-2')
  })

  it('finds the reservation with all tags, of the type and in the zone that were asked for', async () => {
    put(reservation, 'cr-1', {
      ...winter,
      tags: { ...winter.tags, 'llmscale/reservation': 'staging/winter' },
    })
    put(reservation, 'cr-2', { ...winter, availabilityZone: 'us-east-1c' })
    put(reservation, 'cr-3', { ...winter, instanceType: 'p4d.24xlarge' })
    expect(await find(reservation, winter)).toBeUndefined()
    put(reservation, 'cr-4', winter)
    expect(await find(reservation, winter)).toBe('cr-4')
    expect(aws.account.requests.at(-1)!.parameters).toMatchObject({
      'Filter.5.Name': 'state',
      'Filter.5.Value.1': 'active',
    })
  })

  it('derives ids from names where names make ids, and lets the rest be made again', async () => {
    const group = { clusterName: 'prod', nodeGroupName: 'gpu' }
    expect(await find('aws:eks/nodeGroup:NodeGroup', group)).toBe('prod:gpu')
    expect(await find('aws:ec2/placementGroup:PlacementGroup', { name: 'gpu' })).toBe('gpu')
    const metadata = { name: 'chat', namespace: 'serving' }
    expect(await find('kubernetes:keda.sh/v1alpha1:ScaledObject', { metadata })).toBe('serving/chat')
    expect(await find('kubernetes:karpenter.sh/v1:NodePool', { metadata: { name: 'gpu' } })).toBe('gpu')
    expect(await find('aws:autoscaling/schedule:Schedule', {})).toBeUndefined()
    expect(await find('llmscale:capacity:NodeGroup', {})).toBeUndefined()
    expect(aws.account.requests).toEqual([])
  })

  it('deploys nothing where AWS does not say, and tells no more than the name of its error', async () => {
    aws.account.errors = {
      DescribeCapacityReservations: { code: 'UnauthorizedOperation', status: 403, times: 9 },
    }
    const failure = await find(reservation, winter).catch((error) => error)
    expect(failure).toMatchObject({ reason: 'upstreamUnavailable', code: 'CREATED_UNKNOWN' })
    expect(failure.message).toContain('ec2:DescribeCapacityReservations fails with UnauthorizedOperation')
    expect(failure.message).not.toContain('AKIASTANDIN')
  })
})
