import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findObjectDrift, findStackDrift } from '../../src/planning/drift.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const wanted = {
  spec: { minReplicaCount: 2, maxReplicaCount: 9, triggers: [{ metadata: { desiredReplicas: '5' } }] },
}
const drifts = (planned: object, live: unknown) =>
  findObjectDrift('ScaledObject serving/chat', planned, live).map(({ field, planned, found, kind }) => [
    field,
    planned,
    found,
    kind,
  ])

describe('drift of an object', () => {
  it('is none where each field is as planned', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(drifts(object, structuredClone(object))).toEqual([])
      }),
    )
  })

  it('tells floors that somebody changed from other fields', () => {
    const live = {
      spec: { minReplicaCount: 6, maxReplicaCount: 20, triggers: [{ metadata: { desiredReplicas: '8' } }] },
    }
    expect(drifts(wanted, live)).toEqual([
      ['spec.minReplicaCount', '2', '6', 'floor'],
      ['spec.maxReplicaCount', '9', '20', 'field'],
      ['spec.triggers.0.metadata.desiredReplicas', '5', '8', 'floor'],
    ])
  })

  it('takes what the server leaves out for zero, false or empty', () => {
    expect(drifts({ globalDefault: false, value: 0, list: [], map: {} }, {})).toEqual([])
    expect(drifts({ globalDefault: true }, {})).toHaveLength(1)
  })

  it('tells what is missing and what came in addition', () => {
    expect(drifts(wanted, undefined)).toEqual([['', 'present', 'missing', 'missing']])
    const more = { spec: { ...wanted.spec, triggers: [...wanted.spec.triggers, { type: 'cpu' }] } }
    expect(drifts(wanted, more)).toEqual([['spec.triggers.1.type', 'none', 'cpu', 'field']])
    expect(drifts(wanted, { spec: { minReplicaCount: 2, triggers: wanted.spec.triggers } })).toEqual([
      ['spec.maxReplicaCount', '9', 'none', 'field'],
    ])
  })

  it.each([
    ['0.5', '500m', true],
    ['1500m', '1.5', true],
    [4, '4', true],
    ['1Gi', '1024Mi', true],
    ['1k', '1000', true],
    ['1G', '1Gi', false],
    ['5m', '5', false],
    ['al2023@v1', 'al2023@v2', false],
  ])('reads quantities: %j and %j', (planned, found, isSame) => {
    expect(drifts({ limit: planned }, { limit: found })).toHaveLength(isSame ? 0 : 1)
  })
})

describe('drift of a stack', () => {
  const plan = capacityPlan({
    workloads: [workloadDecision({ hardMaximum: 30 }), workloadDecision({ region: 'eu-west-1' })],
    pools: [pool({ maximumNodes: 15 }), pool({ region: 'eu-west-1' })],
  })
  const stack = 'prod.us-east-1.serving'

  it('names the fields of its region that the deployed plan has otherwise', () => {
    const { planId, header, decision } = capacityPlan()
    const found = findStackDrift(stack, 'us-east-1', plan, { planId, header, decision })
    expect(found.map(({ object, field, planned, found }) => [object, field, planned, found])).toEqual([
      [stack, 'planId', plan.planId.slice(0, 12), planId.slice(0, 12)],
      [`${stack} chat-70b/us-east-1`, 'hardMaximum', '30', '40'],
      [`${stack} us-east-1/p5.48xlarge/on-demand`, 'maximumNodes', '15', '20'],
    ])
  })

  it('is none for the plan itself, and an id alone where no more is known', () => {
    expect(findStackDrift(stack, 'us-east-1', plan, plan)).toEqual([])
    expect(findStackDrift(stack, 'us-east-1', plan, { planId: 'f'.repeat(64) })).toHaveLength(1)
  })
})
