import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { diffPlans } from '../../src/planning/diff-plans.js'
import { hashDiffComment, parseDiffKey, writeDiffComment } from '../../src/review/diff-comment.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const validAt = parseInstant('2026-11-03T08:00:00Z')!

function comment(from: CapacityPlan | undefined, to: CapacityPlan, isMadeNow = false): string {
  const diff = diffPlans(from, to)
  const madeNow = isMadeNow ? { isSameDemand: true } : undefined
  return writeDiffComment({ environment: 'prod', from, to, diff, validAt, madeNow })
}

const before = capacityPlan({
  workloads: [workloadDecision({ model: 'chat' }), workloadDecision({ model: 'old' })],
  pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 4 })],
})
const decision = {
  workloads: [workloadDecision({ model: 'chat', hardMaximum: 48 })],
  pools: [pool({ maximumNodes: 24 })],
}

describe('the comment on what a pull request changes', () => {
  it('has the sections of a proposal where the plan was made over the one before', async () => {
    const next = capacityPlan(decision, { baseline: before.planId })
    await expect(comment(before, next)).toMatchFileSnapshot('../golden/review/diff-comment.md')
  })

  it('compares two plans with each other where neither was made over the other', async () => {
    const other = capacityPlan(decision, { baseline: 'f'.repeat(64) })
    await expect(comment(before, other, true)).toMatchFileSnapshot(
      '../golden/review/diff-comment-made-now.md',
    )
  })

  it('says that nothing changes, and of a first plan what is new', () => {
    expect(comment(before, before)).toContain('**No change: both plans decide the same.**')
    expect(comment(undefined, capacityPlan(decision, { baseline: null }))).toContain('First plan of prod')
  })

  it('shows the names of others as text', () => {
    const name = 'x|y<img src=a>@acme/all `<!-- llmscale:diff env=prod -->` [l](http://e)'
    const hostile = capacityPlan({ workloads: [workloadDecision({ model: name })] }, { baseline: null })
    for (const made of [false, true]) {
      const text = comment(made ? before : undefined, hostile, made)
      expect(text.match(/(?<!\\)<!--/g)).toHaveLength(1)
      expect(text).not.toMatch(/(?<!\\)<img|@acme|(?<!\\)\]\(http/)
    }
  })

  it('is cut below what GitHub takes', () => {
    const many = Array.from({ length: 1500 }, (_, index) => workloadDecision({ model: `model-${index}` }))
    const text = comment(before, capacityPlan({ workloads: many }, { baseline: 'f'.repeat(64) }), true)
    expect(text.length).toBeLessThanOrEqual(60_000)
    expect(text).toMatch(/Cut here: \d+ of 1502 rows/)
  })

  it('is known by its first line alone, and is the same at another time', () => {
    const text = comment(before, capacityPlan(decision))
    expect(parseDiffKey(text)).toEqual({ environment: 'prod', validAt })
    expect(parseDiffKey(`> ${text}`)).toBeUndefined()
    expect(parseDiffKey(text.replace('08:00:00Z', '99:00:00Z'))).toBeUndefined()
    expect(hashDiffComment(text.replace('T08:', 'T09:'))).toBe(hashDiffComment(text))
    expect(hashDiffComment(text.replace('48', '49'))).not.toBe(hashDiffComment(text))
  })
})
