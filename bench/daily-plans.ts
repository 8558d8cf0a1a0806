import type { Config } from '../src/config/schema.js'
import type { DemandForecast } from '../src/forecast/demand-forecast.js'
import { rollForecasts } from '../src/forecast/forecast-demand.js'
import { secondsPerDay, secondsPerHour } from '../src/kit/units.js'
import { workloadId } from '../src/kit/workload.js'
import { type DemandHistory, demandMetrics } from '../src/metrics/demand-history.js'
import { poolNodes } from '../src/planning/budget.js'
import type { CapacityPlan } from '../src/planning/capacity-plan.js'
import { createPlan } from '../src/planning/create-plan.js'
import { operateDraft } from '../src/planning/draft-workload.js'
import { createLoad, createLoadGrid } from '../src/planning/load.js'
import { estimateOutcome, type Operation } from '../src/planning/outcome.js'
import { groupWorkloads, placeWorkloads } from '../src/planning/place-workloads.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from '../src/planning/plan-inputs.js'
import { compareCapacity, reactiveReplicas, readyReplicas } from '../src/planning/ready-capacity.js'
import { priceShortfall } from '../src/planning/shortfall-price.js'

// A fleet that is planned anew every day, and what any of these plans would lead to on any other day.

/** Fewer paths and scored days than a plan has: a year of plans must end in minutes. */
const pathCount = 50
const scoredDays = 7
const longestHistoryDays = 56
/** Forecasts of so many days are made in one pass. */
const chunkDays = 28
const environment = 'production'

/** Demand and the configuration that it is planned under. */
export interface World {
  name: string
  config: Config
  history: DemandHistory
  /** Day of the first plan, from the start of the history on. */
  firstDay: number
}

/** The plan of one day, made as if none were in force, and what it was made from. */
interface PlannedDay {
  plan: CapacityPlan
  inputs: PlanInputs
  planned: PlannedWorkload[]
}

export interface DailyPlans {
  world: World
  days: PlannedDay[]
  /** The plan of a day as it would be if that of an earlier day were in force. */
  planOver(day: number, inForce: number | undefined): CapacityPlan
  /** What a plan of one day led to on a day: nodes and shortfalls; the recursion on the demand that came. */
  realize(inForce: number, day: number): { nodeUsd: number; shortfallUsd: number }
}

export function planDaily(world: World): DailyPlans {
  const days = makePlans(world)
  const outcomes = new Map<string, CapacityPlan>()
  const realized = new Map<string, { nodeUsd: number; shortfallUsd: number }>()
  return {
    world,
    days,
    planOver: (day, inForce) =>
      inForce === undefined
        ? days[day]!.plan
        : remember(outcomes, `${day} ${inForce}`, () => holdAgainst(world, days[day]!, days[inForce]!.plan)),
    realize: (inForce, day) =>
      remember(realized, `${inForce} ${day}`, () => realizeDay(world, days[inForce]!.plan, days[day]!)),
  }
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}

function makePlans({ config, history, firstDay }: World): PlannedDay[] {
  const stepsPerDay = secondsPerDay / history.stepSeconds
  const wholeDays = Math.floor(history.length / stepsPerDay)
  const days: PlannedDay[] = []
  let past: DemandForecast[] = []
  for (let from = firstDay; from < wholeDays; from += chunkDays) {
    const to = Math.min(wholeDays, from + chunkDays)
    const origins = to - from + (from === firstDay ? scoredDays : 0)
    // The last origin is the start of day `to − 1`: its roll needs the day that follows.
    const rolled = rollForecasts(cut(history, 0, to), {
      horizonSeconds: config.forecast.horizon,
      seed: config.forecast.seed,
      pathCount,
      origins,
      everySeconds: secondsPerDay,
    })
    const known = [...past, ...rolled]
    for (let day = from; day < to; day++) {
      const now = history.start + day * secondsPerDay
      const forecast = known.find(({ origin }) => origin === now)!
      const inputs: PlanInputs = {
        config,
        environment,
        history: cut(history, Math.max(0, day - longestHistoryDays), day),
        forecast,
        pastForecasts: known.filter(
          ({ origin }) => origin < now && origin >= now - scoredDays * secondsPerDay,
        ),
        now,
        toolVersion: '0.0.0',
        findings: [],
      }
      days.push({ plan: createPlan(inputs), inputs, planned: placeWorkloads(inputs, []) })
    }
    past = rolled.slice(-scoredDays)
  }
  return days
}

/** The days `from` … `to` − 1 of a history. */
function cut(history: DemandHistory, from: number, to: number): DemandHistory {
  const stepsPerDay = secondsPerDay / history.stepSeconds
  const steps = [from * stepsPerDay, to * stepsPerDay] as const
  return {
    ...history,
    start: history.start + from * secondsPerDay,
    length: steps[1] - steps[0],
    workloads: history.workloads.map((demand) => ({
      ...demand,
      mask: demand.mask.subarray(...steps),
      ...Object.fromEntries(demandMetrics.map((metric) => [metric, demand[metric].subarray(...steps)])),
    })),
  }
}

/** A plan with the figures of doing nothing that `createPlan` would state with that plan in force. */
function holdAgainst(
  { config }: World,
  { plan, inputs: { forecast }, planned }: PlannedDay,
  last: CapacityPlan,
): CapacityPlan {
  const shortest = Math.min(...planned.map(({ capacity }) => capacity.coldStart.totalSeconds))
  const grid = createLoadGrid(forecast.origin, forecast.stepSeconds, forecast.length, shortest)
  const asIs = planned.map((each) => asDecided(each, last))
  const pooled = poolNodes(asIs, groupWorkloads(planned, config), config.planning.spotCap)
  const operations = asIs.map((draft) => operateDraft({ config }, draft, grid))
  const outcome = estimateOutcome(forecast, planned, operations, grid, config.planning, pooled)
  return {
    ...plan,
    header: {
      ...plan.header,
      baseline: last.planId,
      cost: { ...plan.header.cost, doNothingUsdPerDay: outcome.usdPerDay },
      breachRisk: { ...plan.header.breachRisk, doNothing: outcome.breachRisk },
    },
    reports: plan.reports.map((report, index) => {
      const { usdPerDay, breachRisk, shortfallUsdPerDay } = outcome.workloads[index]!
      return {
        ...report,
        usdPerDay: { ...report.usdPerDay, doNothing: usdPerDay },
        breachRisk: { ...report.breachRisk, doNothing: breachRisk },
        shortfallUsdPerDay: { ...report.shortfallUsdPerDay, doNothing: shortfallUsdPerDay },
      }
    }),
  }
}

function asDecided(planned: PlannedWorkload, plan: CapacityPlan) {
  const { floors, hardMaximum } = findWorkload(plan, planned.workload)!
  const id = workloadId(planned.workload)
  const { reactiveTarget } = plan.reports.find((report) => workloadId(report) === id)!
  return { planned, floors, hardMaximum, target: reactiveTarget } as Parameters<typeof poolNodes>[0][number]
}

/** The recursion looks back by no more than this. */
const leadInSeconds = 6 * secondsPerHour

function realizeDay(
  { config, history }: World,
  plan: CapacityPlan,
  { inputs: { forecast }, planned }: PlannedDay,
): { nodeUsd: number; shortfallUsd: number } {
  const { stepSeconds } = history
  const start = forecast.origin - leadInSeconds
  const firstStep = (start - history.start) / stepSeconds
  const steps = (secondsPerDay + leadInSeconds) / stepSeconds
  const shortest = Math.min(...planned.map(({ capacity }) => capacity.coldStart.totalSeconds))
  const grid = createLoadGrid(start, stepSeconds, steps, shortest)
  const from = (leadInSeconds / stepSeconds) * grid.ticksPerStep
  const sum = { nodeUsd: 0, shortfallUsd: 0 }
  for (const each of planned) {
    const demand = history.workloads[each.index!]!
    const column = (metric: (typeof demandMetrics)[number]) =>
      demand[metric].subarray(firstStep, firstStep + steps)
    const path = {
      requests: column('requests'),
      inputTokens: column('inputTokens'),
      outputTokens: column('outputTokens'),
    }
    const load = createLoad(path, each.capacity, grid, config.planning.burstFactor)
    const { floors, reaction }: Operation = operateDraft({ config }, asDecided(each, plan), grid)
    const reactive = reactiveReplicas(load.replicas, reaction)
    const today = { replicas: load.replicas.subarray(from), requests: load.requests.subarray(from) }
    const outcome = compareCapacity(today, readyReplicas(reactive, floors.ready).subarray(from))
    const billed = readyReplicas(reactive, floors.asked).subarray(from)
    const tickHours = grid.tickSeconds / secondsPerHour
    sum.nodeUsd +=
      billed.reduce((total, replicas) => total + replicas, 0) * tickHours * each.usdPerReplicaHour
    sum.shortfallUsd +=
      outcome.missingReplicaTicks *
      tickHours *
      priceShortfall(each, config.planning).shortfallUsdPerReplicaHour
  }
  return sum
}
