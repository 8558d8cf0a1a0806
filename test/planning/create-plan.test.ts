import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { forecastWithPast } from '../../src/forecast/forecast-demand.js'
import { samplePath } from '../../src/forecast/sample-path.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { createRandom } from '../../src/kit/random.js'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import type { DemandHistory, WorkloadDemand } from '../../src/metrics/demand-history.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { createPlan } from '../../src/planning/create-plan.js'
import { diffPlans } from '../../src/planning/diff-plans.js'
import { tickFloors } from '../../src/planning/floor-template.js'
import { createLoad, createLoadGrid } from '../../src/planning/load.js'
import { groupWorkloads, placeWorkloads } from '../../src/planning/place-workloads.js'
import { formatPlan } from '../../src/planning/plan-file.js'
import type { PlanInputs } from '../../src/planning/plan-inputs.js'
import { demandOf } from './demand-fixture.js'

const start = parseInstant('2026-09-07T00:00:00Z')!
const stepSeconds = 900
const days = 14
const now = start + days * 86_400

/** Requests a second by hour of the day, with a little noise. */
function noisyDemand(
  model: string,
  ratePerSecond: (hour: number, random: () => number) => number,
  seed: number,
  secondsPerStep = stepSeconds,
): WorkloadDemand {
  const { uniform } = createRandom(seed)
  const stepsPerHour = 3600 / secondsPerStep
  const length = days * 24 * stepsPerHour
  const requests = Float64Array.from({ length }, (_, step) => {
    const hour = (step / stepsPerHour) % 24
    return Math.round(ratePerSecond(hour, uniform) * secondsPerStep * (0.97 + 0.06 * uniform()))
  })
  return demandOf(model, requests)
}

// Work starts at eight sharp, every day: faster than a replica comes up. The other comes in bursts at random.
const steep = noisyDemand('llama-3.1-70b', (hour) => (hour >= 8 && hour < 18 ? 60 : 6), 1)
const bursts = noisyDemand('llama-3.1-8b', (_hour, random) => (random() < 0.05 ? 60 : 1), 2)
const history: DemandHistory = { start, stepSeconds, length: days * 96, workloads: [steep, bursts] }

const configText = `
environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 2, precision: fp8}]
trigger: {serverAddress: "http://prometheus:9090", query: 'sum(running{model="{model}"})'}
workloads:
  - model: llama-3.1-70b
    target: {kind: Deployment, name: large}
    slo: {ttftP95: 2s, itlP95: 60ms}
  - model: llama-3.1-8b
    target: {kind: Deployment, name: small}
    slo: {ttftP95: 2s, itlP95: 60ms}
`

function inputsOf(text = configText, demand = history, forecastOf = forecastOnce): PlanInputs {
  const config = parseConfig(text, 'llmscale.yaml')
  const { horizon: horizonSeconds, seed } = config.forecast
  return {
    config,
    environment: 'prod',
    history: demand,
    ...forecastOf(demand, { horizonSeconds, seed, origins: 7, everySeconds: 86_400 }),
    now,
    toolVersion: '0.1.0',
    findings: [],
  }
}

const forecasts = new Map<DemandHistory, Map<string, ReturnType<typeof forecastWithPast>>>()

/** What plans of the same history and horizon have in common, and takes longest. */
function forecastOnce(...[demand, options]: Parameters<typeof forecastWithPast>) {
  const known = forecasts.get(demand) ?? new Map()
  forecasts.set(demand, known)
  const key = JSON.stringify(options)
  if (!known.has(key)) known.set(key, forecastWithPast(demand, options))
  return known.get(key)!
}

function failureOf(text: string, demand = history): LlmscaleError {
  try {
    createPlan(inputsOf(text, demand))
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('the plan was made')
}

const inputs = inputsOf()
const plan = createPlan(inputs)
const [large, small] = plan.decision.workloads as [
  CapacityPlan['decision']['workloads'][number],
  CapacityPlan['decision']['workloads'][number],
]

describe('a capacity plan', () => {
  it('is the same, byte for byte, for the same inputs', () => {
    const again = inputsOf(configText, structuredClone(history), forecastWithPast)
    expect(formatPlan(createPlan(again))).toEqual(formatPlan(plan))
  })

  it('sets floors before a daily step, where they beat reactive capacity out of sample', () => {
    const report = plan.reports[0]!
    expect(report.gate.open).toBe(true)
    expect(report.gate.low).toBeGreaterThan(0)
    // Demand rises linearly within the steps around eight; the window starts one cold start before that.
    const first = large.floors.windows[0]!
    const most = Math.max(...large.floors.windows.map((window) => window.replicas))
    expect(first.from >= '07:30' && first.from <= '07:55', first.from).toBe(true)
    expect(most).toBeGreaterThan(3)
    expect(report.breachRisk.plan).toBeLessThan(report.breachRisk.doNothing)
  })

  it('sets none where nothing can be foreseen, and says so', () => {
    expect(small.floors).toEqual({ minReplicas: 1, windows: [], exceptions: [] })
    expect(plan.reports[1]!.gate.open).toBe(false)
    expect(plan.reports[1]!.reasons.find((reason) => reason.field === 'floors')?.because).toContain(
      'the gate is closed',
    )
  })

  it('says what floors cost that an HPA keeps all week, and decides the same', () => {
    const constant = createPlan(inputsOf(configText.replace('regions:', 'autoscaler: hpa, regions:')))
    const found = ({ header }: CapacityPlan) =>
      header.findings.filter(({ code }) => code === 'CONSTANT_FLOOR').map(({ message }) => message)
    expect(found(plan)).toEqual([])
    expect(found(constant)).toEqual([
      expect.stringMatching(/USD a day more than with KEDA \(llama-3\.1-70b\/us-/),
    ])
    expect(constant.planId).toBe(plan.planId)
  })

  it('has a reason for each number', () => {
    for (const report of plan.reports) {
      expect(report.reasons.map((reason) => reason.field)).toEqual([
        'shape',
        'coldStart',
        'floors',
        'reactiveTarget',
        'hardMaximum',
      ])
    }
  })

  it('states the breach risk that a brute-force replay of the paths gives', () => {
    const { forecast, config } = inputs
    const planned = placeWorkloads(inputs, [])
    expect(groupWorkloads(planned, config)).toHaveLength(1)
    const coldStarts = planned.map((each) => each.capacity.coldStart.totalSeconds)
    const grid = createLoadGrid(forecast.origin, stepSeconds, forecast.length, Math.min(...coldStarts))
    for (const [index, workload] of plan.decision.workloads.entries()) {
      const { reaction, burstFactor } = config.planning
      const target = plan.reports[index]!.reactiveTarget
      const lag = Math.ceil((reaction + coldStarts[index]!) / grid.tickSeconds)
      const floors = tickFloors(workload.floors, coldStarts[index]!, grid, 'UTC').ready
      let risk = 0
      for (let path = 0; path < forecast.pathCount; path++) {
        const load = createLoad(
          samplePath(forecast, index, path),
          planned[index]!.capacity,
          grid,
          burstFactor,
        )
        let [late, all] = [0, 0]
        for (let tick = 0; tick < grid.length; tick++) {
          const seen = load.replicas[Math.max(0, tick - lag)]!
          const ready = Math.max(
            floors[tick]!,
            1,
            Math.min(workload.hardMaximum, Math.ceil(seen / target - 1e-9)),
          )
          all += load.requests[tick]!
          if (load.replicas[tick]! > ready) late += load.requests[tick]!
        }
        risk += late / all / forecast.pathCount
      }
      expect(plan.reports[index]!.breachRisk.plan).toBeCloseTo(risk, 3)
    }
  })

  it('holds all hard maxima in its pools, spot up to the cap', () => {
    const text = `${configText}planning: {spotCap: 60%}\n`
    const { pools, workloads } = createPlan(inputsOf(text)).decision
    const nodes = pools.reduce((sum, each) => sum + each.maximumNodes, 0)
    const needed = workloads.reduce((sum, each) => sum + each.hardMaximum * each.shape.gpusPerReplica, 0) / 8
    expect(nodes).toBe(Math.ceil(needed))
    const spot = pools.find((each) => each.capacityType === 'spot')!
    expect(spot.maximumNodes).toBe(Math.floor(nodes * 0.6))
    expect(plan.decision.pools.every((each) => each.capacityType === 'on-demand')).toBe(true)
  })

  it('obeys an override until it ends, and then says that it ended', () => {
    const override = (until: string) =>
      `${configText}overrides: [{workload: llama-3.1-8b/us-east-1, floor: 5, reason: demo day, by: ana, until: ${until}}]\n`
    const held = createPlan(inputsOf(override(formatInstant(now + 86_400))))
    expect(held.decision.workloads[1]!.floors.minReplicas).toBe(5)
    expect(held.decision.overrides).toMatchObject([{ by: 'ana', floor: 5 }])
    const ended = createPlan(inputsOf(override(formatInstant(now - 86_400))))
    expect(ended.planId).toBe(plan.planId)
    expect(ended.header.findings.map((finding) => finding.code)).toContain('OVERRIDE_EXPIRED')
  })

  it('keeps the last floors of a workload that is missing from the metrics', () => {
    const silent = inputsOf(configText, { ...history, workloads: [bursts] })
    const kept = createPlan({ ...silent, baseline: plan })
    expect(kept.decision.workloads[0]!.floors).toEqual(large.floors)
    expect(kept.decision.workloads[0]!.hardMaximum).toBe(large.hardMaximum)
    expect(kept.header.findings).toContainEqual({
      code: 'WORKLOAD_MISSING',
      message: 'llama-3.1-70b/us-east-1 is missing from the metrics and keeps its last approved floors',
    })
  })

  it('compares with the plan in force', () => {
    const next = createPlan({ ...inputs, baseline: plan })
    expect(next.header.baseline).toBe(plan.planId)
    expect(next.planId).toBe(plan.planId)
    expect(next.header.breachRisk.doNothing).toBe(next.header.breachRisk.plan)
    for (const { shortfallUsdPerDay } of next.reports)
      expect(shortfallUsdPerDay.doNothing).toBe(shortfallUsdPerDay.plan)
  })
})

describe('a constant demand, by hand', () => {
  const flat = { ...history, workloads: [noisyDemand('llama-3.1-70b', () => 10, 3)] }
  for (const column of ['requests', 'inputTokens', 'outputTokens'] as const) {
    const amount = { requests: 9000, inputTokens: 9000 * 600, outputTokens: 9000 * 250 }[column]
    flat.workloads[0]![column].fill(amount)
  }
  const onlyLarge = configText.slice(0, configText.indexOf('  - model: llama-3.1-8b'))
  const constant = createPlan(inputsOf(onlyLarge, flat))
  const report = constant.reports[0]!
  const busy = (10 / report.requestsPerSecondPerReplica) * 1.1 // the default burst factor
  const usdPerNodeHour = constant.header.cost.prices.find(
    (price) => price.capacityType === 'on-demand',
  )!.usdPerHour
  const usdPerDay = (replicas: number) => Math.ceil(replicas / 4) * usdPerNodeHour * 24 // four replicas of two GPUs a node

  it('costs its nodes all day, and puts nothing at risk', () => {
    const replicas = Math.ceil(busy / 0.7) // the default target
    expect(constant.header.cost.usdPerDay).toEqual(constant.header.cost.doNothingUsdPerDay)
    expect(constant.header.cost.changeUsdPerDay).toEqual({ p10: 0, p50: 0, p90: 0 })
    for (const usd of Object.values(constant.header.cost.usdPerDay))
      expect(usd).toBeCloseTo(usdPerDay(replicas), -1)
    expect(report.usdPerReplicaHour).toBeCloseTo(usdPerNodeHour / 4, 2)
    expect(report.usdPerDay.plan.p50).toBeCloseTo((replicas * usdPerNodeHour * 24) / 4, -1)
    expect(report.breachRisk).toEqual({ plan: 0, doNothing: 0 })
  })

  it('has the hard maximum and the static peak of its peak', () => {
    const peak = Math.ceil(busy)
    expect(constant.decision.workloads[0]!.hardMaximum).toBe(peak + Math.ceil(peak * 0.25))
    expect(constant.header.cost.staticPeakUsdPerDay).toBeCloseTo(usdPerDay(peak), -1)
    expect(report.dailyPeakReplicas.every((day) => day.p10 === peak && day.p90 === peak)).toBe(true)
  })

  it('obeys maxReplicas, and an override of the maximum', () => {
    const limited = createPlan(inputsOf(onlyLarge.replace('slo:', 'maxReplicas: 2\n    slo:'), flat))
    expect(limited.decision.workloads[0]!.hardMaximum).toBe(2)
    const until = formatInstant(now + 86_400)
    const override = `overrides: [{workload: llama-3.1-70b/us-east-1, maximum: 9, reason: sale, by: ana, until: ${until}}]\n`
    const raised = createPlan(inputsOf(onlyLarge + override, flat))
    expect(raised.decision.workloads[0]!.hardMaximum).toBe(9)
    expect(raised.reports[0]!.reasons.find((reason) => reason.field === 'hardMaximum')!.because).toContain(
      'ana',
    )
    const floor = override.replace('maximum: 9', 'floor: 12')
    expect(createPlan(inputsOf(onlyLarge + floor, flat)).decision.workloads[0]).toMatchObject({
      floors: { minReplicas: 12 },
      hardMaximum: 12,
    })
    expect(
      failureOf(onlyLarge + override.replace('maximum: 9', 'maximum: 9, floor: 12'), flat).exitCode,
    ).toBeGreaterThan(0)
  })

  it('takes the shape on which a request costs least', () => {
    const two = onlyLarge.replace(
      'shapes: [',
      'shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 8, precision: bf16}, ',
    )
    expect(createPlan(inputsOf(two, flat)).decision.workloads[0]!.shape.gpusPerReplica).toBe(2)
  })

  it('compares with doing nothing on the shape of the plan in force', () => {
    const wide = createPlan(
      inputsOf(
        onlyLarge.replace('gpusPerReplica: 2, precision: fp8', 'gpusPerReplica: 8, precision: bf16'),
        flat,
      ),
    )
    const next = createPlan({ ...inputsOf(onlyLarge, flat), baseline: wide })
    expect(next.header.cost.doNothingUsdPerDay.p50).toBeCloseTo(wide.header.cost.usdPerDay.p50, 0)
    expect(next.header.breachRisk.doNothing).toBe(0)
    // Demand is the same on all paths, so the change of cost is too.
    const change = next.header.cost.usdPerDay.p50 - wide.header.cost.usdPerDay.p50
    for (const usd of Object.values(next.header.cost.changeUsdPerDay)) expect(usd).toBeCloseTo(change, -1)
  })
})

describe('reservations', () => {
  const workloads = [noisyDemand('llama-3.1-70b', () => 10, 3, 3600)]
  const flat: DemandHistory = { start, stepSeconds: 3600, length: days * 24, workloads }
  const onlyLarge = configText.slice(0, configText.indexOf('  - model: llama-3.1-8b'))
  const reserve = (fields: string, more = '') =>
    inputsOf(
      onlyLarge.replace(
        '[us-east-1]}',
        `[us-east-1], clusters: {us-east-1: {name: gpu}}, reservations: [{name: winter, region: us-east-1, zone: us-east-1a, instanceType: p5.48xlarge, ${fields}}]}`,
      ) + more,
      flat,
    )
  const without = createPlan(inputsOf(onlyLarge, flat))
  const usdPerNodeHour = without.header.cost.prices[0]!.usdPerHour
  const codesOf = ({ header }: CapacityPlan) => header.findings.map(({ code }) => code)

  it('take the place of on-demand nodes, and bill no more for nodes that always run', () => {
    const owned = createPlan(reserve('nodes: 1, id: cr-0123456789abcdef0'))
    const [nodes] = without.decision.pools.map(({ maximumNodes }) => maximumNodes)
    expect(owned.decision.pools.map((each) => [each.capacityType, each.maximumNodes, each.weight])).toEqual([
      ['reserved', 1, 30],
      ['on-demand', nodes! - 1, 20],
    ])
    expect(owned.decision.commitments).toEqual([
      {
        kind: 'odcr',
        state: 'owned',
        region: 'us-east-1',
        instanceType: 'p5.48xlarge',
        count: 1,
        name: 'winter',
        zone: 'us-east-1a',
        id: 'cr-0123456789abcdef0',
      },
    ])
    expect(owned.header.cost.usdPerDay).toEqual(without.header.cost.usdPerDay)
    expect(codesOf(owned)).toEqual(codesOf(without))
  })

  it('bill all hours, also where nothing needs them, at the price that the config gives', () => {
    const many = createPlan(
      reserve(
        'nodes: 100, id: cr-0123456789abcdef0',
        'prices: [{instanceType: p5.48xlarge, capacityType: reserved, usdPerHour: 10}]\n',
      ),
    )
    for (const usd of Object.values(many.header.cost.usdPerDay)) expect(usd).toBeCloseTo(100 * 24 * 10, 0)
    expect(many.header.cost.doNothingUsdPerDay).toEqual(many.header.cost.usdPerDay)
    expect(codesOf(many)).toContain('RESERVATION_IDLE')
    expect(many.header.cost.prices).toContainEqual(
      expect.objectContaining({ capacityType: 'reserved', usdPerHour: 10, provenance: 'assumed' }),
    )
    // What no workload is placed on bills too.
    const other = reserve('nodes: 1, id: cr-0123456789abcdef0')
    other.config.environments['prod']!.reservations[0]!.instanceType = 'g6e.xlarge'
    const idle = createPlan(other)
    expect(idle.decision.pools).toEqual(without.decision.pools)
    expect(idle.header.cost.usdPerDay.p50 - without.header.cost.usdPerDay.p50).toBeCloseTo(1.861 * 24, 0)
  })

  it('are bought only by name, and then stay without being named again', () => {
    const proposal = reserve('nodes: 50, until: 2027-01-31')
    const proposed = createPlan(proposal)
    expect(proposed.planId).toBe(without.planId)
    expect(proposed.header.findings).toContainEqual({
      code: 'PURCHASE_PROPOSED',
      message:
        'reservation winter of 50 p5.48xlarge in us-east-1a, 66048 USD a day (measured), is proposed and not part of this plan: buy it with --allow-purchase winter',
    })
    const bought = createPlan({ ...proposal, baseline: without, allowedPurchases: ['winter'] })
    expect(bought.decision.commitments).toMatchObject([
      { state: 'proposed', name: 'winter', until: '2027-01-31T00:00:00Z' },
    ])
    expect(bought.header.cost.usdPerDay.p50).toBeCloseTo(50 * 24 * usdPerNodeHour, -1)
    expect(bought.header.cost.doNothingUsdPerDay.p50).toBeCloseTo(without.header.cost.usdPerDay.p50, 0)
    expect(bought.header.findings).toContainEqual({
      code: 'PURCHASE_PLANNED',
      message:
        'applying this plan buys reservation winter of 50 p5.48xlarge in us-east-1a: 66048 USD a day (measured) until 2027-01-31T00:00:00Z, used or not',
    })
    const next = createPlan({ ...proposal, baseline: bought })
    expect(codesOf(next)).not.toContain('PURCHASE_PLANNED')
    expect(next.planId).toBe(bought.planId)
    expect(next.header.cost.doNothingUsdPerDay).toEqual(next.header.cost.usdPerDay)
  })

  it('are not bought larger, longer or elsewhere under a name that was allowed once', () => {
    const proposal = reserve('nodes: 2, until: 2027-01-31')
    const bought = createPlan({ ...proposal, allowedPurchases: ['winter'] })
    for (const more of [
      'nodes: 3, until: 2027-01-31',
      'nodes: 2, until: 2027-02-28',
      'nodes: 2, until: 2027-01-31, zone: us-east-1b',
    ]) {
      const larger = reserve(more.replace(/, zone.*/, ''))
      if (more.includes('zone')) larger.config.environments['prod']!.reservations[0]!.zone = 'us-east-1b'
      const kept = createPlan({ ...larger, baseline: bought })
      expect(kept.decision.commitments).toEqual(bought.decision.commitments)
      expect(codesOf(kept)).toContain('PURCHASE_PROPOSED')
      const allowed = createPlan({ ...larger, baseline: bought, allowedPurchases: ['winter'] })
      expect(allowed.decision.commitments).not.toEqual(bought.decision.commitments)
      expect(allowed.header.cost.doNothingUsdPerDay).toEqual(kept.header.cost.doNothingUsdPerDay)
    }
    // Its removal is a deletion like that of a workload, until it has ended.
    expect(diffPlans(bought, without).deletions).toContain('winter')
    const late = { ...without, header: { ...without.header, origin: '2027-02-01T00:00:00Z' } }
    expect(diffPlans(bought, late).deletions).not.toContain('winter')
    const fewer = createPlan({ ...reserve('nodes: 1, until: 2027-01-31'), baseline: bought })
    expect(fewer.decision.commitments).toMatchObject([{ count: 1 }])
  })

  it('of a Capacity Block say that their price is assumed until the config gives it', () => {
    const block = 'nodes: 1, kind: capacity-block, id: cr-0123456789abcdef0'
    const priced = 'prices: [{instanceType: p5.48xlarge, capacityType: reserved, usdPerHour: 31.5}]\n'
    expect(codesOf(createPlan(reserve(block)))).toContain('PRICE_ASSUMED')
    expect(codesOf(createPlan(reserve(block, priced)))).not.toContain('PRICE_ASSUMED')
  })

  it('are not planned with once they have ended, and are told before', () => {
    const ending = (seconds: number) =>
      createPlan(reserve(`nodes: 1, id: cr-0123456789abcdef0, until: ${formatInstant(now + seconds)}`))
    const [ended, lasting] = [ending(0), ending(86_400)]
    expect(ended.planId).toBe(without.planId)
    expect(codesOf(ended)).toContain('RESERVATION_ENDED')
    expect(codesOf(lasting)).toContain('RESERVATION_ENDS')
    expect(lasting.decision.pools[0]!.capacityType).toBe('reserved')
  })
})

describe('what cannot be planned', () => {
  it('is a pool limit below the median peak: named, with the smallest change that helps', () => {
    const failure = failureOf(`${configText}poolLimits: [{instanceType: p5.48xlarge, maxNodes: 1}]\n`)
    expect(failure.code).toBe('INFEASIBLE_POOL')
    expect(failure.exitCode).toBe(11)
    expect(failure.message).toContain(
      'poolLimits[0].maxNodes: a limit of 1 on p5.48xlarge in us-east-1 is below',
    )
    const needed = /at least (\d+)/.exec(failure.tryThis[0]!)![1]!
    const enough = createPlan(
      inputsOf(`${configText}poolLimits: [{instanceType: p5.48xlarge, maxNodes: ${needed}}]\n`),
    )
    expect(enough.decision.pools[0]!.maximumNodes).toBeLessThanOrEqual(Number(needed))
    expect(enough.header.breachRisk.plan).toBeLessThan(0.2)
    const tooFew = `${configText}poolLimits: [{instanceType: p5.48xlarge, maxNodes: ${Number(needed) - 1}}]\n`
    expect(failureOf(tooFew).code).toBe('INFEASIBLE_POOL')
  })

  it('is a budget below the cost of the minima; one above it lowers the maxima', () => {
    const budget = (usdPerDay: number) =>
      configText.replace('[us-east-1]}', `[us-east-1], budget: {usdPerDay: ${usdPerDay}}}`)
    expect(failureOf(budget(10))).toMatchObject({ code: 'INFEASIBLE_BUDGET', exitCode: 11 })
    const wanted = plan.header.cost.usdPerDay.p90
    const cut = createPlan(inputsOf(budget(Math.round(wanted * 0.9))))
    expect(cut.header.cost.usdPerDay.p90).toBeLessThanOrEqual(wanted * 0.9)
    expect(cut.decision.workloads[0]!.hardMaximum).toBeLessThan(large.hardMaximum)
    expect(cut.reports[0]!.reasons.find((reason) => reason.field === 'hardMaximum')?.because).toContain(
      'budget',
    )
  })

  it('is a window of less than a week', () => {
    const failure = failureOf(`${configText}forecast: {horizon: 2d}\n`)
    expect(failure).toMatchObject({ code: 'HORIZON_TOO_SHORT', exitCode: 3 })
  })

  it('is a model that fits no allowed shape, with how much is missing', () => {
    const failure = failureOf(
      configText.replace('gpusPerReplica: 2, precision: fp8', 'gpusPerReplica: 1, precision: bf16'),
    )
    expect(failure.exitCode).toBe(11)
    expect(failure.message).toMatch(/llama-3\.1-70b.*GB/s)
  })
})
