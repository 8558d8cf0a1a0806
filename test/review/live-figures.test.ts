import { describe, expect, it } from 'vitest'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { diffPlans } from '../../src/planning/diff-plans.js'
import { sealPlan } from '../../src/planning/plan-file.js'
import { tabulateSkill, tabulateWorkloads } from '../../src/review/plan-tables.js'
import { writeTurningPoints } from '../../src/review/turning-points.js'
import { writeWorkloads } from '../../src/review/workload-section.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

const before = capacityPlan()

function withLive(isOpen: boolean): CapacityPlan {
  const live = isOpen ? { live: { quantile: 0.95, maximum: 32 } } : {}
  const plan = capacityPlan({ workloads: [workloadDecision(live)] })
  const liveGate = {
    ...{ open: isOpen, floorSkill: isOpen ? 0.18 : -0.04, low: isOpen ? 0.11 : -0.09, high: 0.25 },
    ...{ origins: 7, message: 'a live floor …' },
  }
  return sealPlan({ ...plan, reports: plan.reports.map((report) => ({ ...report, liveGate })) })
}

const changesOf = (plan: CapacityPlan) => diffPlans(before, plan).workloads

describe('a live floor is reviewed', () => {
  it('in the tables of a plan, with its figures out of sample', () => {
    const open = withLive(true)
    expect(tabulateWorkloads(open).rows[0]!.at(-1)).toBe('open, live to 32')
    expect(tabulateWorkloads(withLive(false)).rows[0]!.at(-1)).toBe('open, live closed')
    const { columns, rows } = tabulateSkill(open)
    expect(columns.map(({ header }) => header)).toContain('Live saves')
    expect(rows[0]!.slice(6, 8)).toEqual(['+18.0 %', '+11.0…+25.0'])
  })

  it('in the pull request: what is proposed, and what would change it', () => {
    const plan = withLive(true)
    const [change] = changesOf(plan)
    expect(change!.fields).toEqual([
      { field: 'live', from: null, to: '0.95 quantile of the highest load ahead, up to 32' },
    ])
    const section = writeWorkloads(before, plan, changesOf(plan))
    expect(section.rows[0]).toContain('live&nbsp;0.95&nbsp;to&nbsp;32')
    expect(section.before[0]).toContain('Live: between two reviews')
    const { rows } = writeTurningPoints(plan, changesOf(plan), undefined)
    expect(rows[1]).toContain('live floors save +18.0 % of idle and shortfall cost on 7 past days')
  })

  it('leaves no trace in plans without', () => {
    expect(tabulateWorkloads(before).rows[0]!.at(-1)).toBe('open')
    expect(tabulateSkill(before).columns).toHaveLength(7)
    expect(JSON.stringify(writeWorkloads(undefined, before, changesOf(before)))).not.toMatch(/live/i)
  })
})
