import { sum } from 'simple-statistics'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { formatChange } from '../kit/format.js'
import { createRandom } from '../kit/random.js'
import { sortedQuantile } from '../kit/statistics.js'
import { secondsPerDay } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import { type TickFloors, tickFloors } from './floor-template.js'
import { type FloorSettings, planFloors } from './floors.js'
import { createLoad, createLoadGrid, type Load, type LoadGrid } from './load.js'
import { priceOutcome } from './newsvendor.js'
import { compareCapacity, reactiveReplicas, readyReplicas } from './ready-capacity.js'

/** Fewer scored days say nothing about the next one. */
export const fewestOrigins = 5
const resamples = 1000

/**
 * Utilisations that reactive capacity alone may aim at: it is tuned in hindsight, so that floors beat the best of it.
 * None is above 0.9: with the autoscaler's tolerance of 10 % such a trigger would not act before demand is over capacity
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details).
 */
export const rivalTargets = [0.5, 0.6, 0.7, 0.8, 0.9]

/** A past day with the floors that would have stood on it. */
interface PastDay {
  /** Ticks of the day, `to` excluded. */
  from: number
  to: number
  floors: TickFloors
  /** Of the trigger above them. */
  target: number
}

/** Past days on the grid of the whole history. */
export interface PastDays {
  grid: LoadGrid
  load: Load
  days: PastDay[]
}

/**
 * The template that would have stood on each day after a past origin, made from the forecast of that time: as if the
 * plan were renewed daily; capacity and bounds are those of today. Days without any demand that is known are left out.
 */
export function renewDaily(
  pastForecasts: readonly DemandForecast[],
  history: DemandHistory,
  workloadIndex: number,
  settings: FloorSettings,
): PastDays {
  const demand = history.workloads[workloadIndex]!
  const coldStartSeconds = settings.capacity.coldStart.totalSeconds
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const load = createLoad(demand, settings.capacity, grid, settings.burstFactor)
  const days = pastForecasts.flatMap((forecast): PastDay[] => {
    const from = Math.round((forecast.origin - grid.start) / grid.tickSeconds)
    const to = Math.min(grid.length, from + Math.round(secondsPerDay / grid.tickSeconds))
    if (load.replicas.subarray(from, to).every(Number.isNaN)) return []
    const { origin, stepSeconds, length } = forecast
    const forecastGrid = createLoadGrid(origin, stepSeconds, length, coldStartSeconds)
    const { floors, target } = planFloors(forecast, workloadIndex, settings, forecastGrid)
    const dayGrid = { ...forecastGrid, length: to - from }
    return [{ from, to, floors: tickFloors(floors, coldStartSeconds, dayGrid, settings.timeZone), target }]
  })
  return { grid, load, days }
}

/**
 * Scores floors out of sample: the template of each past day is run over it, beside reactive capacity alone at the
 * target that was best on those very days. The gate opens where the 80 % interval of the saving, by bootstrap over the
 * days, lies above zero. A weaker rival, such as the configured target, would open it for the change of the target
 * alone.
 */
export function judgeFloors(past: PastDays, settings: FloorSettings, seed: number): SkillGate {
  if (past.days.length < fewestOrigins) return tooFewDays('floors', past.days.length)
  const rival = bestReactive(past, settings)
  const verdict = judge(priceFloors(past, settings), rival.usd, seed)
  const message =
    `floor + reactive ${verdict.open ? 'beats' : 'does not beat'} the best reactive trigger alone (target ${rival.target}, in hindsight) ` +
    describeSaving(verdict)
  return { ...verdict, message }
}

/** Idle plus shortfall cost of each past day with its floors. */
function priceFloors(past: PastDays, settings: FloorSettings): number[] {
  return past.days.map(({ from, to, floors, target }) => {
    const reactive = reactiveReplicas(past.load.replicas, { ...settings.bounds, target }).subarray(from, to)
    const ready = readyReplicas(reactive, floors.ready)
    return priceDay(past, { from, to }, ready, readyReplicas(reactive, floors.asked), settings)
  })
}

/** The target that reactive capacity alone would best have had on these days, and its cost of each. */
function bestReactive(past: PastDays, settings: FloorSettings): { target: number; usd: number[] } {
  const rivals = rivalTargets.map((target) => {
    const ready = reactiveReplicas(past.load.replicas, { ...settings.bounds, target })
    return { target, usd: past.days.map((day) => priceReactive(past, day, ready, settings)) }
  })
  return rivals.reduce((best, rival) => (sum(rival.usd) < sum(best.usd) ? rival : best))
}

function priceReactive(past: PastDays, day: PastDay, ready: Float64Array, settings: FloorSettings): number {
  const part = ready.subarray(day.from, day.to)
  return priceDay(past, day, part, part, settings)
}

function priceDay(
  { grid, load }: PastDays,
  { from, to }: Pick<PastDay, 'from' | 'to'>,
  ready: Float64Array,
  billed: Float64Array,
  settings: FloorSettings,
): number {
  const day = { replicas: load.replicas.subarray(from, to), requests: load.requests.subarray(from, to) }
  return priceOutcome(compareCapacity(day, ready, billed), settings.price, grid.tickSeconds)
}

export function tooFewDays(what: string, origins: number): SkillGate {
  const message = `${what} cannot be scored: ${origins} past days, ${fewestOrigins} are needed`
  return { open: false, floorSkill: null, low: null, high: null, origins, message }
}

type Verdict = Omit<SkillGate, 'message'> & { floorSkill: number; low: number; high: number }

/** Whether what the days cost is less than what they cost with the rival, beyond chance. */
export function judge(usd: readonly number[], rivalUsd: readonly number[], seed: number): Verdict {
  const origins = usd.length
  const random = createRandom(seed)
  const draws = Float64Array.from({ length: resamples }, () => {
    const days = Array.from(usd, () => random.integer(origins))
    return saving(sum(days.map((day) => usd[day]!)), sum(days.map((day) => rivalUsd[day]!)))
  }).sort()
  const low = sortedQuantile(draws, 0.1)
  return {
    open: low > 0,
    floorSkill: saving(sum([...usd]), sum([...rivalUsd])),
    low,
    high: sortedQuantile(draws, 0.9),
    origins,
  }
}

function saving(usd: number, rivalUsd: number): number {
  return rivalUsd > 0 ? 1 - usd / rivalUsd : 0
}

export function describeSaving({ floorSkill, low, high, origins }: Verdict): string {
  return (
    `on ${origins} past days: it saves ${formatChange(floorSkill)} of idle plus shortfall cost ` +
    `(80 % interval ${formatChange(low)} … ${formatChange(high)})`
  )
}
