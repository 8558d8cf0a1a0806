import type { EpochSeconds } from '../kit/units.js'
import {
  createLiveFloor,
  type LiveForecast,
  type LiveSettings,
  raiseFloor,
  type StepGrid,
} from './live-floor.js'
import type { LoadGrid } from './load.js'

/** What is decided of one workload at one time. */
export interface LiveDecision {
  time: EpochSeconds
  template: number
  live: LiveForecast
  /** That stands from now until the next one. */
  floor: number
}

/**
 * What a live run decides over a history from a time on, every `everySeconds` on the clock, each time from the steps
 * that were complete.
 *
 * @param load replicas busy by step, NaN where unknown
 * @param templateAt floor that the template asks for
 */
export function decideFloors(
  load: Float64Array,
  grid: StepGrid,
  settings: LiveSettings,
  templateAt: (time: EpochSeconds) => number,
  { from, until }: { from: EpochSeconds; until: EpochSeconds },
): LiveDecision[] {
  const liveFloor = createLiveFloor(load, grid, settings)
  const { everySeconds } = settings
  const decisions: LiveDecision[] = []
  for (let time = Math.ceil(from / everySeconds) * everySeconds; time < until; time += everySeconds) {
    const live = liveFloor(Math.floor((time - grid.start) / grid.stepSeconds))
    const template = templateAt(time)
    decisions.push({ time, template, live, floor: raiseFloor(template, live.floor, settings) })
  }
  return decisions
}

/** Floors by tick: each decision from its time until the next; before the first, `before`. */
export function spreadFloors(
  decisions: readonly Pick<LiveDecision, 'time' | 'floor'>[],
  grid: LoadGrid,
  before: number,
): Float64Array {
  const floors = new Float64Array(grid.length)
  let next = 0
  let floor = before
  for (let tick = 0; tick < floors.length; tick++) {
    const time = grid.start + tick * grid.tickSeconds
    while (next < decisions.length && decisions[next]!.time <= time) floor = decisions[next++]!.floor
    floors[tick] = floor
  }
  return floors
}

/** A HorizontalPodAutoscaler and the pods that it drives. */
export interface Autoscaler {
  tickSeconds: number
  /** Utilisation that its trigger aims at, 0 … 1. */
  target: number
  /** Over which the trigger's metric is averaged. */
  metricSeconds: number
  coldStartSeconds: number
  /** Of the highest recommendation, before it scales down. */
  stabilisationSeconds: number
  hardMaximum: number
  /**
   * True where floors are its `minReplicas`, which may fall at once; by default they are a trigger beside the other, and
   * held for the stabilisation as it is.
   */
  floorsAreMinimum?: boolean
}

/** What came of a replay, by tick; all NaN where the load is not known. */
export interface Replay {
  ready: Float64Array
  /** From the request of a replica until its removal and the drain that follows. */
  billed: Float64Array
  /** Load, in replicas busy, that did not start within its tick. */
  late: Float64Array
}

// Kubernetes' defaults
// (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details, #default-behavior).
const syncSeconds = 15
const tolerance = 0.1
const upFactor = 2
const upReplicas = 4
// A backlog is to be worked off within a minute; what waits longer has left. A pod that is taken away ends its requests.
const backlogSeconds = 60
const drainSeconds = 60

/**
 * Runs an autoscaler over a load, tick by tick: every 15 s the wanted replicas from load and backlog, with its tolerance
 * against ready and pending ones, at least the floor; up by the double or 4 replicas, down to the highest of what was
 * wanted in the stabilisation window, the youngest pending pods first. Requests wait in line; one that does not start
 * within its tick is late. Where the load is unknown, nothing is scaled.
 *
 * @param load replicas busy by tick
 * @param floors by tick
 */
export function replayAutoscaler(load: Float64Array, floors: Float64Array, autoscaler: Autoscaler): Replay {
  const { tickSeconds, hardMaximum } = autoscaler
  const replay: Replay = {
    ready: new Float64Array(load.length).fill(Number.NaN),
    billed: new Float64Array(load.length).fill(Number.NaN),
    late: new Float64Array(load.length).fill(Number.NaN),
  }
  const first = load.find((replicas) => !Number.isNaN(replicas)) ?? 0
  const pods = createPods(Math.max(floors[0]!, Math.ceil(first / autoscaler.target)), autoscaler)
  const wanted = createWindow(Math.max(1, Math.round(autoscaler.stabilisationSeconds / tickSeconds)))
  const metricTicks = Math.max(1, Math.round(autoscaler.metricSeconds / tickSeconds))
  const ticksPerSync = Math.max(1, Math.round(syncSeconds / tickSeconds))
  const syncsPerTick = Math.max(1, Math.round(tickSeconds / syncSeconds))
  const line = createLine(tickSeconds)
  let sum = 0
  for (let tick = 0; tick < load.length; tick++) {
    pods.advance(tick)
    const arriving = load[tick]!
    if (!Number.isNaN(arriving)) {
      replay.late[tick] = line.serve(arriving, pods.ready)
      replay.ready[tick] = pods.ready
      replay.billed[tick] = pods.billed
    }
    sum += known(load, tick) - (tick >= metricTicks ? known(load, tick - metricTicks) : 0)
    const floor = Math.min(floors[tick]!, hardMaximum)
    const current = pods.asked
    let recommended = current
    if (!Number.isNaN(arriving) && tick % ticksPerSync === 0) {
      const rate = sum / Math.min(metricTicks, tick + 1) + (line.backlog * tickSeconds) / backlogSeconds
      const usage = rate / autoscaler.target
      if (Math.abs(usage - current) > tolerance * current + 1e-9) recommended = Math.ceil(usage - 1e-9)
    }
    const byTrigger = Math.min(recommended, hardMaximum)
    recommended = Math.max(floor, byTrigger)
    const highest = Math.max(floor, wanted.add(tick, autoscaler.floorsAreMinimum ? byTrigger : recommended))
    pods.scaleTo(
      tick,
      recommended > current
        ? Math.min(recommended, limitUp(current, syncsPerTick))
        : Math.min(current, highest),
    )
  }
  return replay
}

function known(load: Float64Array, tick: number): number {
  return Number.isNaN(load[tick]!) ? 0 : load[tick]!
}

function limitUp(replicas: number, syncs: number): number {
  let most = replicas
  for (let sync = 0; sync < syncs; sync++) most = Math.max(most * upFactor, most + upReplicas)
  return most
}

/** Requests that wait for a replica, the first come the first served; the backlog is in replica-ticks. */
export function createLine(tickSeconds: number) {
  let backlog = 0
  return {
    get backlog() {
      return backlog
    },
    /** Load that does not start within its tick. */
    serve(arriving: number, ready: number): number {
      const late = Math.min(arriving, Math.max(0, backlog + arriving - ready))
      const mostWaiting = (ready * backlogSeconds) / tickSeconds
      backlog = Math.min(Math.max(0, backlog + arriving - ready), mostWaiting)
      return late
    },
  }
}

/** The highest of the values of the last ticks. */
function createWindow(ticks: number) {
  const values = new Float64Array(ticks)
  let highest = 0
  return {
    add(tick: number, value: number): number {
      const gone = values[tick % ticks]!
      values[tick % ticks] = value
      if (value >= highest) highest = value
      else if (gone === highest) highest = values.reduce((most, each) => Math.max(most, each), 0)
      return highest
    },
  }
}

/** Replicas by what they are: pending until a cold start is over, ready, draining. */
function createPods(replicas: number, { coldStartSeconds, tickSeconds }: Autoscaler) {
  const startTicks = Math.ceil(coldStartSeconds / tickSeconds)
  const drainTicks = Math.ceil(drainSeconds / tickSeconds)
  const starting = new Float64Array(startTicks + 1)
  const draining = new Float64Array(drainTicks + 1)
  let ready = replicas
  let pending = 0
  let leaving = 0
  return {
    get ready() {
      return ready
    },
    /** Ready and pending ones. */
    get asked() {
      return ready + pending
    },
    get billed() {
      return ready + pending + leaving
    },
    /** Those whose time has come at this tick. */
    advance(tick: number): void {
      const started = starting[tick % starting.length]!
      starting[tick % starting.length] = 0
      pending -= started
      ready += started
      leaving -= draining[tick % draining.length]!
      draining[tick % draining.length] = 0
    },
    scaleTo(tick: number, wanted: number): void {
      let surplus = ready + pending - wanted
      if (surplus < 0) {
        starting[(tick + startTicks) % starting.length]! -= surplus
        pending -= surplus
        return
      }
      for (let ahead = startTicks; ahead > 0 && surplus > 0; ahead--) {
        const at = (tick + ahead) % starting.length
        const gone = Math.min(starting[at]!, surplus)
        starting[at]! -= gone
        pending -= gone
        surplus -= gone
      }
      ready -= surplus
      leaving += surplus
      draining[(tick + drainTicks) % draining.length]! += surplus
    },
  }
}

/** Figures of a replay over some of its ticks. */
export interface ReplayScore {
  /** Share of the load that did not start within its tick, 0 … 1. */
  lateShare: number
  /** Replica-hours that were billed, and those of them without load. */
  replicaHours: number
  idleReplicaHours: number
}

/** Scores the ticks from `from` up to `to`; those of which the load is unknown do not count. */
export function scoreReplay(
  load: Float64Array,
  { billed, late }: Replay,
  tickSeconds: number,
  [from, to]: readonly [from: number, to: number] = [0, load.length],
): ReplayScore {
  let all = 0
  let lateLoad = 0
  let paid = 0
  for (let tick = from; tick < to; tick++) {
    if (Number.isNaN(load[tick]!)) continue
    all += load[tick]!
    lateLoad += late[tick]!
    paid += billed[tick]!
  }
  const hours = tickSeconds / 3600
  return {
    lateShare: all > 0 ? lateLoad / all : 0,
    replicaHours: paid * hours,
    idleReplicaHours: (paid - all) * hours,
  }
}
