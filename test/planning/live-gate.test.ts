import { beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { forecastWithPast } from '../../src/forecast/forecast-demand.js'
import { createRandom } from '../../src/kit/random.js'
import { parseInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import type { DemandHistory } from '../../src/metrics/demand-history.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { createPlan } from '../../src/planning/create-plan.js'
import type { FloorSettings } from '../../src/planning/floors.js'
import { judgeLiveFloor, liveQuantileChoices } from '../../src/planning/live-gate.js'
import { createLoad, createLoadGrid } from '../../src/planning/load.js'
import type { PlanInputs } from '../../src/planning/plan-inputs.js'
import type { PastDays } from '../../src/planning/skill-gate.js'
import type { ReplicaCapacity } from '../../src/sizing/replica-capacity.js'
import { historyOf } from './demand-fixture.js'

const start = parseInstant('2026-09-07T00:00:00Z')!
const stepSeconds = 600
const coldStartSeconds = 600
const stepsPerDay = secondsPerDay / stepSeconds

/** Requests a step: `level` a second by the hour of the day, and noise. */
function synthesize(days: number, level: (hour: number, day: number) => number, noise = 0.04): DemandHistory {
  const random = createRandom(1)
  const requests = Float64Array.from({ length: days * stepsPerDay }, (_, step) => {
    const hour = (24 * (step % stepsPerDay)) / stepsPerDay
    const mean = level(hour, Math.floor(step / stepsPerDay)) * stepSeconds
    return Math.round(mean * Math.exp(noise * random.normal()))
  })
  return historyOf(requests, start, stepSeconds)
}

// Work starts steeply, each day at another minute: no weekly window fits it, the last minutes tell.
const ramps = (hour: number, day: number) => {
  const from = 6 + ((day * 7) % 5)
  return hour < from || hour > from + 9 ? 8 : Math.min(60, 8 + 26 * (hour - from))
}

const settings: FloorSettings = {
  capacity: {
    requestsPerSecond: 1,
    replicaSecondsPerInputToken: 0,
    replicaSecondsPerOutputToken: 1 / 250,
    coldStart: { totalSeconds: coldStartSeconds },
  } as ReplicaCapacity,
  timeZone: 'UTC',
  bounds: { lagTicks: 5, minReplicas: 1, hardMaximum: 100 },
  targets: [0.7, 0.8, 0.9],
  price: { idleUsdPerReplicaHour: 1, shortfallUsdPerReplicaHour: 19 },
  burstFactor: 1.1,
}
const live = { coldStartSeconds, everySeconds: 300, maximum: 90, hardMaximum: 100 }

/** Past days on which only the minimum stood. */
function pastDays(history: DemandHistory, first: number): PastDays {
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const load = createLoad(history.workloads[0]!, settings.capacity, grid, settings.burstFactor)
  const ticks = stepsPerDay * grid.ticksPerStep
  const days = Array.from({ length: grid.length / ticks - first }, (_, day) => ({
    from: (first + day) * ticks,
    to: (first + day + 1) * ticks,
    floors: { asked: new Float64Array(ticks).fill(1), ready: new Float64Array(ticks).fill(1) },
    target: 0.7,
  }))
  return { grid, load, days }
}

function judge(history: DemandHistory, fields: Partial<typeof live> = {}) {
  return judgeLiveFloor(
    pastDays(history, 6),
    history,
    0,
    settings,
    { ...live, ...fields },
    [0.9, 0.95],
    false,
    1,
  ).gate
}

describe('the gate of the live floor', () => {
  it('opens where the last minutes tell of ramps that the trigger is late for', () => {
    const gate = judge(synthesize(14, ramps))
    expect(gate.message).toMatch(/^a live floor beats the best reactive trigger alone .* on 8 past days/)
    expect(gate.open).toBe(true)
    expect(gate.low!).toBeGreaterThan(0)
    expect(gate.origins).toBe(8)
  })

  it('stays closed where the trigger is never late', () => {
    const gate = judge(synthesize(12, () => 30, 0))
    expect(gate.message).toContain('does not surely beat')
    expect(gate.open).toBe(false)
  })

  it('stays closed where a step hides a cold start, and says what to do', () => {
    const gate = judge(synthesize(12, ramps), { coldStartSeconds: 330 })
    expect(gate).toMatchObject({ open: false, floorSkill: null, origins: 0 })
    expect(gate.message).toContain('steps of 10m are longer than the cold start of 5m30s')
    expect(gate.message).toContain('set forecast.step to 5m or less')
  })

  it('stays closed with too few days', () => {
    expect(judge(synthesize(9, ramps)).message).toBe(
      'live floors cannot be scored: 3 past days, 5 are needed',
    )
  })

  it('holds the critical ratio of the prices, within bounds', () => {
    const choices = (shortfallUsdPerReplicaHour: number) =>
      liveQuantileChoices({ idleUsdPerReplicaHour: 1, shortfallUsdPerReplicaHour })
    expect([4, 9, 15, 19, 99].map(choices)).toEqual([[0.9], [0.9], [0.9, 0.938], [0.9, 0.95], [0.9, 0.95]])
  })
})

function configWith(live: string) {
  return parseConfig(
    `
environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8}]
trigger: {serverAddress: "http://prometheus:9090", query: 'sum(running{model="{model}"})'}
live: ${live}
workloads:
  - model: llama-3.1-70b
    target: {kind: Deployment, name: large}
    slo: {ttftP95: 2s, itlP95: 60ms}
    coldStart: {node: 4m, image: 3m, weights: 2m, warmUp: 1m}
`,
    'llmscale.yaml',
  )
}

describe('a plan', () => {
  let inputs: PlanInputs
  let plan: CapacityPlan

  beforeAll(() => {
    const config = configWith('{enabled: true}')
    const history = synthesize(14, (hour, day) => 8 * ramps(hour, day))
    inputs = {
      config,
      environment: 'prod',
      history,
      ...forecastWithPast(history, {
        horizonSeconds: 7 * secondsPerDay,
        seed: 1,
        origins: 6,
        everySeconds: secondsPerDay,
      }),
      now: start + 14 * secondsPerDay,
      toolVersion: '0.1.0',
      findings: [],
    }
    plan = createPlan(inputs)
  }, 240_000)

  it('says how far the live floor may go, inside the hard maximum, and why', () => {
    const [workload] = plan.decision.workloads
    const [report] = plan.reports
    expect(report!.liveGate!.message).toMatch(/^a live floor beats the /)
    expect([0.9, 0.95]).toContain(workload!.live!.quantile)
    expect(workload!.live!.maximum).toBeLessThanOrEqual(workload!.hardMaximum)
    expect(workload!.live!.maximum).toBeGreaterThan(workload!.floors.minReplicas)
    expect(report!.reactiveTarget).toBe(0.9)
    const reason = report!.reasons.find(({ field }) => field === 'live')!
    expect(reason.because).toBe(report!.liveGate!.message)
    expect(reason.value).toBe(
      `${workload!.live!.quantile} quantile of the highest load ahead, up to ${workload!.live!.maximum}`,
    )
  })

  it('has no live floor where none is wanted', () => {
    const without = createPlan({ ...inputs, config: configWith('{enabled: false}') })
    expect(JSON.stringify(without)).not.toContain('"live')
  }, 120_000)

  it('keeps the live floor of a workload that is missing from the metrics, if one is wanted', () => {
    const gone = {
      history: { ...inputs.history, workloads: [] },
      forecast: { ...inputs.forecast, workloads: [] },
    }
    const kept = createPlan({ ...inputs, ...gone, pastForecasts: [], baseline: plan })
    expect(kept.decision.workloads[0]!.live).toEqual(plan.decision.workloads[0]!.live)
    const off = {
      ...inputs,
      ...gone,
      pastForecasts: [],
      baseline: plan,
      config: configWith('{enabled: false}'),
    }
    expect(createPlan(off).decision.workloads[0]!.live).toBeUndefined()
  })
})
