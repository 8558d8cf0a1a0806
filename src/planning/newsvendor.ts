import type { Shortfall } from './ready-capacity.js'
import { slotsPerWeek } from './week.js'

/**
 * Prices of the newsvendor: what an idle replica-hour costs, and what a replica-hour of demand that finds no ready
 * capacity costs. Their ratio is the critical ratio q = shortfall / (shortfall + idle) of the textbook rule.
 */
export interface ShortfallPrice {
  idleUsdPerReplicaHour: number
  shortfallUsdPerReplicaHour: number
}

/** Idle plus shortfall cost of an outcome. */
export function priceOutcome(outcome: Shortfall, price: ShortfallPrice, tickSeconds: number): number {
  const idleUsd = outcome.idleReplicaTicks * price.idleUsdPerReplicaHour
  const shortfallUsd = outcome.missingReplicaTicks * price.shortfallUsdPerReplicaHour
  return ((idleUsd + shortfallUsd) * tickSeconds) / 3600
}

/**
 * Expected cost of each floor in each slot of the week, beyond what reactive capacity alone costs, in replica-ticks
 * weighted by price. `usd[slot * levels + floor]`; slots that no tick falls into are zero throughout.
 */
export interface FloorCosts {
  usd: Float64Array
  /** Number of floors considered: 0 … levels − 1. */
  levels: number
  /** Expected idle and shortfall cost of reactive capacity alone. */
  reactiveUsd: number
}

/** Gathers `FloorCosts` path by path, so that paths need not be kept. */
export interface FloorCostSum {
  /** `busy` and `reactive`: replicas by tick; `slots`: slot of the week of each tick. */
  add(busy: Float64Array, reactive: Float64Array, slots: Int16Array): void
  total(): FloorCosts
}

/**
 * The newsvendor rule for a floor that has a reactive autoscaler behind it. The j-th replica of a floor
 * - costs nothing where reactive capacity has it anyway,
 * - is idle where demand stays below it,
 * - and where demand reaches it before reactive capacity does, it saves the shortfall that lasts until it does.
 * With no reactive capacity this is the textbook rule: the smallest floor that covers demand with the critical ratio.
 */
export function sumFloorCosts(
  price: ShortfallPrice,
  largestFloor: number,
  tickSeconds: number,
  paths: number,
): FloorCostSum {
  const levels = largestFloor + 1
  // marginal[slot * stride + j] is the cost of the j-th replica, first as differences between neighbours.
  const stride = levels + 2
  const marginal = new Float64Array(slotsPerWeek * stride)
  const tickShare = tickSeconds / 3600 / paths
  const idle = price.idleUsdPerReplicaHour * tickShare
  const saved = price.shortfallUsdPerReplicaHour * tickShare
  let reactiveUsd = 0
  return {
    add(busy, reactive, slots) {
      for (let tick = 0; tick < reactive.length; tick++) {
        const demand = busy[tick]!
        if (Number.isNaN(demand)) continue
        const spare = reactive[tick]! - demand
        reactiveUsd += spare > 0 ? spare * idle : -spare * saved
        const offset = slots[tick]! * stride
        const bottom = Math.min(reactive[tick]!, largestFloor)
        const whole = Math.min(Math.floor(demand), largestFloor)
        if (bottom >= demand) {
          marginal[offset + bottom + 1]! += idle
          continue
        }
        // Fully used replicas bottom + 1 … whole, one partly used, the rest idle.
        const part = demand - Math.floor(demand)
        const partial = idle * (1 - part) - saved * part
        marginal[offset + bottom + 1]! -= whole > bottom ? saved : 0
        if (whole > bottom) marginal[offset + whole + 1]! += saved
        if (demand >= levels) continue
        const top = Math.max(whole, bottom) + 1
        marginal[offset + top]! += partial
        marginal[offset + top + 1]! += idle - partial
      }
    },
    total() {
      const usd = new Float64Array(slotsPerWeek * levels)
      for (let slot = 0; slot < slotsPerWeek; slot++) {
        let each = 0
        let sum = 0
        for (let floor = 1; floor < levels; floor++) {
          each += marginal[slot * stride + floor]!
          sum += each
          usd[slot * levels + floor] = sum
        }
      }
      return { usd, levels, reactiveUsd }
    },
  }
}
