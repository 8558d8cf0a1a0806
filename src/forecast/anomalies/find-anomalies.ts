import { median } from '../../kit/statistics.js'
import { secondsPerWeek } from '../../kit/units.js'
import { workloadId } from '../../kit/workload.js'
import type { DemandHistory, WorkloadDemand } from '../../metrics/demand-history.js'
import type { Run } from '../../metrics/gaps.js'
import type { Episode } from './episode.js'
import { findSurges, longestSurge, type Surge } from './find-surges.js'
import { describeSurge, judgeSurge, leastCertainty, nameSurge } from './judge-surge.js'
import { readSignals, type SurgeSignals } from './surge-signals.js'
import { findUsualDay, type StepGrid } from './usual-day.js'
import { type SurgeTraits, weighSurge } from './weigh-surge.js'

/** Quiet hours shall not look wild: a share of the mean is added before logarithms. */
const offsetShare = 0.05
const leastOffset = 2
/** A surge adds at least a fifth, and a tenant's at least as much of all. */
const leastJump = Math.log(1.2)
const leastTenantJump = 0.2
/** Surges are about as high where the logarithm of one is so much of the other's. */
const alikeShare = 0.8
/** Hours whose median is the level of the whole that tenants are held against. */
const levelSteps = 24

/**
 * Episodes of a history that are no demand of a usual day: retry storms, attacks, load tests; in the order of their
 * beginning. Launches, campaigns and jobs that come again are none. All tenants of a model in a region are seen
 * together: who adds a surge tells what it is. Where the history has them, tokens and refusals are seen too.
 *
 * Of the steps that are masked nothing is read. The whole history is read for each step: what an episode was, its
 * end and other days tell.
 */
export function findAnomalies(history: DemandHistory): Episode[] {
  return groupModels(history.workloads)
    .flatMap((parts) => findEpisodes(parts, history))
    .sort((a, b) => a.from - b.from)
}

function groupModels(workloads: readonly WorkloadDemand[]): WorkloadDemand[][] {
  const groups = new Map<string, WorkloadDemand[]>()
  for (const demand of workloads) {
    const { model, region } = demand.workload
    const id = workloadId({ model, region })
    groups.set(id, [...(groups.get(id) ?? []), demand])
  }
  return [...groups.values()]
}

function findEpisodes(parts: readonly WorkloadDemand[], grid: StepGrid): Episode[] {
  const length = parts[0]!.requests.length
  const judged = weighSurges(parts, grid)
    .map((surge) => ({ ...surge, certainty: judgeSurge(surge, grid.stepSeconds) }))
    .filter(({ certainty, traits }) => certainty >= leastCertainty(traits, grid.stepSeconds))
    .sort((a, b) => b.certainty - a.certainty)
  const chosen: typeof judged = []
  for (const surge of judged) if (!chosen.some((other) => overlap(surge, other) > 0)) chosen.push(surge)
  const names = parts.map(({ workload }) => workload.tenant)
  return chosen.map(({ traits, certainty, from, to }) => {
    const whose = (traits.oddTenants ?? 0) < 0.5 ? parts : traits.adders.map((index) => parts[index]!)
    return {
      kind: nameSurge(traits),
      workloads: whose.map(({ workload }) => workload),
      // The steps at both ends hold a part of it.
      from: Math.max(0, from - 1),
      to: Math.min(length, to + 1),
      timesUsual: traits.timesUsual,
      certainty,
      evidence: describeSurge(traits, grid.stepSeconds, names),
    }
  })
}

interface WeighedSurge extends Surge {
  traits: SurgeTraits
  /** Surges a week that are about as high: what is a habit is no anomaly. */
  habit: number
}

/** All surges of one model that may be anomalies, each with what tells them apart. */
export function weighSurges(parts: readonly WorkloadDemand[], grid: StepGrid): WeighedSurge[] {
  const signals = readSignals(parts)
  const { requests } = signals
  const mean = requests.reduce((sum, value) => sum + (value || 0), 0) / Math.max(1, requests.length)
  const offset = Math.max(leastOffset, offsetShare * mean)
  const logs = requests.map((value) => Math.log(value + offset))
  const usualDay = findUsualDay(logs, grid)
  const flat = logs.map((value, step) => value - usualDay[step]!)
  const context = { signals, grid, usualDay, flat, offset }
  const candidates = [
    ...findSurges(flat, grid, leastJump),
    ...findTenantSurges(signals, flat, usualDay, grid),
  ]
  const surges: WeighedSurge[] = []
  for (const surge of candidates) {
    if (surges.some((other) => isSimilar(surge, other))) continue
    const traits = weighSurge(surge, context)
    if (traits !== undefined) surges.push({ ...surge, traits, habit: 0 })
  }
  const weeks = Math.max(1, (requests.length * grid.stepSeconds) / secondsPerWeek)
  for (const surge of surges) surge.habit = countAlike(surge, surges) / weeks
  return surges
}

/** Other surges that are about as high, runs that overlap counted once. */
function countAlike({ from, to, traits }: WeighedSurge, surges: readonly WeighedSurge[]): number {
  const least = alikeShare * Math.log(traits.timesUsual)
  const alike = surges
    .filter((other) => other.to <= from || other.from >= to)
    .filter((other) => Math.log(other.traits.timesUsual) >= least)
    .sort((a, b) => a.from - b.from)
  let end = Number.NEGATIVE_INFINITY
  let count = 0
  for (const other of alike) {
    if (other.from >= end) count++
    end = Math.max(end, other.to)
  }
  return count
}

function isSimilar(one: Run, other: Run): boolean {
  return overlap(one, other) >= 0.7 * Math.max(one.to - one.from, other.to - other.from)
}

function overlap(one: Run, other: Run): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from))
}

/** Surges of single tenants, and of all that were silent before, as shares of what the model usually has. */
function findTenantSurges(
  { tenants }: SurgeSignals,
  flat: Float64Array,
  usualDay: Float64Array,
  grid: StepGrid,
): Surge[] {
  if (tenants.length === 0) return []
  const level = runningMedian(flat, longestSurge(flat.length, grid))
  const usual = level.map((value, step) => Math.exp(value + usualDay[step]!))
  const share = (requests: Float64Array) => requests.map((value, step) => value / usual[step]!)
  const fresh = share(sumFresh(tenants, longestSurge(flat.length, grid)))
  const surges = findSurges(fresh, grid, leastTenantJump)
  for (const requests of tenants) {
    const shares = share(requests)
    if (shares.some((value) => value >= leastTenantJump))
      surges.push(...findSurges(shares, grid, leastTenantJump))
  }
  return surges.sort((a, b) => b.deviations - a.deviations)
}

/** The median of the steps around, by blocks. */
function runningMedian(values: Float64Array, reach: number): Float64Array {
  const level = new Float64Array(values.length)
  const stride = Math.max(1, Math.floor(reach / levelSteps))
  let last = 0
  for (let from = 0; from < values.length; from += stride) {
    const around = values
      .subarray(Math.max(0, from - reach), Math.min(values.length, from + reach))
      .filter((value) => !Number.isNaN(value))
    if (around.length > 0) last = median(around)
    level.fill(last, from, from + stride)
  }
  return level
}

/** Requests of tenants that had none for so many steps before they came, for as many steps. */
function sumFresh(tenants: readonly Float64Array[], steps: number): Float64Array {
  const sum = new Float64Array(tenants[0]!.length)
  for (const requests of tenants) {
    let since = Number.NEGATIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    for (let step = 0; step < requests.length; step++) {
      const value = requests[step]!
      if (Number.isNaN(value)) sum[step] = Number.NaN
      if (!(value > 0)) continue
      if (step - last > steps) since = step
      last = step
      // Who is there from the first steps on was there before.
      if (step - since < steps && since > steps / 4) sum[step]! += value
    }
  }
  return sum
}
