import { median } from '../../kit/statistics.js'
import { secondsPerWeek } from '../../kit/units.js'
import { workloadId } from '../../kit/workload.js'
import type { DemandHistory, WorkloadDemand } from '../../metrics/demand-history.js'
import { ContrastScan } from './contrast-scan.js'
import type { Episode } from './episode.js'
import { findJumpSurges } from './find-jumps.js'
import { describeSurge, judgeSurge, leastCertainty, nameSurge, type SurgeScale } from './judge-surge.js'
import { longestSurge, overlap, type Surge, shareOf } from './surge.js'
import { createContext, type SurgeContext } from './surge-context.js'
import { readSignals } from './surge-signals.js'
import type { StepGrid } from './usual-day.js'
import { type SurgeTraits, weighSurge } from './weigh-surge.js'

/** A surge adds at least a fifth, and a tenant's at least as much of all. */
const leastJump = Math.log(1.2)
const leastTenantJump = 0.2
/** On the scale of roots, and of logarithms. */
const leastRefusals = 0.12
const leastMix = 0.12
/** Two runs that share so much are one. */
const sameShare = 0.6
/** Surges are about as high where the logarithm of one is so much of the other's. */
const alikeShare = 0.8
const alikeCertainty = 0.05
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
  const { surges, scale } = weighSurges(parts, grid)
  const judged = surges
    .map((surge) => ({ ...surge, certainty: judgeSurge(surge, scale) }))
    .filter(({ certainty, traits }) => certainty >= leastCertainty(traits, grid.stepSeconds))
    .sort((a, b) => rankOf(b.certainty) - rankOf(a.certainty) || b.traits.deviations - a.traits.deviations)
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

/** Of runs that are about as certain, the one that stands out most fits best. */
function rankOf(certainty: number): number {
  return Math.round(certainty / alikeCertainty)
}

interface WeighedSurge extends Surge {
  traits: SurgeTraits
  /** Surges a week that are about as high: what is a habit is no anomaly. */
  habit: number
}

/** All surges of one model that may be anomalies, each with what tells them apart. */
export function weighSurges(
  parts: readonly WorkloadDemand[],
  grid: StepGrid,
): { surges: WeighedSurge[]; scale: SurgeScale } {
  const signals = readSignals(parts)
  const context = createContext(signals, grid)
  const surges: WeighedSurge[] = []
  for (const surge of findCandidates(context)) {
    if (surges.some((other) => shareOf(surge, other) > sameShare)) continue
    const traits = weighSurge(surge, context)
    if (traits !== undefined) surges.push({ ...surge, traits, habit: 0 })
  }
  const weeks = Math.max(1, (signals.requests.length * grid.stepSeconds) / secondsPerWeek)
  for (const surge of surges) surge.habit = countAlike(surge, surges) / weeks
  return { surges, scale: { stepSeconds: grid.stepSeconds, meanRequests: context.meanRequests } }
}

/** Runs that stand out in the sum, in refusals, in the length of requests, or in who sends them. */
function findCandidates(context: SurgeContext): Surge[] {
  const { scan, grid, refusals, inputs, outputs } = context
  const lengths = [inputs?.longer, inputs?.shorter, outputs?.longer, outputs?.shorter]
  return [
    ...scan.findSurges(leastJump),
    ...findJumpSurges(scan.sums, grid, leastJump),
    ...(refusals?.findSurges(leastRefusals) ?? []),
    ...lengths.flatMap((each) => each?.findSurges(leastMix) ?? []),
    ...findTenantSurges(context),
  ]
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

/** Surges of single tenants, and of all that were silent before, as shares of what the model usually has. */
function findTenantSurges({ signals: { tenants }, flat, usualDay, grid }: SurgeContext): Surge[] {
  if (tenants.length === 0) return []
  const level = runningMedian(flat, longestSurge(flat.length, grid))
  const usual = level.map((value, step) => Math.exp(value + usualDay[step]!))
  const share = (requests: Float64Array) => requests.map((value, step) => value / usual[step]!)
  const fresh = share(sumFresh(tenants, longestSurge(flat.length, grid)))
  const surges = new ContrastScan(fresh, grid).findSurges(leastTenantJump)
  for (const requests of tenants) {
    const shares = share(requests)
    if (shares.some((value) => value >= leastTenantJump)) {
      const scan = new ContrastScan(shares, grid)
      surges.push(...scan.findSurges(leastTenantJump), ...findJumpSurges(scan.sums, grid, leastTenantJump))
    }
  }
  return surges
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
