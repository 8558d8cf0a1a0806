import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { parseInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import type { CapacityPlan, Commitment, Finding, WorkloadDecision } from '../../src/planning/capacity-plan.js'
import {
  compareProposals,
  judgeMateriality,
  listChanges,
  type MaterialityInputs,
} from '../../src/planning/materiality.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const settings = parseConfig(
  `environments: {prod: {regions: [us-east-1]}}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4, precision: fp8}]
workloads: [{model: llama-3.1-70b, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`,
  'llmscale.yaml',
).pullRequests.quietBelow

const inForce = capacityPlan()
const origin = '2026-11-03T00:00:00Z'
const now = parseInstant(origin)!
const daysAgo = (days: number) => now - days * secondsPerDay

interface Figures {
  savedUsdPerDay?: number
  riskAvoidedUsdPerDay?: number
  usdPerDay?: number
  decision?: Partial<CapacityPlan['decision']>
  findings?: Finding[]
}

/** Tomorrow's plan over `inForce`: by default another maximum, which gains what the figures say. */
function replan(figures: Figures = {}): CapacityPlan {
  const { savedUsdPerDay = 0, riskAvoidedUsdPerDay = 0, usdPerDay = 1000 } = figures
  const interval = (usd: number) => ({ p10: usd, p50: usd, p90: usd })
  const plan = capacityPlan(figures.decision ?? { workloads: [workloadDecision({ hardMaximum: 41 })] }, {
    origin,
    validUntil: '2026-11-10T00:00:00Z',
    baseline: inForce.planId,
    findings: figures.findings ?? [],
    cost: {
      ...inForce.header.cost,
      usdPerDay: interval(usdPerDay - savedUsdPerDay),
      doNothingUsdPerDay: interval(usdPerDay),
    },
  })
  const reports = plan.reports.map((report, index) => ({
    ...report,
    shortfallUsdPerDay: { plan: 5, doNothing: index === 0 ? 5 + riskAvoidedUsdPerDay : 5 },
  }))
  return { ...plan, reports }
}

function judge(plan: CapacityPlan, more: Partial<MaterialityInputs> = {}) {
  return judgeMateriality({ plan, baseline: inForce, earlier: [], settings, ...more })
}

/** A gain a day of so many times what is needed without any hesitation: 2 % of 1,000 USD a day. */
const times = (factor: number) => 20 * factor

describe('what a plan gains', () => {
  it('is money saved and shortfalls avoided until it ends, against the plan in force', () => {
    const verdict = judge(replan({ savedUsdPerDay: -30, riskAvoidedUsdPerDay: 80 }))
    expect(verdict).toMatchObject({
      isMaterial: true,
      savedUsdPerDay: -30,
      riskAvoidedUsdPerDay: 80,
      score: 350,
      direction: 'up',
    })
    expect(verdict.reasons[0]).toBe(
      'spends 30 USD a day more and avoids shortfalls of 80 USD a day: 350 USD in 1w',
    )
  })

  it('is quiet below what a review and the moved replicas cost', () => {
    const floors = { minReplicas: 2, windows: [], exceptions: [] }
    const moves = { usdPerDay: 100, decision: { workloads: [workloadDecision({ floors })] } }
    // 19 replicas at 40 USD an hour stop at most.
    expect(judge(replan(moves)).disruptionUsd).toBe(settings.reviewUsd + 19 * 40)
    expect(judge(replan({ ...moves, riskAvoidedUsdPerDay: 100 })).isMaterial).toBe(false)
    expect(judge(replan({ ...moves, riskAvoidedUsdPerDay: 130 })).isMaterial).toBe(true)
  })

  it('is noise below a share of the cost, however large the fleet', () => {
    for (const scale of [1, 100, 10_000]) {
      const gain = (factor: number) =>
        judge(replan({ usdPerDay: 1000 * scale, riskAvoidedUsdPerDay: times(factor) * scale })).isMaterial
      expect([gain(0.95), gain(1.05)], `a fleet of ${scale} thousand USD a day`).toEqual([false, true])
    }
  })

  it('is what counts where a live floor comes, goes or may go further, as a forecast says so every day', () => {
    const live = (maximum: number) => ({
      decision: { workloads: [workloadDecision({ live: { quantile: 0.9, maximum } })] },
    })
    const withLive = { baseline: capacityPlan(live(30).decision) }
    expect(judge(replan(live(31)), withLive).isMaterial).toBe(false)
    expect(judge(replan({ ...live(31), riskAvoidedUsdPerDay: times(1.05) }), withLive).isMaterial).toBe(true)
    expect(judge(replan({ decision: {} }), withLive).isMaterial).toBe(false)
    expect(judge(replan(live(30))).isMaterial).toBe(false)
  })

  it('never makes a pull request where it is less than nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (usd) => {
        expect(judge(replan({ savedUsdPerDay: usd, riskAvoidedUsdPerDay: -usd - 1 })).isMaterial).toBe(false)
      }),
    )
  })

  it('makes a larger gain material where a smaller one is', () => {
    const gain = fc.double({ min: -1e4, max: 1e4, noNaN: true })
    fc.assert(
      fc.property(gain, gain, gain, (saved, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)]
        const isMaterial = (risk: number) =>
          judge(replan({ savedUsdPerDay: saved, riskAvoidedUsdPerDay: risk })).isMaterial
        expect(isMaterial(less) && !isMaterial(more)).toBe(false)
      }),
    )
  })
})

describe('hysteresis', () => {
  it('asks more of less capacity than of more', () => {
    expect(judge(replan({ riskAvoidedUsdPerDay: times(1.2) })).isMaterial).toBe(true)
    const fall = judge(replan({ savedUsdPerDay: times(1.2) }))
    expect(fall).toMatchObject({ isMaterial: false, direction: 'down' })
    expect(fall.reasons).toContain('1.5 times that is needed, as capacity that is missing later costs more')
    expect(judge(replan({ savedUsdPerDay: times(1.6) })).isMaterial).toBe(true)
  })

  it('asks twice as much of a change of direction within a week, and explains it', () => {
    const rise = replan({ savedUsdPerDay: -10, riskAvoidedUsdPerDay: 10 + times(1.2) })
    const judgeAfter = (days: number, direction: 'up' | 'down') =>
      judge(rise, { earlier: [{ time: daysAgo(days), direction }] })
    expect(judgeAfter(3, 'up').isMaterial).toBe(true)
    expect(judgeAfter(8, 'down').isMaterial).toBe(true)
    expect(judgeAfter(8, 'down').reasons.at(-1)).toMatch(/^turns up 1w1d after a change down/)
    const turn = judgeAfter(3, 'down')
    expect(turn.isMaterial).toBe(false)
    expect(turn.threshold).toBeCloseTo(2 * judgeAfter(3, 'up').threshold)
    expect(turn.reasons.at(-1)).toMatch(
      /^turns up 3d after a change down, mostly for chat-70b\/us-east-1: .*at most 41 replicas instead of 40$/,
    )
  })

  it('looks at the last change of capacity alone', () => {
    const earlier = [
      { time: daysAgo(1), direction: 'same' as const },
      { time: daysAgo(5), direction: 'up' as const },
      { time: daysAgo(2), direction: 'down' as const },
    ]
    expect(judge(replan({ savedUsdPerDay: 10 }), { earlier }).reasons.join()).not.toContain('turns')
    expect(judge(replan({ savedUsdPerDay: -10 }), { earlier }).reasons.join()).toContain('turns up 2d after')
  })

  it('does not flip back for the gain that made it flip', () => {
    fc.assert(
      fc.property(fc.double({ min: times(1), max: times(1.9), noNaN: true }), (gain) => {
        const there = judge(replan({ savedUsdPerDay: -5, riskAvoidedUsdPerDay: gain + 5 }))
        expect(there).toMatchObject({ isMaterial: true, direction: 'up' })
        const back = replan({ savedUsdPerDay: gain + 5, riskAvoidedUsdPerDay: -5 })
        expect(judge(back, { earlier: [{ time: daysAgo(1), direction: 'up' }] }).isMaterial).toBe(false)
      }),
    )
  })

  it('asks four times as much beyond two changes a week', () => {
    const earlier = [daysAgo(1), daysAgo(6)].map((time) => ({ time, direction: 'up' as const }))
    const rise = (factor: number) => replan({ savedUsdPerDay: -10, riskAvoidedUsdPerDay: 10 + times(factor) })
    expect(judge(rise(3.9), { earlier }).isMaterial).toBe(false)
    expect(judge(rise(4.1), { earlier }).isMaterial).toBe(true)
    expect(judge(rise(1.1), { earlier: earlier.slice(1) }).isMaterial).toBe(true)
  })
})

describe('changes before', () => {
  it('are read from the plans that were merged; a renewal is none', () => {
    const cheaper = replan({ savedUsdPerDay: 50 })
    const larger = replan({ decision: { workloads: [workloadDecision({ hardMaximum: 50 })] } })
    const merged = [inForce, inForce, cheaper, larger].map((plan, index) => ({
      plan,
      time: daysAgo(9 - index),
    }))
    expect(listChanges(merged)).toEqual([
      { time: daysAgo(9), direction: 'up' },
      { time: daysAgo(7), direction: 'down' },
      { time: daysAgo(6), direction: 'up' },
    ])
  })
})

describe('whatever it gains', () => {
  /** The first reason of a change that gains nothing. */
  function compelled(workload: Partial<WorkloadDecision>, decision: Partial<CapacityPlan['decision']> = {}) {
    const verdict = judge(replan({ decision: { workloads: [workloadDecision(workload)], ...decision } }))
    return { isMaterial: verdict.isMaterial, reason: verdict.reasons[0] }
  }

  it('a first plan is material', () => {
    const { isMaterial, reasons } = judgeMateriality({ plan: replan(), earlier: [], settings })
    expect(isMaterial).toBe(true)
    expect(reasons[0]).toBe('no plan is in force')
  })

  it('the decision in force never is, not even when it has ended: it is renewed', () => {
    const same = replan({ riskAvoidedUsdPerDay: 1e6, decision: {} })
    const verdict = judge(same, { validUntil: daysAgo(1) })
    expect(verdict).toMatchObject({ isMaterial: false, reasons: ['the decision is the one in force'] })
  })

  it('changes of people and rules are', () => {
    const shape = { gpu: 'H100', gpusPerReplica: 8, precision: 'fp8', instanceType: 'p5.48xlarge' } as const
    expect(compelled({ shape }).reason).toContain('shape 4xH100-fp8@p5.48xlarge → 8xH100-fp8@p5.48xlarge')
    const target = { kind: 'Rollout', name: 'chat', namespace: 'serving' } as const
    expect(compelled({ target }).reason).toContain(
      'target Deployment serving/chat-70b → Rollout serving/chat',
    )
    const trigger = { ...workloadDecision().trigger!, query: 'vector(1)' }
    expect(compelled({ trigger }).isMaterial).toBe(true)
    const override = { workload: 'chat-70b/us-east-1', floor: 3, reason: 'launch', by: 'ann', until: origin }
    expect(compelled({}, { overrides: [override] }).reason).toBe('overrides[0] is added')
    expect(compelled({}, { pools: [pool(), pool({ capacityType: 'spot' })] }).reason).toBe(
      'us-east-1/p5.48xlarge/spot is added',
    )
  })

  it('what a forecast moves from day to day is not', () => {
    const trigger = { ...workloadDecision().trigger!, thresholdPerReplica: 61 }
    expect(compelled({ trigger, hardMaximum: 44, coldStartSeconds: 550 }).isMaterial).toBe(false)
    expect(compelled({}, { pools: [pool({ maximumNodes: 22 })] }).isMaterial).toBe(false)
  })

  it('deletions and purchases are, named first', () => {
    const gone = judge(replan({ decision: { pools: [] } }))
    expect(gone.reasons.slice(0, 2)).toEqual([
      'deletes us-east-1/p5.48xlarge/on-demand',
      expect.stringContaining('avoids'),
    ])
    const commitment: Commitment = {
      ...{ kind: 'odcr', state: 'proposed', region: 'us-east-1', instanceType: 'p5.48xlarge', count: 2 },
      name: 'winter',
    }
    expect(compelled({}, { commitments: [commitment] }).reason).toBe('buys winter')
  })

  it('a severe finding is while it is new', () => {
    const findings = [{ code: 'BUDGET_BINDS', message: 'the budget lowers hard maxima' }]
    expect(judge(replan({ findings })).reasons[0]).toBe('finds BUDGET_BINDS')
    const known = capacityPlan({}, { findings })
    expect(judge(replan({ findings }), { baseline: known }).isMaterial).toBe(false)
    expect(judge(replan({ findings: [{ code: 'STEP_COARSE', message: '' }] })).isMaterial).toBe(false)
  })

  it('any change is where the plan in force ends before the next could be reviewed', () => {
    const left = (days: number) => judge(replan(), { validUntil: now + days * secondsPerDay })
    expect(left(1.5).isMaterial).toBe(false)
    expect(left(1)).toMatchObject({ isMaterial: true })
    expect(left(1).reasons[0]).toBe('the plan in force ends in 1d')
    expect(left(-1).reasons[0]).toBe('the plan in force has ended')
  })
})

describe('a plan beside one that was proposed before', () => {
  const proposed = replan()
  const next = (usdPerDay: number, workload: Partial<WorkloadDecision> = {}) =>
    replan({ usdPerDay, decision: { workloads: [workloadDecision({ hardMaximum: 42, ...workload })] } })

  it('is the same to people where cost and shortfalls differ by no more than noise', () => {
    expect(compareProposals(next(1010), proposed, settings).isMaterial).toBe(false)
    expect(compareProposals(proposed, proposed, settings).isMaterial).toBe(false)
  })

  it('is another where they differ by more, up or down', () => {
    const dearer = compareProposals(next(1100), proposed, settings)
    expect(dearer).toEqual({
      isMaterial: true,
      reasons: ['nodes and shortfalls cost 100 USD a day more than by the plan proposed before'],
    })
    expect(compareProposals(next(900), proposed, settings).isMaterial).toBe(true)
  })

  it('is another where people changed it', () => {
    const { isMaterial, reasons } = compareProposals(next(1000, { timeZone: 'UTC' }), proposed, settings)
    expect(isMaterial).toBe(true)
    expect(reasons[0]).toBe('chat-70b/us-east-1: timeZone America/New_York → UTC')
  })
})
