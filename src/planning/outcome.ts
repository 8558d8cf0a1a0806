import type { Config } from '../config/schema.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { samplePath } from '../forecast/sample-path.js'
import { secondsPerDay } from '../kit/units.js'
import type { Interval, Pool } from './capacity-plan.js'
import type { TickFloors } from './floor-template.js'
import { type LiveErrors, liveFloorsAlong, raiseTicks } from './live-errors.js'
import { createLoad, type Load, type LoadGrid } from './load.js'
import { nodesUsdPerHour, wholeNodes } from './node-group.js'
import { intervalOf } from './peaks.js'
import type { SharedGroup } from './place-workloads.js'
import type { PlannedWorkload } from './plan-inputs.js'
import {
  breachShare,
  compareCapacity,
  type Reaction,
  reactiveReplicas,
  readyReplicas,
} from './ready-capacity.js'
import { priceShortfall } from './shortfall-price.js'

/** How one workload is run: its floors by tick, and the reactive trigger inside its bounds. */
export interface Operation {
  floors: TickFloors
  reaction: Reaction
  /** Floors that are raised between reviews, as far off as they were on past days. */
  live?: { errors: LiveErrors; maximum: number }
}

/** A node group with its pools and the indices of the workloads that share it. */
export interface PooledGroup extends SharedGroup {
  pools: readonly Pool[]
}

/** What a way of running all workloads leads to, over the sample paths; estimated. */
export interface Outcome {
  /** Cost a day on each path, so that two ways can be compared along the same paths. */
  usdPerDayByPath: Float64Array
  /** Whole nodes of the pools, at their prices. */
  usdPerDay: Interval
  /** Expected share of all requests that arrive while ready capacity is below demand. */
  breachRisk: number
  /** Cost by workload is its share of nodes at the on-demand price; the shares do not add up to whole nodes. */
  workloads: {
    usdPerDayByPath: Float64Array
    usdPerDay: Interval
    breachRisk: number
    shortfallUsdPerDay: number
  }[]
}

/**
 * Runs the ready-capacity recursion along every joint path and adds nodes, money and breaches path by path: a
 * quantile of a sum is never a sum of quantiles. Breach risk is the mean over paths of the share of requests, the price
 * of shortfalls that of missing replica-hours, as the floors weigh it.
 */
export function estimateOutcome(
  forecast: DemandForecast,
  workloads: readonly PlannedWorkload[],
  operations: readonly Operation[],
  grid: LoadGrid,
  planning: Config['planning'],
  groups: readonly PooledGroup[],
): Outcome {
  const paths = forecast.pathCount
  const days = (grid.length * grid.tickSeconds) / secondsPerDay
  const tickHours = grid.tickSeconds / 3600
  const usd = new Float64Array(paths)
  const usdOf = workloads.map(() => new Float64Array(paths))
  const breaches = new Float64Array(workloads.length)
  const missingReplicaHours = new Float64Array(workloads.length)
  let breachSum = 0
  for (let path = 0; path < paths; path++) {
    const billed: Float64Array[] = []
    let breached = 0
    let requests = 0
    for (const [index, planned] of workloads.entries()) {
      const operation = operations[index]!
      const { reaction } = operation
      if (planned.index === undefined) {
        billed.push(operation.floors.asked)
      } else {
        const load = createLoad(
          samplePath(forecast, planned.index, path),
          planned.capacity,
          grid,
          planning.burstFactor,
        )
        const reactive = reactiveReplicas(load.replicas, reaction)
        const floors = floorsAlong(operation, load, grid, path)
        const shortfall = compareCapacity(load, readyReplicas(reactive, floors.ready))
        breaches[index]! += breachShare(shortfall) / paths
        missingReplicaHours[index]! += (shortfall.missingReplicaTicks * tickHours) / paths
        breached += shortfall.breachedRequests
        requests += shortfall.requests
        billed.push(readyReplicas(reactive, floors.asked))
      }
      const replicaHours = billed[index]!.reduce((sum, replicas) => sum + replicas, 0) * tickHours
      usdOf[index]![path] = (replicaHours * planned.usdPerReplicaHour) / days
    }
    breachSum += requests > 0 ? breached / requests / paths : 0
    for (const { group, pools, members } of groups) {
      const usdOfNodes = new Map<number, number>()
      for (let tick = 0; tick < grid.length; tick++) {
        let nodes = 0
        for (const index of members) nodes += billed[index]![tick]! * workloads[index]!.nodesPerReplica
        nodes = wholeNodes(nodes)
        let hourly = usdOfNodes.get(nodes)
        if (hourly === undefined) {
          hourly = nodesUsdPerHour(group, pools, nodes)
          usdOfNodes.set(nodes, hourly)
        }
        usd[path]! += (hourly * tickHours) / days
      }
    }
  }
  return {
    usdPerDayByPath: usd,
    usdPerDay: intervalOf(usd.toSorted()),
    breachRisk: breachSum,
    workloads: workloads.map((planned, index) => ({
      usdPerDayByPath: usdOf[index]!,
      usdPerDay: intervalOf(usdOf[index]!.toSorted()),
      breachRisk: breaches[index]!,
      shortfallUsdPerDay:
        (missingReplicaHours[index]! * priceShortfall(planned, planning).shortfallUsdPerReplicaHour) / days,
    })),
  }
}

function floorsAlong(
  { floors, live, reaction }: Operation,
  load: Load,
  grid: LoadGrid,
  path: number,
): TickFloors {
  if (live === undefined) return floors
  return raiseTicks(floors, liveFloorsAlong(load.replicas, grid, live.errors, live, path), reaction.lagTicks)
}

/**
 * What one way of running costs more a day than another, path by path: quantiles of a difference are no differences of
 * quantiles.
 */
export function compareCost(
  to: Pick<Outcome, 'usdPerDayByPath'>,
  from: Pick<Outcome, 'usdPerDayByPath'>,
): Interval {
  return intervalOf(to.usdPerDayByPath.map((usd, path) => usd - from.usdPerDayByPath[path]!).sort())
}
