import { shapeName } from '../catalog/gpu-shape.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { sortedQuantile } from '../kit/statistics.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type {
  CapacityPlan,
  Finding,
  FloorTemplate,
  OverrideInForce,
  ReactiveTrigger,
  Reason,
  SkillGate,
  WorkloadDecision,
  WorkloadReport,
} from './capacity-plan.js'
import { readyFloors } from './floor-template.js'
import { planFloors } from './floors.js'
import { createLoadGrid, type LoadGrid } from './load.js'
import { limitMaxima, type Maximum } from './maxima.js'
import { createPools, nodesUsdPerHour, wholeNodes } from './node-group.js'
import { estimateOutcome, type Operation, type Outcome, type PooledGroup } from './outcome.js'
import { findPeaks, type Peaks } from './peaks.js'
import { describeColdStart, groupWorkloads, placeWorkloads, type SharedGroup } from './place-workloads.js'
import { sealPlan } from './plan-file.js'
import type { PlanInputs, PlannedWorkload } from './plan-inputs.js'
import type { Reaction } from './ready-capacity.js'
import { roundFigures } from './round-figures.js'
import { priceShortfall } from './shortfall-price.js'
import { judgeFloors } from './skill-gate.js'

/** A workload's numbers while the plan is made. */
interface Draft {
  planned: PlannedWorkload
  floors: FloorTemplate
  hardMaximum: number
  gate: SkillGate
  reasons: Reason[]
}

/**
 * The capacity plan of one environment: pure, so that the same inputs give the same bytes.
 * Throws INFEASIBLE_POOL, INFEASIBLE_BUDGET, and what sizing throws where no allowed shape fits a model.
 */
export function createPlan(inputs: PlanInputs): CapacityPlan {
  const { config, forecast, history } = inputs
  const { overrides, findings } = readOverrides(config, inputs.now)
  const planned = placeWorkloads(inputs, overrides)
  const shortestColdStart = Math.min(...planned.map((each) => each.capacity.coldStart.totalSeconds))
  const grid = createLoadGrid(forecast.origin, forecast.stepSeconds, forecast.length, shortestColdStart)
  const groups = groupWorkloads(planned, config)
  const peaks = findPeaks(forecast, planned, grid, config.planning.burstFactor, groups)
  const maxima = limitMaxima(planned, peaks, groups, config, overrides)
  const wanted = planned.map((each, index) => draftWorkload(inputs, each, maxima[index]!, overrides, grid))
  const { drafts, pooled, outcome } = fitBudget(inputs, wanted, groups, grid)
  const doNothing = estimateDoNothing(inputs, drafts, pooled, grid)

  const dataThrough = history.start + history.length * history.stepSeconds
  return sealPlan({
    header: roundFigures({
      origin: formatInstant(inputs.now),
      dataThrough: formatInstant(dataThrough),
      validUntil: formatInstant(inputs.now + config.planning.validity),
      baseline: inputs.baseline?.planId ?? null,
      toolVersion: inputs.toolVersion,
      fileDigest: '',
      policy: config.planning.policy,
      cost: {
        provenance: 'estimated',
        usdPerDay: outcome.usdPerDay,
        doNothingUsdPerDay: doNothing.usdPerDay,
        staticPeakUsdPerDay: staticPeakUsdPerDay(drafts, peaks, pooled),
        prices: groups.flatMap(({ group }) => group.prices),
      },
      breachRisk: { plan: outcome.breachRisk, doNothing: doNothing.breachRisk },
      findings: [...findings, ...findGaps(inputs, planned)],
    }),
    decision: roundFigures({
      environment: inputs.environment,
      workloads: drafts.map((draft) => decide(inputs, draft)),
      pools: pooled.flatMap(({ pools }) => pools),
      commitments: [],
      routing: [],
      overrides,
    }),
    reports: roundFigures(
      drafts.map((draft, index) =>
        report(inputs, draft, peaks.daily[index]!, outcome.workloads[index]!, doNothing.workloads[index]!),
      ),
    ),
  })
}

function readOverrides(config: Config, now: number): { overrides: OverrideInForce[]; findings: Finding[] } {
  const overrides: OverrideInForce[] = []
  const findings: Finding[] = []
  for (const { workload, floor, maximum, shape, reason, by, until } of config.overrides) {
    if (until > now) {
      overrides.push({
        workload,
        ...(floor !== undefined && { floor }),
        ...(maximum !== undefined && { maximum }),
        ...(shape !== undefined && { shape }),
        reason,
        by,
        until: formatInstant(until),
      })
    } else {
      const message = `the override of ${workload} by ${by} ended ${formatInstant(until)} and no longer holds: remove it`
      findings.push({ code: 'OVERRIDE_EXPIRED', message })
    }
  }
  return { overrides, findings }
}

/** Workloads without demand and demand without a workload, and what is assumed rather than known. */
function findGaps(
  { config, history, forecast, baseline }: PlanInputs,
  planned: readonly PlannedWorkload[],
): Finding[] {
  const findings: Finding[] = []
  const known = new Set(planned.map((each) => workloadId(each.workload)))
  for (const { workload, index, entry } of planned) {
    const id = workloadId(workload)
    if (index === undefined) {
      const kept = findWorkload(baseline, workload)
        ? 'keeps its last approved floors'
        : `stays at minReplicas ${entry.minReplicas}`
      findings.push({ code: 'WORKLOAD_MISSING', message: `${id} is missing from the metrics and ${kept}` })
    } else if (history.workloads[index]!.tokens !== 'measured') {
      findings.push({
        code: 'LENGTHS_ASSUMED',
        message: `${id} is sized with assumedLengths: the metrics have no tokens`,
      })
    }
    if (config.models[workload.model]?.assumed) {
      findings.push({ code: 'MODEL_ASSUMED', message: `${id} is sized with an assumed architecture` })
    }
    if ((entry.trigger ?? config.trigger) === undefined) {
      findings.push({
        code: 'TRIGGER_MISSING',
        message: `${id} has no reactive trigger: the plan can be read but not rendered`,
      })
    }
  }
  for (const { workload } of baseline?.decision.workloads.map((each) => ({ workload: each })) ?? []) {
    if (!known.has(workloadId(workload))) {
      findings.push({
        code: 'WORKLOAD_REMOVED',
        message: `${workloadId(workload)} is no longer in llmscale.yaml: this plan deletes it`,
      })
    }
  }
  return [...findings, ...forecast.notes.map((message) => ({ code: 'FORECAST', message }))]
}

function findWorkload(plan: CapacityPlan | undefined, workload: Workload): WorkloadDecision | undefined {
  return plan?.decision.workloads.find((each) => workloadId(each) === workloadId(workload))
}

/** Ticks from a load to the ready replica that answers it. */
function lagTicks(planned: PlannedWorkload, config: Config, grid: LoadGrid): number {
  return Math.ceil((config.planning.reaction + planned.capacity.coldStart.totalSeconds) / grid.tickSeconds)
}

/** The reactive trigger without a floor. */
function reactiveAlone(
  planned: PlannedWorkload,
  hardMaximum: number,
  config: Config,
  grid: LoadGrid,
): Reaction {
  return {
    lagTicks: lagTicks(planned, config, grid),
    target: config.planning.reactiveTarget,
    minReplicas: Math.min(planned.entry.minReplicas, hardMaximum),
    hardMaximum,
  }
}

function draftWorkload(
  inputs: PlanInputs,
  planned: PlannedWorkload,
  maximum: Maximum,
  overrides: readonly OverrideInForce[],
  grid: LoadGrid,
): Draft {
  const { config, history, pastForecasts, forecast } = inputs
  const id = workloadId(planned.workload)
  const last = findWorkload(inputs.baseline, planned.workload)
  const unscored = (message: string): SkillGate => ({
    open: false,
    floorSkill: null,
    low: null,
    high: null,
    origins: 0,
    message,
  })
  const reasons: Reason[] = [
    { field: 'shape', value: shapeName(planned.shape), because: planned.shapeReason },
    {
      field: 'coldStart',
      value: formatDuration(Math.round(planned.capacity.coldStart.totalSeconds)),
      because: describeColdStart(planned),
    },
  ]
  const draft = (
    floors: FloorTemplate,
    hardMaximum: number,
    gate: SkillGate,
    floorsBecause: string,
    maximumBecause: string,
  ): Draft => ({
    planned,
    floors,
    hardMaximum,
    gate,
    reasons: [
      ...reasons,
      { field: 'floors', value: describeFloors(floors), because: floorsBecause },
      { field: 'hardMaximum', value: String(hardMaximum), because: maximumBecause },
    ],
  })

  if (planned.index === undefined && last !== undefined) {
    const kept = 'missing from the metrics: the last approved plan stands'
    return draft(last.floors, last.hardMaximum, unscored(kept), kept, kept)
  }
  const minimum: FloorTemplate = {
    minReplicas: Math.min(planned.entry.minReplicas, maximum.replicas),
    windows: [],
    exceptions: [],
  }
  const override = overrides.find(({ workload, floor }) => workload === id && floor !== undefined)
  if (override !== undefined) {
    const because = `override by ${override.by} until ${override.until}: ${override.reason}`
    const hardMaximum = Math.max(maximum.replicas, override.floor!)
    return draft(
      { ...minimum, minReplicas: override.floor! },
      hardMaximum,
      unscored(because),
      because,
      maximum.because,
    )
  }
  if (planned.index === undefined) {
    return draft(
      minimum,
      maximum.replicas,
      unscored('no demand is known'),
      'no demand is known',
      maximum.because,
    )
  }
  const alone = reactiveAlone(planned, maximum.replicas, config, grid)
  const { because, ...price } = priceShortfall(planned, config.planning)
  const settings = {
    capacity: planned.capacity,
    timeZone: planned.entry.timeZone,
    reaction: { ...alone, target: config.planning.reactiveTargetWithFloor },
    price,
    burstFactor: config.planning.burstFactor,
  }
  const gate = judgeFloors(pastForecasts, history, planned.index, settings, config.forecast.seed)
  if (!gate.open)
    return draft(minimum, maximum.replicas, gate, `the gate is closed: ${gate.message}`, maximum.because)
  const floors = planFloors(forecast, planned.index, settings, grid)
  const lead = formatDuration(Math.ceil(planned.capacity.coldStart.totalSeconds / 60) * 60)
  return draft(
    floors,
    maximum.replicas,
    gate,
    `${gate.message}; newsvendor with ${because}; windows start ${lead} early`,
    maximum.because,
  )
}

function describeFloors({ minReplicas, windows }: FloorTemplate): string {
  if (windows.length === 0) return `${minReplicas} all week`
  const most = windows.reduce((replicas, window) => Math.max(replicas, window.replicas), 0)
  return `${minReplicas} … ${most} in ${windows.length} windows`
}

function hasFloors(draft: Draft): boolean {
  return draft.floors.windows.length > 0 || draft.floors.minReplicas > draft.planned.entry.minReplicas
}

function operate(inputs: PlanInputs, draft: Draft, grid: LoadGrid): Operation {
  const { planned, floors, hardMaximum } = draft
  const { reactiveTarget, reactiveTargetWithFloor } = inputs.config.planning
  return {
    floors: readyFloors(floors, planned.capacity.coldStart.totalSeconds, grid, planned.entry.timeZone),
    reaction: {
      ...reactiveAlone(planned, hardMaximum, inputs.config, grid),
      target: hasFloors(draft) ? reactiveTargetWithFloor : reactiveTarget,
    },
  }
}

/** Pools hold all hard maxima at once, so that a workload at its maximum never waits for a node limit. */
function poolNodes(drafts: readonly Draft[], groups: readonly SharedGroup[], spotCap: number): PooledGroup[] {
  return groups.map(({ group, members }) => {
    const nodes = members.reduce(
      (sum, index) => sum + drafts[index]!.hardMaximum * drafts[index]!.planned.nodesPerReplica,
      0,
    )
    return { group, members, pools: createPools(group, wholeNodes(nodes), spotCap) }
  })
}

/**
 * Lowers all maxima by one factor until the 90th percentile of a day's cost is within the budget.
 * Floors are cut with them. Throws INFEASIBLE_BUDGET where even the minima cost more.
 */
function fitBudget(
  inputs: PlanInputs,
  wanted: readonly Draft[],
  groups: readonly SharedGroup[],
  grid: LoadGrid,
): { drafts: Draft[]; pooled: PooledGroup[]; outcome: Outcome } {
  const { config, forecast } = inputs
  const budget = config.environments[inputs.environment]!.budget?.usdPerDay
  const attempt = (factor: number) => {
    const drafts = factor === 1 ? [...wanted] : wanted.map((draft) => cutDraft(draft, factor, budget!))
    const pooled = poolNodes(drafts, groups, config.planning.spotCap)
    const operations = drafts.map((draft) => operate(inputs, draft, grid))
    const planned = drafts.map((draft) => draft.planned)
    return {
      drafts,
      pooled,
      outcome: estimateOutcome(forecast, planned, operations, grid, config.planning.burstFactor, pooled),
    }
  }
  const full = attempt(1)
  if (budget === undefined || full.outcome.usdPerDay.p90 <= budget) return full
  let fitting = attempt(0)
  if (fitting.outcome.usdPerDay.p90 > budget) {
    const least = Math.ceil(fitting.outcome.usdPerDay.p90)
    const field = `environments.${inputs.environment}.budget.usdPerDay`
    throw new LlmscaleError(
      'infeasible',
      'INFEASIBLE_BUDGET',
      `${field}: ${budget} is less than the ${least} USD a day that minReplicas of all workloads cost (estimated)`,
      [`Set ${field} to at least ${least}, or lower minReplicas.`],
    )
  }
  let [low, high] = [0, 1]
  for (let round = 0; round < 8; round++) {
    const middle = (low + high) / 2
    const candidate = attempt(middle)
    if (candidate.outcome.usdPerDay.p90 > budget) high = middle
    else {
      low = middle
      fitting = candidate
    }
  }
  return fitting
}

function cutDraft(draft: Draft, factor: number, budgetUsdPerDay: number): Draft {
  const least = draft.planned.entry.minReplicas
  const hardMaximum = Math.max(Math.min(least, draft.hardMaximum), Math.floor(draft.hardMaximum * factor))
  if (hardMaximum === draft.hardMaximum) return draft
  const minReplicas = Math.min(draft.floors.minReplicas, hardMaximum)
  const windows = draft.floors.windows
    .map((window) => ({ ...window, replicas: Math.min(window.replicas, hardMaximum) }))
    .filter((window) => window.replicas > minReplicas)
  const because = `budget ${budgetUsdPerDay} USD a day; demand would need ${draft.hardMaximum}`
  return {
    ...draft,
    hardMaximum,
    floors: { ...draft.floors, minReplicas, windows },
    reasons: draft.reasons.map((reason) =>
      reason.field === 'hardMaximum' ? { ...reason, value: String(hardMaximum), because } : reason,
    ),
  }
}

/** The plan in force; for a workload that has none, the reactive trigger over `minReplicas`. */
function estimateDoNothing(
  inputs: PlanInputs,
  drafts: readonly Draft[],
  pooled: readonly PooledGroup[],
  grid: LoadGrid,
): Outcome {
  const operations = drafts.map((draft) => {
    const last = findWorkload(inputs.baseline, draft.planned.workload)
    const { entry } = draft.planned
    const unplanned = { minReplicas: entry.minReplicas, windows: [], exceptions: [] }
    return operate(
      inputs,
      {
        ...draft,
        floors: last?.floors ?? unplanned,
        hardMaximum: last?.hardMaximum ?? entry.maxReplicas ?? draft.hardMaximum,
      },
      grid,
    )
  })
  const planned = drafts.map((draft) => draft.planned)
  return estimateOutcome(
    inputs.forecast,
    planned,
    operations,
    grid,
    inputs.config.planning.burstFactor,
    pooled,
  )
}

/** All day at the replicas of the 0.99 quantile of the peak: what sizing by hand costs. */
function staticPeakUsdPerDay(drafts: readonly Draft[], peaks: Peaks, pooled: readonly PooledGroup[]): number {
  return pooled.reduce((usd, { group, pools, members }) => {
    const nodes = members.reduce((sum, index) => {
      const replicas = Math.max(
        sortedQuantile(peaks.replicas[index]!, 0.99),
        drafts[index]!.floors.minReplicas,
      )
      return sum + Math.ceil(replicas) * drafts[index]!.planned.nodesPerReplica
    }, 0)
    return usd + 24 * nodesUsdPerHour(group, pools, wholeNodes(nodes))
  }, 0)
}

function decide({ config }: PlanInputs, draft: Draft): WorkloadDecision {
  const { planned, floors, hardMaximum } = draft
  return {
    ...planned.workload,
    target: planned.entry.target,
    shape: planned.shape,
    timeZone: planned.entry.timeZone,
    floors,
    hardMaximum,
    trigger: createTrigger(config, draft),
    coldStartSeconds: planned.capacity.coldStart.totalSeconds,
  }
}

function createTrigger({ trigger: shared, planning }: Config, draft: Draft): ReactiveTrigger | null {
  const { planned } = draft
  const trigger = planned.entry.trigger ?? shared
  if (trigger === undefined) return null
  const target = hasFloors(draft) ? planning.reactiveTargetWithFloor : planning.reactiveTarget
  return {
    serverAddress: trigger.serverAddress,
    query: trigger.query
      .replaceAll('{model}', planned.workload.model)
      .replaceAll('{region}', planned.workload.region),
    thresholdPerReplica:
      trigger.threshold ?? Math.max(1, Math.floor(planned.capacity.maximumConcurrency * target)),
  }
}

function report(
  { forecast }: PlanInputs,
  draft: Draft,
  dailyPeakReplicas: WorkloadReport['dailyPeakReplicas'],
  outcome: Outcome['workloads'][number],
  doNothing: Outcome['workloads'][number],
): WorkloadReport {
  const { planned } = draft
  const series = planned.index === undefined ? undefined : forecast.workloads[planned.index]
  return {
    ...planned.workload,
    meanLengths: {
      inputTokens: planned.capacity.lengths.inputTokens,
      outputTokens: planned.capacity.lengths.outputTokens,
    },
    requestsPerSecondPerReplica: planned.capacity.requestsPerSecond,
    capacityProvenance: planned.capacity.provenance,
    usdPerReplicaHour: planned.usdPerReplicaHour,
    dailyPeakReplicas,
    breachRisk: { plan: outcome.breachRisk, doNothing: doNothing.breachRisk },
    usdPerDay: { plan: outcome.usdPerDay, doNothing: doNothing.usdPerDay },
    forecast: {
      model: series?.model ?? 'none',
      forecastSkill: series?.score?.forecastSkill ?? null,
      baseline: series?.score?.baseline ?? null,
      wape: series?.score?.wape ?? null,
      coverage90: series?.score?.coverage90 ?? null,
      origins: series?.score?.origins ?? 0,
    },
    gate: draft.gate,
    reasons: draft.reasons,
  }
}
