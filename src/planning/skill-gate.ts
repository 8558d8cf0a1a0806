import type { DemandForecast } from '../forecast/demand-forecast.js'
import { createRandom } from '../kit/random.js'
import { sortedQuantile } from '../kit/statistics.js'
import { secondsPerDay } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import { readyFloors } from './floor-template.js'
import { type FloorSettings, planFloors } from './floors.js'
import { createLoad, createLoadGrid, type Load, type LoadGrid } from './load.js'
import type { ShortfallPrice } from './newsvendor.js'
import {
  compareCapacity,
  type Reaction,
  reactiveReplicas,
  readyReplicas,
  type Shortfall,
} from './ready-capacity.js'

/** Fewer scored days say nothing about the next one. */
const fewestOrigins = 5
const resamples = 1000

/** Idle plus shortfall cost of one scored day, with the floors and with reactive capacity alone. */
interface DayCost {
  floorUsd: number
  reactiveUsd: number
}

/**
 * Scores floors out of sample: at each past origin the template is made from the forecast of that time, then run over
 * the day that followed, beside reactive capacity alone. The gate opens where the 80 % interval of the saving, by
 * bootstrap over the days, lies above zero.
 */
export function judgeFloors(
  pastForecasts: readonly DemandForecast[],
  history: DemandHistory,
  workloadIndex: number,
  settings: FloorSettings,
  reactiveAlone: Reaction,
  seed: number,
): SkillGate {
  const demand = history.workloads[workloadIndex]!
  const coldStartSeconds = settings.capacity.coldStart.totalSeconds
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const load = createLoad(demand, settings.capacity, grid, settings.burstFactor)
  const aboveFloor = reactiveReplicas(load, settings.reaction)
  const alone = reactiveReplicas(load, reactiveAlone)

  const days: DayCost[] = []
  for (const forecast of pastForecasts) {
    const from = Math.round((forecast.origin - grid.start) / grid.tickSeconds)
    const ticks = Math.min(Math.round(secondsPerDay / grid.tickSeconds), grid.length - from)
    const forecastGrid = createLoadGrid(
      forecast.origin,
      forecast.stepSeconds,
      forecast.length,
      coldStartSeconds,
    )
    const template = planFloors(forecast, workloadIndex, settings, forecastGrid)
    const dayGrid = { ...forecastGrid, length: ticks }
    const floors = readyFloors(template, coldStartSeconds, dayGrid, settings.timeZone)
    const day = sliceLoad(load, from, from + ticks)
    const floorUsd = costOf(
      compareCapacity(day, readyReplicas(aboveFloor.slice(from, from + ticks), floors)),
      settings.price,
      grid,
    )
    const reactiveUsd = costOf(compareCapacity(day, alone.slice(from, from + ticks)), settings.price, grid)
    days.push({ floorUsd, reactiveUsd })
  }
  return judge(days, seed)
}

function sliceLoad(load: Load, from: number, to: number): Load {
  return { replicas: load.replicas.subarray(from, to), requests: load.requests.subarray(from, to) }
}

function costOf(shortfall: Shortfall, price: ShortfallPrice, grid: LoadGrid): number {
  const hours = grid.tickSeconds / 3600
  return (
    hours *
    (shortfall.idleReplicaTicks * price.idleUsdPerReplicaHour +
      shortfall.missingReplicaTicks * price.shortfallUsdPerReplicaHour)
  )
}

function saving(days: readonly DayCost[]): number {
  const reactiveUsd = days.reduce((sum, day) => sum + day.reactiveUsd, 0)
  const floorUsd = days.reduce((sum, day) => sum + day.floorUsd, 0)
  return reactiveUsd > 0 ? 1 - floorUsd / reactiveUsd : 0
}

function judge(days: readonly DayCost[], seed: number): SkillGate {
  const origins = days.length
  if (origins < fewestOrigins) {
    const message = `floors cannot be scored: ${origins} past days, ${fewestOrigins} are needed`
    return { open: false, floorSkill: null, low: null, high: null, origins, message }
  }
  const random = createRandom(seed)
  const draws = Float64Array.from({ length: resamples }, () =>
    saving(Array.from(days, () => days[random.integer(origins)]!)),
  ).sort()
  const floorSkill = saving(days)
  const low = sortedQuantile(draws, 0.1)
  const high = sortedQuantile(draws, 0.9)
  const open = low > 0
  const message =
    `floor + reactive ${open ? 'beats' : 'does not beat'} reactive alone on ${origins} past days: idle plus shortfall cost ` +
    `${percent(-floorSkill)} (80 % interval ${percent(-high)} … ${percent(-low)})`
  return { open, floorSkill, low, high, origins, message }
}

function percent(share: number): string {
  return `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)} %`
}
