import { median, quantile } from '../../kit/statistics.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import type { Run } from '../../metrics/gaps.js'
import type { RunSums } from './run-sums.js'
import { known, type Surge } from './surge.js'
import type { LengthScans, SurgeContext } from './surge-context.js'
import type { SurgeSignals } from './surge-signals.js'
import { hasDays, type StepGrid } from './usual-day.js'

/** What tells surges apart. Undefined where the signals cannot say. */
export interface SurgeTraits {
  /** Requests of its steps over those that were to be expected. */
  timesUsual: number
  /** How far it stands above both of its sides, over the spread of runs as long. */
  deviations: number
  riseSeconds: number
  /** Undefined while it goes on. */
  fallSeconds: number | undefined
  /** 0: from all tenants as they always are, 1: from others. */
  oddTenants: number | undefined
  /** Of what was added, the share of the tenant that added most, and its index. */
  largestShare: number | undefined
  largestTenant: number | undefined
  /** The fewest tenants that added nine tenths of it. */
  adders: number[]
  /** Of what was added, the share of tenants that had been silent. */
  newShare: number | undefined
  /** Tokens of a request that was added over those of a usual one. */
  inputMix: number | undefined
  outputMix: number | undefined
  /** How far the mean tokens of a request stand above both sides, negative below, in deviations of runs as long. */
  inputDeviations: number | undefined
  outputDeviations: number | undefined
  /** Of what was added, the share that was turned away. */
  rejectedShare: number | undefined
  /** The same over what one in forty runs as long does. */
  rarity: number
  /** Share of other runs as long that stand at least half as high, and the highest of them over it. */
  alike: number
  next: number
  /** What its lowest fifth stands above the steps around it, over what its middle does. */
  floor: number
  /** Days around on which the same happens at that time. */
  recurs: number
  /** Other times at which the tenant that added most did the same. */
  tenantRecurs: number
  /** Of the excess, what is left after its end. */
  lasts: number
  /** Standard deviation of the top over its height. */
  unevenness: number | undefined
}

const leastWindowSteps = 3
const leastWindowSeconds = 3 * secondsPerMinute
const mostWindowSeconds = 6 * secondsPerHour
const daysEachSide = 7

/** Steps before and after a surge that say what is usual. */
interface Around {
  before: Run
  after: Run
}

function windowsAround({ from, to }: Run, length: number, stepSeconds: number): Around {
  const least = Math.max(leastWindowSteps, Math.round(leastWindowSeconds / stepSeconds))
  const size = Math.max(least, Math.min(to - from, Math.round(mostWindowSeconds / stepSeconds)))
  return {
    before: { from: Math.max(0, from - 1 - size), to: Math.max(0, from - 1) },
    after: { from: Math.min(length, to + 1), to: Math.min(length, to + 1 + size) },
  }
}

/** A surge adds at least so much of what is usual. */
const leastAdded = 0.3

/** Weighs one surge by all that is known of its steps; undefined where too little was added. */
export function weighSurge(surge: Surge, context: SurgeContext): SurgeTraits | undefined {
  const { signals, grid, usualDay, flat, offset, scan } = context
  const { requests } = signals
  const around = windowsAround(surge, requests.length, grid.stepSeconds)
  const levelBefore = known(flat, around.before.from, around.before.to)
  const levelAfter = known(flat, around.after.from, around.after.to)
  if (levelBefore.length === 0) return undefined
  const base = median(levelBefore)
  // A level that the surge leaves behind is no part of it.
  const rest = levelAfter.length === 0 ? base : median(levelAfter)
  const expectedAt = (step: number) => {
    const share = (step - surge.from) / Math.max(1, surge.to - surge.from)
    const level = base + (rest - base) * Math.min(1, Math.max(0, share))
    return Math.max(0, Math.exp(level + usualDay[step]!) - offset)
  }
  let came = 0
  let usual = 0
  for (let step = surge.from; step < surge.to; step++) {
    if (Number.isNaN(requests[step]!)) continue
    came += requests[step]!
    usual += expectedAt(step)
  }
  const added = came - usual
  if (!(added > leastAdded * usual)) return undefined
  const overAt = (step: number) =>
    step >= 0 && step < requests.length ? requests[step]! - expectedAt(step) : Number.NaN
  const height = median(known(flat, surge.from, surge.to)) - base
  return {
    timesUsual: (came + offset) / (usual + offset),
    ...scan.weigh(surge),
    ...scan.compare(surge),
    ...findEdges(surge, overAt, requests.length, grid.stepSeconds),
    ...weighTenants(surge, signals, around, usual),
    ...weighTokens(surge, context, around, usual, came),
    rejectedShare: weighRejected(surge, signals, around, came, added),
    recurs: findRecurrence(surge, scan.sums, around, height, grid),
    lasts: height > 0 ? Math.max(0, rest - base) / height : 0,
    floor:
      height > 0 ? (quantile(known(flat, surge.from, surge.to), 0.2) - Math.max(base, rest)) / height : 0,
    unevenness: findUnevenness(surge, overAt),
  }
}

function weighTenants(
  { from, to }: Run,
  { tenants }: SurgeSignals,
  { before, after }: Around,
  usual: number,
): Pick<
  SurgeTraits,
  'oddTenants' | 'largestShare' | 'largestTenant' | 'adders' | 'newShare' | 'tenantRecurs'
> {
  if (tenants.length === 0)
    return {
      oddTenants: undefined,
      largestShare: undefined,
      largestTenant: undefined,
      adders: [],
      newShare: undefined,
      tenantRecurs: 0,
    }
  const steps = to - from
  const rates = tenants.map((requests) => {
    const there = meanOf(requests, from, to)
    const sides = [before, after].map((side) => meanOf(requests, side.from, side.to))
    const known = sides.filter((mean) => !Number.isNaN(mean))
    return { there, usual: known.reduce((sum, mean) => sum + mean, 0) / Math.max(1, known.length) }
  })
  const added = rates.map((rate) => Math.max(0, rate.there - rate.usual))
  const total = added.reduce((sum, each) => sum + each, 0)
  const usualTotal = rates.reduce((sum, each) => sum + each.usual, 0)
  if (!(total > 0))
    return { oddTenants: 0, largestShare: 0, largestTenant: 0, adders: [], newShare: 0, tenantRecurs: 0 }
  let alike = 0
  let fresh = 0
  added.forEach((each, index) => {
    const usualShare = usualTotal > 0 ? rates[index]!.usual / usualTotal : 0
    alike += Math.min(each / total, usualShare)
    if (rates[index]!.usual < 0.02 * rates[index]!.there) fresh += each
  })
  const largestTenant = added.indexOf(added.reduce((a, b) => Math.max(a, b)))
  const largest = added[largestTenant]!
  return {
    oddTenants: 1 - alike,
    largestShare: largest / total,
    largestTenant,
    adders: fewestAdders(added, total),
    newShare: fresh / total,
    tenantRecurs: countOthers(tenants[largestTenant]!, { from, to }, largest, usual / steps),
  }
}

function fewestAdders(added: readonly number[], total: number): number[] {
  const bySize = added.map((_, index) => index).sort((a, b) => added[b]! - added[a]!)
  let sum = 0
  const end = bySize.findIndex((index) => {
    sum += added[index]!
    return sum >= 0.9 * total
  })
  return bySize.slice(0, end + 1).sort((a, b) => a - b)
}

/** How often, apart from a run, a tenant came near the height that it has there. */
function countOthers(requests: Float64Array, { from, to }: Run, height: number, usual: number): number {
  const limit = 0.5 * height
  // What is small beside the whole is nobody's surge.
  if (limit < 0.02 * usual) return 0
  const apart = to - from
  let count = 0
  let last = Number.NEGATIVE_INFINITY
  for (let step = 0; step < requests.length; step++) {
    if (step >= from - apart && step < to + apart) continue
    if (!(requests[step]! >= limit)) continue
    if (step - last > Math.max(2, apart / 2)) count++
    last = step
  }
  return count
}

function weighTokens(
  run: Run,
  { signals: { requests, inputTokens, outputTokens }, inputs, outputs }: SurgeContext,
  { before, after }: Around,
  usual: number,
  came: number,
): Pick<SurgeTraits, 'inputMix' | 'outputMix' | 'inputDeviations' | 'outputDeviations'> {
  const weigh = (perRequest: Float64Array | undefined, scans: LengthScans | undefined) => {
    if (perRequest === undefined || scans === undefined) return undefined
    const there = meanTokens(perRequest, requests, [run])
    const around = meanTokens(perRequest, requests, [before, after])
    if (!(there > 0 && around > 0)) return undefined
    return {
      // Of what came, `usual` had the mean of the steps around; the rest makes up the difference.
      mix: (came * there - usual * around) / ((came - usual) * around),
      deviations:
        Math.max(0, scans.longer.weigh(run).deviations) - Math.max(0, scans.shorter.weigh(run).deviations),
    }
  }
  const input = weigh(inputTokens, inputs)
  const output = weigh(outputTokens, outputs)
  return {
    inputMix: input?.mix,
    outputMix: output?.mix,
    inputDeviations: input?.deviations,
    outputDeviations: output?.deviations,
  }
}

/** Mean tokens of a request over some runs. */
function meanTokens(perRequest: Float64Array, requests: Float64Array, runs: readonly Run[]): number {
  let tokens = 0
  let count = 0
  for (const { from, to } of runs)
    for (let step = from; step < to; step++) {
      if (!(requests[step]! > 0) || Number.isNaN(perRequest[step]!)) continue
      tokens += requests[step]! * perRequest[step]!
      count += requests[step]!
    }
  return tokens / count
}

function weighRejected(
  { from, to }: Run,
  { rejected, requests }: SurgeSignals,
  { before, after }: Around,
  came: number,
  added: number,
): number | undefined {
  if (rejected === undefined) return undefined
  const around = (column: Float64Array) =>
    known(column, before.from, before.to).concat(known(column, after.from, after.to))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const usualShare = sum(around(rejected)) / Math.max(1, sum(around(requests)))
  return Math.max(0, sum(known(rejected, from, to)) - usualShare * came) / added
}

/** Days around on which the same steps stand at least half as high above those before and after. */
function findRecurrence(
  { from, to }: Run,
  sums: RunSums,
  { before, after }: Around,
  height: number,
  grid: StepGrid,
): number {
  if (!hasDays(sums.length, grid)) return 0
  const perDay = secondsPerDay / grid.stepSeconds
  let alike = 0
  for (let day = -daysEachSide; day <= daysEachSide; day++) {
    if (day === 0) continue
    const shift = day * perDay
    const sides = [before, after]
      .map((side) => sums.mean(side.from + shift, side.to + shift))
      .filter((mean) => !Number.isNaN(mean))
    const level = sides.reduce((sum, mean) => sum + mean, 0) / sides.length
    if (sums.mean(from + shift, to + shift) - level > 0.5 * height) alike++
  }
  return alike
}

const rampSeconds = [0, 15, 30, 60, 120, 240, 480, 900, 1800, 3600, 7200, 14_400]

/** The height of a surge that rises and falls is near its highest. */
const topQuantile = 0.75

/** How fast a surge came and went, by the ramps that fit its steps best. */
function findEdges(
  { from, to }: Run,
  overAt: (step: number) => number,
  length: number,
  stepSeconds: number,
): Pick<SurgeTraits, 'riseSeconds' | 'fallSeconds'> {
  const tops: number[] = []
  for (let step = from; step < to; step++) if (!Number.isNaN(overAt(step))) tops.push(overAt(step))
  const height = quantile(tops, topQuantile)
  if (!(height > 0)) return { riseSeconds: 0, fallSeconds: undefined }
  const reach = Math.max(4, Math.min(to - from, Math.ceil((4 * secondsPerHour) / stepSeconds)))
  const half = Math.ceil((to - from) / 2)
  const isOver = to + leastWindowSteps <= length
  return {
    riseSeconds: fitRamp((step) => overAt(from + step) / height, -reach, half, stepSeconds),
    fallSeconds: isOver
      ? fitRamp((step) => overAt(to - 1 - step) / height, -reach, half, stepSeconds)
      : undefined,
  }
}

/**
 * Seconds of the ramp from 0 to 1 that fits values around step 0 best; those that fit nearly as well have a say,
 * by how likely they are where errors are normal.
 */
function fitRamp(valueAt: (step: number) => number, first: number, end: number, stepSeconds: number): number {
  const longest = (end - first) * stepSeconds
  const fits = rampSeconds
    .filter((seconds) => seconds <= longest)
    .map((seconds) => {
      let best = Number.POSITIVE_INFINITY
      let count = 0
      for (
        let start = -seconds - stepSeconds;
        start <= stepSeconds;
        start += Math.max(stepSeconds, seconds / 4) / 4
      ) {
        let error = 0
        count = 0
        for (let step = first; step < end; step++) {
          const value = valueAt(step)
          if (Number.isNaN(value)) continue
          const difference =
            Math.min(2, Math.max(-1, value)) - rampOver(step * stepSeconds, stepSeconds, start, seconds)
          error += difference * difference
          count++
        }
        best = Math.min(best, error)
      }
      return { seconds, error: best + 1e-6, count }
    })
  const least = fits.reduce((error, fit) => Math.min(error, fit.error), Number.POSITIVE_INFINITY)
  let weights = 0
  let sum = 0
  for (const { seconds, error, count } of fits) {
    const weight = (least / error) ** (Math.min(count, 24) / 2)
    weights += weight
    sum += weight * Math.log(seconds + 15)
  }
  return weights === 0 ? 0 : Math.max(0, Math.exp(sum / weights) - 15)
}

/** Mean over a step of a ramp from 0 to 1 that begins at a time. */
function rampOver(from: number, stepSeconds: number, start: number, seconds: number): number {
  return (rampArea(from + stepSeconds - start, seconds) - rampArea(from - start, seconds)) / stepSeconds
}

/** Integral of a ramp from 0 to 1 up to a time since its start. */
function rampArea(time: number, seconds: number): number {
  if (time <= 0) return 0
  return time < seconds ? (time * time) / (2 * seconds) : time - seconds / 2
}

function findUnevenness({ from, to }: Run, overAt: (step: number) => number): number | undefined {
  const top: number[] = []
  for (let step = from + 1; step < to - 1; step++) if (!Number.isNaN(overAt(step))) top.push(overAt(step))
  if (top.length < 4) return undefined
  const mean = top.reduce((sum, each) => sum + each, 0) / top.length
  const variance = top.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (top.length - 1)
  return mean > 0 ? Math.sqrt(variance) / mean : undefined
}

/** Of the steps that are known; NaN without any. */
function meanOf(values: Float64Array, from: number, to: number): number {
  const there = known(values, from, to)
  return there.reduce((sum, each) => sum + each, 0) / there.length
}
