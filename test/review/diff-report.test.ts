import { describe, expect, it } from 'vitest'
import { diffPlans, isEmptyDiff } from '../../src/planning/diff-plans.js'
import { formatDiffMarkdown } from '../../src/review/diff-report.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const before = capacityPlan({
  workloads: [workloadDecision({ model: 'chat' }), workloadDecision({ model: 'old' })],
  pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 4 })],
})
const after = capacityPlan(
  {
    workloads: [
      workloadDecision({ model: 'chat', hardMaximum: 48 }),
      workloadDecision({ model: 'new', floors: { minReplicas: 1, windows: [], exceptions: [] } }),
    ],
    pools: [pool({ maximumNodes: 24 })],
  },
  { breachRisk: { plan: 0.0004, doNothing: 0.02 } },
)

describe('diff of plans', () => {
  it('is empty for the same decision, whatever the header says', () => {
    const renewed = capacityPlan(
      { workloads: before.decision.workloads, pools: before.decision.pools },
      { validUntil: '2026-12-01T00:00:00Z' },
    )
    expect(renewed.planId).toBe(before.planId)
    expect(isEmptyDiff(diffPlans(before, renewed))).toBe(true)
  })

  it('names deletions first, then what changes and what it costs', async () => {
    await expect(formatDiffMarkdown(diffPlans(before, after))).toMatchFileSnapshot('../golden/review/diff.md')
  })

  it('shows a first plan as all new, beside doing nothing', async () => {
    await expect(formatDiffMarkdown(diffPlans(undefined, after))).toMatchFileSnapshot(
      '../golden/review/first-plan.md',
    )
  })
})
