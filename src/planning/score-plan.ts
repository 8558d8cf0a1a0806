import type { Config } from '../config/schema.js'
import type { DemandForecast, DemandPath } from '../forecast/demand-forecast.js'
import type { ForecastError } from '../forecast/freshness.js'
import { forecastNaively } from '../forecast/naive-forecast.js'
import { samplePath } from '../forecast/sample-path.js'
import { type OutcomeScore, scoreDays, scoreOutcome } from '../forecast/score-outcome.js'
import { sortedQuantile } from '../kit/statistics.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { type DemandHistory, demandMetrics } from '../metrics/demand-history.js'
import type { CapacityPlan, DailyPeak, WorkloadReport } from './capacity-plan.js'
import { operateDraft } from './draft-workload.js'
import { raiseTicks } from './live-errors.js'
import { liveHistorySeconds } from './live-floor.js'
import { busyReplicas, createLoad, createLoadGrid, type Load, type LoadGrid } from './load.js'
import { priceOutcome } from './newsvendor.js'
import type { Operation } from './outcome.js'
import { localDays } from './peaks.js'
import { placeAsIs, placeWorkloads } from './place-workloads.js'
import { findWorkload, type PlannedWorkload } from './plan-inputs.js'
import { compareCapacity, reactiveReplicas, readyReplicas, type Shortfall } from './ready-capacity.js'
import { decideFloors, spreadFloors } from './replay-live.js'
import { priceShortfall } from './shortfall-price.js'

/** What is needed to hold a plan against what came. */
export interface ScoreInputs {
  config: Config
  plan: CapacityPlan
  /** The plan that this one took the place of; without it, doing nothing is the reactive trigger over minReplicas. */
  previous?: CapacityPlan
  /** Demand that the plan was made from: up to its `dataThrough`. */
  before: DemandHistory
  /** Demand up to now. */
  after: DemandHistory
  /** Made again from `before`. */
  forecast: DemandForecast
  now: EpochSeconds
  /** Replicas that served, by workload id, on the grid of `after`; NaN where unknown. */
  serving?: ReadonlyMap<string, Float64Array>
}

/** A figure for the plan, and for having done nothing instead. */
interface Comparison {
  plan: number
  doNothing: number
}

/** What came of one local day. */
interface DayOutcome {
  /** ISO date in the workload's time zone. */
  date: string
  /** Replicas that the busiest tick needed, and what the plan foresaw of it. */
  peakReplicas: number
  plannedPeak: DailyPeak | null
  /** Share of the day's requests that arrived while capacity was below demand; estimated. */
  breachShare: number
  /** `missed` where capacity was below demand at some tick. */
  floors: 'held' | 'missed'
}

export interface WorkloadScore {
  workload: Workload
  /** Of requests, measured. */
  forecast: OutcomeScore
  baseline: { name: string } & OutcomeScore
  /** WAPE on the rolling origins before the plan. */
  backtestWape: number | null
  breachShare: Comparison
  /** Idle plus shortfall cost a day; estimated. */
  lossUsdPerDay: Comparison
  /** Share of steps in which fewer replicas served than the floor asked for; null where the metrics do not say. */
  floorUnmetShare: number | null
  days: DayOutcome[]
}

/** A plan held against what came. Demand is measured; what capacity would have been is the plan's own recursion. */
export interface PlanScore {
  from: string
  until: string
  /** Days of demand that were compared; gaps do not count. */
  days: number
  /**
   * Whether the forecast made again has the score that the plan states: the same data, seed and program. Null where it
   * reaches further ahead than the plan's did.
   */
  isReproduced: boolean | null
  /** Share of all requests that arrived while capacity was below demand; estimated. */
  breachShare: Comparison & {
    /** What the plan stated for its first week. */
    stated: number
    /** 0.95 quantile over the forecast's paths, for the very time that is scored. */
    p95: number
  }
  lossUsdPerDay: Comparison
  /** Days on which doing nothing lost less than the plan, of the local days of all workloads. */
  daysBetterUndone: { count: number; of: number }
  /** WAPE and that of the backtest, weighted by what the demand costs; null where either is unknown. */
  error: ForecastError | null
  workloads: WorkloadScore[]
  /** Workloads of the plan that could not be scored. */
  unscored: string[]
}

/** Reactive capacity looks back by no more than this. */
const leadInSeconds = secondsPerDay

/**
 * Holds a plan against the demand that came from its origin until now, or until its forecast ends: the forecast against
 * its backtest and a naive baseline, and floors with reactive capacity against demand, beside what doing nothing would
 * have led to. Undefined where no step of demand is known of that time. Throws what sizing throws.
 */
export function scorePlan(inputs: ScoreInputs): PlanScore | undefined {
  const { plan, forecast, after, now } = inputs
  const { stepSeconds, origin, length } = forecast
  const scene = stage(inputs)
  const dataEnd = after.start + after.length * after.stepSeconds
  const end = Math.min(now, dataEnd, origin + length * stepSeconds)
  const window = {
    from: Math.max(0, Math.ceil((parseInstant(plan.header.origin)! - origin) / stepSeconds)),
    to: Math.floor((end - origin) / stepSeconds),
  }
  if (window.to <= window.from) return undefined
  const scored = scene.actors.map((actor) => ({ actor, ...runActor(actor, scene, window) }))
  const seen = scored.filter(({ plan: { ticks } }) => ticks > 0)
  if (seen.length === 0) return undefined

  const total = (of: 'plan' | 'doNothing') => shareOf(seen.map((each) => each[of]))
  const loss = (of: 'plan' | 'doNothing') => seen.reduce((sum, each) => sum + each.score.lossUsdPerDay[of], 0)
  const dayLosses = seen.flatMap((each) => each.dayLosses)
  return {
    from: formatInstant(origin + window.from * stepSeconds),
    until: formatInstant(origin + window.to * stepSeconds),
    days: Math.max(...seen.map((each) => (each.plan.ticks * scene.grid.tickSeconds) / secondsPerDay)),
    isReproduced:
      length * stepSeconds > inputs.config.forecast.horizon
        ? null
        : seen.every(({ actor }) => isReproduced(actor, forecast)),
    breachShare: {
      plan: total('plan'),
      doNothing: total('doNothing'),
      stated: plan.header.breachRisk.plan,
      p95: foreseenBreaches(
        seen.map(({ actor }) => actor),
        scene,
        window,
      ),
    },
    lossUsdPerDay: { plan: loss('plan'), doNothing: loss('doNothing') },
    daysBetterUndone: {
      count: dayLosses.filter((day) => day.doNothing < day.plan).length,
      of: dayLosses.length,
    },
    error: weighErrors(seen),
    workloads: seen.map(({ score }) => score),
    unscored: plan.decision.workloads
      .map(workloadId)
      .filter((id) => !seen.some(({ score }) => workloadId(score.workload) === id)),
  }
}

/** Steps of the forecast, `to` excluded. */
interface Window {
  from: number
  to: number
}

/** One workload with what it was given, what it would have had, and what came. */
interface Actor {
  workload: Workload
  report: WorkloadReport
  planned: PlannedWorkload
  /** As the plan before had it. */
  undone: PlannedWorkload
  operation: Operation
  undoneOperation: Operation
  /** What live floors asked for on the demand that came, by tick; undefined where there are none. */
  live: Float64Array | undefined
  undoneLive: Float64Array | undefined
  /** Index in the forecast. */
  index: number
  /** Demand on the grid of the scene. */
  actual: DemandPath
  serving: Float64Array | undefined
}

/** Demand around the forecast, and the grid that it is compared on: it begins some steps before the forecast does. */
interface Scene {
  inputs: ScoreInputs
  grid: LoadGrid
  leadInSteps: number
  actors: Actor[]
}

function stage(inputs: ScoreInputs): Scene {
  const { plan, previous, forecast, before, after } = inputs
  const { stepSeconds, origin, length } = forecast
  const config = onlyPlanned(inputs.config, plan)
  const { environment } = plan.decision
  const placed = placeWorkloads(
    { config, environment, history: before, baseline: plan },
    plan.decision.overrides,
  ).filter(({ workload }) => findWorkload(plan, workload) !== undefined)
  const shortest = Math.min(
    ...[plan, ...(previous === undefined ? [] : [previous])].flatMap(({ decision }) =>
      decision.workloads.map(({ coldStartSeconds }) => coldStartSeconds),
    ),
  )
  const leadInSteps = Math.ceil(leadInSeconds / stepSeconds)
  const grid = createLoadGrid(origin - leadInSteps * stepSeconds, stepSeconds, leadInSteps + length, shortest)
  const actors = placed.flatMap((each): Actor[] => {
    const id = workloadId(each.workload)
    const actual = alignDemand(after, id, grid, leadInSteps + length)
    if (each.index === undefined || actual === undefined) return []
    const planned = placeAsIs(config, each, findWorkload(plan, each.workload)!)
    const last = findWorkload(previous, each.workload)
    const undone = last === undefined ? planned : placeAsIs(config, each, last)
    const serving = inputs.serving?.get(id)
    return [
      {
        workload: each.workload,
        report: reportOf(plan, each.workload)!,
        planned,
        undone,
        operation: operate(config, planned, plan, plan, grid),
        undoneOperation: operate(config, undone, previous, plan, grid),
        live: followLive(inputs, planned, plan, grid),
        undoneLive: followLive(inputs, undone, previous, grid),
        index: each.index,
        actual,
        serving: serving && alignColumn(serving, after, grid, leadInSteps + length),
      },
    ]
  })
  return { inputs, grid, leadInSteps, actors }
}

/** A workload that the plan does not have may lack what sizing it needs. */
function onlyPlanned(config: Config, { decision }: CapacityPlan): Config {
  const isPlanned = ({ model, tenant }: Config['workloads'][number]) =>
    decision.workloads.some((each) => each.model === model && each.tenant === tenant)
  return { ...config, workloads: config.workloads.filter(isPlanned) }
}

/** As a plan has the workload; where it has not, the trigger over minReplicas, under the maximum of the present plan. */
function operate(
  config: Config,
  planned: PlannedWorkload,
  plan: CapacityPlan | undefined,
  present: CapacityPlan,
  grid: LoadGrid,
): Operation {
  const decision = findWorkload(plan, planned.workload)
  const { entry, workload } = planned
  return operateDraft(
    { config },
    {
      planned,
      floors: decision?.floors ?? { minReplicas: entry.minReplicas, windows: [], exceptions: [] },
      hardMaximum: decision?.hardMaximum ?? entry.maxReplicas ?? findWorkload(present, workload)!.hardMaximum,
      target: reportOf(plan, workload)?.reactiveTarget ?? config.planning.reactiveTarget,
    },
    grid,
  )
}

/** The floors that the exporter makes of a plan on the demand that came, by tick, before the template. */
function followLive(
  { config, after }: ScoreInputs,
  { workload, capacity }: PlannedWorkload,
  plan: CapacityPlan | undefined,
  grid: LoadGrid,
): Float64Array | undefined {
  const decision = findWorkload(plan, workload)
  if (decision?.live === undefined) return undefined
  const { stepSeconds } = after
  const leadIn = Math.ceil((liveHistorySeconds + secondsPerDay) / stepSeconds)
  const steps: LoadGrid = {
    start: grid.start - leadIn * stepSeconds,
    tickSeconds: stepSeconds,
    ticksPerStep: 1,
    length: leadIn + grid.length / grid.ticksPerStep,
  }
  const demand = alignDemand(after, workloadId(workload), steps, steps.length)
  if (demand === undefined) return undefined
  const load = busyReplicas(demand, capacity, steps, config.planning.burstFactor)
  const settings = {
    ...decision.live,
    coldStartSeconds: decision.coldStartSeconds,
    everySeconds: config.live.every,
    hardMaximum: decision.hardMaximum,
  }
  const range = { from: grid.start, until: after.start + after.length * stepSeconds }
  const stepGrid = { start: steps.start, stepSeconds }
  return spreadFloors(
    decideFloors(load, stepGrid, settings, () => 0, range),
    grid,
    0,
  )
}

function reportOf(plan: CapacityPlan | undefined, workload: Workload): WorkloadReport | undefined {
  return plan?.reports.find((report) => workloadId(report) === workloadId(workload))
}

/** What came of a workload, step by step on the grid; NaN where nothing is known. Undefined where it never came. */
function alignDemand(
  history: DemandHistory,
  id: string,
  grid: LoadGrid,
  steps: number,
): DemandPath | undefined {
  const demand = history.workloads.find(({ workload }) => workloadId(workload) === id)
  if (demand === undefined) return undefined
  const [requests, inputTokens, outputTokens] = demandMetrics.map((metric) =>
    alignColumn(demand[metric], history, grid, steps),
  )
  return { requests: requests!, inputTokens: inputTokens!, outputTokens: outputTokens! }
}

function alignColumn(
  column: Float64Array,
  { start, stepSeconds }: DemandHistory,
  grid: LoadGrid,
  steps: number,
): Float64Array {
  const offset = Math.round((grid.start - start) / stepSeconds)
  return Float64Array.from({ length: steps }, (_, step) => column[offset + step] ?? Number.NaN)
}

interface ActorRun {
  plan: Shortfall
  doNothing: Shortfall
  /** Idle plus shortfall USD of each local day. */
  dayLosses: Comparison[]
  score: WorkloadScore
  /** WAPE of each whole day; null where nothing came. */
  dayErrors: (number | null)[]
}

function runActor(actor: Actor, scene: Scene, window: Window): ActorRun {
  const { inputs, grid, leadInSteps } = scene
  const { planned, undone, operation, undoneOperation, workload, report, actual } = actor
  const { burstFactor } = inputs.config.planning
  const { config } = inputs
  const [from, to] = [
    (leadInSteps + window.from) * grid.ticksPerStep,
    (leadInSteps + window.to) * grid.ticksPerStep,
  ]
  const own = runLoad(createLoad(actual, planned.capacity, grid, burstFactor), raise(operation, actor.live))
  const other = runLoad(
    createLoad(actual, undone.capacity, grid, burstFactor),
    raise(undoneOperation, actor.undoneLive),
  )
  const price = priceShortfall(planned, config.planning)
  const otherPrice = priceShortfall(undone, config.planning)
  const usd = (ran: Ran, [first, last]: Range, of = price) =>
    priceOutcome(compareRange(ran, first, last), of, grid.tickSeconds)
  const plan = compareRange(own, from, to)
  const doNothing = compareRange(other, from, to)
  const days = (plan.ticks * grid.tickSeconds) / secondsPerDay
  const ranges = dayRanges(grid, planned.entry.timeZone, from, to)
  const lossUsdPerDay = {
    plan: usd(own, [from, to]) / Math.max(days, Number.MIN_VALUE),
    doNothing: usd(other, [from, to], otherPrice) / Math.max(days, Number.MIN_VALUE),
  }
  return {
    plan,
    doNothing,
    dayLosses: ranges
      .filter(({ range: [first, last] }) => compareRange(own, first, last).ticks > 0)
      .map(({ range }) => ({ plan: usd(own, range), doNothing: usd(other, range, otherPrice) })),
    dayErrors: scoreDays(
      inputs.forecast,
      actor.index,
      actual.requests.subarray(leadInSteps),
      window.from,
      window.to,
    ),
    score: {
      workload,
      ...scoreForecast(actor, scene, window),
      backtestWape: report.forecast.wape,
      breachShare: { plan: shareOf([plan]), doNothing: shareOf([doNothing]) },
      lossUsdPerDay,
      floorUnmetShare: unmetFloors(actor, scene, window),
      days: ranges.flatMap(({ date, range: [first, last] }) =>
        describeDay(date, own, first, last, report.dailyPeakReplicas),
      ),
    },
  }
}

function raise(operation: Operation, live: Float64Array | undefined): Operation {
  const { floors, reaction } = operation
  return live === undefined
    ? operation
    : { ...operation, floors: raiseTicks(floors, live, reaction.lagTicks) }
}

type Range = readonly [first: number, last: number]

/** A load with the capacity that was ready for it and the capacity that was paid. */
interface Ran {
  load: Load
  ready: Float64Array
  billed: Float64Array
}

function runLoad(load: Load, { floors, reaction }: Operation): Ran {
  const reactive = reactiveReplicas(load.replicas, reaction)
  return {
    load,
    ready: readyReplicas(reactive, floors.ready),
    billed: readyReplicas(reactive, floors.asked),
  }
}

function compareRange({ load, ready, billed }: Ran, from: number, to: number): Shortfall {
  const part = { replicas: load.replicas.subarray(from, to), requests: load.requests.subarray(from, to) }
  return compareCapacity(part, ready.subarray(from, to), billed.subarray(from, to))
}

function shareOf(shortfalls: readonly Shortfall[]): number {
  const requests = shortfalls.reduce((sum, each) => sum + each.requests, 0)
  return requests > 0 ? shortfalls.reduce((sum, each) => sum + each.breachedRequests, 0) / requests : 0
}

function dayRanges(
  grid: LoadGrid,
  timeZone: string,
  from: number,
  to: number,
): { date: string; range: Range }[] {
  const { dates, dayOfTick } = localDays(grid, timeZone)
  const ranges: { date: string; range: Range }[] = []
  for (let first = from; first < to; ) {
    let last = first
    while (last < to && dayOfTick[last] === dayOfTick[first]) last++
    ranges.push({ date: dates[dayOfTick[first]!]!, range: [first, last] })
    first = last
  }
  return ranges
}

function describeDay(
  date: string,
  ran: Ran,
  from: number,
  to: number,
  foreseen: readonly DailyPeak[],
): DayOutcome[] {
  const shortfall = compareRange(ran, from, to)
  if (shortfall.ticks === 0) return []
  const busy = ran.load.replicas.subarray(from, to)
  return [
    {
      date,
      peakReplicas: busy.reduce((peak, replicas) => Math.max(peak, Math.ceil(replicas - 1e-9) || 0), 0),
      plannedPeak: foreseen.find((peak) => peak.date === date) ?? null,
      breachShare: shareOf([shortfall]),
      floors: shortfall.missingReplicaTicks > 0 ? 'missed' : 'held',
    },
  ]
}

function scoreForecast(
  { index, actual, report }: Actor,
  { inputs: { forecast, before }, leadInSteps }: Scene,
  { from, to }: Window,
): Pick<WorkloadScore, 'forecast' | 'baseline'> {
  const came = actual.requests.subarray(leadInSteps)
  const name = report.forecast.baseline ?? 'seasonal-naive-day'
  const { seed, pathCount, stepSeconds, length } = forecast
  const naive = forecastNaively(before, index, name, {
    horizonSeconds: length * stepSeconds,
    seed,
    pathCount,
  })
  return {
    forecast: scoreOutcome(forecast, index, came, from, to),
    baseline: { name, ...scoreOutcome(naive, 0, came, from, to) },
  }
}

/** A floor counts from the step after which it must have been ready. */
function unmetFloors(
  { serving, operation }: Actor,
  { grid, leadInSteps }: Scene,
  { from, to }: Window,
): number | null {
  if (serving === undefined) return null
  let [known, unmet] = [0, 0]
  for (let step = leadInSteps + from; step < leadInSteps + to; step++) {
    const replicas = serving[step]!
    if (Number.isNaN(replicas)) continue
    // The metrics know the end of a step.
    const floor = operation.floors.ready[(step + 1) * grid.ticksPerStep - 1]!
    known++
    if (replicas < floor) unmet++
  }
  return known > 0 ? unmet / known : null
}

/** The 0.95 quantile over joint paths of the share of requests without capacity, for the time of the window. */
function foreseenBreaches(
  actors: readonly Actor[],
  { inputs, grid, leadInSteps }: Scene,
  window: Window,
): number {
  const { forecast, config } = inputs
  const shares = Float64Array.from({ length: forecast.pathCount }, (_, path) =>
    shareOf(
      actors.map((actor) => {
        const load = createLoad(
          followActual(samplePath(forecast, actor.index, path), actor.actual, leadInSteps, window),
          actor.planned.capacity,
          grid,
          config.planning.burstFactor,
        )
        return compareRange(
          runLoad(load, actor.operation),
          (leadInSteps + window.from) * grid.ticksPerStep,
          (leadInSteps + window.to) * grid.ticksPerStep,
        )
      }),
    ),
  ).sort()
  return sortedQuantile(shares, 0.95)
}

/** A path after the demand that came before the window; steps whose demand is not known count in neither. */
function followActual(
  path: DemandPath,
  actual: DemandPath,
  leadInSteps: number,
  { from }: Window,
): DemandPath {
  const join = (metric: keyof DemandPath) =>
    actual[metric].map((value, step) =>
      step < leadInSteps + from || Number.isNaN(actual.requests[step]!)
        ? value
        : path[metric][step - leadInSteps]!,
    )
  return {
    requests: join('requests'),
    inputTokens: join('inputTokens'),
    outputTokens: join('outputTokens'),
  }
}

/** Errors count by what their demand costs: a cheap model with many requests is not the fleet. */
function weighErrors(runs: readonly (ActorRun & { actor: Actor })[]): ForecastError | null {
  const known = runs.flatMap(({ plan, score: { forecast, backtestWape }, actor, dayErrors }) => {
    if (forecast.wape === null || backtestWape === null) return []
    const { requestsPerSecond } = actor.planned.capacity
    const cost = (plan.requests / requestsPerSecond) * actor.planned.usdPerReplicaHour
    return [{ cost, wape: forecast.wape, backtestWape, dayErrors }]
  })
  const usd = known.reduce((sum, { cost }) => sum + cost, 0)
  if (usd === 0) return null
  const mean = (of: (each: (typeof known)[number]) => number) =>
    known.reduce((sum, each) => sum + each.cost * of(each), 0) / usd
  // A workload of which nothing came on a day was as far off as usual.
  const days = known[0]!.dayErrors.map((_, day) =>
    mean(({ dayErrors, backtestWape }) => (dayErrors[day] ?? backtestWape) - backtestWape),
  )
  return {
    wape: mean(({ wape }) => wape),
    backtestWape: mean(({ backtestWape }) => backtestWape),
    daysWorse: { count: days.filter((excess) => excess > 0).length, of: days.length },
  }
}

/** The plan's own figures have four digits. */
function isReproduced({ index, report }: Actor, forecast: DemandForecast): boolean {
  const { score } = forecast.workloads[index]!
  return (['wape', 'forecastSkill', 'coverage90'] as const).every((figure) => {
    const [again, stated] = [score?.[figure] ?? null, report.forecast[figure]]
    if (again === null || stated === null) return again === stated
    return Math.abs(again - stated) <= 1e-3 * Math.max(Math.abs(stated), 0.01)
  })
}
