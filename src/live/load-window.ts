import { LlmscaleError } from '../kit/errors.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { DemandWindow } from '../metrics/demand-source.js'
import { lastMidnight, liveHistorySeconds, type StepGrid } from '../planning/live-floor.js'
import { busyReplicas } from '../planning/load.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'

/** Demand of the planned workloads in a window; complete steps alone. */
export type ReadDemand = (window: DemandWindow) => Promise<DemandHistory>

/** What is known of loads up to a time. */
interface Known {
  /** End of the last step with a value, by `workloadId`. */
  knownUntil: Map<string, EpochSeconds>
  /** End of the last step of any workload. */
  dataEnd: EpochSeconds
}

/** The load of each workload from 14 days before the last midnight on. */
export interface LoadWindow extends Known {
  midnight: EpochSeconds
  grid: StepGrid
  /** Replicas busy, by `workloadId`; one array for the whole day, NaN where nothing is known yet. */
  loads: Map<string, Float64Array>
  /** What was known at midnight. */
  past: Known
}

/** How a load is made of demand. */
export interface LoadSettings {
  /** By `workloadId`; of others no load is made. */
  capacities: ReadonlyMap<string, ReplicaCapacity>
  burstFactor: number
}

/**
 * Reads what floors need at a time: the 14 days before the last midnight once a day, the steps since at each call. So
 * who starts within a day reads the same as who ran all day, and nothing is held longer than a day.
 * @param before what the call before gave, for the same settings
 * @param until only steps that were over then
 */
export async function readLoadWindow(
  read: ReadDemand,
  before: LoadWindow | undefined,
  until: EpochSeconds,
  settings: LoadSettings,
): Promise<LoadWindow> {
  const midnight = lastMidnight(until)
  const readToday = (stepSeconds: number | undefined) =>
    until > midnight ? readIfAny(read, { from: midnight, until, stepSeconds }) : undefined
  if (before?.midnight === midnight) {
    const today = await readToday(before.grid.stepSeconds)
    if (fits(before, today)) return setToday(before, today, settings)
  }
  const past = await readIfAny(read, { from: midnight - liveHistorySeconds, until: midnight })
  const today = await readToday(past?.stepSeconds)
  const first = past ?? today
  if (first === undefined)
    throw new LlmscaleError('badData', 'NO_ROWS', 'there is no demand in the last 14 days')
  const window = createWindow(first, midnight)
  if (past !== undefined) write(window.past, window, past, settings)
  if (fits(window, today)) return setToday(window, today, settings)
  throw new LlmscaleError(
    'badData',
    'MIXED_STEPS',
    `the steps of today (${today!.stepSeconds} s) and of the days before (${first.stepSeconds} s) are not on one grid`,
    ['Set forecast.step.'],
  )
}

/** A window in which nothing came is no fault here: how old the last demand is tells what to do. */
async function readIfAny(read: ReadDemand, window: DemandWindow): Promise<DemandHistory | undefined> {
  try {
    const history = await read(window)
    return history.length > 0 ? history : undefined
  } catch (error) {
    const isEmpty =
      error instanceof LlmscaleError && ['NO_ROWS', 'NO_SAMPLES', 'HISTORY_TOO_SHORT'].includes(error.code)
    if (!isEmpty) throw error
    return undefined
  }
}

function createWindow({ start, stepSeconds }: DemandHistory, midnight: EpochSeconds): LoadWindow {
  const past: Known = { knownUntil: new Map(), dataEnd: start }
  return { midnight, grid: { start, stepSeconds }, loads: new Map(), past, ...past }
}

function fits({ grid }: LoadWindow, history: DemandHistory | undefined): boolean {
  if (history === undefined) return true
  const offset = (history.start - grid.start) / grid.stepSeconds
  return history.stepSeconds === grid.stepSeconds && Math.abs(offset - Math.round(offset)) < 1e-6
}

/** What the source says of today stands instead of what it said before: late scrapes change the last steps. */
function setToday(window: LoadWindow, today: DemandHistory | undefined, settings: LoadSettings): LoadWindow {
  const { midnight, grid, loads, past } = window
  const first = Math.max(0, Math.ceil((midnight - grid.start) / grid.stepSeconds))
  for (const load of loads.values()) load.fill(Number.NaN, first)
  const known = { knownUntil: new Map(past.knownUntil), dataEnd: past.dataEnd }
  if (today !== undefined) write(known, window, today, settings)
  return { ...window, ...known }
}

/** Adds the loads of a part of the history. */
function write(
  known: Known,
  { midnight, grid, loads }: LoadWindow,
  { start, stepSeconds, length, workloads }: DemandHistory,
  { capacities, burstFactor }: LoadSettings,
): void {
  const offset = Math.round((start - grid.start) / stepSeconds)
  const steps = Math.ceil((midnight + secondsPerDay - grid.start) / stepSeconds)
  for (const demand of workloads) {
    const id = workloadId(demand.workload)
    const capacity = capacities.get(id)
    if (capacity === undefined) continue
    const load = loads.get(id) ?? new Float64Array(steps).fill(Number.NaN)
    loads.set(id, load)
    const busyGrid = { start, tickSeconds: stepSeconds, ticksPerStep: 1, length }
    const busy = busyReplicas(demand, capacity, busyGrid, burstFactor)
    for (let step = Math.max(0, -offset); step < length && offset + step < steps; step++) {
      const replicas = busy[step]!
      // An expression of a user may give what no demand is.
      if (!(replicas >= 0) || replicas === Number.POSITIVE_INFINITY) continue
      load[offset + step] = replicas
      known.knownUntil.set(id, start + (step + 1) * stepSeconds)
    }
  }
  known.dataEnd = Math.max(known.dataEnd, start + length * stepSeconds)
}
