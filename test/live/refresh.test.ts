import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { fitHere } from '../../src/live/fit-models.js'
import { judgeWorkloads, longestAge } from '../../src/live/live-state.js'
import type { ReadDemand } from '../../src/live/load-window.js'
import type { PlanReading } from '../../src/live/plan-source.js'
import { createRefresher, settleSeconds } from '../../src/live/refresh.js'
import type { DemandTable } from '../../src/metrics/demand-table.js'
import {
  day,
  demandTable,
  everySeconds,
  liveConfig,
  livePlan,
  readingOf,
  readTableWindows,
  stepSeconds,
} from './live-fixture.js'

const nine = day + 9 * secondsPerHour
const table = demandTable(day + secondsPerDay)
const clock = (now: EpochSeconds) => ({ now: now + settleSeconds, monotone: now })

/** An exporter whose sources can be changed while it runs. */
async function start(world: { plan: () => Promise<PlanReading>; demand: ReadDemand }, now = nine) {
  const refresher = await createRefresher(
    {
      config: liveConfig,
      environment: 'prod',
      everySeconds,
      readPlan: () => world.plan(),
      readDemand: (window) => world.demand(window),
      fitModels: fitHere,
    },
    clock(now),
  )
  return {
    refresher,
    refresh: (time: EpochSeconds) => refresher.refresh(clock(time)),
    judge: (time: EpochSeconds, jump = 0) =>
      judgeWorkloads(refresher.snapshot(), { now: clock(time).now + jump, monotone: time }, everySeconds)[0]!,
  }
}

const worldOf = (reading = readingOf(livePlan()), data: DemandTable = table) => ({
  plan: async () => reading,
  demand: readTableWindows(data),
})

const unreachable = new LlmscaleError(
  'upstreamUnavailable',
  'PROMETHEUS_UNREACHABLE',
  'https://user:hunter2hunter2@prometheus.example does not answer',
)

describe('what is published', () => {
  it('is the template until demand was read, and then the live floor', async () => {
    const exporter = await start(worldOf())
    expect(exporter.judge(nine)).toMatchObject({ floor: 2, state: { state: 'template', reason: 'starting' } })
    await exporter.refresh(nine)
    const { floor, template, state, forecast } = exporter.judge(nine)
    expect(state).toEqual({ state: 'following', reason: 'live', detail: '' })
    expect(template).toBe(2)
    // 30 requests a second, 2 a replica, bursts of a tenth.
    expect(floor).toBeGreaterThanOrEqual(17)
    expect(floor).toBeLessThanOrEqual(19)
    expect(forecast!.quantiles[0]).toBeGreaterThan(15)
  })

  it('rises before a ramp that comes every day', async () => {
    const exporter = await start(worldOf())
    const eight = day + 8 * secondsPerHour
    await exporter.refresh(eight - 1800)
    const before = exporter.judge(eight - 1800).floor
    await exporter.refresh(eight - 600)
    // Cold start 9 minutes, the next floor 5 minutes later.
    expect(exporter.judge(eight - 600).floor).toBeGreaterThan(2 * before)
  })

  it('is never below the template and never above the maxima of the plan', async () => {
    const high = { minReplicas: 25, windows: [], exceptions: [] }
    const raised = await start(worldOf(readingOf(livePlan({ floors: high }))))
    await raised.refresh(nine)
    expect(raised.judge(nine)).toMatchObject({ floor: 25, template: 25, state: { state: 'following' } })
    const capped = await start(worldOf(readingOf(livePlan({ live: { quantile: 0.95, maximum: 7 } }))))
    await capped.refresh(nine)
    expect(capped.judge(nine).floor).toBe(7)
    const hard = await start(worldOf(readingOf(livePlan({ hardMaximum: 5 }))))
    await hard.refresh(nine)
    expect(hard.judge(nine).floor).toBe(5)
  })

  it('is the same whenever and however often it is asked for within a step', async () => {
    const exporter = await start(worldOf())
    await exporter.refresh(nine)
    const floor = exporter.judge(nine).floor
    fc.assert(
      fc.property(fc.double({ min: 0, max: stepSeconds - 1, noNaN: true }), (seconds) => {
        expect(exporter.judge(nine + seconds).floor).toBe(floor)
      }),
    )
  })

  it('is the same after a restart, and from two exporters at once', async () => {
    const long = await start(worldOf(), nine - secondsPerDay)
    for (let time = nine - secondsPerDay; time <= nine; time += 12 * everySeconds) await long.refresh(time)
    const fresh = await start(worldOf())
    await fresh.refresh(nine)
    const other = await start(worldOf())
    await other.refresh(nine)
    expect(fresh.judge(nine)).toEqual(long.judge(nine))
    expect(other.judge(nine)).toEqual(fresh.judge(nine))
  })

  it('depends on nothing that comes later', async () => {
    const changed = demandTable(day + secondsPerDay)
    const from = Math.round((nine - changed.start) / stepSeconds)
    changed.workloads[0]!.requests.fill(1e6, from)
    const [one, other] = [await start(worldOf()), await start(worldOf(undefined, changed))]
    await one.refresh(nine)
    await other.refresh(nine)
    expect(one.judge(nine)).toEqual(other.judge(nine))
  })
})

describe('what is not sure leaves the template', () => {
  const reasonOf = ({ floor, template, state }: ReturnType<Awaited<ReturnType<typeof start>>['judge']>) => {
    if (state.state === 'template') expect(floor).toBe(template)
    return state.reason
  }

  it('a source that is down: the floor stands as long as its data is fresh, and says no secret', async () => {
    const world = worldOf()
    const exporter = await start(world)
    await exporter.refresh(nine)
    world.demand = async () => {
      throw unreachable
    }
    await exporter.refresh(nine + everySeconds)
    expect(reasonOf(exporter.judge(nine + everySeconds))).toBe('live')
    const later = nine + longestAge(stepSeconds, everySeconds)
    await exporter.refresh(later)
    expect(reasonOf(exporter.judge(later))).toBe('source-failed')
    expect(exporter.judge(later).state.detail).toContain('[secret]@prometheus.example does not answer')
    expect(exporter.refresher.snapshot()).toMatchObject({ refreshes: 3, failures: 2 })
    world.demand = readTableWindows(table)
    await exporter.refresh(later + everySeconds)
    expect(reasonOf(exporter.judge(later + everySeconds))).toBe('live')
  })

  it('a source that does not answer', async () => {
    const world = worldOf()
    const exporter = await start(world)
    await exporter.refresh(nine)
    let answer = (): void => undefined
    world.demand = () =>
      new Promise((_, fail) => {
        answer = () => fail(unreachable)
      })
    const refreshing = exporter.refresh(nine + everySeconds)
    await new Promise((done) => setTimeout(done, 20))
    const later = nine + longestAge(stepSeconds, everySeconds) + everySeconds
    expect(reasonOf(exporter.judge(later))).toBe('source-slow')
    answer()
    await refreshing
  })

  it('a source that has nothing new', async () => {
    const old = demandTable(nine)
    const exporter = await start(worldOf(undefined, old))
    await exporter.refresh(nine)
    expect(reasonOf(exporter.judge(nine))).toBe('live')
    const later = nine + longestAge(stepSeconds, everySeconds)
    await exporter.refresh(later)
    expect(reasonOf(exporter.judge(later))).toBe('data-stale')
  })

  it('a plan that has expired, unless it was renewed', async () => {
    const week = livePlan().header.validUntil
    const late = Date.parse(week) / 1000
    const data = demandTable(late + secondsPerHour)
    const exporter = await start(worldOf(undefined, data), late)
    await exporter.refresh(late - everySeconds)
    expect(reasonOf(exporter.judge(late - everySeconds))).toBe('live')
    expect(reasonOf(exporter.judge(late))).toBe('plan-expired')
    const renewedUntil = '2026-12-01T00:00:00Z'
    const renewed = await start(worldOf(readingOf(livePlan(), { renewedUntil }), data), late)
    await renewed.refresh(late)
    expect(reasonOf(renewed.judge(late))).toBe('live')
  })

  it('a hold, from the refresh that finds it until it ends', async () => {
    const plan = livePlan()
    const world = worldOf(readingOf(plan))
    const exporter = await start(world)
    await exporter.refresh(nine)
    const hold = { reason: 'a launch', by: 'ana', until: '2026-11-20T10:00:00Z' }
    world.plan = async () => readingOf(plan, { holds: [{ name: 'launch', hold }] })
    await exporter.refresh(nine + everySeconds)
    expect(reasonOf(exporter.judge(nine + everySeconds))).toBe('plan-held')
    const ten = nine + secondsPerHour
    await exporter.refresh(ten)
    expect(reasonOf(exporter.judge(ten))).toBe('live')
    world.plan = async () => readingOf(plan, { holds: [{ name: 'broken', hold: undefined }] })
    await exporter.refresh(ten + everySeconds)
    expect(reasonOf(exporter.judge(ten + everySeconds))).toBe('plan-held')
    world.plan = async () =>
      readingOf(plan, {
        holds: [{ name: 'other', hold: { ...hold, until: undefined, except: plan.planId } }],
      })
    await exporter.refresh(ten + 2 * everySeconds)
    expect(reasonOf(exporter.judge(ten + 2 * everySeconds))).toBe('live')
  })

  it('a plan that is refused, or cannot be read, and a git host that is away for long', async () => {
    const world = worldOf()
    const exporter = await start(world)
    await exporter.refresh(nine)
    const refusal = { reason: 'plan-superseded' as const, message: 'plan.yaml differs' }
    world.plan = async () => readingOf(livePlan(), { refusal })
    await exporter.refresh(nine + everySeconds)
    expect(reasonOf(exporter.judge(nine + everySeconds))).toBe('plan-superseded')
    world.plan = async () => {
      throw new LlmscaleError('digestMismatch', 'PLAN_DIGEST_MISMATCH', 'edited by hand')
    }
    await exporter.refresh(nine + 2 * everySeconds)
    expect(reasonOf(exporter.judge(nine + 2 * everySeconds))).toBe('plan-unreadable')
    world.plan = async () => readingOf(livePlan())
    await exporter.refresh(nine + 3 * everySeconds)
    expect(reasonOf(exporter.judge(nine + 3 * everySeconds))).toBe('live')
    world.plan = async () => {
      throw new LlmscaleError('upstreamUnavailable', 'GIT_FAILED', 'no route to host')
    }
    await exporter.refresh(nine + 4 * everySeconds)
    expect(reasonOf(exporter.judge(nine + 4 * everySeconds))).toBe('live')
    const later = nine + 2 * secondsPerHour
    await exporter.refresh(later)
    expect(reasonOf(exporter.judge(later))).toBe('plan-unreadable')
  })

  it('a clock that jumps, until the next refresh', async () => {
    const exporter = await start(worldOf())
    await exporter.refresh(nine)
    expect(reasonOf(exporter.judge(nine, 30))).toBe('live')
    expect(reasonOf(exporter.judge(nine, 3600))).toBe('clock-jump')
    expect(reasonOf(exporter.judge(nine, -3600))).toBe('clock-jump')
  })

  it('a workload that the source never had or has no more, and one that llmscale.yaml lacks', async () => {
    const both = demandTable(day + secondsPerDay, ['chat-70b', 'other'])
    const gone = both.workloads.find(({ workload }) => workload.model === 'chat-70b')!
    const last = Math.round((nine - both.start) / stepSeconds)
    gone.requests.fill(Number.NaN, last)
    const exporter = await start(worldOf(undefined, both))
    await exporter.refresh(nine)
    expect(reasonOf(exporter.judge(nine))).toBe('live')
    const later = nine + longestAge(stepSeconds, everySeconds) + stepSeconds
    await exporter.refresh(later)
    expect(reasonOf(exporter.judge(later))).toBe('workload-vanished')
    const never = await start(worldOf(undefined, demandTable(day + secondsPerDay, ['other'])))
    await never.refresh(nine)
    expect(reasonOf(never.judge(nine))).toBe('workload-vanished')
    const unknown = await start(worldOf(readingOf(livePlan({ model: 'other' })), both))
    await unknown.refresh(nine)
    expect(reasonOf(unknown.judge(nine))).toBe('workload-unknown')
  })

  it('a closed gate', async () => {
    const { live: _, ...decision } = livePlan().decision.workloads[0]!
    const plan = livePlan()
    const closed = { ...plan, decision: { ...plan.decision, workloads: [decision] } }
    const exporter = await start(worldOf(readingOf(closed)))
    await exporter.refresh(nine)
    expect(reasonOf(exporter.judge(nine))).toBe('gate-closed')
  })

  it('amounts that no demand is: negative, NaN', async () => {
    const odd = demandTable(day + secondsPerDay)
    const columns = odd.workloads[0]!
    const hour = Math.round(secondsPerHour / stepSeconds)
    const at = Math.round((nine - odd.start) / stepSeconds)
    for (const value of [-5, Number.NaN]) {
      columns.requests.fill(value, at - hour - 1, at)
      columns.tokenRequests.fill(0, at - hour - 1, at)
      columns.inputTokens.fill(value, at - hour - 1, at)
      columns.outputTokens.fill(value, at - hour - 1, at)
      const exporter = await start(worldOf(undefined, odd))
      await exporter.refresh(nine)
      expect(exporter.judge(nine).state.state).toBe('template')
      expect(exporter.judge(nine).floor).toBe(2)
    }
  })
})

describe('a new plan', () => {
  it('takes over with its floors, and where its demand cannot be read with its template', async () => {
    const world = worldOf()
    const exporter = await start(world)
    await exporter.refresh(nine)
    const floors = { minReplicas: 4, windows: [], exceptions: [] }
    const next = livePlan({ floors, live: { quantile: 0.95, maximum: 10 } })
    world.plan = async () => readingOf(next)
    await exporter.refresh(nine + everySeconds)
    expect(exporter.judge(nine + everySeconds)).toMatchObject({ template: 4, floor: 10 })
    world.plan = async () => readingOf(livePlan({ floors: { ...floors, minReplicas: 6 } }))
    world.demand = async () => {
      throw unreachable
    }
    await exporter.refresh(nine + 2 * everySeconds)
    expect(exporter.judge(nine + 2 * everySeconds)).toMatchObject({
      template: 6,
      floor: 6,
      state: { state: 'template' },
    })
  })
})
