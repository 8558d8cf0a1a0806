import type { DemandForecast } from '../forecast/demand-forecast.js'
import { samplePath } from '../forecast/sample-path.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import { type FloorTemplate, maximumFloorWindows } from './capacity-plan.js'
import { chooseFloorLevels } from './floor-levels.js'
import { createFloorTemplate } from './floor-template.js'
import { createLoad, type LoadGrid } from './load.js'
import { type ShortfallPrice, sumFloorCosts } from './newsvendor.js'
import { type Reaction, reactiveReplicas } from './ready-capacity.js'
import { localSlots } from './week.js'

/** What the floors of one workload depend on besides the forecast. */
export interface FloorSettings {
  capacity: ReplicaCapacity
  /** IANA zone of the template. */
  timeZone: string
  /** The reactive trigger as it runs above a floor. */
  reaction: Reaction
  price: ShortfallPrice
  burstFactor: number
}

/** The weekly template with the least expected idle and shortfall cost over the forecast's paths. */
export function planFloors(
  forecast: DemandForecast,
  workloadIndex: number,
  settings: FloorSettings,
  grid: LoadGrid,
): FloorTemplate {
  const { capacity, reaction, price } = settings
  const slots = localSlots(grid, settings.timeZone)
  const sum = sumFloorCosts(price, reaction.hardMaximum, grid.tickSeconds, forecast.pathCount)
  for (let path = 0; path < forecast.pathCount; path++) {
    const load = createLoad(samplePath(forecast, workloadIndex, path), capacity, grid, settings.burstFactor)
    sum.add(load, reactiveReplicas(load, reaction), slots)
  }
  const coldStartSeconds = capacity.coldStart.totalSeconds
  const riseUsd = (price.idleUsdPerReplicaHour * coldStartSeconds) / 3600
  const levels = chooseFloorLevels(sum.total(), reaction.minReplicas, riseUsd, maximumFloorWindows)
  return createFloorTemplate(levels, coldStartSeconds)
}
