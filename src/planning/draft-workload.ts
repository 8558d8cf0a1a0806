import { shapeName } from '../catalog/gpu-shape.js'
import type { Config } from '../config/schema.js'
import { formatDuration } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import type { FloorTemplate, OverrideInForce, Reason, SkillGate } from './capacity-plan.js'
import { readyFloors } from './floor-template.js'
import { type FloorPlan, planFloors } from './floors.js'
import type { LoadGrid } from './load.js'
import type { Maximum } from './maxima.js'
import type { Operation } from './outcome.js'
import { describeColdStart } from './place-workloads.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'
import type { Reaction } from './ready-capacity.js'
import { priceShortfall } from './shortfall-price.js'
import { judgeFloors } from './skill-gate.js'

/** A workload's numbers while the plan is made, with the reason of each. */
export interface Draft extends FloorPlan {
  planned: PlannedWorkload
  hardMaximum: number
  gate: SkillGate
  reasons: Reason[]
}

/** Floors and what they are for. */
interface DraftFloors extends FloorPlan {
  gate: SkillGate
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
  const last = findWorkload(inputs.baseline, planned.workload)
  const isKept = planned.index === undefined && last !== undefined
  const kept = 'missing from the metrics: the last approved plan stands'
  const bound = isKept ? { replicas: last.hardMaximum, because: kept } : maximum
  const floors = isKept
    ? { floors: last.floors, target: lastTarget(inputs, planned), gate: notScored(kept), because: kept }
    : draftFloors(inputs, planned, bound.replicas, overrides, grid)
  const hardMaximum = Math.max(bound.replicas, floors.floors.minReplicas)
  const coldStartSeconds = Math.round(planned.capacity.coldStart.totalSeconds)
  return {
    planned,
    floors: floors.floors,
    target: floors.target,
    gate: floors.gate,
    hardMaximum,
    reasons: [
      { field: 'shape', value: shapeName(planned.shape), because: planned.shapeReason },
      { field: 'coldStart', value: formatDuration(coldStartSeconds), because: describeColdStart(planned) },
      { field: 'floors', value: summarizeFloors(floors.floors), because: floors.because },
      {
        field: 'reactiveTarget',
        value: String(floors.target),
        because: describeTarget(inputs.config, floors),
      },
      { field: 'hardMaximum', value: String(hardMaximum), because: bound.because },
    ],
  }
}

function draftFloors(
  inputs: PlanInputs,
  planned: PlannedWorkload,
  hardMaximum: number,
  overrides: readonly OverrideInForce[],
  grid: LoadGrid,
): DraftFloors {
  const { config, history, forecast } = inputs
  const target = config.planning.reactiveTarget
  const constant = (minReplicas: number): FloorTemplate => ({ minReplicas, windows: [], exceptions: [] })
  const minimum = constant(Math.min(planned.entry.minReplicas, hardMaximum))
  const id = workloadId(planned.workload)
  const override = overrides.find(({ workload, floor }) => workload === id && floor !== undefined)
  if (override !== undefined) {
    const because = `override by ${override.by} until ${override.until}: ${override.reason}`
    return { floors: constant(override.floor!), target, gate: notScored(because), because }
  }
  if (planned.index === undefined) {
    const because = 'no demand is known'
    return { floors: minimum, target, gate: notScored(because), because }
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
  const gate = judgeFloors(inputs.pastForecasts, history, planned.index, settings, config.forecast.seed)
  if (!gate.open) return { floors: minimum, target, gate, because: `the gate is closed: ${gate.message}` }
  const lead = formatDuration(Math.ceil(planned.capacity.coldStart.totalSeconds / 60) * 60)
  return {
    ...planFloors(forecast, planned.index, settings, grid),
    gate,
    because: `${gate.message}; newsvendor with ${because}; windows start ${lead} early`,
  }
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

function describeTarget({ planning }: Config, { gate, target }: DraftFloors): string {
  if (!gate.open) return 'planning.reactiveTarget, as nothing stands for the ramps'
  const range = `${planning.reactiveTarget} … ${planning.reactiveTargetWithFloor}`
  return `the cheapest with these floors of ${range}; ${target} of a replica's concurrency`
}

function summarizeFloors({ minReplicas, windows }: FloorTemplate): string {
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

/** How a draft runs on a grid. */
export function operateDraft(
  { config }: PlanInputs,
  draft: Omit<Draft, 'gate' | 'reasons'>,
  grid: LoadGrid,
): Operation {
  const { planned, floors, hardMaximum, target } = draft
  return {
    floors: readyFloors(floors, planned.capacity.coldStart.totalSeconds, grid, planned.entry.timeZone),
    reaction: { ...reactionBounds(planned, hardMaximum, config, grid), target },
  }
}

/** How a workload runs if nothing is done: by the plan in force, or by the trigger over `minReplicas` where there is none. */
export function operateAsIs(inputs: PlanInputs, draft: Draft, grid: LoadGrid): Operation {
  const { planned } = draft
  const last = findWorkload(inputs.baseline, planned.workload)
  const floors = last?.floors ?? { minReplicas: planned.entry.minReplicas, windows: [], exceptions: [] }
  const hardMaximum = last?.hardMaximum ?? planned.entry.maxReplicas ?? draft.hardMaximum
  return operateDraft(inputs, { planned, floors, hardMaximum, target: lastTarget(inputs, planned) }, grid)
}
