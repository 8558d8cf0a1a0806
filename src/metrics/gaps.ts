import { sortedQuantile } from '../kit/statistics.js'
import { secondsPerDay, secondsPerHour } from '../kit/units.js'

// Metrics that stop being collected often arrive as zeros, with a part of a step at either end. A zero in a gap is
// not a zero, but nights and bursty traffic hold genuine ones. Each run of near-zero points is weighed as one event:
// how likely is a count so small, given what the series does at this time of day on other days and its level on
// this day? Counts are taken as negative binomial (Poisson counts whose rate itself varies), so that a night with
// four requests an hour may fall to none and a million requests may not, and a series that is sometimes silent at
// this hour has a dispersion under which silence is nothing unusual.

/** A run of steps, `from` inclusive, `to` exclusive. */
export interface Run {
  from: number
  to: number
}

/** Points below this share of what is expected are near zero: candidates. */
const nearZeroShare = 0.05
/** Points next to a gap, and below this share, are steps of which the gap took a part. */
const partialShare = 0.5
/** A genuine silence is called a gap where it was less likely than this. */
const smallestProbability = 1e-5
/** The same for a step at the edge of a gap, which is suspicious already. */
const smallestPartialProbability = 0.01
/** Same-time values are taken from at most this many days on both sides. */
const daysEachSide = 7
/** Fewer other days than this say nothing about a time of day; then the hours around a run stand for it. */
const minimumDays = 3
/** Hours before and after a run that give the level of its day. */
const contextSeconds = 6 * secondsPerHour
const slotHalfWidthSeconds = secondsPerHour / 2
/** A series that falls silent more often than this is silent by habit. */
const runsPerDayOfHabit = 1
/** A longer run at either end of a series is a launch or a retirement, which only people can tell from a gap. */
const longestEdgeSeconds = secondsPerDay

/**
 * Runs of a series of counts that are gaps in collection although values were written.
 * `values` are amounts a step; NaN is a missing point, which is skipped and is no part of a run.
 */
export function findGaps(values: Float64Array, stepSeconds: number): Run[] {
  const runs = findNearZeroRuns(values, stepSeconds)
  const falls = runs.filter((run) => !isEdgeOfLife(run, values, stepSeconds))
  return falls
    .filter((run) => !isHabit(run, runs, values, stepSeconds) && !recursWeekly(run, values, stepSeconds))
    .filter((run) => logProbabilityOfSoFew(run, run, values, stepSeconds) < Math.log(smallestProbability))
    .map((run) => widen(run, values, stepSeconds))
}

/** Runs of points that are zero or near zero beside the usual value of the hour. */
export function findNearZeroRuns(values: Float64Array, stepSeconds: number): Run[] {
  const observed = values.filter((value) => !Number.isNaN(value)).sort()
  if (observed.length === 0) return []
  const highest = nearZeroShare * sortedQuantile(observed, 0.95)
  const isNearZero = (at: number) => {
    const value = values[at]!
    if (value === 0) return true
    if (!(value < highest)) return false
    const usual = sameTimeValues(at, values, stepSeconds).sort((a, b) => a - b)
    return usual.length > 0 && value < nearZeroShare * sortedQuantile(usual, 0.5)
  }
  const runs: Run[] = []
  for (let at = 0; at < values.length; at++) {
    if (!isNearZero(at)) continue
    const last = runs.at(-1)
    if (last?.to === at) last.to = at + 1
    else runs.push({ from: at, to: at + 1 })
  }
  return runs
}

function isEdgeOfLife(run: Run, values: Float64Array, stepSeconds: number): boolean {
  const isLong = (run.to - run.from) * stepSeconds > longestEdgeSeconds
  return isLong && (run.from === 0 || run.to === values.length)
}

function isHabit(run: Run, runs: Run[], values: Float64Array, stepSeconds: number): boolean {
  const reach = (daysEachSide * secondsPerDay) / stepSeconds
  const from = Math.max(0, run.from - reach)
  const to = Math.min(values.length, run.to + reach)
  const near = runs.filter((other) => other.from >= from && other.to <= to).length
  // One event is no habit, however short the history.
  return near > Math.max(2, (runsPerDayOfHabit * (to - from) * stepSeconds) / secondsPerDay)
}

/** Whether the series is as silent in most other weeks: an outage keeps no calendar. */
function recursWeekly(run: Run, values: Float64Array, stepSeconds: number): boolean {
  const week = Math.round((7 * secondsPerDay) / stepSeconds)
  const middle = (run.from + run.to) >> 1
  let weeks = 0
  let silent = 0
  for (let at = middle % week; at < values.length; at += week) {
    if (at === middle || Number.isNaN(values[at]!)) continue
    weeks++
    if (values[at]! <= Math.max(values[middle]!, 0)) silent++
  }
  return silent * 2 > weeks
}

/**
 * Natural logarithm of the probability that the genuine total of some steps is as small as it is. The total is
 * weighed and not its steps, because these are not independent: how much totals of as many steps differ between
 * days holds both the noise of counting, which shrinks over a run, and the swings of demand, which do not.
 * `hole` is what is not to be trusted around the steps.
 */
function logProbabilityOfSoFew(steps: Run, hole: Run, values: Float64Array, stepSeconds: number): number {
  const expected = expectedLogTotal(steps, hole, values, stepSeconds)
  if (expected === undefined) return 0
  const mean = Math.expm1(expected.median)
  if (!(mean > 0)) return 0
  // Shape of a gamma rate from its median and lower quartile: the first term is exact for small shapes, where
  // P(rate < r) ~ r^shape; the second for large ones, where the rate is nearly log-normal.
  const spread = Math.max(expected.median - expected.lowerQuartile, 1e-3)
  const shape = Math.max(Math.LN2 / spread, (0.6745 / spread) ** 2) * expected.trust
  return logNegativeBinomialCdf(totalOf(steps, values)!, mean, shape)
}

/**
 * Median and lower quartile of log(1 + total) that other days, brought to this day's level, lead one to expect.
 * `trust`, 0 … 1, shrinks the certainty of a spread that few days have shown. Where there are too few, only the
 * hours around can tell, and they must never have been near as low.
 */
function expectedLogTotal(
  steps: Run,
  hole: Run,
  values: Float64Array,
  stepSeconds: number,
): { median: number; lowerQuartile: number; trust: number } | undefined {
  const perDay = secondsPerDay / stepSeconds
  const here = contextLogs(hole, 0, values, stepSeconds)
  if (here.length === 0) return undefined
  const level = sortedQuantile(here, 0.5)
  const halfWidth = slotHalfWidth(stepSeconds)
  const logs: number[] = []
  let days = 0
  for (const day of nearestDays(steps.from, values.length, perDay)) {
    const offset = Math.round(day * perDay)
    const context = contextLogs(hole, offset, values, stepSeconds)
    if (context.length === 0) continue
    const shift = level - sortedQuantile(context, 0.5)
    const before = logs.length
    for (let near = offset - halfWidth; near <= offset + halfWidth; near++) {
      const total = totalOf({ from: steps.from + near, to: steps.to + near }, values)
      if (total !== undefined) logs.push(Math.max(0, Math.log1p(total) + shift))
    }
    if (logs.length > before) days++
  }
  if (days >= minimumDays) {
    logs.sort((a, b) => a - b)
    return {
      median: sortedQuantile(logs, 0.5),
      lowerQuartile: sortedQuantile(logs, 0.25),
      trust: 1 - (minimumDays - 1) / days,
    }
  }
  if (here.length < 6) return undefined
  const count = Math.log(steps.to - steps.from)
  return { median: level + count, lowerQuartile: here[0]! + count, trust: 1 }
}

/** Total of some steps, those that are missing taken as the mean of the rest; undefined where half are missing. */
function totalOf({ from, to }: Run, values: Float64Array): number | undefined {
  let total = 0
  let observed = 0
  for (let at = from; at < to; at++) {
    const value = values[at]
    if (value === undefined || Number.isNaN(value)) continue
    total += value
    observed++
  }
  return observed * 2 > to - from ? (total * (to - from)) / observed : undefined
}

/** log(1 + count) in the hours around a run, shifted by an offset in steps; ascending. */
function contextLogs(run: Run, offset: number, values: Float64Array, stepSeconds: number): number[] {
  const reach = Math.max(3, Math.round(contextSeconds / stepSeconds))
  const logs: number[] = []
  for (let at = run.from - reach; at < run.to + reach; at++) {
    if (at >= run.from && at < run.to) continue
    const value = values[at + offset]
    if (value !== undefined && !Number.isNaN(value)) logs.push(Math.log1p(value))
  }
  return logs.sort((a, b) => a - b)
}

/** Values at about the same time of day on the nearest other days. */
function sameTimeValues(at: number, values: Float64Array, stepSeconds: number): number[] {
  const perDay = secondsPerDay / stepSeconds
  return nearestDays(at, values.length, perDay).flatMap((day) =>
    slotValues(at + Math.round(day * perDay), values, stepSeconds),
  )
}

function slotValues(at: number, values: Float64Array, stepSeconds: number): number[] {
  const halfWidth = slotHalfWidth(stepSeconds)
  const slot: number[] = []
  for (let near = at - halfWidth; near <= at + halfWidth; near++) {
    const value = values[near]
    if (value !== undefined && !Number.isNaN(value)) slot.push(value)
  }
  return slot
}

function slotHalfWidth(stepSeconds: number): number {
  return Math.max(1, Math.round(slotHalfWidthSeconds / stepSeconds))
}

/** Offsets in days to other days of the series, the nearest first: both sides alike, more of one where the other ends. */
function nearestDays(at: number, length: number, perDay: number): number[] {
  const days: number[] = []
  for (let distance = 1; days.length < 2 * daysEachSide; distance++) {
    const before = at - distance * perDay >= 0
    const after = at + distance * perDay < length
    if (!before && !after) break
    if (before) days.push(-distance)
    if (after) days.push(distance)
  }
  return days
}

/** Adds the steps at both ends of which the gap took a part. */
function widen(run: Run, values: Float64Array, stepSeconds: number): Run {
  const isPartial = (at: number, hole: Run) => {
    const step = { from: at, to: at + 1 }
    const value = totalOf(step, values)
    const expected = expectedLogTotal(step, hole, values, stepSeconds)
    return (
      value !== undefined &&
      expected !== undefined &&
      value < partialShare * Math.expm1(expected.median) &&
      logProbabilityOfSoFew(step, hole, values, stepSeconds) < Math.log(smallestPartialProbability)
    )
  }
  const wide = { ...run }
  while (isPartial(wide.from - 1, { from: wide.from - 1, to: wide.to })) wide.from--
  while (isPartial(wide.to, { from: wide.from, to: wide.to + 1 })) wide.to++
  return wide
}

/**
 * log P(X ≤ x) of a negative binomial count with a mean and a gamma shape. Above `exactUpTo` count and mean are
 * thinned alike: that adds Poisson noise, which makes a small count no less likely.
 */
function logNegativeBinomialCdf(x: number, mean: number, shape: number): number {
  const exactUpTo = 50
  const thinning = Math.min(1, exactUpTo / x)
  const thinnedMean = mean * thinning
  const logRatio = Math.log(thinnedMean / (shape + thinnedMean))
  let term = shape * Math.log(shape / (shape + thinnedMean))
  let total = term
  for (let count = 0; count < Math.floor(x * thinning); count++) {
    term += Math.log((count + shape) / (count + 1)) + logRatio
    total = Math.max(total, term) + Math.log1p(Math.exp(-Math.abs(total - term)))
  }
  return total
}
