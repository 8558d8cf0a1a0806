import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertPolicies, checkPolicies, createPolicies, spotCap } from '../../policies/index.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { capacityPlan, pool } from '../plan-fixture.js'

const verdictOf = (maximumShare: number, ...nodes: [onDemand: number, spot: number]) =>
  checkPolicies([spotCap(maximumShare)], {
    plan: capacityPlan({
      pools: [pool({ maximumNodes: nodes[0] }), pool({ capacityType: 'spot', maximumNodes: nodes[1] })],
    }),
    resources: [],
    now: 0,
  })[0]!

describe('spot cap', () => {
  it('refuses exactly the plans whose spot share is above the cap', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.integer({ min: 0, max: 100 }), (onDemand, spot, cap) => {
        const allowed = spot * 100 <= cap * (onDemand + spot)
        expect(verdictOf(cap / 100, onDemand, spot).state).toBe(allowed ? 'passed' : 'refused')
      }),
    )
  })

  it('counts each region and instance type for itself', () => {
    const plan = capacityPlan({
      pools: [
        pool({ maximumNodes: 100 }),
        pool({ region: 'eu-west-1', capacityType: 'spot', maximumNodes: 1 }),
        pool({ instanceType: 'g6e.12xlarge', capacityType: 'spot', maximumNodes: 1 }),
      ],
    })
    const [verdict] = checkPolicies([spotCap(0.5)], { plan, resources: [], now: 0 })
    expect(verdict?.violations.map(({ subject }) => subject)).toEqual([
      'p5.48xlarge in eu-west-1',
      'g6e.12xlarge in us-east-1',
    ])
  })

  it('names the share, the nodes and the cap, and exits with 5', () => {
    const verdicts = [verdictOf(0.3, 6, 4)]
    try {
      assertPolicies(verdicts)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(LlmscaleError)
      expect((error as LlmscaleError).exitCode).toBe(5)
      expect((error as LlmscaleError).message).toBe(
        'spot-cap: p5.48xlarge in us-east-1 may be 40 % spot (4 of 10 nodes); allowed are 30 %',
      )
    }
  })

  it('is not checked where there is no plan', () => {
    expect(checkPolicies(createPolicies({ spotCap: 0 }), { resources: [], now: 0 })).toEqual([
      { policy: 'spot-cap', state: 'not-checked', violations: [] },
    ])
  })
})
