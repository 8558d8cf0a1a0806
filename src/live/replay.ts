import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { csvField } from '../metrics/table-csv.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { raiseFloor } from '../planning/live-floor.js'
import { busyReplicas, type LoadGrid } from '../planning/load.js'
import {
  type Replay,
  type ReplayScore,
  replayAutoscaler,
  scoreReplay,
  spreadFloors,
} from '../planning/replay-live.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import { fitHere } from './fit-models.js'
import { judgeWorkloads, type LiveState } from './live-state.js'
import { planCapacity } from './plan-capacity.js'
import { createRefresher, type RefreshSettings, settleSeconds } from './refresh.js'

/** What was published of one workload from a time on. */
interface ReplayedDecision {
  time: EpochSeconds
  template: number
  /** Before template and maxima; NaN where no floor was followed. */
  live: number
  floor: number
  state: LiveState
}

/** What is compared, in this order. */
export const replayedPolicies = ['reactive', 'template', 'live', 'plan'] as const
type ReplayedPolicy = (typeof replayedPolicies)[number]

interface ReplayedWorkload {
  workload: Workload
  decisions: ReplayedDecision[]
  /** With the floors of the plan, by tick. */
  replay: Replay
  load: Float64Array
  usdPerReplicaHour: number
  scores: Record<ReplayedPolicy, ReplayScore>
}

export interface ReplayResult {
  from: EpochSeconds
  until: EpochSeconds
  grid: LoadGrid
  /** Those of the plan that the history has. */
  workloads: ReplayedWorkload[]
}

/** Ticks on which the autoscaler is replayed: its own interval. */
const tickSeconds = 15
/** Kubernetes' default, and over what the usual trigger averages. */
const stabilisationSeconds = 300
const metricSeconds = 60
/** Floors are made from at least so much history. */
const leastHistorySeconds = secondsPerDay

export interface ReplaySettings extends Omit<RefreshSettings, 'readPlan' | 'fitModels'> {
  plan: CapacityPlan
  /** All of the history; `readDemand` gives parts of the same. */
  history: DemandHistory
  /** Of the first decision; default a day after the begin of the history. */
  from?: EpochSeconds
  /** Share of what is done, 0 … 1. */
  onProgress?: (done: number) => void
}

/**
 * Runs the exporter over a history, with a clock that stands still while it works: each refresh, each state and each
 * floor is made by the code that runs live. Then an autoscaler is replayed above the floors, above those of the template
 * and of the live floor alone, and without any. The plan is taken as valid for all of it.
 */
export async function replayExporter(settings: ReplaySettings): Promise<ReplayResult> {
  const { history } = settings
  const { from = history.start + leastHistorySeconds } = settings
  const until = history.start + history.length * history.stepSeconds
  const decisions = await decide(settings, from, until)
  const ticksPerStep = Math.max(1, Math.ceil(history.stepSeconds / tickSeconds))
  const grid: LoadGrid = {
    start: history.start,
    tickSeconds: history.stepSeconds / ticksPerStep,
    ticksPerStep,
    length: history.length * ticksPerStep,
  }
  const workloads = settings.plan.decision.workloads.flatMap((_, index) =>
    replayWorkload(settings, index, decisions, grid, from),
  )
  return { from, until, grid, workloads }
}

async function decide(
  { plan, everySeconds, onProgress, ...settings }: ReplaySettings,
  from: EpochSeconds,
  until: EpochSeconds,
): Promise<Map<string, ReplayedDecision[]>> {
  const decisions = new Map<string, ReplayedDecision[]>()
  const always = { ...plan, header: { ...plan.header, validUntil: '9999-12-31T00:00:00Z' } }
  const readPlan = async () => ({ plan: always, holds: [], place: 'replay' })
  const clockAt = (time: EpochSeconds) => ({ now: time + settleSeconds, monotone: time })
  const refresher = await createRefresher(
    { ...settings, everySeconds, readPlan, fitModels: fitHere },
    clockAt(from),
  )
  for (let time = Math.ceil(from / everySeconds) * everySeconds; time <= until; time += everySeconds) {
    const at = clockAt(time)
    await refresher.refresh(at)
    for (const { workload, template, floor, forecast, state } of judgeWorkloads(
      refresher.snapshot(),
      at,
      everySeconds,
    )) {
      const id = workloadId(workload)
      const own = decisions.get(id) ?? []
      decisions.set(id, own)
      own.push({ time: at.now, template, live: forecast?.floor ?? Number.NaN, floor, state })
    }
    onProgress?.((time - from) / (until - from))
  }
  return decisions
}

function replayWorkload(
  { plan, config, environment, history }: ReplaySettings,
  index: number,
  all: ReadonlyMap<string, ReplayedDecision[]>,
  grid: LoadGrid,
  from: EpochSeconds,
): ReplayedWorkload[] {
  const decision = plan.decision.workloads[index]!
  const report = plan.reports[index]!
  const id = workloadId(decision)
  const demand = history.workloads.find(({ workload }) => workloadId(workload) === id)
  const decisions = all.get(id)
  if (demand === undefined || decisions === undefined) return []
  const capacity: ReplicaCapacity = planCapacity(config, environment, decision, report)
  const load = busyReplicas(demand, capacity, grid, config.planning.burstFactor)
  const { hardMaximum, coldStartSeconds, live, floors } = decision
  const least = Math.min(...decisions.map(({ template }) => template), floors.minReplicas)
  const minimum = Math.max(1, Math.min(least, floors.minReplicas))
  const autoscaler = {
    tickSeconds: grid.tickSeconds,
    metricSeconds,
    coldStartSeconds,
    stabilisationSeconds,
    hardMaximum,
  }
  const floorsOf: Record<ReplayedPolicy, (each: ReplayedDecision) => number> = {
    reactive: () => minimum,
    template: (each) => each.template,
    live: (each) => (live === undefined ? minimum : raiseFloor(minimum, each.live, { ...live, hardMaximum })),
    plan: (each) => each.floor,
  }
  const range = [Math.round((from - grid.start) / grid.tickSeconds), grid.length] as const
  const runs = replayedPolicies.map((policy) => {
    const spread = decisions.map((each) => ({ time: each.time, floor: floorsOf[policy](each) }))
    const target = policy === 'reactive' ? config.planning.reactiveTarget : report.reactiveTarget
    return replayAutoscaler(load, spreadFloors(spread, grid, minimum), { ...autoscaler, target })
  })
  const scores = Object.fromEntries(
    replayedPolicies.map((policy, at) => [policy, scoreReplay(load, runs[at]!, grid.tickSeconds, range)]),
  ) as Record<ReplayedPolicy, ReplayScore>
  const replay = runs[replayedPolicies.indexOf('plan')]!
  const { usdPerReplicaHour } = report
  return [{ workload: decision, decisions, replay, load, usdPerReplicaHour, scores }]
}

const columns = ['time', 'workload', 'template', 'live', 'floor', 'ready', 'load', 'state', 'reason']

/**
 * A row for each decision, by time and workload: replicas that the template asks for, that the live floor asks for, that
 * stand, that are ready then, and that the load keeps busy. Empty where not known.
 */
export function* replayCsv({ workloads, grid }: ReplayResult): Generator<string> {
  yield `${columns.join(',')}\n`
  const count = Math.max(0, ...workloads.map(({ decisions }) => decisions.length))
  for (let at = 0; at < count; at++) {
    let rows = ''
    for (const { workload, decisions, replay, load } of workloads) {
      const { time, template, live, floor, state } = decisions[at]!
      const tick = Math.floor((time - grid.start) / grid.tickSeconds)
      const fields = [template, live, floor, replay.ready[tick], round(load[tick])].map((value) =>
        value === undefined || Number.isNaN(value) ? '' : String(value),
      )
      rows += `${[formatInstant(time), csvField(workloadId(workload)), ...fields, state.state, state.reason].join(',')}\n`
    }
    yield rows
  }
}

function round(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1000) / 1000
}
