import { quantile } from '../../kit/statistics.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../kit/units.js'

/** A load on a regular grid, as models of the near future read it: NaN where nothing is known. */
export interface LoadGrid {
  stepSeconds: number
  /** From now on: a cold start and the time until the next forecast. */
  windowSeconds: number
}

/** What a day was like in the window that lies ahead now. */
export interface EarlierWindow {
  daysAgo: number
  maximum: number
  mean: number
  /** Mean and maximum of the quarter of an hour before it. */
  levelBefore: number
  maximumBefore: number
}

// All features are loads, so that the model is the same at any scale of the load: means and maxima of the last
// minutes, how far they rose, noise and drift, what the sampling of single requests alone would leave (shot noise), and
// the load grown as in the same window of earlier days, by their ratio and by their rise: a job that starts by the clock
// brings the same load whatever ran before it, and a ratio makes much or nothing of it.
const names = [
  'scale',
  'mean1',
  'mean5',
  'mean15',
  'mean60',
  'rise1',
  'rise5',
  'rise15',
  'maximum1',
  'maximum15',
  'maximum30',
  'maximum60',
  'roughness15',
  'roughness60',
  'deviation60',
  'deviationDay',
  'shotNoise',
  'grown1',
  'grown5',
  'grown15',
  'grownMean',
  'risen',
  'risenMore',
  'risenAsYesterday',
  'maximumRisen',
  'usualMaximum',
] as const

export const featureCount = names.length
/** Where the mean of the last quarter of an hour stands. */
export const levelFeature = names.indexOf('mean15')

// A growth beyond this tells of a load that was near zero before, not of one that grew.
const mostGrowth = 4
const leastLevelShare = 0.05
const daysBack = 7
// Of a window or a level at least this share of steps must be known.
const leastKnown = 0.8

export function stepsOf(seconds: number, { stepSeconds }: Pick<LoadGrid, 'stepSeconds'>): number {
  return Math.max(1, Math.ceil(seconds / stepSeconds - 1e-9))
}

/**
 * Writes the features of a moment at `at`, from values strictly before step `now`.
 *
 * @param scale the size of the load: an amount a second, from the past of the fit
 * @returns whether the last hour had a value
 */
export function writeFeatures(
  load: Float64Array,
  now: number,
  grid: LoadGrid,
  scale: number,
  features: Float64Array,
  at: number,
): boolean {
  const minute = (count: number) => now - stepsOf(count * secondsPerMinute, grid)
  const mean60 = meanOf(load, minute(60), now)
  if (Number.isNaN(mean60)) return false
  const known = (value: number, fallback: number) => (Number.isNaN(value) ? fallback : value)
  const mean15 = known(meanOf(load, minute(15), now), mean60)
  const mean5 = known(meanOf(load, minute(5), now), mean15)
  const mean1 = known(meanOf(load, minute(1), now), mean5)
  const maximum60 = maximumOf(load, minute(60), now)
  const maximum30 = known(maximumOf(load, minute(30), now), maximum60)
  const roughness60 = roughnessOf(load, minute(60), now)
  const earlier = earlierWindows(load, now, grid)
  const least = Math.max(leastLevelShare * scale, Number.MIN_VALUE)
  const growths = earlier.map(({ maximum, levelBefore }) => (maximum + least) / (levelBefore + least))
  const growth = Math.min(growths.length === 0 ? 1 : quantile(growths, 0.5), mostGrowth)
  const rises = earlier.map(({ maximum, levelBefore }) => maximum - levelBefore)
  const rise = rises.length === 0 ? 0 : quantile(rises, 0.5)
  const riseYesterday = earlier[0]?.daysAgo === 1 ? rises[0]! : rise
  const descending = rises.sort((a, b) => b - a)
  const meanGrowth = averageOf(earlier, ({ mean, levelBefore }) => (mean + least) / (levelBefore + least), 1)
  const values = [
    scale,
    mean1,
    mean5,
    mean15,
    mean60,
    Math.max(0, mean1 - mean15),
    Math.max(0, mean5 - mean15),
    Math.max(0, mean15 - mean60),
    known(maximumOf(load, minute(1), now), mean1),
    known(maximumOf(load, minute(15), now), maximum30),
    maximum30,
    maximum60,
    known(roughnessOf(load, minute(15), now), roughness60),
    roughness60,
    deviationOf(load, minute(60), now),
    deviationOf(load, now - stepsOf(secondsPerDay, grid), now),
    Math.sqrt(mean15 / grid.stepSeconds),
    mean1 * growth,
    mean5 * growth,
    mean15 * growth,
    mean15 * Math.min(meanGrowth, mostGrowth),
    mean15 + rise,
    mean15 + (descending[1] ?? rise),
    mean15 + riseYesterday,
    maximum30 + Math.max(0, rise),
    averageOf(earlier, ({ maximum }) => maximum, mean60),
  ]
  features.set(values, at)
  return true
}

/** The window ahead as it was on the last seven days, as far as it is known. */
export function earlierWindows(load: Float64Array, now: number, grid: LoadGrid): EarlierWindow[] {
  const day = Math.round(secondsPerDay / grid.stepSeconds)
  const window = stepsOf(grid.windowSeconds, grid)
  const before = stepsOf(secondsPerHour / 4, grid)
  const windows: EarlierWindow[] = []
  for (let daysAgo = 1; daysAgo <= daysBack; daysAgo++) {
    const from = now - daysAgo * day
    if (from < before) break
    // On long windows the part of yesterday's window that lies ahead of now is not known.
    const end = Math.min(from + window, now)
    if (knownShare(load, from, end) < leastKnown || knownShare(load, from - before, from) < leastKnown)
      continue
    windows.push({
      daysAgo,
      maximum: maximumOf(load, from, end),
      mean: meanOf(load, from, end),
      levelBefore: meanOf(load, from - before, from),
      maximumBefore: maximumOf(load, from - before, from),
    })
  }
  return windows
}

function averageOf(
  windows: readonly EarlierWindow[],
  read: (window: EarlierWindow) => number,
  fallback: number,
): number {
  return windows.length === 0
    ? fallback
    : windows.reduce((sum, window) => sum + read(window), 0) / windows.length
}

export function knownShare(load: Float64Array, from: number, to: number): number {
  let known = 0
  for (let step = from; step < to; step++) if (!Number.isNaN(load[step]!)) known++
  return known / (to - from)
}

/** The mean of what is known; NaN where nothing is. */
export function meanOf(load: Float64Array, from: number, to: number): number {
  let sum = 0
  let known = 0
  for (let step = Math.max(0, from); step < to; step++) {
    const value = load[step]!
    if (Number.isNaN(value)) continue
    sum += value
    known++
  }
  return sum / known
}

/** The largest value that is known; NaN where nothing is. */
export function maximumOf(load: Float64Array, from: number, to: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let step = Math.max(0, from); step < to; step++) if (load[step]! > most) most = load[step]!
  return most === Number.NEGATIVE_INFINITY ? Number.NaN : most
}

function deviationOf(load: Float64Array, from: number, to: number): number {
  const mean = meanOf(load, from, to)
  let squares = 0
  let known = 0
  for (let step = Math.max(0, from); step < to; step++) {
    const difference = load[step]! - mean
    if (Number.isNaN(difference)) continue
    squares += difference * difference
    known++
  }
  return Math.sqrt(squares / known)
}

/** How much neighbouring steps differ: noise without drift, as a standard deviation; 0 where none are known. */
function roughnessOf(load: Float64Array, from: number, to: number): number {
  let squares = 0
  let known = 0
  for (let step = Math.max(1, from); step < to; step++) {
    const difference = load[step]! - load[step - 1]!
    if (Number.isNaN(difference)) continue
    squares += difference * difference
    known++
  }
  return known === 0 ? 0 : Math.sqrt(squares / known / 2)
}
