import { describe, expect, it } from 'vitest'
import type { PlanScore } from '../../src/planning/score-plan.js'
import { judgePlan } from '../../src/planning/verdict.js'
import { capacityPlan } from '../plan-fixture.js'

const plan = capacityPlan()
const origin = Date.parse(plan.header.dataThrough) / 1000
const day = 86_400
const score = (
  fields: Partial<PlanScore> = {},
  breaches: Partial<PlanScore['breachShare']> = {},
): PlanScore => ({
  from: plan.header.origin,
  until: '2026-11-04T00:00:00Z',
  days: 3,
  isReproduced: true,
  breachShare: { plan: 0.004, doNothing: 0.03, stated: 0.001, p95: 0.01, ...breaches },
  lossUsdPerDay: { plan: 100, doNothing: 120 },
  daysBetterUndone: { count: 1, of: 3 },
  error: { wape: 0.11, backtestWape: 0.1 },
  workloads: [],
  unscored: [],
  ...fields,
})
const worse = { plan: 0.05, doNothing: 0.01 }
const cheaperUndone = { lossUsdPerDay: { plan: 100, doNothing: 80 } }
const verdictOf = (given: PlanScore | undefined, now = origin + 3 * day) =>
  judgePlan(plan, given, now).verdict

describe('the verdict on a plan', () => {
  it('is keep while it does what it said', () => {
    expect(judgePlan(plan, score(), origin + 3 * day)).toEqual({
      verdict: 'keep',
      reason:
        "its error (WAPE, measured) is 11.0 %, +10.0 % against the backtest's 10.0 %; 0.40 % of requests found no capacity (estimated), 1.0 % at most on 95 of 100 paths",
    })
  })

  it('is revert only where more requests found no capacity than was to be expected, and doing nothing was better', () => {
    const given = score(cheaperUndone, worse)
    expect(verdictOf(given)).toBe('revert')
    expect(judgePlan(plan, given, origin).reason).toContain('with the reactive trigger alone 1.0 %')
    expect(judgePlan(plan, given, origin).reason).toContain('less on 1 of 3 days (all estimated)')
    expect(verdictOf(score(cheaperUndone, { ...worse, p95: 0.06 }))).toBe('keep')
    expect(verdictOf(score(cheaperUndone, { ...worse, stated: 0.06 }))).toBe('keep')
    expect(verdictOf(score(cheaperUndone, { ...worse, doNothing: 0.05 }))).toBe('keep')
    expect(verdictOf(score({}, worse))).toBe('keep')
    expect(verdictOf(score({ ...cheaperUndone, days: 0.02 }, worse))).toBe('unknown')
  })

  it('is retrain from 15 % more error on, over a day or more, that chance does not explain', () => {
    const error = { wape: 0.1151, backtestWape: 0.1, daysWorse: { count: 4, of: 4 } }
    expect(verdictOf(score({ error }))).toBe('retrain')
    expect(verdictOf(score({ error: { ...error, wape: 0.1149 } }))).toBe('keep')
    expect(verdictOf(score({ error: { ...error, daysWorse: { count: 3, of: 3 } } }))).toBe('keep')
    expect(verdictOf(score({ error, days: 0.9 }))).toBe('keep')
    expect(verdictOf(score({ error: null }))).toBe('keep')
  })

  it('is retrain at an age of 30 days, whatever is known', () => {
    expect(verdictOf(score(), origin + 30 * day - 1)).toBe('keep')
    expect(verdictOf(score(), origin + 30 * day)).toBe('retrain')
    expect(verdictOf(undefined, origin + 30 * day)).toBe('retrain')
    expect(verdictOf(score(cheaperUndone, worse), origin + 30 * day)).toBe('revert')
  })

  it('is unknown where nothing came', () => {
    expect(verdictOf(undefined)).toBe('unknown')
  })
})
