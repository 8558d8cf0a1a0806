import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { forecastWithPast } from '../../src/forecast/forecast-demand.js'
import { createRandom } from '../../src/kit/random.js'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import type { DemandHistory } from '../../src/metrics/demand-history.js'
import { cutHistory } from '../../src/metrics/select-history.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { createPlan } from '../../src/planning/create-plan.js'
import { tickFloors } from '../../src/planning/floor-template.js'
import { createLoad, createLoadGrid } from '../../src/planning/load.js'
import { placeWorkloads } from '../../src/planning/place-workloads.js'
import { sealPlan } from '../../src/planning/plan-file.js'
import { type PlanScore, type ScoreInputs, scorePlan } from '../../src/planning/score-plan.js'
import { judgePlan } from '../../src/planning/verdict.js'
import { historyOf } from './demand-fixture.js'

const start = parseInstant('2026-09-07T00:00:00Z')!
const stepSeconds = 900
const stepsPerDay = 96
const planDay = 14
const origin = start + planDay * 86_400
const now = origin + 4 * 86_400
const id = 'llama-3.1-70b/us-east-1'

/** Work starts at eight sharp, every day: faster than a replica comes up. After the plan it is `factor` times as much. */
function demand(factor = 1): DemandHistory {
  const { uniform } = createRandom(1)
  const requests = Float64Array.from({ length: 21 * stepsPerDay }, (_, step) => {
    const hour = (step % stepsPerDay) / 4
    const rate = (hour >= 8 && hour < 18 ? 60 : 6) * (step < planDay * stepsPerDay ? 1 : factor)
    return Math.round(rate * stepSeconds * (0.97 + 0.06 * uniform()))
  })
  return historyOf(requests, start, stepSeconds)
}

const config = parseConfig(
  `
environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8}]
workloads:
  - model: llama-3.1-70b
    target: {kind: Deployment, name: large}
    slo: {ttftP95: 2s, itlP95: 60ms}
`,
  'llmscale.yaml',
)
const before = cutHistory(demand(), origin)
const { forecast, pastForecasts } = forecastWithPast(before, {
  horizonSeconds: config.forecast.horizon,
  seed: config.forecast.seed,
  origins: 7,
  everySeconds: 86_400,
})
const plan = createPlan({
  config,
  environment: 'prod',
  history: before,
  forecast,
  pastForecasts,
  now: origin,
  toolVersion: '0.1.0',
  findings: [],
})

const scoreIfAny = (fields: Partial<ScoreInputs> = {}) =>
  scorePlan({ config, plan, before, after: demand(), forecast, now, ...fields })
const score = (fields: Partial<ScoreInputs> = {}): PlanScore => scoreIfAny(fields)!

/** The plan with other floors and maxima. */
function change(by: (workload: CapacityPlan['decision']['workloads'][number]) => object): CapacityPlan {
  const workloads = plan.decision.workloads.map((workload) => ({ ...workload, ...by(workload) }))
  return sealPlan({ ...plan, decision: { ...plan.decision, workloads } })
}

const roomy = change(() => ({
  hardMaximum: 100,
  floors: { minReplicas: 40, windows: [], exceptions: [] },
}))

describe('the score of a plan', () => {
  it('finds what the plan foresaw where demand goes on as before', () => {
    const { workloads, ...total } = score()
    expect(total).toMatchObject({
      from: '2026-09-21T00:00:00Z',
      until: '2026-09-25T00:00:00Z',
      days: 4,
      isReproduced: true,
      unscored: [],
    })
    expect(total.breachShare.plan).toBeLessThanOrEqual(total.breachShare.p95 + 0.001)
    expect(total.breachShare.plan).toBeLessThan(total.breachShare.doNothing)
    expect(total.lossUsdPerDay.plan).toBeLessThan(total.lossUsdPerDay.doNothing)
    const [only] = workloads
    expect(only!.forecast).toMatchObject({ steps: 4 * stepsPerDay })
    expect(only!.forecast.wape).toBeLessThan(0.05)
    expect(only!.baseline.wape).toBeLessThan(0.05)
    expect(only!.forecast.coverage90).toBeGreaterThan(only!.forecast.coverage80)
    expect(only!.days.map(({ date }) => date)).toEqual([
      '2026-09-21',
      '2026-09-22',
      '2026-09-23',
      '2026-09-24',
    ])
    for (const { peakReplicas, plannedPeak } of only!.days)
      expect(Math.abs(peakReplicas - plannedPeak!.p50)).toBeLessThanOrEqual(1)
    expect(judgePlan(plan, score(), now).verdict).toBe('keep')
  })

  it('is the same for the plan and for doing nothing where the plan changed nothing', () => {
    const { breachShare, lossUsdPerDay, daysBetterUndone } = score({ previous: plan })
    expect(breachShare.doNothing).toBe(breachShare.plan)
    expect(lossUsdPerDay.doNothing).toBe(lossUsdPerDay.plan)
    expect(daysBetterUndone).toEqual({ count: 0, of: 4 })
  })

  it('asks to go back where demand trebled and the plan before would have held it', () => {
    const trebled = score({ after: demand(3), previous: roomy })
    expect(trebled.breachShare.plan).toBeGreaterThan(trebled.breachShare.p95)
    expect(trebled.breachShare.doNothing).toBeLessThan(0.01)
    expect(trebled.workloads[0]!.days.every(({ floors }) => floors === 'missed')).toBe(true)
    expect(judgePlan({ header: { ...plan.header, baseline: roomy.planId } }, trebled, now)).toMatchObject({
      verdict: 'revert',
      reason: expect.stringContaining('with the plan before'),
    })
    // The reactive trigger alone would have had no more: a forecast of now is what helps.
    expect(judgePlan(plan, score({ after: demand(3) }), now).verdict).toBe('retrain')
  })

  it('equals the recursion of the definition, step by step', () => {
    const capacity = placeWorkloads({ config, environment: 'prod', history: before }, [])[0]!.capacity
    const coldStart = capacity.coldStart.totalSeconds
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 20, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (minReplicas, hardMaximum, factor) => {
          const windows = [{ days: ['tue' as const], from: '08:00', to: '12:00', replicas: 20 }]
          const floors = { minReplicas, windows, exceptions: [] }
          const changed = change(() => ({ floors, hardMaximum }))
          const after = demand(factor)
          const grid = createLoadGrid(start, stepSeconds, after.length, coldStart)
          const load = createLoad(after.workloads[0]!, capacity, grid, config.planning.burstFactor)
          const ready = tickFloors(floors, coldStart, grid, 'UTC').ready
          const lag = Math.ceil((config.planning.reaction + coldStart) / grid.tickSeconds)
          const target = plan.reports[0]!.reactiveTarget
          let [breached, requests] = [0, 0]
          const first = (origin - start) / grid.tickSeconds
          for (let tick = first; tick < (now - start) / grid.tickSeconds; tick++) {
            const wanted = Math.ceil(load.replicas[tick - lag]! / target - 1e-9)
            const capacityNow = Math.max(ready[tick]!, Math.min(hardMaximum, Math.max(1, wanted)))
            requests += load.requests[tick]!
            if (load.replicas[tick]! > capacityNow) breached += load.requests[tick]!
          }
          const { breachShare } = score({ plan: changed, after })
          expect(breachShare.plan).toBeCloseTo(breached / requests, 9)
        },
      ),
      { numRuns: 10 },
    )
  })

  it('counts the live floor as the exporter makes it of what came', () => {
    // Steps of half an hour show nothing of a shorter cold start.
    const floors = { minReplicas: 2, windows: [], exceptions: [] }
    const bounds = { hardMaximum: 100, coldStartSeconds: 3600, floors }
    const template = score({ plan: change(() => bounds) })
    const live = score({ plan: change(() => ({ ...bounds, live: { quantile: 0.95, maximum: 100 } })) })
    expect(live.breachShare.plan).toBeLessThan(template.breachShare.plan / 2)
  })

  it('leaves out what is not known', () => {
    const after = demand()
    const [workload] = after.workloads
    const gap = (planDay + 1) * stepsPerDay
    for (const column of [workload!.requests, workload!.inputTokens, workload!.outputTokens])
      column.fill(Number.NaN, gap, gap + stepsPerDay)
    workload!.mask.fill(1, gap, gap + stepsPerDay)
    const { days, workloads } = score({ after })
    expect(days).toBe(3)
    expect(workloads[0]!.days.map(({ date }) => date)).not.toContain('2026-09-22')
    expect(workloads[0]!.forecast.steps).toBe(3 * stepsPerDay)
    expect(scoreIfAny({ now: origin })).toBeUndefined()
    expect(scoreIfAny({ after: { ...after, workloads: [] } })).toBeUndefined()
    expect(scoreIfAny({ after: cutHistory(after, origin) })).toBeUndefined()
  })

  it('begins where the plan begins, and ends where its forecast does', () => {
    const header = { ...plan.header, origin: formatInstant(origin + 86_400) }
    expect(score({ plan: sealPlan({ ...plan, header }) }).from).toBe('2026-09-22T00:00:00Z')
    expect(score({ now: origin + 60 * 86_400 })).toMatchObject({ until: '2026-09-28T00:00:00Z', days: 7 })
    const expected = forecast.workloads[0]!.series.requests.point.length * stepSeconds
    expect(expected).toBe(7 * 86_400)
  })

  it('tells whether floors were there, where the metrics say what served', () => {
    const length = demand().length
    const serving = (replicas: number) => new Map([[id, new Float64Array(length).fill(replicas)]])
    expect(score().workloads[0]!.floorUnmetShare).toBeNull()
    expect(score({ serving: serving(99) }).workloads[0]!.floorUnmetShare).toBe(0)
    expect(score({ serving: serving(0) }).workloads[0]!.floorUnmetShare).toBe(1)
    expect(score({ serving: serving(Number.NaN) }).workloads[0]!.floorUnmetShare).toBeNull()
  })

  it('sees that the forecast is not the one that was planned with', () => {
    const late = cutHistory(demand(), origin)
    const { requests } = late.workloads[0]!
    for (let step = requests.length - 2 * stepsPerDay; step < requests.length; step++) requests[step]! *= 1.2
    const other = forecastWithPast(late, {
      horizonSeconds: config.forecast.horizon,
      seed: config.forecast.seed,
      origins: 7,
      everySeconds: 86_400,
    })
    expect(score({ forecast: other.forecast }).isReproduced).toBe(false)
  })
})
