import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { assertGuards, checkGuards, type GuardInputs, type GuardName } from '../../src/planning/guards.js'
import { sealPlan } from '../../src/planning/plan-file.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const now = Date.parse('2026-11-02T00:00:00Z') / 1000
const inputs = (fields: Partial<GuardInputs> = {}): GuardInputs => ({
  plan: capacityPlan(),
  environment: 'prod',
  region: 'us-east-1',
  now,
  holds: [],
  decreaseCap: 0.3,
  writes: true,
  onRunner: false,
  ...fields,
})
const verdictOf = (guard: GuardName, fields: Partial<GuardInputs>) =>
  checkGuards(inputs(fields)).find((verdict) => verdict.guard === guard)!
const failureOf = (fields: Partial<GuardInputs>): LlmscaleError => {
  try {
    assertGuards(checkGuards(inputs(fields)))
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('no guard refused')
}

describe('guards', () => {
  it('pass a sound plan and say what they could not check', () => {
    const verdicts = checkGuards(inputs())
    expect(verdicts.map(({ guard, state }) => `${guard} ${state}`)).toEqual([
      'kill-switch passed',
      'schema passed',
      'digest passed',
      'environment passed',
      'backend passed',
      'expiry passed',
      'superseded passed',
      'hold passed',
      'baseline passed',
      'caps not-checked',
      'budget not-checked',
    ])
    expect(() => assertGuards(verdicts)).not.toThrow()
  })

  it('refuse a plan that is not as the schema wants it', () => {
    const plan = capacityPlan()
    const broken = sealPlan({ ...plan, decision: { ...plan.decision, pools: [pool({ maximumNodes: -1 })] } })
    expect(failureOf({ plan: broken }).message).toContain('decision.pools.0.maximumNodes')
  })

  it('refuse a decision and a validity that were edited by hand', () => {
    const plan = capacityPlan()
    const decision = { ...plan.decision, pools: [pool({ maximumNodes: 99 })] }
    const header = { ...plan.header, validUntil: '2030-01-01T00:00:00Z' }
    for (const edited of [
      { ...plan, decision },
      { ...plan, header },
    ])
      expect(failureOf({ plan: edited }).exitCode).toBe(12)
  })

  it('refuse the plan of another environment', () => {
    expect(failureOf({ environment: 'staging' }).message).toBe(
      'the plan is of environment prod, the stack of staging',
    )
  })

  it('refuse from the second at which the plan expires', () => {
    const end = Date.parse('2026-11-08T00:00:00Z') / 1000
    expect(verdictOf('expiry', { now: end - 1 }).state).toBe('passed')
    expect(failureOf({ now: end }).exitCode).toBe(4)
  })

  it('refuse under a hold until it ends', () => {
    const hold = { reason: 'incident 7', by: 'ana', until: '2026-11-03T00:00:00Z' }
    const failure = failureOf({ holds: [hold] })
    expect([failure.exitCode, failure.message]).toEqual([
      9,
      'held by ana until 2026-11-03T00:00:00Z: incident 7',
    ])
    expect(verdictOf('hold', { holds: [hold], writes: false })).toMatchObject({
      state: 'not-checked',
      message: 'held by ana until 2026-11-03T00:00:00Z: incident 7 (an apply would be refused)',
    })
    expect(verdictOf('hold', { holds: [hold], now: now + 86_400 }).state).toBe('passed')
    expect(verdictOf('hold', { holds: [{ reason: 'x', by: 'y' }], now: now + 1e9 }).state).toBe('refused')
  })

  it('refuse a fall of limits by more than the cap, and only that', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(60), (before, after) => {
        const of = (maximumNodes: number) => capacityPlan({ pools: [pool({ maximumNodes })] })
        const { state } = verdictOf('caps', { plan: of(after), baseline: of(before) })
        expect(state).toBe(10 * after < 7 * before ? 'refused' : 'passed')
      }),
    )
  })

  it('count floors in GPU-hours of the week, for the region alone', () => {
    const constant = (minReplicas: number, region = 'us-east-1') =>
      workloadDecision({ region, floors: { minReplicas, windows: [], exceptions: [] } })
    const failure = failureOf({
      plan: capacityPlan({ workloads: [constant(5)] }),
      baseline: capacityPlan({ workloads: [constant(10)] }),
    })
    expect(failure.exitCode).toBe(5)
    expect(failure.message).toBe(
      'floor GPU-hours a week in us-east-1 fall by 50 % (6720 to 3360), more than the cap of 30 %',
    )
    const elsewhere = capacityPlan({ workloads: [constant(10), constant(10, 'eu-west-1')] })
    expect(
      verdictOf('caps', { plan: capacityPlan({ workloads: [constant(10)] }), baseline: elsewhere }).state,
    ).toBe('passed')
  })

  it('the kill switch stops what writes, and is told where nothing does', () => {
    expect(verdictOf('kill-switch', { killSwitch: '1' })).toMatchObject({ state: 'refused', reason: 'hold' })
    expect(verdictOf('kill-switch', { killSwitch: '1', writes: false }).state).toBe('not-checked')
    for (const off of ['', '0', 'false'])
      expect(verdictOf('kill-switch', { killSwitch: off }).state).toBe('passed')
  })

  it('a hold lets the plan through that it excepts, and no other', () => {
    const hold = { reason: 'back', by: 'ana', except: capacityPlan().planId }
    expect(verdictOf('hold', { holds: [hold] }).state).toBe('passed')
    expect(verdictOf('hold', { holds: [hold, { reason: 'more', by: 'bo' }] }).state).toBe('refused')
    expect(verdictOf('hold', { holds: [{ ...hold, except: 'other' }] }).state).toBe('refused')
  })

  const deployedFrom = (plan: ReturnType<typeof capacityPlan>) => ({
    planId: plan.planId,
    header: plan.header,
    decision: plan.decision,
  })
  const other = capacityPlan({ pools: [pool({ maximumNodes: 21 })] })

  it('an older plan than the deployed one is refused, the same never', () => {
    const newer = capacityPlan({ pools: [pool({ maximumNodes: 21 })] }, { origin: '2026-11-01T06:00:00Z' })
    expect(verdictOf('superseded', { deployed: deployedFrom(newer) })).toMatchObject({
      state: 'refused',
      reason: 'planStale',
    })
    expect(verdictOf('superseded', { deployed: deployedFrom(other) }).state).toBe('passed')
    const renewed = capacityPlan({}, { origin: '2026-11-01T06:00:00Z' })
    expect(verdictOf('superseded', { deployed: deployedFrom(renewed) }).state).toBe('passed')
  })

  it('a plan follows the one that it was made or reviewed as a change of', () => {
    const follows = capacityPlan({}, { baseline: other.planId })
    const deployed = deployedFrom(other)
    expect(verdictOf('baseline', { plan: follows, deployed }).state).toBe('passed')
    expect(verdictOf('baseline', { deployed })).toMatchObject({ state: 'refused', code: 'BASELINE_MISMATCH' })
    expect(verdictOf('baseline', { deployed, writes: false }).state).toBe('not-checked')
    expect(verdictOf('baseline', { deployed, reviewedDeployment: other.planId }).state).toBe('passed')
    const id = other.planId.slice(0, 12)
    expect(verdictOf('baseline', { deployed, reviewedDeployment: null })).toMatchObject({
      state: 'refused',
      message: `plan ${id} is deployed; this plan was reviewed when none was deployed`,
    })
    expect(verdictOf('baseline', { reviewedDeployment: other.planId })).toMatchObject({
      state: 'refused',
      message: `nothing is deployed; this plan was reviewed as a change of plan ${id}`,
    })
    expect(verdictOf('baseline', { deployed: deployedFrom(capacityPlan()) }).state).toBe('passed')
  })

  it.each(['APPROVAL_MISSING', 'FILES_NOT_REVIEWED', 'APPROVAL_UNKNOWN'])('%s says what to do', (code) => {
    const verdict = {
      guard: 'approval',
      state: 'refused',
      reason: 'approvalMissing',
      code,
      message: 'no',
    } as const
    expect(() => assertGuards([verdict])).toThrow(
      expect.objectContaining({
        exitCode: 8,
        tryThis: expect.arrayContaining([expect.stringMatching(/review/)]),
      }),
    )
  })

  it('a shared backend needs a budget, and no plan may cost more', () => {
    const backend = 's3://bucket'
    expect(verdictOf('budget', { backend })).toMatchObject({ state: 'refused', code: 'BUDGET_MISSING' })
    expect(verdictOf('budget', { backend, budgetUsdPerDay: 1200 }).state).toBe('passed')
    expect(verdictOf('budget', { budgetUsdPerDay: 1199 })).toMatchObject({
      state: 'refused',
      reason: 'policy',
    })
    expect(verdictOf('budget', {}).state).toBe('not-checked')
  })

  it('the local backend is for a machine, not for a runner, and no URL shows its secrets', () => {
    expect(verdictOf('backend', { onRunner: true }).code).toBe('BACKEND_LOCAL_IN_CI')
    expect(verdictOf('backend', { onRunner: true, backend: 'file:///srv' }).state).toBe('refused')
    const shared = verdictOf('backend', { onRunner: true, backend: 'https://u:pw@host/x?token=t' })
    expect([shared.state, shared.message]).toEqual(['passed', 'https://…@host/x'])
  })

  it('what is deployed counts for the decrease where no baseline is given', () => {
    const deployed = deployedFrom(capacityPlan({ pools: [pool({ maximumNodes: 60 })] }))
    expect(verdictOf('caps', { deployed })).toMatchObject({ state: 'refused', code: 'DECREASE_CAP' })
  })
})
