import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { LiveFloor } from './capacity-plan.js'
import type { TickFloors } from './floor-template.js'
import { type LiveTiming, liveWindowSeconds } from './live-floor.js'
import type { LoadGrid } from './load.js'
import type { LiveDecision } from './replay-live.js'

/** How far the loads that live floors were made for lay from what came, decision by decision of past days. */
export interface LiveErrors {
  everySeconds: number
  /** That a decision was for. */
  windowSeconds: number
  /** By past day and decision of the day, UTC: forecast over what came; NaN where either is unknown. */
  ratios: Float64Array[]
}

// Where next to nothing came, a ratio of loads says nothing; half a replica more or less is no error.
const rounding = 0.5

/** Holds decisions against the highest load of the window that each was for. */
export function findLiveErrors(
  decisions: readonly LiveDecision[],
  busy: Float64Array,
  grid: LoadGrid,
  timing: LiveTiming,
): LiveErrors {
  const { everySeconds } = timing
  const windowSeconds = liveWindowSeconds(timing)
  const ratios = new Map<number, Float64Array>()
  for (const { time, live } of decisions) {
    const day = Math.floor(time / secondsPerDay)
    if (!ratios.has(day))
      ratios.set(day, new Float64Array(Math.ceil(secondsPerDay / everySeconds)).fill(Number.NaN))
    const came = highestLoad(busy, grid, time, windowSeconds)
    ratios.get(day)![decisionOfDay(time, everySeconds)] = (live.load + rounding) / (came + rounding)
  }
  return { everySeconds, windowSeconds, ratios: [...ratios.values()] }
}

/**
 * The floors that would be asked for along a path: for each decision the path's own highest load, as far off as the
 * forecast was at that time of a past day. Days are taken whole, in turn, so that errors last as long as they did.
 */
export function liveFloorsAlong(
  busy: Float64Array,
  grid: LoadGrid,
  { everySeconds, windowSeconds, ratios }: LiveErrors,
  { maximum }: Pick<LiveFloor, 'maximum'>,
  path: number,
): Float64Array {
  const floors = new Float64Array(grid.length)
  const firstDay = Math.floor(grid.start / secondsPerDay)
  const ticks = Math.max(1, Math.round(everySeconds / grid.tickSeconds))
  for (let tick = 0; tick < floors.length; tick += ticks) {
    const time = grid.start + tick * grid.tickSeconds
    const day = ratios[(path + Math.floor(time / secondsPerDay) - firstDay) % ratios.length]!
    const ratio = day[decisionOfDay(time, everySeconds)]!
    const load = ratio * (highestLoad(busy, grid, time, windowSeconds) + rounding) - rounding
    if (!Number.isNaN(load)) floors.fill(Math.min(Math.ceil(load - 1e-9), maximum), tick, tick + ticks)
  }
  return floors
}

/** A template's floors raised to others, which are ready where they were asked for throughout so many ticks before. */
export function raiseTicks({ asked, ready }: TickFloors, floors: Float64Array, lagTicks: number): TickFloors {
  return {
    asked: asked.map((replicas, tick) => Math.max(replicas, floors[tick]!)),
    ready: ready.map((replicas, tick) => {
      let least = floors[tick]!
      for (let before = Math.max(0, tick - lagTicks); before < tick && least > replicas; before++)
        least = Math.min(least, floors[before]!)
      return Math.max(replicas, least)
    }),
  }
}

function decisionOfDay(time: EpochSeconds, everySeconds: number): number {
  return Math.floor((time % secondsPerDay) / everySeconds)
}

/** NaN where nothing of it is known. */
function highestLoad(busy: Float64Array, grid: LoadGrid, time: EpochSeconds, seconds: number): number {
  const from = Math.round((time - grid.start) / grid.tickSeconds)
  const to = Math.min(busy.length, from + Math.max(1, Math.round(seconds / grid.tickSeconds)))
  let most = Number.NaN
  for (let tick = Math.max(0, from); tick < to; tick++) if (!(busy[tick]! <= most)) most = busy[tick]!
  return most
}
