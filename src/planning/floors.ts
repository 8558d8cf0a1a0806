import type { DemandForecast } from '../forecast/demand-forecast.js'
import { samplePath } from '../forecast/sample-path.js'
import { secondsPerWeek } from '../kit/units.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import { type FloorTemplate, maximumFloorWindows } from './capacity-plan.js'
import { chooseFloorLevels } from './floor-levels.js'
import { createFloorTemplate } from './floor-template.js'
import { busyReplicas, type LoadGrid } from './load.js'
import { type ShortfallPrice, sumFloorCosts } from './newsvendor.js'
import { type Reaction, reactiveReplicas } from './ready-capacity.js'
import { localSlots } from './week.js'

/** What the floors of one workload depend on besides the forecast. */
export interface FloorSettings {
  capacity: ReplicaCapacity
  /** IANA zone of the template. */
  timeZone: string
  /** The reactive trigger above the floors, without its target. */
  bounds: Omit<Reaction, 'target'>
  /** Utilisations that the trigger above the floors may aim at. */
  targets: readonly number[]
  price: ShortfallPrice
  burstFactor: number
}

/** Floors and the target of the trigger above them: together they cost least. */
export interface FloorPlan {
  floors: FloorTemplate
  target: number
}

/**
 * The weekly template and the target with the least expected idle and shortfall cost over the forecast's paths. Floors
 * let the target rise, since they stand for the ramps that the trigger would be late for.
 */
export function planFloors(
  forecast: DemandForecast,
  workloadIndex: number,
  settings: FloorSettings,
  grid: LoadGrid,
): FloorPlan {
  const { capacity, bounds, price } = settings
  const slots = localSlots(grid, settings.timeZone)
  const candidates = settings.targets.map((target) => ({
    reaction: { ...bounds, target },
    sum: sumFloorCosts(price, bounds.hardMaximum, grid.tickSeconds, forecast.pathCount),
  }))
  for (let path = 0; path < forecast.pathCount; path++) {
    const busy = busyReplicas(samplePath(forecast, workloadIndex, path), capacity, grid, settings.burstFactor)
    for (const candidate of candidates) {
      const reactive = reactiveReplicas(busy, candidate.reaction)
      candidate.sum.add(busy, reactive, slots)
    }
  }
  const coldStartSeconds = capacity.coldStart.totalSeconds
  // A rise is paid in each week of the forecast.
  const weeks = (grid.length * grid.tickSeconds) / secondsPerWeek
  const riseUsd = (weeks * price.idleUsdPerReplicaHour * coldStartSeconds) / 3600
  const plans = candidates.map(({ reaction, sum }) => {
    const costs = sum.total()
    const levels = chooseFloorLevels(costs, bounds.minReplicas, riseUsd, maximumFloorWindows)
    return { levels, target: reaction.target, usd: costs.reactiveUsd + levels.usd }
  })
  const best = plans.reduce((least, plan) => (plan.usd < least.usd ? plan : least))
  return { floors: createFloorTemplate(best.levels, coldStartSeconds), target: best.target }
}
