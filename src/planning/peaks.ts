import type { DemandForecast } from '../forecast/demand-forecast.js'
import { samplePath } from '../forecast/sample-path.js'
import { sortedQuantile } from '../kit/statistics.js'
import { formatInstant, utcOffsetSeconds } from '../kit/time.js'
import { secondsPerDay, secondsPerHour } from '../kit/units.js'
import type { DailyPeak, Interval } from './capacity-plan.js'
import { busyReplicas, type LoadGrid } from './load.js'
import { wholeNodes } from './node-group.js'
import type { SharedGroup } from './place-workloads.js'
import type { PlannedWorkload } from './plan-inputs.js'

/** Local days shorter than this are cut by the window, not by a change of clocks. */
const shortestDaySeconds = 23 * secondsPerHour

/** Peaks over the sample paths: of each workload, and of the nodes that workloads need at the same time. */
export interface Peaks {
  /** By planned workload: ascending peaks of the whole window, in replicas, one a path. */
  replicas: Float64Array[]
  /** By planned workload and local day. */
  daily: DailyPeak[][]
  /** By node group: ascending peaks of nodes, one a path. */
  nodes: Float64Array[]
}

/** Streams the paths once. */
export function findPeaks(
  forecast: DemandForecast,
  workloads: readonly PlannedWorkload[],
  grid: LoadGrid,
  burstFactor: number,
  groups: readonly SharedGroup[],
): Peaks {
  const count = forecast.pathCount
  const replicas = workloads.map(() => new Float64Array(count))
  const days = workloads.map((planned) => localDays(grid, planned.entry.timeZone))
  const dailyPeaks = days.map((day) => day.dates.map(() => new Float64Array(count)))
  const groupOf = workloads.map((_planned, index) =>
    groups.findIndex(({ members }) => members.includes(index)),
  )
  const nodes = groups.map(() => new Float64Array(count))
  const running = groups.map(() => new Float64Array(grid.length))
  for (let path = 0; path < count; path++) {
    for (const ticks of running) ticks.fill(0)
    for (const [index, planned] of workloads.entries()) {
      if (planned.index === undefined) continue
      const busy = busyReplicas(
        samplePath(forecast, planned.index, path),
        planned.capacity,
        grid,
        burstFactor,
      )
      const group = running[groupOf[index]!]!
      for (let tick = 0; tick < grid.length; tick++) {
        const needed = Math.ceil(busy[tick]! - 1e-9)
        group[tick]! += needed * planned.nodesPerReplica
        const day = dailyPeaks[index]![days[index]!.dayOfTick[tick]!]!
        if (needed > day[path]!) day[path] = needed
        if (needed > replicas[index]![path]!) replicas[index]![path] = needed
      }
    }
    for (const [group, ticks] of running.entries()) {
      nodes[group]![path] = wholeNodes(ticks.reduce((most, value) => Math.max(most, value), 0))
    }
  }
  for (const sample of [...replicas, ...nodes, ...dailyPeaks.flat()]) sample.sort()
  return {
    replicas,
    nodes,
    daily: dailyPeaks.map((peaks, index) => {
      const { dates, dayOfTick } = days[index]!
      const isWhole = (day: number) => countTicks(dayOfTick, day) * grid.tickSeconds >= shortestDaySeconds
      return peaks
        .map((sample, day) => ({ date: dates[day]!, ...intervalOf(sample) }))
        .filter((_, day) => isWhole(day))
    }),
  }
}

function countTicks(dayOfTick: Uint16Array, day: number): number {
  return dayOfTick.reduce((count, each) => count + (each === day ? 1 : 0), 0)
}

/** 10th, 50th and 90th percentile of an ascending sample. */
export function intervalOf(sorted: ArrayLike<number>): Interval {
  return {
    p10: sortedQuantile(sorted, 0.1),
    p50: sortedQuantile(sorted, 0.5),
    p90: sortedQuantile(sorted, 0.9),
  }
}

/** Local days of a grid, and which of them each tick is in. */
export function localDays(grid: LoadGrid, timeZone: string): { dates: string[]; dayOfTick: Uint16Array } {
  const dates: string[] = []
  const dayOfTick = new Uint16Array(grid.length)
  const ticksPerHour = Math.max(1, Math.floor(3600 / grid.tickSeconds))
  let offset = 0
  let lastDay = Number.NaN
  for (let tick = 0; tick < grid.length; tick++) {
    const instant = grid.start + tick * grid.tickSeconds
    if (tick % ticksPerHour === 0) offset = utcOffsetSeconds(instant, timeZone)
    const day = Math.floor((instant + offset) / secondsPerDay)
    if (day !== lastDay) {
      dates.push(formatInstant(day * secondsPerDay).slice(0, 10))
      lastDay = day
    }
    dayOfTick[tick] = dates.length - 1
  }
  return { dates, dayOfTick }
}
