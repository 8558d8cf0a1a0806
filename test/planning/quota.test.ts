import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAvailability } from '../../src/planning/availability.js'
import type { PlanDecision } from '../../src/planning/capacity-plan.js'
import type { Answer, CloudLimits } from '../../src/planning/cloud-limits.js'
import { checkQuota, findQuota, quotaCodes } from '../../src/planning/quota.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const region = 'us-east-1'
const known = <T>(value: T): Answer<T> => ({ known: true, value })
const limits = (fields: Partial<CloudLimits> = {}): CloudLimits => ({
  vcpuQuotas: known(new Map([['L-417A185B', 10_000]])),
  zones: known(new Map([['p5.48xlarge', ['us-east-1a', 'us-east-1b']]])),
  spotScore: known(7),
  ...fields,
})
const vcpus = (quotas: Record<string, number>) =>
  limits({ vcpuQuotas: known(new Map(Object.entries(quotas))) })
const decision = (fields: Partial<PlanDecision> = {}) => capacityPlan(fields).decision
const constant = (minReplicas: number, timeZone = 'Etc/UTC') =>
  workloadDecision({ model: timeZone, timeZone, floors: { minReplicas, windows: [], exceptions: [] } })

describe('quota', () => {
  it('counts the vCPUs of the nodes that floors and maxima need', () => {
    const { state, message } = checkQuota(decision(), region, limits())
    expect(state).toBe('passed')
    expect(message).toBe(
      'Running On-Demand P instances (L-417A185B) allows 10,000 vCPUs to all instances of the account in us-east-1, the plan needs at most 3,840',
    )
  })

  it('refuses what is below the floors and says how to ask for more', () => {
    // 21 replicas of 4 GPUs: 11 nodes of 192 vCPUs.
    expect(checkQuota(decision(), region, vcpus({ 'L-417A185B': 2112 })).state).toBe('passed')
    const verdict = checkQuota(decision(), region, vcpus({ 'L-417A185B': 2111 }))
    expect(verdict).toMatchObject({ state: 'refused', reason: 'infeasible', code: 'QUOTA_TOO_LOW' })
    expect(verdict.message).toBe(
      'Running On-Demand P instances (L-417A185B) allows 2,111 vCPUs to all instances of the account in us-east-1, the floors of the plan need 2,112: ' +
        '11 × p5.48xlarge; ask for more: aws service-quotas request-service-quota-increase --service-code ec2 ' +
        '--quota-code L-417A185B --desired-value 3840 --region us-east-1',
    )
  })

  it('only notes what is below the maxima', () => {
    const { state, message } = checkQuota(decision(), region, vcpus({ 'L-417A185B': 3000 }))
    expect(state).toBe('passed')
    expect(message).toContain('enough for the floors but not for the 3,840 of the maxima')
  })

  it('fills pools by weight, each market against its own quota', () => {
    const pools = [
      pool({ maximumNodes: 8, weight: 20 }),
      pool({ capacityType: 'spot', maximumNodes: 12, weight: 10 }),
    ]
    expect(quotaCodes(decision({ pools }), region)).toEqual(['L-417A185B', 'L-C4BD4855'])
    const enough = { 'L-417A185B': 8 * 192, 'L-C4BD4855': 3 * 192 }
    expect(checkQuota(decision({ pools }), region, vcpus(enough)).state).toBe('passed')
    for (const code of Object.keys(enough) as (keyof typeof enough)[])
      expect(
        checkQuota(decision({ pools }), region, vcpus({ ...enough, [code]: enough[code] - 1 })).state,
      ).toBe('refused')
  })

  it('adds workloads at the same minute, and the peaks of time zones', () => {
    const day = (from: string, to: string) =>
      workloadDecision({
        model: from,
        timeZone: 'Etc/UTC',
        floors: { minReplicas: 0, windows: [{ days: ['mon'], from, to, replicas: 10 }], exceptions: [] },
      })
    const nodes = (workloads: PlanDecision['workloads']) =>
      /: (\d+) × p5/.exec(
        checkQuota(decision({ workloads }), region, vcpus({ 'L-417A185B': 0 })).message,
      )?.[1]
    expect(nodes([day('00:00', '06:00'), day('06:00', '12:00')])).toBe('5')
    expect(nodes([day('00:00', '06:00'), day('05:00', '12:00')])).toBe('10')
    expect(nodes([constant(10, 'Asia/Tokyo'), constant(10, 'Etc/UTC')])).toBe('10')
  })

  it('leaves other regions and nodes of Capacity Blocks out', () => {
    const none = vcpus({ 'L-417A185B': 0 })
    expect(checkQuota(decision(), 'eu-west-1', none)).toMatchObject({
      state: 'passed',
      message: 'no nodes in eu-west-1',
    })
    const pools = [pool({ capacityType: 'reserved', maximumNodes: 11 })]
    const commitment = { state: 'owned', region, instanceType: 'p5.48xlarge', count: 11 } as const
    const verdict = (kind: 'odcr' | 'capacity-block') =>
      checkQuota(decision({ pools, commitments: [{ ...commitment, kind }] }), region, none).state
    expect([verdict('capacity-block'), verdict('odcr')]).toEqual(['passed', 'refused'])
  })

  it('says what it does not know', () => {
    const because = 'no AWS credentials'
    expect(checkQuota(decision(), region, limits({ vcpuQuotas: { known: false, because } }))).toMatchObject({
      state: 'not-checked',
      message: because,
    })
    expect(findQuota('p6-b200.48xlarge', 'spot')).toBeUndefined()
    const pools = [pool({ instanceType: 'p6-b200.48xlarge', capacityType: 'spot' })]
    expect(checkQuota(decision({ pools }), region, limits()).message).toBe(
      'no quota is known for spot p6-b200.48xlarge',
    )
  })

  it('refuses exactly where the floors do not fit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        (replicas, allowedNodes) => {
          const plan = decision({ workloads: [constant(replicas)], pools: [pool({ maximumNodes: 20 })] })
          const { state } = checkQuota(plan, region, vcpus({ 'L-417A185B': allowedNodes * 192 }))
          expect(state).toBe(allowedNodes < Math.ceil(replicas / 2) ? 'refused' : 'passed')
        },
      ),
    )
  })
})

describe('availability', () => {
  it('names the zones that offer each type', () => {
    expect(checkAvailability(decision(), region, limits())).toMatchObject({
      state: 'passed',
      message: 'p5.48xlarge in us-east-1a, us-east-1b',
    })
  })

  it('refuses a type that the region, or the zones of the cluster, lack', () => {
    const nowhere = limits({ zones: known(new Map()) })
    expect(checkAvailability(decision(), region, nowhere)).toMatchObject({
      state: 'refused',
      code: 'INSTANCE_TYPE_NOT_OFFERED',
      message:
        'us-east-1 does not offer p5.48xlarge: allow another instance type in shapes: of llmscale.yaml',
    })
    expect(checkAvailability(decision(), region, limits(), ['us-east-1c', 'us-east-1d']).message).toBe(
      'p5.48xlarge is offered in us-east-1a, us-east-1b, but the cluster has subnets only in us-east-1c, us-east-1d',
    )
    expect(checkAvailability(decision(), region, limits(), ['us-east-1b', 'us-east-1c']).message).toBe(
      'p5.48xlarge in us-east-1b alone',
    )
  })

  it('takes a low spot score for a note, of spot pools alone', () => {
    const pools = [pool(), pool({ capacityType: 'spot', maximumNodes: 4 })]
    const low = limits({ spotScore: known(2) })
    expect(checkAvailability(decision(), region, low).message).not.toContain('spot')
    expect(checkAvailability(decision({ pools }), region, low)).toMatchObject({
      state: 'passed',
      message:
        'p5.48xlarge in us-east-1a, us-east-1b; spot placement score 2 of 10 for 4 nodes: they may not come; EC2 ' +
        'scores fewer than 3 instance types low',
    })
    expect(checkAvailability(decision({ pools }), region, limits()).message).toContain(
      'score 7 of 10 for 4 nodes',
    )
  })

  it('says what it does not know', () => {
    const unknown = { known: false, because: 'no AWS credentials' } as const
    expect(checkAvailability(decision(), region, limits({ zones: unknown }))).toMatchObject({
      state: 'not-checked',
      message: 'no AWS credentials',
    })
    const pools = [pool({ capacityType: 'spot' })]
    expect(checkAvailability(decision({ pools }), region, limits({ spotScore: unknown })).message).toContain(
      'spot placement score not known: no AWS credentials',
    )
  })
})
