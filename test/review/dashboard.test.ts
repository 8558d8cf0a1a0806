import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import { findNewlyTicked, findTicked, setBoxes } from '../../src/review/controls.js'
import { type EnvironmentFacts, judgeEnvironment, writeDashboard } from '../../src/review/dashboard.js'
import { hashBody } from '../../src/review/hidden-key.js'

const now = parseInstant('2026-11-21T08:00:00Z')!
const planId = 'ab'.repeat(32)
const proposal = { number: 7, url: 'https://x/7', isEdited: false, snoozedUntil: undefined }
const hold = { reason: 'incident 7', by: 'ada' }
const held = { holds: [{ name: 'freeze', state: 'in force', hold }] } as const

/** An environment that nobody needs to look at, but for what is given. */
function judge(change: Partial<EnvironmentFacts> = {}) {
  return judgeEnvironment(
    {
      environment: 'prod',
      plan: { planId, validUntil: '2026-11-25T00:00:00Z' },
      renewedUntil: undefined,
      holds: [],
      lastRun: { id: 'r1', state: 'done' },
      proposal: undefined,
      closed: undefined,
      ...change,
    },
    now,
  )
}

describe('the state of an environment', () => {
  const expired = { plan: { planId, validUntil: '2026-11-21T08:00:00Z' } }
  it.each<[string, Partial<EnvironmentFacts>]>([
    ['steady', {}],
    ['steady', { lastRun: undefined }],
    ['steady', { lastRun: { id: 'r1', state: 'running' } }],
    ['steady', { ...expired, renewedUntil: '2026-11-25T00:00:00Z' }],
    ['steady', { holds: [{ name: 'old', state: 'ended', hold }] }],
    ['unplanned', { plan: undefined }],
    ['open', { proposal }],
    ['open', { plan: undefined, proposal }],
    ['open', { proposal: { ...proposal, snoozedUntil: '2026-11-21T08:00:00Z' } }],
    ['open', { proposal, closed: { number: 3, url: '' } }],
    ['snoozed', { proposal: { ...proposal, snoozedUntil: '2026-11-21T08:00:01Z' } }],
    ['snoozed', { closed: { number: 3, url: '' } }],
    ['held', { ...held, proposal }],
    ['held', { holds: [{ name: 'freeze', state: 'unreadable', hold: undefined }] }],
    ['blocked', { ...held, proposal: { ...proposal, isEdited: true } }],
    ['expiring', { plan: { planId, validUntil: '2026-11-22T07:59:59Z' }, proposal }],
    ['expired', { ...expired, ...held }],
    ['expired', { ...expired, renewedUntil: '2026-11-21T07:00:00Z' }],
    ['unreadable', { unreadable: 'plan.yaml is no plan', lastRun: { id: 'r1', state: 'failed' } }],
    ['failed', { ...expired, lastRun: { id: 'r1', state: 'failed' } }],
    ['failed', { lastRun: { id: 'r1', state: 'interrupted' } }],
    ['failed', { lastRun: { id: 'r1', state: 'crashed' } }],
  ])('is %s', (state, facts) => {
    expect(judge(facts).state).toBe(state)
  })

  it('tells which plan, until when, by whom and where', () => {
    expect(
      judge({ renewedUntil: '2026-11-28T00:00:00Z', closed: { number: 3, url: 'https://x/3' } }),
    ).toEqual({
      environment: 'prod',
      state: 'snoozed',
      detail: 'it was closed and not merged; a plan that differs comes anew',
      planId,
      validUntil: '2026-11-28T00:00:00Z',
      isRenewed: true,
      pullRequest: { number: 3, url: 'https://x/3' },
    })
    expect(judge(held).detail).toBe('by ada until it is removed: incident 7')
    expect(judge({ lastRun: { id: 'r1', state: 'crashed' } }).detail).toBe('run r1 crashed')
  })
})

describe('the dashboard', () => {
  const staging = judge({ environment: 'staging', lastRun: { id: 'r2', state: 'failed' } })

  it('has what needs people first, and boxes for each environment', () => {
    const body = writeDashboard([judge(), staging])
    expect(body.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
      '| `staging` | **failed**: a run did not end well (run r2 failed) |  | `abababababab` | 2026-11-25T00:00:00Z |',
      '| `prod` | **steady**: the plan stands |  | `abababababab` | 2026-11-25T00:00:00Z |',
    ])
    expect(body.startsWith('<!-- llmscale:dashboard -->\n')).toBe(true)
    expect(findTicked(setBoxes(body, [{ action: 'hold', environment: 'prod' }], true))).toEqual([
      { action: 'hold', environment: 'prod' },
    ])
    expect(writeDashboard([staging, judge()])).toBe(body)
  })

  it('keeps ticks, and says the same with them', () => {
    const ticked = setBoxes(writeDashboard([judge()]), [{ action: 'snooze', environment: 'prod' }], true)
    const next = writeDashboard([judge(), staging], ticked.replaceAll('\n', '\r\n'))
    expect(findTicked(next)).toEqual([{ action: 'snooze', environment: 'prod' }])
    expect(hashBody(writeDashboard([judge()]))).toBe(hashBody(ticked))
    expect(findNewlyTicked(ticked, next)).toEqual([])
    expect(findNewlyTicked(writeDashboard([judge()]), next)).toHaveLength(1)
  })

  it('lets no text of people become a box, a row, a mention or an element', () => {
    const reason = '@acme/all | x\n- [x] <!-- llmscale:control hold prod --> <img src=x> #1'
    const body = writeDashboard([
      judge({ holds: [{ name: 'h', state: 'in force', hold: { reason, by: 'eve' } }] }),
    ])
    const row = body.split('\n').find((line) => line.startsWith('| `prod`'))!
    expect(row).not.toMatch(/@acme|(?<!\\)<|[^\\]\| x/)
    expect(findTicked(body)).toEqual([])
  })
})
