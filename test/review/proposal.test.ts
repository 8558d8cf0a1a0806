import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Candidate,
  decideProposal,
  type OpenProposal,
  type ProposalState,
} from '../../src/review/proposal.js'
import { formatCommitMessage, readCommitMark } from '../../src/review/proposal-commit.js'

const plan = fc.record({
  planId: fc.constantFrom('a', 'b', 'c'),
  validAt: fc.integer({ min: 0, max: 9 }),
  expiresAt: fc.integer({ min: 10, max: 30 }),
})
const difference = fc.record({ isMaterial: fc.boolean(), reasons: fc.constant(['more']) })
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })
const candidate: fc.Arbitrary<Candidate> = fc
  .tuple(plan, difference, fc.boolean(), fc.boolean())
  .map(([its, differing, needless, held]) => ({
    ...its,
    ...differing,
    isMaterial: differing.isMaterial && !held,
    isNeedless: needless && !differing.isMaterial,
    isHeld: held,
  }))
const open: fc.Arbitrary<OpenProposal> = fc.record({
  plan: optional(plan),
  isReviewed: fc.boolean(),
  difference: optional(difference),
  snoozedUntil: optional(fc.integer({ min: 0, max: 20 })),
  wantsRefresh: fc.boolean(),
})
const state: fc.Arbitrary<ProposalState> = fc.record({
  now: fc.integer({ min: 5, max: 40 }),
  basePlanId: optional(fc.constantFrom('a', 'b', 'c')),
  branch: optional(
    fc.record({
      mark: optional(plan),
      author: fc.constant('ada'),
      isKept: fc.boolean(),
      isOutdated: fc.boolean(),
      changesDiffer: fc.boolean(),
    }),
  ),
  hasPullRequests: fc.boolean(),
  open: optional(open),
  closed: optional(
    fc.record({ number: fc.constant(7), plan: optional(plan), difference: optional(difference) }),
  ),
})

/** Holds for every state and candidate. */
function always(check: (state: ProposalState, candidate: Candidate, action: string) => void): void {
  fc.assert(
    fc.property(state, candidate, (each, its) => check(each, its, decideProposal(each, its).action)),
    { numRuns: 3000 },
  )
}
const writes = ['create', 'refresh']

describe('what to do about a proposal', () => {
  it('never writes over a person’s commit that nothing else keeps, unless somebody asked', () => {
    always(({ branch, open: its }, _candidate, action) => {
      if (branch === undefined || branch.mark !== undefined || branch.isKept || its?.wantsRefresh === true)
        return
      expect(action).toBe('edited')
    })
  })

  it('never writes over a later plan that nothing else keeps', () => {
    always(({ branch, open: its }, candidate, action) => {
      if (branch?.isKept === true && its === undefined) return
      const latest = Math.max(branch?.mark?.validAt ?? 0, its?.plan?.validAt ?? 0)
      if (latest > candidate.validAt) expect(writes).not.toContain(action)
    })
  })

  it('never proposes what the base has, nor opens a second one', () => {
    always(({ basePlanId, open: its }, candidate, action) => {
      if (basePlanId === candidate.planId && !candidate.isMaterial) expect(writes).not.toContain(action)
      expect(action === 'create' && its !== undefined).toBe(false)
      expect(['refresh', 'obsolete'].includes(action) && its === undefined).toBe(false)
    })
  })

  it('is not proposed where little is gained or a person said no', () => {
    always(({ closed }, candidate, action) => {
      if (!candidate.isMaterial || closed?.plan?.planId === candidate.planId)
        expect(action).not.toBe('create')
    })
  })

  it('leaves what is open as it is under a hold, and to those who reviewed it', () => {
    always(({ basePlanId, open: its }, candidate, action) => {
      if (candidate.isHeld) expect([...writes, 'obsolete']).not.toContain(action)
      if (its?.isReviewed === true && basePlanId !== candidate.planId) expect(action).not.toBe('obsolete')
    })
  })

  it('writes nothing after its own write', () => {
    always((before, candidate, action) => {
      if (!writes.includes(action)) return
      const { planId, validAt } = candidate
      const after: ProposalState = {
        ...before,
        now: Math.min(before.now, validAt),
        branch: {
          mark: { planId, validAt },
          author: 'llmscale',
          isKept: false,
          isOutdated: false,
          changesDiffer: false,
        },
        open: before.hasPullRequests
          ? {
              plan: candidate,
              isReviewed: before.open?.isReviewed ?? false,
              difference: undefined,
              snoozedUntil: undefined,
              wantsRefresh: false,
            }
          : undefined,
      }
      expect(['unchanged', 'quiet']).toContain(decideProposal(after, candidate).action)
    })
  })

  it('tells those who reviewed it, and nobody else', () => {
    fc.assert(
      fc.property(state, candidate, (each, its) => {
        const { action, changedSinceReview } = decideProposal(each, its)
        const isForced = each.open?.wantsRefresh === true
        const isTold = action === 'refresh' && each.open?.isReviewed === true && !isForced
        expect(changedSinceReview !== undefined).toBe(isTold)
      }),
    )
  })
})

describe('the bot’s commit', () => {
  const mark = { planId: 'a'.repeat(64), validAt: '2026-11-20T04:00:00Z', tree: 'b'.repeat(40) }

  it('is told from others by its tree', () => {
    const message = formatCommitMessage('Raise chat\nLlmscale-Tree: forged', mark)
    expect(message.split('\n')[0]).toBe('Raise chat Llmscale-Tree: forged')
    expect(readCommitMark({ message, tree: mark.tree })).toEqual(mark)
    expect(readCommitMark({ message: message.trimEnd(), tree: mark.tree })).toEqual(mark)
    expect(readCommitMark({ message, tree: 'c'.repeat(40) })).toBeUndefined()
    expect(readCommitMark({ message: 'fix', tree: mark.tree })).toBeUndefined()
  })
})
