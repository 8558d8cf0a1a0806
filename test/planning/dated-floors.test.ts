import { beforeAll, describe, expect, it } from 'vitest'
import { parseEvents } from '../../src/config/events-file.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { withCalendar } from '../../src/forecast/calendar/coming-effects.js'
import { forecastWithPast } from '../../src/forecast/forecast-demand.js'
import { createRandom } from '../../src/kit/random.js'
import { parseInstant } from '../../src/kit/time.js'
import type { FloorTemplate } from '../../src/planning/capacity-plan.js'
import { createPlan } from '../../src/planning/create-plan.js'
import type { PlanInputs } from '../../src/planning/plan-inputs.js'
import { historyOf } from './demand-fixture.js'

// Work starts at eight sharp, every day: floors are worth it.
const start = parseInstant('2026-09-07T00:00:00Z')!
const stepSeconds = 900
const days = 14
const now = start + days * 86_400
const { uniform } = createRandom(1)
const requests = Float64Array.from({ length: days * 96 }, (_, step) => {
  const hour = (step % 96) / 4
  return Math.round((hour >= 8 && hour < 18 ? 60 : 6) * stepSeconds * (0.97 + 0.06 * uniform()))
})
const history = historyOf(requests, start, stepSeconds)
const config = parseConfig(
  `
environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8}]
trigger: {serverAddress: "http://prometheus:9090", query: 'sum(running{model="{model}"})'}
workloads:
  - model: llama-3.1-70b
    target: {kind: Deployment, name: large}
    slo: {ttftP95: 2s, itlP95: 60ms}
`,
  'llmscale.yaml',
)

let inputs: PlanInputs

beforeAll(() => {
  const { horizon: horizonSeconds, seed } = config.forecast
  inputs = {
    config,
    environment: 'prod',
    history,
    ...forecastWithPast(history, { horizonSeconds, seed, origins: 7, everySeconds: 86_400 }),
    now,
    toolVersion: '0.1.0',
    findings: [],
  }
}, 60_000)

function floorsWith(event: string): { floors: FloorTemplate; hardMaximum: number } {
  const text = `events:\n  - {name: sale, kind: campaign, ${event}}\n`
  const calendar = { events: parseEvents(text, 'events.yaml'), users: new Map() }
  const { decision } = createPlan({ ...inputs, ...withCalendar(inputs.forecast, calendar, history) })
  return decision.workloads[0]!
}

describe('dated floors', () => {
  it('stand for a campaign with its dates, and leave the weekly floors as they are', () => {
    const usual = createPlan(inputs).decision.workloads[0]!
    expect(usual.floors.windows.length).toBeGreaterThan(0)
    expect(usual.floors.exceptions).toEqual([])
    const { floors, hardMaximum } = floorsWith('start: 2026-09-23T09:00:00Z, duration: 6h, multiplier: 2')
    expect(floors.windows).toEqual(usual.floors.windows)
    const highest = Math.max(...usual.floors.windows.map(({ replicas }) => replicas))
    expect(floors.exceptions).toMatchObject([
      { until: '2026-09-23T15:00:00Z', reason: expect.stringContaining('sale (campaign') },
    ])
    expect(floors.exceptions[0]!.replicas).toBeGreaterThan(1.5 * highest)
    expect(floors.exceptions[0]!.replicas).toBeLessThanOrEqual(hardMaximum)
    // Earlier by the cold start.
    expect(Date.parse(floors.exceptions[0]!.from)).toBeLessThan(Date.UTC(2026, 8, 23, 9))
    expect(hardMaximum).toBeGreaterThan(usual.hardMaximum)
  })

  it('are none for what lowers demand, or changes another workload', () => {
    expect(
      floorsWith('start: 2026-09-23T09:00:00Z, duration: 6h, multiplier: 0.5').floors.exceptions,
    ).toEqual([])
    expect(
      floorsWith('start: 2026-09-23T09:00:00Z, duration: 6h, multiplier: 3, workloads: [other]').floors
        .exceptions,
    ).toEqual([])
  })
})
