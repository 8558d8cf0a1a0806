import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { createCapacity, expandCapacity, withoutEnded } from '../../src/manifests/capacity.js'
import { floorChanges, nodeFloor } from '../../src/manifests/capacity-floor.js'
import { zoneShare } from '../../src/manifests/capacity-node-group.js'
import { type CapacityResource, isReference, resourceKey } from '../../src/manifests/capacity-resource.js'
import { minutesPerWeek } from '../../src/manifests/clock-changes.js'
import { requestedFloors } from '../../src/planning/floor-template.js'
import { capacityConfig, commitment, decisionOf } from '../capacity-fixture.js'
import { pool, workloadDecision } from '../plan-fixture.js'

const config = capacityConfig()
const region = 'us-east-1'

const create = (fields: Parameters<typeof decisionOf>[0] = {}, settings = config) =>
  createCapacity(decisionOf(fields), region, settings)
const ofType = (resources: readonly CapacityResource[], name: string) =>
  resources.filter(({ type }) => type.endsWith(`:${name}`))
// biome-ignore lint/suspicious/noExplicitAny: inputs are as the provider takes them, of any depth
type Inputs = Record<string, any>
const inputsOf = (resources: readonly CapacityResource[], name: string): Inputs[] =>
  ofType(resources, name).map(({ inputs }) => inputs)

function failureOf(run: () => unknown): LlmscaleError {
  try {
    run()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Keys of all references in a value. */
function references(value: unknown): string[] {
  if (isReference(value)) return [value.outputOf]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(references) : []
}

describe('managed node groups', () => {
  it('are one a pool and zone, and hold the limit of the pool together', () => {
    const resources = create({
      pools: [pool({ maximumNodes: 20 }), pool({ capacityType: 'spot', maximumNodes: 2, weight: 10 })],
    })
    const groups = inputsOf(resources, 'NodeGroup')
    expect(
      groups.map((group) => [group['capacityType'], group['subnetIds'], group['scalingConfig'].maxSize]),
    ).toEqual([
      ['ON_DEMAND', ['subnet-a'], 7],
      ['ON_DEMAND', ['subnet-b'], 7],
      ['ON_DEMAND', ['subnet-c'], 6],
      ['SPOT', ['subnet-a'], 1],
      ['SPOT', ['subnet-b'], 1],
    ])
    expect(groups[0]).toMatchObject({
      clusterName: 'gpu-east',
      amiType: 'AL2023_x86_64_NVIDIA',
      instanceTypes: ['p5.48xlarge'],
      updateConfig: { maxUnavailable: 1 },
      taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NO_SCHEDULE' }],
      tags: { team: 'serving', 'managed-by': 'llmscale' },
    })
    // The kubelet refuses labels of kubernetes.io that it does not know.
    expect(JSON.stringify(groups[0]!['labels'])).not.toContain('kubernetes.io')
  })

  it('launch with IMDSv2 alone, encrypted volumes and the tags of the environment', () => {
    const [template] = inputsOf(create(), 'LaunchTemplate')
    expect(template).toMatchObject({
      metadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { volumeSize: 500, encrypted: 'true' } }],
      vpcSecurityGroupIds: ['sg-nodes'],
    })
    expect(template!['tagSpecifications'].map(({ tags }: Inputs) => tags['managed-by'])).toEqual([
      'llmscale',
      'llmscale',
      'llmscale',
    ])
    const bottlerocket = capacityConfig('manager: managed-node-groups, amiAlias: bottlerocket@v1.50.0')
    expect(inputsOf(create({}, bottlerocket), 'NodeGroup')[0]!['amiType']).toBe('BOTTLEROCKET_x86_64_NVIDIA')
    expect(
      inputsOf(create({}, bottlerocket), 'LaunchTemplate')[0]!['blockDeviceMappings'][0].deviceName,
    ).toBe('/dev/xvdb')
  })

  it('of replicas over several nodes have a fabric adapter a card and lie close to each other', () => {
    const large = workloadDecision({
      shape: { gpu: 'H100', gpusPerReplica: 16, precision: 'bf16', instanceType: 'p5.48xlarge' },
    })
    const resources = create({ workloads: [large], pools: [pool({ maximumNodes: 10 })] })
    expect(inputsOf(resources, 'NodeGroup').map((group) => group['scalingConfig'].maxSize)).toEqual([4, 4, 2])
    const [template] = inputsOf(resources, 'LaunchTemplate')
    const cards = template!['networkInterfaces']
    expect(cards).toHaveLength(32)
    expect(cards[0]).toMatchObject({
      networkCardIndex: 0,
      deviceIndex: 0,
      interfaceType: 'efa',
      securityGroups: ['sg-nodes'],
    })
    expect(cards[31]).toMatchObject({ networkCardIndex: 31, deviceIndex: 1, interfaceType: 'efa-only' })
    expect(template!['vpcSecurityGroupIds']).toBeUndefined()
    expect(inputsOf(resources, 'PlacementGroup')[0]).toMatchObject({ strategy: 'cluster' })
    expect(inputsOf(create(), 'PlacementGroup')).toEqual([])
  })

  it('get another name where EKS would have to replace them, and keep it where it need not', () => {
    const nameWith = (...args: Parameters<typeof capacityConfig>) =>
      ofType(create({}, capacityConfig(...args)), 'NodeGroup')[0]!.name
    const usual = nameWith()
    expect(usual).toMatch(/^prod-p5-48xlarge-on-demand-us-east-1a-/)
    expect(usual.length).toBeLessThanOrEqual(63)
    expect(nameWith('manager: managed-node-groups, volumeGiB: 900')).toBe(usual)
    expect(nameWith('manager: managed-node-groups, amiAlias: bottlerocket@v1.50.0')).not.toBe(usual)
    expect(ofType(create({ pools: [pool({ maximumNodes: 3 })] }), 'NodeGroup')[0]!.name).toBe(usual)
  })

  it('name what they lack', () => {
    const bare = structuredClone(config)
    delete bare.environments['prod']!.clusters[region]!.nodeRole
    const failure = failureOf(() => create({}, bare))
    expect([failure.exitCode, failure.code]).toEqual([3, 'CLUSTER_INCOMPLETE'])
    expect(failure.message).toContain('environments.prod.clusters.us-east-1')
  })

  it('are none where no cluster is named, and none with Karpenter', () => {
    const unnamed = structuredClone(config)
    delete unnamed.environments['prod']!.clusters[region]!.name
    expect(create({}, unnamed)).toEqual([])
    expect(create({}, capacityConfig('manager: karpenter'))).toEqual([])
  })
})

describe('floors of nodes', () => {
  it('are minima that change in the time zone of the workloads, and at most what a group holds', () => {
    const resources = create({ pools: [pool({ maximumNodes: 6 })] })
    const actions = inputsOf(resources, 'Schedule').filter(({ autoscalingGroupName }) =>
      String(autoscalingGroupName.outputOf).includes('us-east-1a'),
    )
    // 21 replicas of half a node are 11 nodes: more than the two of this zone.
    expect(actions.map(({ recurrence, minSize, timeZone }) => [recurrence, minSize, timeZone])).toEqual(
      [
        ['0 20 * * 1,2,3,4,5', 1, 'America/New_York'],
        ['45 7 * * 1,2,3,4,5', 2, 'America/New_York'],
      ].sort((a, b) => Number(String(a[0]).split(' ')[1]) - Number(String(b[0]).split(' ')[1])),
    )
    // -1 leaves a size as it is; what is left out would become 0.
    expect(actions.every(({ maxSize, desiredCapacity }) => maxSize === -1 && desiredCapacity === -1)).toBe(
      true,
    )
  })

  it('never lie below what the templates ask for, in any zone, and change outside skipped hours', () => {
    const time = fc
      .integer({ min: 0, max: 95 })
      .map(
        (slot) =>
          `${String(Math.floor(slot / 4)).padStart(2, '0')}:${String((slot % 4) * 15).padStart(2, '0')}`,
      )
    const window = fc.record({
      days: fc.subarray(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const, { minLength: 1 }),
      from: time,
      to: time,
      replicas: fc.integer({ min: 0, max: 30 }),
    })
    fc.assert(
      fc.property(
        fc.array(window, { maxLength: 24 }),
        fc.constantFrom('America/New_York', 'Europe/Berlin', 'UTC'),
        (windows, timeZone) => {
          const workload = workloadDecision({ timeZone, floors: { minReplicas: 1, windows, exceptions: [] } })
          const { nodes } = nodeFloor([workload], () => 0.5)
          const asked = requestedFloors(workload.floors)
          expect(asked.every((replicas, minute) => nodes[minute]! >= replicas / 2)).toBe(true)
          const changes = floorChanges({ nodes })
          expect(changes.length).toBeLessThanOrEqual(60)
          expect(new Set(changes.map(({ recurrence }) => recurrence)).size).toBe(changes.length)
          if (timeZone === 'America/New_York')
            expect(changes.filter(({ recurrence }) => / 2 \* \* (\*|0)/.test(recurrence))).toEqual([])
        },
      ),
      { numRuns: 40 },
    )
  })

  it('of several zones hold at every season', () => {
    const berlin = workloadDecision({
      model: 'b',
      timeZone: 'Europe/Berlin',
      floors: {
        minReplicas: 0,
        windows: [{ days: ['mon'], from: '12:00', to: '13:00', replicas: 2 }],
        exceptions: [],
      },
    })
    const newYork = workloadDecision({ floors: { minReplicas: 1, windows: [], exceptions: [] } })
    const { timeZone, nodes } = nodeFloor([newYork, berlin], () => 1)
    expect(timeZone).toBe('America/New_York')
    // Noon in Berlin is six in New York, and seven for some weeks of spring and autumn.
    expect([5, 6, 7, 8].map((hour) => nodes[hour * 60 + 30])).toEqual([1, 3, 3, 1])
  })

  it('are set each day where they are constant, and fit into a group however many windows there are', () => {
    expect(floorChanges({ nodes: new Int32Array(minutesPerWeek).fill(3) })).toEqual([
      { recurrence: '0 0 * * *', nodes: 3 },
    ])
    const restless = Int32Array.from(
      { length: minutesPerWeek },
      (_, minute) => (Math.floor(minute / 7) * 13) % 11,
    )
    const changes = floorChanges({ nodes: restless })
    expect(changes.length).toBeLessThanOrEqual(60)
    const always = Int32Array.from({ length: minutesPerWeek }, (_, minute) =>
      minute % 15 < 8 ? 4 : minute % 3,
    )
    expect(floorChanges({ nodes: always })).toEqual([{ recurrence: '0 0 * * *', nodes: 4 }])
  })

  it('that are none are set too, or the group would stay at its last one', () => {
    const none = { minReplicas: 0, windows: [], exceptions: [] }
    for (const workloads of [[workloadDecision({ floors: none })], []]) {
      const actions = inputsOf(create({ workloads }), 'Schedule')
      expect(actions.length).toBeGreaterThan(0)
      for (const action of actions) expect(action).toMatchObject({ recurrence: '0 0 * * *', minSize: 0 })
    }
  })

  it('of two plans together fit into a group, while serving moves from one to the other', () => {
    const restless = (model: string, shift: number) =>
      workloadDecision({
        model,
        floors: {
          minReplicas: 2,
          windows: Array.from({ length: 24 }, (_, hour) => ({
            days: [(['mon', 'tue', 'wed', 'thu', 'fri'] as const)[(hour + shift) % 5]!],
            from: `${String(hour).padStart(2, '0')}:${String(shift).padStart(2, '0')}`,
            to: `${String(hour).padStart(2, '0')}:${30 + shift}`,
            replicas: 10 + ((hour * 7) % 11),
          })),
          exceptions: [],
        },
      })
    const planOf = (shifts: readonly number[]) =>
      create({
        workloads: shifts.map((shift, index) => restless(`m${index}`, shift)),
        pools: [pool({ maximumNodes: 60 })],
      })
    const [before, after] = [planOf([10, 11, 12]), planOf([20, 21, 22])]
    const together = new Map<string, number>()
    for (const { autoscalingGroupName } of inputsOf(expandCapacity(before, after), 'Schedule'))
      together.set(autoscalingGroupName.outputOf, (together.get(autoscalingGroupName.outputOf) ?? 0) + 1)
    expect(together.size).toBe(3)
    for (const actions of together.values()) expect(actions).toBeLessThanOrEqual(125)
  })
})

describe('reservations', () => {
  const reserved = pool({ capacityType: 'reserved', maximumNodes: 2, weight: 30 })

  it('that are proposed are bought targeted and with an end, and have one group that always runs', () => {
    const resources = create({ pools: [reserved, pool({ weight: 20 })], commitments: [commitment()] })
    const [reservation] = ofType(resources, 'CapacityReservation')
    expect(reservation).toMatchObject({
      name: 'winter',
      purchase: 'winter',
      inputs: {
        instanceMatchCriteria: 'targeted',
        endDateType: 'limited',
        endDate: '2027-01-31T00:00:00Z',
        instanceCount: 2,
        tags: { 'managed-by': 'llmscale', 'llmscale/reservation': 'prod/winter' },
      },
    })
    const [group] = inputsOf(resources, 'NodeGroup')
    expect(group).toMatchObject({
      capacityType: 'ON_DEMAND',
      subnetIds: ['subnet-b'],
      scalingConfig: { minSize: 2, maxSize: 2, desiredSize: 2 },
    })
    expect(inputsOf(resources, 'LaunchTemplate')[0]!['capacityReservationSpecification']).toEqual({
      capacityReservationTarget: {
        capacityReservationId: { outputOf: resourceKey(reservation!), output: 'id' },
      },
    })
  })

  it('that are owned render nothing but what selects them', () => {
    const owned = commitment({ state: 'owned', id: 'cr-0123456789abcdef0' })
    const resources = create({ pools: [reserved, pool({ weight: 20 })], commitments: [owned] })
    expect(ofType(resources, 'CapacityReservation')).toEqual([])
    expect(
      inputsOf(resources, 'LaunchTemplate')[0]!['capacityReservationSpecification'].capacityReservationTarget,
    ).toEqual({
      capacityReservationId: 'cr-0123456789abcdef0',
    })
    expect(create({ pools: [reserved], commitments: [owned] }, capacityConfig('manager: karpenter'))).toEqual(
      [],
    )
  })

  it('of a Capacity Block launch from its market and leave an hour before its end', () => {
    const block = commitment({
      kind: 'capacity-block',
      state: 'owned',
      id: 'cr-0123456789abcdef0',
      until: '2026-12-01T11:30:00Z',
    })
    const resources = create({ pools: [reserved, pool({ weight: 20 })], commitments: [block] })
    expect(inputsOf(resources, 'NodeGroup')[0]!['capacityType']).toBe('CAPACITY_BLOCK')
    expect(inputsOf(resources, 'LaunchTemplate')[0]!['instanceMarketOptions']).toEqual({
      marketType: 'capacity-block',
    })
    expect(inputsOf(resources, 'Schedule').filter(({ startTime }) => startTime !== undefined)).toMatchObject([
      { startTime: '2026-12-01T10:30:00Z', minSize: 0, maxSize: 0, desiredCapacity: 0 },
    ])
  })

  it('that have ended are not bought again, and their nodes run on as they are', () => {
    const bought = create({ pools: [reserved, pool({ weight: 20 })], commitments: [commitment()] })
    const end = Date.parse('2027-01-31T00:00:00Z') / 1000
    expect(withoutEnded(bought, end - 1)).toEqual(bought)
    const left = withoutEnded(bought, end)
    expect(left.map(resourceKey)).toEqual(bought.map(resourceKey).filter((key) => !key.endsWith(' winter')))
    const [template] = ofType(left, 'LaunchTemplate')
    expect(template!.kept).toEqual(['capacityReservationSpecification'])
    expect(template!.inputs).not.toHaveProperty('capacityReservationSpecification')
    expect(withoutEnded(expandCapacity(left, left), end)).toEqual(left)
    // The plan after it lets go of both: first they stay, then they go.
    const next = create({ pools: [pool({ weight: 20 })] })
    expect(withoutEnded(expandCapacity(bought, next), end)).toEqual(
      expect.arrayContaining(left.filter(({ name }) => name.includes('winter'))),
    )
  })

  it('are never bought as a block, nor without an end', () => {
    const buy = (fields: Parameters<typeof commitment>[0]) =>
      failureOf(() => create({ commitments: [commitment(fields)] }))
    expect(buy({ kind: 'capacity-block' })).toMatchObject({ code: 'CAPACITY_BLOCK_UNBOUGHT', exitCode: 5 })
    const { until, ...endless } = commitment()
    expect(failureOf(() => create({ commitments: [endless] })).code).toBe('RESERVATION_ENDLESS')
  })
})

describe('with Karpenter', () => {
  it('the queue of interruptions is called as the cluster, and gets all five kinds of events', () => {
    const resources = create({}, capacityConfig('manager: karpenter, interruptionQueue: true'))
    expect(resources.map(({ type }) => type.split(':')[2])).toEqual([
      'Queue',
      'QueuePolicy',
      ...Array.from({ length: 5 }, () => ['EventRule', 'EventTarget']).flat(),
    ])
    expect(resources[0]).toMatchObject({
      name: 'gpu-east',
      inputs: { name: 'gpu-east', messageRetentionSeconds: 300 },
    })
  })
})

const capacityArbitrary = fc
  .record({
    onDemand: fc.integer({ min: 0, max: 30 }),
    spot: fc.integer({ min: 0, max: 10 }),
    reserved: fc.integer({ min: 0, max: 6 }),
    minReplicas: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ onDemand, spot, reserved, minReplicas }) =>
    create({
      workloads: [workloadDecision({ floors: { minReplicas, windows: [], exceptions: [] } })],
      pools: [
        ...(reserved > 0 ? [pool({ capacityType: 'reserved', maximumNodes: reserved, weight: 30 })] : []),
        pool({ maximumNodes: onDemand, weight: 20 }),
        ...(spot > 0 ? [pool({ capacityType: 'spot', maximumNodes: spot, weight: 10 })] : []),
      ],
      commitments: reserved > 0 ? [commitment({ count: reserved })] : [],
    }),
  )

describe('any plan', () => {
  it('gives resources in a stable order, of unique names, after what they refer to, in its region', () => {
    fc.assert(
      fc.property(capacityArbitrary, (resources) => {
        const seen = new Set<string>()
        for (const resource of resources) {
          expect(seen.has(resourceKey(resource))).toBe(false)
          for (const key of references(resource.inputs)) expect(seen.has(key), key).toBe(true)
          expect(resource.inputs['region']).toBe(region)
          seen.add(resourceKey(resource))
        }
        expect(JSON.parse(JSON.stringify(resources))).toEqual(resources)
      }),
      { numRuns: 30 },
    )
  })

  it('shares nodes among zones without losing one, and never takes one away as there are more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (nodes, zones, unit) => {
          const shares = (count: number) =>
            Array.from({ length: zones }, (_, index) => zoneShare(count, zones, index, unit))
          const [now, more] = [shares(nodes), shares(nodes + 1)]
          expect(now.reduce((a, b) => a + b)).toBe(nodes)
          for (const [index, share] of now.entries()) expect(more[index]).toBeGreaterThanOrEqual(share)
        },
      ),
    )
  })

  it('expands to what is deployed and what comes, each at the larger of its sizes', () => {
    fc.assert(
      fc.property(capacityArbitrary, capacityArbitrary, (deployed, next) => {
        const expanded = new Map(expandCapacity(deployed, next).map((each) => [resourceKey(each), each]))
        expect(new Set(expanded.keys())).toEqual(new Set([...deployed, ...next].map(resourceKey)))
        const sizesOf = (resource: CapacityResource) =>
          Object.entries({ ...resource.inputs, ...(resource.inputs['scalingConfig'] as object) }).filter(
            ([key]) => ['minSize', 'maxSize', 'desiredSize', 'instanceCount'].includes(key),
          ) as [string, number][]
        for (const resource of [...deployed, ...next]) {
          const sizes = new Map(sizesOf(expanded.get(resourceKey(resource))!))
          for (const [key, size] of sizesOf(resource)) expect(sizes.get(key)).toBeGreaterThanOrEqual(size)
        }
        const again = [...expanded.values()]
        expect(expandCapacity(again, again)).toEqual(again)
      }),
      { numRuns: 30 },
    )
  })

  it('leaves a reservation alone in this step that would have to be replaced', () => {
    const [old] = create({ commitments: [commitment()] })
    const [moved] = create({ commitments: [commitment({ zone: 'us-east-1c', count: 9 })] })
    expect(expandCapacity([old!], [moved!])).toEqual([old])
    const [longer] = create({ commitments: [commitment({ until: '2027-03-01T00:00:00Z', count: 1 })] })
    expect(expandCapacity([old!], [longer!])[0]!.inputs).toMatchObject({
      instanceCount: 2,
      endDate: '2027-03-01T00:00:00Z',
    })
  })
})
