import { describe, expect, it } from 'vitest'
import type { LiveState, WorkloadStatus } from '../../src/live/live-state.js'
import { createStateLog, formatLogEntry, formatLogJson, type LogEntry } from '../../src/live/state-log.js'
import { day, livePlan } from './live-fixture.js'

function statuses(count: number, state: LiveState): WorkloadStatus[] {
  const plan = livePlan()
  return Array.from({ length: count }, (_, index) => ({
    workload: { model: `model-${index}`, region: 'us-east-1' },
    decision: plan.decision.workloads[0]!,
    report: plan.reports[0]!,
    template: 2,
    floor: 2,
    state,
  }))
}

const live: LiveState = { state: 'following', reason: 'live', detail: '' }
const stale: LiveState = { state: 'template', reason: 'data-stale', detail: 'nothing since noon' }

describe('the log of states', () => {
  it('has one line a change, whoever many workloads it is of, and none without one', () => {
    const entries: LogEntry[] = []
    const log = createStateLog((entry) => entries.push(entry))
    log(statuses(200, live), day)
    log(statuses(200, live), day + 5)
    log(statuses(200, stale), day + 10)
    log(statuses(200, { ...stale, detail: 'nothing since one' }), day + 15)
    expect(entries.map(formatLogEntry)).toEqual([
      '2026-11-20T00:00:00Z info model-0/us-east-1, model-1/us-east-1, model-2/us-east-1, model-3/us-east-1, model-4/us-east-1 and 195 more: the live floor is followed',
      '2026-11-20T00:00:10Z warning model-0/us-east-1, model-1/us-east-1, model-2/us-east-1, model-3/us-east-1, model-4/us-east-1 and 195 more: the template stands (data-stale): nothing since noon',
    ])
    expect(JSON.parse(formatLogJson(entries[1]!))).toMatchObject({
      level: 'warning',
      state: 'template',
      reason: 'data-stale',
      workloads: 200,
    })
  })

  it('is one line whatever a label holds', () => {
    const entries: LogEntry[] = []
    const [status] = statuses(1, live)
    const log = createStateLog((entry) => entries.push(entry))
    log([{ ...status!, workload: { model: 'a\nb\u001b[31m"', region: 'us-east-1' } }], day)
    expect(formatLogEntry(entries[0]!)).toContain('info a b [31m"/us-east-1: the live floor')
  })
})
