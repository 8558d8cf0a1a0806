import { sum } from 'simple-statistics'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { formatChange } from '../kit/format.js'
import { createRandom } from '../kit/random.js'
import { sortedQuantile } from '../kit/statistics.js'
import { secondsPerDay } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import { tickFloors } from './floor-template.js'
import { type FloorSettings, planFloors } from './floors.js'
import { createLoad, createLoadGrid, type Load } from './load.js'
import { priceOutcome } from './newsvendor.js'
import { compareCapacity, reactiveReplicas, readyReplicas } from './ready-capacity.js'

/** Fewer scored days say nothing about the next one. */
const fewestOrigins = 5
const resamples = 1000

/**
 * Utilisations that reactive capacity alone may aim at: it is tuned in hindsight, so that floors beat the best of it.
 * None is above 0.9: with the autoscaler's tolerance of 10 % such a trigger would not act before demand is over capacity
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details).
 */
const rivalTargets = [0.5, 0.6, 0.7, 0.8, 0.9]

/** Idle plus shortfall cost of one scored day, with the floors and with reactive capacity alone. */
interface DayCost {
  floorUsd: number
  reactiveUsd: number
}

/**
 * Scores floors out of sample: at each past origin the template is made from the forecast of that time, then run over
 * the day that followed, beside reactive capacity alone at the target that was best on those very days. The gate opens
 * where the 80 % interval of the saving, by bootstrap over the days, lies above zero. Floors are scored as if the plan
 * were renewed daily; capacity and bounds are those of today. A weaker rival, such as the
 * configured target, would open it for the change of the target alone.
 */
export function judgeFloors(
  pastForecasts: readonly DemandForecast[],
  history: DemandHistory,
  workloadIndex: number,
  settings: FloorSettings,
  seed: number,
): SkillGate {
  const demand = history.workloads[workloadIndex]!
  const coldStartSeconds = settings.capacity.coldStart.totalSeconds
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const load = createLoad(demand, settings.capacity, grid, settings.burstFactor)
  const rivals = rivalTargets.map((target) => reactiveReplicas(load.replicas, { ...settings.bounds, target }))

  const floorUsd: number[] = []
  const rivalUsd = rivals.map((): number[] => [])
  for (const forecast of pastForecasts) {
    const from = Math.round((forecast.origin - grid.start) / grid.tickSeconds)
    const to = Math.min(grid.length, from + Math.round(secondsPerDay / grid.tickSeconds))
    const day = sliceLoad(load, from, to)
    if (day.replicas.every(Number.isNaN)) continue
    const usdOf = (ready: Float64Array, billed = ready) =>
      priceOutcome(compareCapacity(day, ready, billed), settings.price, grid.tickSeconds)
    const { origin, stepSeconds, length } = forecast
    const forecastGrid = createLoadGrid(origin, stepSeconds, length, coldStartSeconds)
    const plan = planFloors(forecast, workloadIndex, settings, forecastGrid)
    const floors = tickFloors(
      plan.floors,
      coldStartSeconds,
      { ...forecastGrid, length: to - from },
      settings.timeZone,
    )
    const target = { ...settings.bounds, target: plan.target }
    const reactive = reactiveReplicas(load.replicas, target).subarray(from, to)
    floorUsd.push(usdOf(readyReplicas(reactive, floors.ready), readyReplicas(reactive, floors.asked)))
    for (const [index, ready] of rivals.entries()) rivalUsd[index]!.push(usdOf(ready.subarray(from, to)))
  }
  const best = rivalUsd.reduce((least, usd, index) => (sum(usd) < sum(rivalUsd[least]!) ? index : least), 0)
  const days = floorUsd.map((usd, day) => ({ floorUsd: usd, reactiveUsd: rivalUsd[best]![day]! }))
  return judge(days, rivalTargets[best]!, seed)
}

function sliceLoad(load: Load, from: number, to: number): Load {
  return { replicas: load.replicas.subarray(from, to), requests: load.requests.subarray(from, to) }
}

function saving(days: readonly DayCost[]): number {
  const reactiveUsd = sum(days.map((day) => day.reactiveUsd))
  return reactiveUsd > 0 ? 1 - sum(days.map((day) => day.floorUsd)) / reactiveUsd : 0
}

function judge(days: readonly DayCost[], rivalTarget: number, seed: number): SkillGate {
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
    `floor + reactive ${open ? 'beats' : 'does not beat'} the best reactive trigger alone (target ${rivalTarget}, in hindsight) ` +
    `on ${origins} past days: it saves ${formatChange(floorSkill)} of idle plus shortfall cost ` +
    `(80 % interval ${formatChange(low)} … ${formatChange(high)})`
  return { open, floorSkill, low, high, origins, message }
}
