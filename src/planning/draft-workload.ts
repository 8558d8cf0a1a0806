import { shapeName } from '../catalog/gpu-shape.js'
import type { Config } from '../config/schema.js'
import { formatDuration } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import type { FloorTemplate, LiveFloor, OverrideInForce, Reason, SkillGate } from './capacity-plan.js'
import { planDatedFloors } from './dated-floors.js'
import { tickFloors } from './floor-template.js'
import type { FloorPlan, FloorSettings } from './floors.js'
import type { LiveErrors } from './live-errors.js'
import { describeLiveFloor } from './live-floor.js'
import { judgeLiveFloor, liveQuantileChoices, liveTarget } from './live-gate.js'
import type { LoadGrid } from './load.js'
import { describeOverride, floorOverride, keptBecause, type Maximum } from './maxima.js'
import type { Operation } from './outcome.js'
import { describeColdStart, placeAsIs } from './place-workloads.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'
import type { Reaction } from './ready-capacity.js'
import { priceShortfall } from './shortfall-price.js'
import { judgeFloors, type PastDays, renewDaily } from './skill-gate.js'

/** A workload's numbers while the plan is made, with the reason of each. */
export interface Draft extends FloorPlan {
  planned: PlannedWorkload
  /** Replicas that are always there: `minReplicas` or a person's floor. */
  leastReplicas: number
  hardMaximum: number
  gate: SkillGate
  /** Undefined where llmscale.yaml wants no live floors. */
  liveGate: SkillGate | undefined
  /** Only where that is open. */
  live: LiveFloor | undefined
  /** How far its forecasts were off on past days, for estimates; undefined where there were none. */
  liveErrors: LiveErrors | undefined
  reasons: Reason[]
}

/** Floors and what they are for. */
interface DraftFloors extends FloorPlan, Pick<Draft, 'gate' | 'liveGate' | 'live' | 'liveErrors'> {
  because: string
}

/** The numbers of one workload: its floors, if the gate opens, and the target of its trigger, under its hard maximum. */
export function draftWorkload(
  inputs: PlanInputs,
  planned: PlannedWorkload,
  maximum: Maximum,
  overrides: readonly OverrideInForce[],
  grid: LoadGrid,
): Draft {
  const own = overrides.filter(({ workload }) => workload === workloadId(planned.workload))
  const computed = draftFloors(inputs, planned, maximum, grid)
  const { floors, because } = raiseFloors(computed, floorOverride(own))
  const coldStartSeconds = Math.round(planned.capacity.coldStart.totalSeconds)
  return {
    planned,
    floors,
    target: computed.target,
    gate: computed.gate,
    liveGate: computed.liveGate,
    live: computed.live,
    liveErrors: computed.liveErrors,
    leastReplicas: maximum.leastReplicas,
    hardMaximum: maximum.replicas,
    reasons: [
      { field: 'shape', value: shapeName(planned.shape), because: planned.shapeReason },
      { field: 'coldStart', value: formatDuration(coldStartSeconds), because: describeColdStart(planned) },
      { field: 'floors', value: summarizeFloors(floors), because },
      ...(computed.liveGate === undefined ? [] : [describeLive(computed.liveGate, computed.live)]),
      { field: 'reactiveTarget', value: String(computed.target), because: describeTarget(inputs, computed) },
      { field: 'hardMaximum', value: String(maximum.replicas), because: maximum.because },
    ],
  }
}

function draftFloors(
  inputs: PlanInputs,
  planned: PlannedWorkload,
  { replicas: hardMaximum, peakReplicas }: Maximum,
  grid: LoadGrid,
): DraftFloors {
  const { config, history, forecast } = inputs
  const target = config.planning.reactiveTarget
  const minReplicas = Math.min(planned.entry.minReplicas, hardMaximum)
  const minimum: FloorTemplate = { minReplicas, windows: [], exceptions: [] }
  if (planned.index === undefined) {
    const last = findWorkload(inputs.baseline, planned.workload)
    const because = last === undefined ? 'no demand is known' : keptBecause
    const floors = last === undefined ? minimum : cutFloors(last.floors, hardMaximum)
    const live = config.live.enabled ? cutLive(last?.live, hardMaximum) : undefined
    const gate = notScored(because)
    const liveGate = config.live.enabled ? gate : undefined
    const target = lastTarget(inputs, planned)
    return { floors, target, gate, liveGate, live, liveErrors: undefined, because }
  }
  const { because, ...price } = priceShortfall(planned, config.planning)
  const settings = {
    capacity: planned.capacity,
    timeZone: planned.entry.timeZone,
    bounds: reactionBounds(planned, hardMaximum, config, grid),
    targets: targetsAboveFloors(config),
    price,
    burstFactor: config.planning.burstFactor,
  }
  const past = renewDaily(inputs.pastForecasts, history, planned.index, settings)
  const gate = judgeFloors(past, settings, config.forecast.seed)
  const live = draftLive(inputs, planned, past, settings, peakReplicas, gate.open)
  if (!gate.open) {
    const why = `the gate is closed: ${gate.message}`
    return { floors: minimum, target, gate, because: why, ...live }
  }
  const lead = formatDuration(Math.ceil(planned.capacity.coldStart.totalSeconds / 60) * 60)
  return {
    ...planDatedFloors(
      forecast,
      planned.index,
      settings,
      grid,
      inputs.dated?.get(workloadId(planned.workload)) ?? [],
    ),
    gate,
    because: `${gate.message}; newsvendor with ${because}; windows start ${lead} early`,
    ...live,
  }
}

/** How far the floor may be raised between reviews, and the target that goes with it; neither where its gate is closed. */
function draftLive(
  { config, history }: PlanInputs,
  planned: PlannedWorkload,
  past: PastDays,
  settings: FloorSettings,
  maximum: number,
  hasTemplate: boolean,
): Pick<Draft, 'liveGate' | 'live' | 'liveErrors'> & { target?: number } {
  if (!config.live.enabled) return { liveGate: undefined, live: undefined, liveErrors: undefined }
  const quantiles =
    config.live.quantile === undefined ? liveQuantileChoices(settings.price) : [config.live.quantile]
  const { hardMaximum } = settings.bounds
  const coldStartSeconds = planned.capacity.coldStart.totalSeconds
  const liveSettings = { coldStartSeconds, everySeconds: config.live.every, maximum, hardMaximum }
  const verdict = judgeLiveFloor(
    past,
    history,
    planned.index!,
    settings,
    liveSettings,
    quantiles,
    hasTemplate,
    config.forecast.seed,
  )
  const { gate: liveGate, quantile, errors: liveErrors } = verdict
  if (!liveGate.open) return { liveGate, live: undefined, liveErrors }
  return { liveGate, live: { quantile, maximum }, liveErrors, target: liveTarget(settings) }
}

/** The same live floor, not above a maximum. */
export function cutLive(live: LiveFloor | undefined, hardMaximum: number): LiveFloor | undefined {
  return live && { ...live, maximum: Math.min(live.maximum, hardMaximum) }
}

function describeLive(gate: SkillGate, live: LiveFloor | undefined): Reason {
  return live === undefined
    ? { field: 'live', value: 'none', because: `its gate is closed: ${gate.message}` }
    : { field: 'live', value: describeLiveFloor(live), because: gate.message }
}

/** A person's floor holds at all times, beside the computed windows that are above it. */
function raiseFloors(
  { floors, because }: DraftFloors,
  override: OverrideInForce | undefined,
): { floors: FloorTemplate; because: string } {
  if (override === undefined || override.floor! <= floors.minReplicas) return { floors, because }
  const minReplicas = override.floor!
  const windows = floors.windows.filter((window) => window.replicas > minReplicas)
  return {
    floors: { ...floors, minReplicas, windows },
    because: `${describeOverride(override)}; above it, ${because}`,
  }
}

/** The same floors, none above a maximum. */
export function cutFloors(floors: FloorTemplate, hardMaximum: number): FloorTemplate {
  const minReplicas = Math.min(floors.minReplicas, hardMaximum)
  const windows = floors.windows
    .map((window) => ({ ...window, replicas: Math.min(window.replicas, hardMaximum) }))
    .filter((window) => window.replicas > minReplicas)
  const exceptions = floors.exceptions
    .map((exception) => ({ ...exception, replicas: Math.min(exception.replicas, hardMaximum) }))
    .filter((exception) => exception.replicas > minReplicas)
  return { ...floors, minReplicas, windows, exceptions }
}

function notScored(message: string): SkillGate {
  return { open: false, floorSkill: null, low: null, high: null, origins: 0, message }
}

/** From the target without a floor to the largest with one. */
function targetsAboveFloors({ planning }: Config): number[] {
  const { reactiveTarget, reactiveTargetWithFloor } = planning
  return [reactiveTarget, (reactiveTarget + reactiveTargetWithFloor) / 2, reactiveTargetWithFloor]
}

function lastTarget({ config, baseline }: PlanInputs, { workload }: PlannedWorkload): number {
  const report = baseline?.reports.find((each) => workloadId(each) === workloadId(workload))
  return report?.reactiveTarget ?? config.planning.reactiveTarget
}

function describeTarget(inputs: PlanInputs, { gate, live, target, because }: DraftFloors): string {
  const { planning } = inputs.config
  if (because === keptBecause) return keptBecause
  if (live !== undefined) return 'planning.reactiveTargetWithFloor, as a live floor stands for the ramps'
  if (!gate.open) return 'planning.reactiveTarget, as nothing stands for the ramps'
  const range = `${planning.reactiveTarget} … ${planning.reactiveTargetWithFloor}`
  return `the cheapest with these floors of ${range}; ${target} of a replica's concurrency`
}

export function summarizeFloors({ minReplicas, windows }: FloorTemplate): string {
  if (windows.length === 0) return `${minReplicas} all week`
  const most = windows.reduce((replicas, window) => Math.max(replicas, window.replicas), 0)
  return `${minReplicas} … ${most} in ${windows.length} windows`
}

/** The reactive trigger of a workload, without its target. */
function reactionBounds(
  planned: PlannedWorkload,
  hardMaximum: number,
  config: Config,
  grid: LoadGrid,
): Omit<Reaction, 'target'> {
  const delaySeconds = config.planning.reaction + planned.capacity.coldStart.totalSeconds
  return {
    lagTicks: Math.ceil(delaySeconds / grid.tickSeconds),
    minReplicas: Math.min(planned.entry.minReplicas, hardMaximum),
    hardMaximum,
  }
}

/** How a workload runs on a grid with floors, a hard maximum and a target. */
export function operateDraft(
  { config }: Pick<PlanInputs, 'config'>,
  draft: Pick<Draft, 'planned' | 'floors' | 'hardMaximum' | 'target'> &
    Partial<Pick<Draft, 'live' | 'liveErrors'>>,
  grid: LoadGrid,
): Operation {
  const { planned, floors, hardMaximum, target, live, liveErrors } = draft
  return {
    ...(live === undefined || liveErrors === undefined
      ? {}
      : { live: { errors: liveErrors, maximum: Math.min(live.maximum, hardMaximum) } }),
    floors: tickFloors(floors, planned.capacity.coldStart.totalSeconds, grid, planned.entry.timeZone),
    reaction: { ...reactionBounds(planned, hardMaximum, config, grid), target },
  }
}

/**
 * A workload if nothing is done: as the plan in force has it, on that plan's shape; where there is none, the trigger
 * over `minReplicas`.
 */
export function leaveAsIs(inputs: PlanInputs, draft: Draft): Draft {
  const last = findWorkload(inputs.baseline, draft.planned.workload)
  const { entry } = draft.planned
  if (last === undefined) {
    const floors = { minReplicas: entry.minReplicas, windows: [], exceptions: [] }
    const hardMaximum = entry.maxReplicas ?? draft.hardMaximum
    return { ...draft, floors, live: undefined, hardMaximum, target: inputs.config.planning.reactiveTarget }
  }
  const target = lastTarget(inputs, draft.planned)
  const planned = placeAsIs(inputs.config, draft.planned, last)
  return { ...draft, planned, floors: last.floors, live: last.live, hardMaximum: last.hardMaximum, target }
}
