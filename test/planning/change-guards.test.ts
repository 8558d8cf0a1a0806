import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dnsName } from '../../src/kit/names.js'
import { type ChangeGuardInputs, checkChanges, checkStandalone } from '../../src/planning/change-guards.js'
import {
  type ChangeSet,
  findUnreviewed,
  type ResourceChange,
  withoutDecision,
} from '../../src/planning/change-set.js'
import type { GuardName } from '../../src/planning/guards.js'
import {
  formatReviewedChanges,
  parseReviewedChanges,
  type ReviewedChanges,
} from '../../src/planning/reviewed-changes.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const stack = 'prod.us-east-1.serving'
const urn = (name: string, type = 'kubernetes:keda.sh/v1alpha1:ScaledObject') =>
  `urn:pulumi:${stack}::llmscale::llmscale:serving:Autoscaler$${type}::${name}`
const change = (fields: Partial<ResourceChange> = {}): ResourceChange => ({
  urn: urn('chat'),
  op: 'update',
  paths: ['spec.maxReplicaCount'],
  values: { 'spec.maxReplicaCount': { from: 20, to: 40 } },
  digest: null,
  ...fields,
})
const changeSet = (...changes: ResourceChange[]): ChangeSet => ({
  engineVersion: '3.246.0',
  providerVersions: { kubernetes: '4.34.2' },
  changes,
})
const reviewed = (set: ChangeSet, fields: Partial<ReviewedChanges> = {}): ReviewedChanges => ({
  apiVersion: 'llmscale/v1alpha1',
  kind: 'ReviewedChanges',
  planId: 'a'.repeat(64),
  allowDelete: [],
  allowPurchase: [],
  stacks: { [stack]: { ...set, deployedPlanId: null } },
  ...fields,
})
const inputs = (fields: Partial<ChangeGuardInputs> = {}): ChangeGuardInputs => ({
  stack,
  environment: 'prod',
  region: 'us-east-1',
  planId: 'a'.repeat(64),
  decisions: [],
  fresh: changeSet(change()),
  deployed: false,
  reviewed: reviewed(changeSet(change())),
  needsReview: true,
  allowDelete: [],
  allowPurchase: [],
  ...fields,
})
const verdictOf = (guard: GuardName, fields: Partial<ChangeGuardInputs>) => {
  const verdict = checkChanges(inputs(fields)).find((each) => each.guard === guard)!
  return [verdict.state, verdict.code, verdict.message]
}

describe('a change set without what its decision brings', () => {
  const object = (maxReplicaCount: number) => ({ spec: { maxReplicaCount, pollingInterval: 5 } })
  const inForce = new Map<string, unknown>([
    ['ScaledObject chat', object(20)],
    ['ScaledObject gone', object(1)],
  ])
  const next = new Map<string, unknown>([
    ['ScaledObject chat', object(40)],
    ['ScaledObject come', object(1)],
  ])
  const rest = (fresh: ResourceChange, before: ResourceChange[] = []) =>
    withoutDecision(changeSet(fresh), changeSet(...before), inForce, next).changes

  it('keeps what either decision would change alike', () => {
    expect(rest(change())).toEqual([])
    expect(rest(change({ paths: ['spec.maxReplicaCount', 'spec.pollingInterval'] }))[0]!.paths).toEqual([
      'spec.pollingInterval',
    ])
    expect(rest(change({ urn: urn('gone'), op: 'delete', paths: [] }))).toEqual([])
    expect(rest(change({ urn: urn('come'), op: 'create', paths: [] }))).toEqual([])
    expect(rest(change({ urn: urn('other'), op: 'delete', paths: [] }))).toHaveLength(1)
  })

  it('takes for reviewed what was to be made, and is made otherwise by the new decision', () => {
    const made = (digest: string) => change({ op: 'create', paths: [], values: {}, digest })
    const left = rest(made('b'), [made('a')])
    expect(findUnreviewed(changeSet(...left), changeSet(made('a')))).toEqual([])
    expect(findUnreviewed(changeSet(...rest(made('b'))), changeSet())).toHaveLength(1)
  })
})

describe('the reviewed change set', () => {
  it('passes the same changes and any part of them', () => {
    expect(verdictOf('changes', {})[0]).toBe('passed')
    const both = reviewed(changeSet(change(), change({ urn: urn('other') })))
    expect(verdictOf('changes', { reviewed: both })[0]).toBe('passed')
  })

  it('refuses what is new, and says what in words', () => {
    const cases: [ResourceChange, string][] = [
      [change({ urn: urn('other') }), 'update ScaledObject other was not reviewed'],
      [change({ op: 'replace' }), 'replace ScaledObject chat was reviewed as update'],
      [
        change({ paths: ['spec.minReplicaCount'], values: { 'spec.minReplicaCount': { from: 2, to: 1 } } }),
        'update ScaledObject chat: spec.minReplicaCount 2 → 1 was not reviewed',
      ],
      [
        change({ values: { 'spec.maxReplicaCount': { from: 20, to: 60 } } }),
        'update ScaledObject chat: spec.maxReplicaCount 20 → 60 was reviewed as 20 → 40',
      ],
    ]
    for (const [fresh, message] of cases)
      expect(verdictOf('changes', { fresh: changeSet(fresh) })).toEqual([
        'refused',
        'CHANGES_UNREVIEWED',
        message,
      ])
    const created = change({ op: 'create', paths: [], values: {}, digest: 'a' })
    const other = reviewed(changeSet({ ...created, digest: 'b' }))
    expect(verdictOf('changes', { fresh: changeSet(created), reviewed: other })[2]).toContain(
      'was reviewed with other properties',
    )
  })

  it('names ten changes and counts the rest', () => {
    const fresh = changeSet(...Array.from({ length: 14 }, (_, index) => change({ urn: urn(`n${index}`) })))
    expect(verdictOf('changes', { fresh })[2]).toMatch(/n9 was not reviewed; and 4 more$/)
  })

  it('refuses an empty change set where changes were reviewed, unless the plan is deployed already', () => {
    expect(verdictOf('changes', { fresh: changeSet() }).slice(0, 2)).toEqual(['refused', 'CHANGES_VANISHED'])
    expect(verdictOf('changes', { fresh: changeSet(), deployed: true })[0]).toBe('passed')
  })

  it('is needed where the environment asks for approval, and must be of this plan', () => {
    const { reviewed: _none, ...without } = inputs()
    const states = (fields: ChangeGuardInputs) => checkChanges(fields)[0]!
    expect(states(without)).toMatchObject({ state: 'refused', code: 'CHANGES_MISSING' })
    expect(states({ ...without, needsReview: false }).state).toBe('not-checked')
    // Where nobody has to review, what was reviewed of this plan holds all the same.
    const other = changeSet(change({ urn: urn('other') }))
    expect(verdictOf('changes', { needsReview: false, fresh: other })[0]).toBe('refused')
    const stale = reviewed(changeSet(change()), { planId: 'b'.repeat(64) })
    expect(verdictOf('changes', { reviewed: stale }).slice(0, 2)).toEqual(['refused', 'CHANGES_STALE'])
    expect(verdictOf('changes', { reviewed: reviewed(changeSet(), { stacks: {} }) })[2]).toContain(
      `knows nothing of stack ${stack}`,
    )
  })
})

describe('deletions and purchases', () => {
  const gone = changeSet(change({ op: 'delete', paths: [], values: {} }))
  const reservation = urn('winter', 'aws:ec2/capacityReservation:CapacityReservation')
  const bought = changeSet(change({ urn: reservation, op: 'create', paths: [], values: {}, digest: 'a' }))

  it('need the name of each, from a flag or from the review', () => {
    expect(verdictOf('deletions', { fresh: gone }).slice(1)).toEqual([
      'DELETION_NOT_ALLOWED',
      'it takes away chat, which nobody allowed',
    ])
    expect(verdictOf('deletions', { fresh: gone, allowDelete: ['chat'] })[0]).toBe('passed')
    const allowed = reviewed(gone, { allowDelete: ['chat'] })
    expect(verdictOf('deletions', { fresh: gone, reviewed: allowed })[0]).toBe('passed')
    expect(verdictOf('purchases', { fresh: bought })[0]).toBe('refused')
    expect(verdictOf('purchases', { fresh: bought, allowPurchase: ['winter'] })[0]).toBe('passed')
    expect(verdictOf('purchases', { fresh: bought, allowDelete: ['winter'] })[0]).toBe('refused')
  })

  it('take no permission from a review of another plan', () => {
    const stale = reviewed(gone, { allowDelete: ['chat'], allowPurchase: ['winter'], planId: 'b'.repeat(64) })
    expect(verdictOf('deletions', { fresh: gone, reviewed: stale })[0]).toBe('refused')
    expect(verdictOf('purchases', { fresh: bought, reviewed: stale })[0]).toBe('refused')
  })

  it('are of the region that was named, and a star is no name', () => {
    const named = (name: string) => changeSet(change({ urn: urn(name), op: 'delete', paths: [], values: {} }))
    const chat = named(dnsName('chat-70b'))
    const pool = named('prod-p5-48xlarge-spot-us-east-1a-4bb7b8')
    const states = (fresh: ChangeSet, given: string) =>
      verdictOf('deletions', { fresh, allowDelete: [given] })[0]
    expect(states(chat, 'chat-70b/us-east-1')).toBe('passed')
    expect(states(chat, 'chat-70b/eu-west-1')).toBe('refused')
    expect(states(pool, 'us-east-1/p5.48xlarge/spot')).toBe('passed')
    expect(states(pool, 'eu-west-1/p5.48xlarge/spot')).toBe('refused')
    expect(states(pool, 'us-east-1/p5.48xlarge/on-demand')).toBe('refused')
    expect(states(pool, '*')).toBe('refused')
  })

  it('know resources by what people call them, whatever the team named them', () => {
    const target = { kind: 'Deployment', name: 'chat', namespace: 'serving' } as const
    const { decision } = capacityPlan({
      workloads: [workloadDecision({ target })],
      pools: [pool({ capacityType: 'reserved' })],
      commitments: [
        {
          name: 'winter',
          kind: 'odcr',
          state: 'owned',
          region: 'us-east-1',
          zone: 'us-east-1a',
          instanceType: 'p5.48xlarge',
          count: 2,
        },
      ],
    })
    const states = (fields: Partial<ResourceChange>, given: string) =>
      verdictOf('deletions', {
        fresh: changeSet(change({ op: 'delete', paths: [], values: {}, ...fields })),
        decisions: [decision],
        allowDelete: [given],
      })
    const scaler = { urn: urn('chat-scaler'), scales: 'serving/chat' }
    expect(states(scaler, 'chat-70b/us-east-1')[0]).toBe('passed')
    expect(states({ urn: urn('serving/chat-models') }, 'chat-70b/us-east-1')[0]).toBe('passed')
    expect(states({ urn: urn('other') }, 'chat-70b/us-east-1')[0]).toBe('refused')
    const group = { urn: urn('prod-p5-48xlarge-winter-us-east-1a-4bb7b8') }
    expect(states(group, 'us-east-1/p5.48xlarge/reserved')[0]).toBe('passed')

    expect(states(scaler, 'chat-7b/us-east-1')[2]).toBe(
      'it takes away chat-scaler (chat-70b/us-east-1), which nobody allowed; ' +
        'chat-7b/us-east-1 is nothing of it: did you mean chat-70b/us-east-1?',
    )
  })

  it('do not concern updates', () => {
    expect(verdictOf('deletions', {})[0]).toBe('passed')
    expect(verdictOf('purchases', {})[0]).toBe('passed')
  })
})

describe('a plain pulumi up', () => {
  const plan = capacityPlan()
  const before = capacityPlan({
    workloads: [workloadDecision(), workloadDecision({ model: 'other-8b' })],
    pools: [pool(), pool({ capacityType: 'spot' })],
  })
  const deployed = { planId: before.planId, header: before.header, decision: before.decision }
  const place = { plan, environment: 'prod', region: 'us-east-1', needsReview: false }
  const verdict = (guard: GuardName, fields: Partial<Parameters<typeof checkStandalone>[0]> = {}) =>
    checkStandalone({ ...place, ...fields }).find((each) => each.guard === guard)!

  it('takes away and buys only what changes.json of this plan allows', () => {
    expect(verdict('deletions', { deployed })).toMatchObject({
      state: 'refused',
      message: expect.stringContaining('other-8b/us-east-1, us-east-1/p5.48xlarge/spot'),
    })
    const allowDelete = ['other-8b/us-east-1', 'us-east-1/p5.48xlarge/spot']
    const review = reviewed(changeSet(), { planId: plan.planId, allowDelete })
    expect(verdict('deletions', { deployed, reviewed: review }).state).toBe('passed')
    expect(verdict('deletions', { deployed, reviewed: { ...review, planId: 'other' } }).state).toBe('refused')
  })

  it('needs a changes.json of this plan where the environment asks for approval', () => {
    expect(verdict('changes', { needsReview: true }).state).toBe('refused')
    expect(verdict('changes').state).toBe('not-checked')
    const review = reviewed(changeSet(), { planId: plan.planId })
    expect(verdict('changes', { needsReview: true, reviewed: review }).state).toBe('not-checked')
  })
})

describe('changes.json', () => {
  const Changes = fc.uniqueArray(
    fc.record({
      urn: fc.string({ minLength: 1 }).map(urn),
      op: fc.constantFrom('create', 'update', 'delete'),
      paths: fc.uniqueArray(fc.string({ minLength: 1 })),
      values: fc.constant({}),
      digest: fc.option(fc.string(), { nil: null }),
    }),
    { selector: (each) => each.urn },
  )

  it('reads back what it wrote, whatever the order of keys', () => {
    fc.assert(
      fc.property(Changes, (changes) => {
        const value = reviewed(changeSet(...changes))
        const text = formatReviewedChanges(value)
        expect(parseReviewedChanges(text, 'changes.json')).toEqual(value)
        const turned = Object.fromEntries(Object.entries(value).reverse()) as ReviewedChanges
        expect(formatReviewedChanges(turned)).toBe(text)
      }),
    )
  })

  it('a part of a change set is never unreviewed, and something new always is', () => {
    fc.assert(
      fc.property(Changes, fc.nat(), (changes, drop) => {
        const whole = changeSet(...changes)
        const part = changeSet(...changes.filter((_, index) => index !== drop % (changes.length + 1)))
        expect(findUnreviewed(part, whole)).toEqual([])
        expect(findUnreviewed(whole, part)).toHaveLength(whole.changes.length - part.changes.length)
      }),
    )
  })

  it('is refused where it cannot be read', () => {
    for (const text of ['{', '{}', '[]'])
      expect(() => parseReviewedChanges(text, 'forecasts/prod/changes.json')).toThrow(
        /^forecasts\/prod\/changes\.json/,
      )
  })
})
