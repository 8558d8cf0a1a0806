import { describe, expect, it } from 'vitest'
import type { Ec2NodeClass, NodePool } from '../../src/manifests/cluster-object.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { chatTarget, servingConfig } from './config-fixture.js'

const cluster = { name: 'serving', nodeRole: 'gpu', subnets: ['subnet-a'], zones: ['us-east-1a'] }
const described = (nodes: object = {}, region: object = cluster) => ({
  regions: ['us-east-1'],
  clusters: { 'us-east-1': region },
  nodes: { amiAlias: 'al2023@v20260901', ...nodes },
})
const render = (environment: object, decision = capacityPlan().decision, workload: object = {}) =>
  createManifests(decision, 'us-east-1', servingConfig(environment, workload))
const find = <Kind extends string, Found>(objects: ReturnType<typeof render>, kind: Kind) =>
  objects.find((object) => object.kind === kind) as Found | undefined
const nodeClassOf = (...args: Parameters<typeof render>) =>
  find<'EC2NodeClass', Ec2NodeClass>(render(...args), 'EC2NodeClass')
const nodePoolOf = (...args: Parameters<typeof render>) =>
  find<'NodePool', NodePool>(render(...args), 'NodePool')

describe('an EC2NodeClass', () => {
  it('is declared only where nobody else does', () => {
    expect(nodeClassOf({})).toBeUndefined()
    expect(nodePoolOf({})?.spec.template.spec.nodeClassRef.name).toBe('default')
    const theirs = described({ nodeClass: 'theirs' })
    expect(nodeClassOf(theirs)).toBeUndefined()
    expect(nodePoolOf(theirs)?.spec.template.spec.nodeClassRef.name).toBe('theirs')
    expect(nodeClassOf(described())?.metadata.name).toBe('gpu-prod')
    expect(nodePoolOf(described())?.spec.template.spec.nodeClassRef.name).toBe('gpu-prod')
  })

  it('selects every reservation of the region: an owned one by id, one to buy by its tag', () => {
    const odcr = { kind: 'odcr', region: 'us-east-1', instanceType: 'p5.48xlarge', count: 2 } as const
    const { decision } = capacityPlan({
      pools: [pool({ capacityType: 'reserved', weight: 100 })],
      commitments: [
        { ...odcr, state: 'owned', name: 'base', zone: 'us-east-1a', id: 'cr-1' },
        { ...odcr, state: 'proposed', name: 'launch', zone: 'us-east-1a' },
        { ...odcr, state: 'owned', region: 'eu-west-1', name: 'far', zone: 'eu-west-1a', id: 'cr-2' },
        { ...odcr, kind: 'savings-plan', state: 'owned' },
      ],
    })
    expect(nodeClassOf(described(), decision)?.spec.capacityReservationSelectorTerms).toEqual([
      { id: 'cr-1' },
      { tags: { 'llmscale/reservation': 'prod/launch' } },
    ])
    expect(nodePoolOf(described(), decision)?.spec.template.spec.requirements[1]?.values).toEqual([
      'reserved',
    ])
  })

  it('puts images where the family keeps them, and takes security groups that are named', () => {
    const spec = nodeClassOf(
      described(
        { amiAlias: 'bottlerocket@v1.50.0', volumeGiB: 900 },
        { ...cluster, securityGroups: ['sg-1'] },
      ),
    )?.spec
    expect(spec?.securityGroupSelectorTerms).toEqual([{ id: 'sg-1' }])
    expect(spec?.blockDeviceMappings).toMatchObject([
      { deviceName: '/dev/xvdb', ebs: { volumeSize: '900Gi' } },
    ])
  })

  it('is refused, in the configuration, where it would lack a role, subnets or groups', () => {
    expect(() => render(described({}, { name: 'serving' }))).toThrow(
      /llmscale\.yaml:1:\d+ environments\.prod\.nodes: karpenter in us-east-1 needs clusters\.us-east-1\.\{nodeRole, subnets\}/,
    )
  })
})

describe('a NodePool', () => {
  it('is not rendered where node groups take its place', () => {
    const arn = 'arn:aws:iam::111122223333:role/gpu'
    const groups = described({ manager: 'managed-node-groups' }, { ...cluster, nodeRole: arn })
    expect(render(groups).map(({ kind }) => kind)).toEqual(['ScaledObject'])
  })

  it('moves replicas to save nodes only where every workload there bears to lose one', () => {
    const careful = {
      disruptionBudget: '20%',
      target: { ...chatTarget, selector: { app: 'chat' } },
    }
    const policyOf = (decision: ReturnType<typeof capacityPlan>['decision'], workload: object) =>
      nodePoolOf({}, decision, workload)?.spec.disruption.consolidationPolicy
    const single = capacityPlan({
      workloads: [workloadDecision({ floors: { minReplicas: 1, windows: [], exceptions: [] } })],
    })
    expect(policyOf(capacityPlan().decision, careful)).toBe('WhenEmptyOrUnderutilized')
    expect(policyOf(capacityPlan().decision, {})).toBe('WhenEmpty')
    expect(policyOf(single.decision, careful)).toBe('WhenEmpty')
  })
})
