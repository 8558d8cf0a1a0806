import type { Config, PlanningPolicy } from '../config/schema.js'
import type { ShortfallPrice } from './newsvendor.js'
import type { PlannedWorkload } from './plan-inputs.js'

/**
 * The named policies as critical ratios: a replica-hour of demand that finds no capacity costs q / (1 − q) idle
 * replica-hours. 0.9 and 0.95 are a penalty of 10 and 20 times a request's serving cost.
 */
const criticalRatios: Record<PlanningPolicy, number> = {
  'cost-optimized': 0.8,
  aggressive: 0.9,
  balanced: 0.95,
  conservative: 0.98,
}

/** Prices of a workload's newsvendor, and where the price of a shortfall comes from. */
export function priceShortfall(
  planned: PlannedWorkload,
  planning: Config['planning'],
): ShortfallPrice & { because: string } {
  const idleUsdPerReplicaHour = planned.usdPerReplicaHour
  const usdPerRequest = planned.entry.shortfallUsdPerRequest ?? planning.shortfallUsdPerRequest
  if (usdPerRequest !== undefined) {
    return {
      idleUsdPerReplicaHour,
      shortfallUsdPerReplicaHour: usdPerRequest * planned.capacity.requestsPerSecond * 3600,
      because: `shortfallUsdPerRequest ${usdPerRequest}`,
    }
  }
  const ratio = criticalRatios[planning.policy]
  return {
    idleUsdPerReplicaHour,
    shortfallUsdPerReplicaHour: (idleUsdPerReplicaHour * ratio) / (1 - ratio),
    because: `policy ${planning.policy}: critical ratio ${ratio}`,
  }
}
