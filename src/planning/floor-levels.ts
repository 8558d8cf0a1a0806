import type { FloorCosts } from './newsvendor.js'
import { slotsPerDay, slotsPerWeek } from './week.js'

/** Which days share a floor profile; indices 0 Monday … 6 Sunday. Each partition covers the week. */
const dayPartitions = [
  [[0, 1, 2, 3, 4, 5, 6]],
  [
    [0, 1, 2, 3, 4],
    [5, 6],
  ],
  [[0], [1], [2], [3], [4], [5], [6]],
] as const

export interface FloorLevels {
  /** Groups of days; `levels` holds 96 slots for each of them, in this order. */
  days: readonly (readonly number[])[]
  levels: Int16Array
  /** Expected cost beyond reactive capacity alone, over the window of the forecast. */
  usd: number
}

/** A partition with more profiles must save this share of what the simpler one saves, or it only fits noise. */
const worthAnotherProfile = 0.02

/**
 * The floors with the least expected cost that need at most `maximumWindows` windows above the lowest level.
 * `riseUsd` is what it costs to raise the floor by one replica, once: it starts a cold start early.
 */
export function chooseFloorLevels(
  costs: FloorCosts,
  minReplicas: number,
  riseUsd: number,
  maximumWindows: number,
): FloorLevels {
  let best: FloorLevels | undefined
  for (const days of dayPartitions) {
    const candidate = solvePartition(costs, days, minReplicas, riseUsd, maximumWindows)
    if (best === undefined || candidate.usd < best.usd - worthAnotherProfile * Math.abs(best.usd)) {
      best = candidate
    }
  }
  return best!
}

function solvePartition(
  costs: FloorCosts,
  days: readonly (readonly number[])[],
  minReplicas: number,
  riseUsd: number,
  maximumWindows: number,
): FloorLevels {
  const profile = foldDays(costs, days)
  const solve = (changeUsd: number) =>
    solveLevels(profile, days, costs.levels, minReplicas, riseUsd, changeUsd)
  let solution = solve(0)
  // A price on each change of level thins the windows out; the least price that leaves few enough is found by halving.
  if (countWindows(solution.levels) > maximumWindows) {
    let low = 0
    let high = 1
    while (countWindows(solve(high).levels) > maximumWindows) high *= 4
    for (let round = 0; round < 20; round++) {
      const middle = (low + high) / 2
      if (countWindows(solve(middle).levels) > maximumWindows) low = middle
      else high = middle
    }
    solution = solve(high)
  }
  return { days, ...solution }
}

/** Cost by slot and level, added over the days that share a profile. */
function foldDays(costs: FloorCosts, days: readonly (readonly number[])[]): Float64Array {
  const { usd, levels } = costs
  const profile = new Float64Array(days.length * slotsPerDay * levels)
  for (const [group, members] of days.entries()) {
    for (const day of members) {
      const from = day * slotsPerDay * levels
      const to = group * slotsPerDay * levels
      for (let i = 0; i < slotsPerDay * levels; i++) profile[to + i]! += usd[from + i]!
    }
  }
  return profile
}

/** Dynamic programme over slots; the state is the level. */
function solveLevels(
  profile: Float64Array,
  days: readonly (readonly number[])[],
  levels: number,
  lowest: number,
  riseUsd: number,
  changeUsd: number,
): { levels: Int16Array; usd: number } {
  const slots = days.length * slotsPerDay
  const from = new Int16Array(slots * levels)
  let value = new Float64Array(levels).fill(Number.POSITIVE_INFINITY)
  for (let level = lowest; level < levels; level++) value[level] = profile[level]!
  for (let slot = 1; slot < slots; slot++) {
    const repeats = days[Math.floor(slot / slotsPerDay)]!.length
    const rise = riseUsd * repeats
    const next = new Float64Array(levels).fill(Number.POSITIVE_INFINITY)
    // Best level to come from by a fall: the cheapest above; by a rise: the cheapest below with the rise paid.
    let above = levels - 1
    for (let level = levels - 1; level >= lowest; level--) {
      if (value[level]! < value[above]!) above = level
      next[level] = value[above]! + (above === level ? 0 : changeUsd)
      from[slot * levels + level] = above
      if (value[level]! <= next[level]!) {
        next[level] = value[level]!
        from[slot * levels + level] = level
      }
    }
    let below = lowest
    for (let level = lowest; level < levels; level++) {
      const risen = value[below]! + rise * (level - below) + changeUsd
      if (level > below && risen < next[level]!) {
        next[level] = risen
        from[slot * levels + level] = below
      }
      if (value[level]! - rise * level < value[below]! - rise * below) below = level
    }
    for (let level = lowest; level < levels; level++) next[level]! += profile[slot * levels + level]!
    value = next
  }
  const chosen = new Int16Array(slots)
  let level = lowest
  for (let candidate = lowest; candidate < levels; candidate++)
    if (value[candidate]! < value[level]!) level = candidate
  const usd = value[level]!
  for (let slot = slots - 1; slot >= 0; slot--) {
    chosen[slot] = level
    level = from[slot * levels + level]!
  }
  return { levels: chosen, usd }
}

/** A run from midnight for most of a day may need a window of its own for the time before midnight. */
const longRunSlots = 72

/** Windows that levels may need: runs above the lowest; a profile's midnight ends a run. */
export function countWindows(levels: Int16Array): number {
  const lowest = levels.reduce((a, b) => Math.min(a, b))
  let windows = 0
  for (let slot = 0; slot < levels.length; slot++) {
    const isMidnight = slot % slotsPerDay === 0
    if (levels[slot] === lowest || (!isMidnight && levels[slot] === levels[slot - 1])) continue
    windows++
    if (isMidnight && levels.subarray(slot, slot + longRunSlots).every((level) => level === levels[slot]))
      windows++
  }
  return windows
}

/** The level of each of the 672 slots of the week. */
export function unfoldDays({ days, levels }: Pick<FloorLevels, 'days' | 'levels'>): Int16Array {
  const week = new Int16Array(slotsPerWeek)
  for (const [group, members] of days.entries()) {
    for (const day of members) {
      week.set(levels.subarray(group * slotsPerDay, (group + 1) * slotsPerDay), day * slotsPerDay)
    }
  }
  return week
}
