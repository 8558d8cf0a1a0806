import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { Workload } from '../../kit/workload.js'
import type { DemandHistory } from '../../metrics/demand-history.js'
import { cutHistory } from '../../metrics/select-history.js'
import { bridgeGaps } from '../bridge.js'
import type { DemandForecast } from '../demand-forecast.js'
import { forecastWithPast } from '../forecast-demand.js'
import type { Series } from '../models/point-model.js'
import { naiveModels, peerModels } from '../peers/rivals.js'
import { pathQuantiles } from '../sample-path.js'
import { scoredHorizons } from './horizons.js'
import { coverWindows, emptyCoverage, type PathCoverage } from './paths-coverage.js'
import { addStep, emptySums, type ScoreSums, scoredLevels } from './quantile-score.js'
import { errorBefore, type RolledRival, rollRival, spreadRival } from './rolled-rival.js'

export interface BacktestOptions {
  horizonSeconds: number
  /** From origin to origin: a multiple of the step. */
  everySeconds: number
  /** How many origins at most; default those of the last 14 days, or of the later half of a shorter history. */
  origins?: number | undefined
  seed: number
  /** Maxima are scored over windows of this length. */
  coldStartSeconds: number
}

/** What is kept of one way to forecast one workload. */
export interface MethodSums {
  method: string
  /** By band of leads: between one scored horizon and the next. */
  bands: ScoreSums[]
  /** Pinball loss by day of origin (row) and band (column), for resampling. */
  dayPinball: Float64Array
}

/** Sums of one workload, from which scores are made: those of several workloads add up. */
export interface WorkloadSums {
  workload: Workload
  /** The naive model with the least mean absolute error on the origins before the scored ones. */
  baseline: string
  /** Mean |y(t) − y(t − day)| before the first origin: what MASE divides by; null where it is 0 or unknown. */
  scale: number | null
  /** Observed steps that fall into any forecast up to each scored horizon, each counted once. */
  distinctSteps: number[]
  methods: MethodSums[]
  daySums: PathCoverage
  maxima: PathCoverage
}

export interface BacktestSums {
  stepSeconds: number
  horizonSeconds: number
  everySeconds: number
  seed: number
  /** Of the windows whose maxima were scored; one step is no window. */
  maximumSteps: number
  /** Scored horizons, ascending, in seconds: a score covers all leads up to its horizon. */
  horizons: number[]
  origins: EpochSeconds[]
  workloads: WorkloadSums[]
}

/** The name of our own forecast among the methods. */
export const ownMethod = 'llmscale'

const leastHistoryDays = 2
const usualDays = 14
// Rolled forecasts are that far apart, or a multiple of it; origins between them are those of a history cut earlier.
const rollSeconds = secondsPerDay / 4

/**
 * Forecasts requests from rolling origins, each from what lies strictly before it, and holds them against what came, beside
 * naive baselines and peers. A rival without a spread of its own gets one from its own earlier errors.
 *
 * @throws LlmscaleError `usage` EVERY_UNEVEN; `badData` HISTORY_TOO_SHORT when no origin has two days before and a step
 * after it; and what `forecastDemand` throws
 */
export function backtestDemand(history: DemandHistory, options: BacktestOptions): BacktestSums {
  const { stepSeconds, start } = history
  const { horizonSeconds, everySeconds, seed, coldStartSeconds } = options
  if (everySeconds <= 0 || everySeconds % stepSeconds !== 0)
    throw new LlmscaleError(
      'usage',
      'EVERY_UNEVEN',
      `origins every ${formatDuration(everySeconds)} do not fall on steps of ${formatDuration(stepSeconds)}`,
      [`Name a multiple of ${formatDuration(stepSeconds)}.`],
    )
  const origins = scoredOrigins(history, options)
  const horizons = scoredHorizons(horizonSeconds, stepSeconds)
  const forecasts = rollAll(history, origins, options)
  const maximumSteps = Math.floor(coldStartSeconds / stepSeconds) + 1
  const workloads = history.workloads.map((_, index) =>
    sumWorkload(history, index, forecasts, origins, {
      every: everySeconds / stepSeconds,
      ends: horizons.map((seconds) => Math.round(seconds / stepSeconds)),
      maximumSteps,
    }),
  )
  return {
    stepSeconds,
    horizonSeconds,
    everySeconds,
    seed,
    maximumSteps,
    horizons,
    origins: origins.map((origin) => start + origin * stepSeconds),
    workloads,
  }
}

/** Origins in steps, ascending; the last one lies `every` before the end. */
function scoredOrigins({ length, stepSeconds }: DemandHistory, options: BacktestOptions): number[] {
  const every = options.everySeconds / stepSeconds
  const day = secondsPerDay / stepSeconds
  const known = Math.floor((length - leastHistoryDays * day) / every)
  const usual = Math.floor(Math.min(length / 2, usualDays * day) / every)
  const count = Math.min(known, options.origins ?? usual)
  if (count < 1)
    throw new LlmscaleError(
      'badData',
      'HISTORY_TOO_SHORT',
      `the history covers ${formatDuration(length * stepSeconds)}; a backtest needs at least ${formatDuration(leastHistoryDays * secondsPerDay + options.everySeconds)}`,
      ['Give more history, or origins closer to each other.'],
    )
  return Array.from({ length: count }, (_, index) => length - (count - index) * every)
}

/** Our own forecasts by origin in steps. */
function rollAll(
  history: DemandHistory,
  origins: readonly number[],
  { everySeconds, horizonSeconds, seed }: BacktestOptions,
): Map<number, DemandForecast> {
  const { stepSeconds, start } = history
  const apart = leastCommonMultiple(everySeconds, rollSeconds)
  const phases = Math.min(apart / everySeconds, origins.length)
  const rolled = new Map<number, DemandForecast>()
  for (let phase = 0; phase < phases; phase++) {
    const own = origins.filter((_, index) => (origins.length - 1 - index) % (apart / everySeconds) === phase)
    const { forecast, pastForecasts } = forecastWithPast(
      cutHistory(history, start + own.at(-1)! * stepSeconds),
      { horizonSeconds, seed, origins: own.length - 1, everySeconds: apart },
    )
    for (const each of [...pastForecasts, forecast]) rolled.set((each.origin - start) / stepSeconds, each)
  }
  return rolled
}

function leastCommonMultiple(a: number, b: number): number {
  let [large, small] = [a, b]
  while (small > 0) [large, small] = [small, large % small]
  return (a / large) * b
}

interface SumOptions {
  /** Steps from origin to origin. */
  every: number
  /** Ends of the scored horizons, in steps. */
  ends: readonly number[]
  maximumSteps: number
}

function sumWorkload(
  { workloads, stepSeconds }: DemandHistory,
  index: number,
  forecasts: ReadonlyMap<number, DemandForecast>,
  origins: readonly number[],
  { every, ends, maximumSteps }: SumOptions,
): WorkloadSums {
  const { workload, requests, mask } = workloads[index]!
  const series = bridgeGaps(requests, mask, secondsPerDay / stepSeconds)
  const leads = ends.at(-1)!
  // Rivals roll over all of the history, so that they know their errors at the first scored origin.
  const earlier = earlierOrigins(origins[0]!, every, series.stepsPerDay)
  const rivals = [...naiveModels, ...peerModels].map((model) =>
    rollRival(model, series, [...earlier, ...origins], leads),
  )
  const errors = rivals.slice(0, naiveModels.length).map((rival) => errorBefore(rival, series, origins[0]!))
  const own = emptyMethod(ownMethod, series, origins, ends)
  const day = { kind: 'sum', steps: series.stepsPerDay, total: emptyCoverage() } as const
  const maximum = { kind: 'maximum', steps: maximumSteps, total: emptyCoverage() } as const
  for (const origin of origins) {
    const forecast = forecasts.get(origin)!
    const { quantiles } = pathQuantiles(forecast, index, 'requests', scoredLevels)
    const { point } = forecast.workloads[index]!.series.requests
    addOrigin(own, series, origins, origin, ends, point, (lead) => quantiles.map((column) => column[lead]!))
    coverWindows(forecast, index, series, origin, [day, maximum])
  }
  const span = Math.min(origins.at(-1)! + leads, requests.length) - origins[0]!
  for (const { steps, total } of [day, maximum])
    total.distinct = Math.min(total.count, Math.floor(span / steps))
  return {
    workload,
    baseline: naiveModels[errors.indexOf(Math.min(...errors))]!.name,
    scale: seasonalError(series, origins[0]!),
    distinctSteps: ends.map((end) => countDistinct(series, origins, end)),
    methods: [own, ...rivals.map((rival) => sumRival(rival, series, origins, ends))],
    daySums: day.total,
    maxima: maximum.total,
  }
}

function earlierOrigins(first: number, every: number, stepsPerDay: number): number[] {
  const count = Math.max(0, Math.floor((first - stepsPerDay) / every))
  return Array.from({ length: count }, (_, index) => first - (count - index) * every)
}

function sumRival(
  rival: RolledRival,
  series: Series,
  origins: readonly number[],
  ends: readonly number[],
): MethodSums {
  const sums = emptyMethod(rival.name, series, origins, ends)
  const offset = rival.origins.length - origins.length
  origins.forEach((origin, index) => {
    const quantiles = spreadRival(rival, series, offset + index, ends)
    addOrigin(sums, series, origins, origin, ends, rival.points[offset + index]!, (lead) =>
      quantiles.subarray(lead * scoredLevels.length, (lead + 1) * scoredLevels.length),
    )
  })
  return sums
}

function emptyMethod(
  method: string,
  { stepsPerDay }: Series,
  origins: readonly number[],
  ends: readonly number[],
): MethodSums {
  const days = Math.floor((origins.at(-1)! - origins[0]!) / stepsPerDay) + 1
  return {
    method,
    bands: ends.map(emptySums),
    dayPinball: new Float64Array(days * ends.length),
  }
}

/** Adds all observed leads of one origin. */
function addOrigin(
  { bands, dayPinball }: MethodSums,
  { values, observed, stepsPerDay }: Series,
  origins: readonly number[],
  origin: number,
  ends: readonly number[],
  point: Float64Array,
  quantilesAt: (lead: number) => ArrayLike<number>,
): void {
  const day = Math.floor((origin - origins[0]!) / stepsPerDay)
  let band = 0
  for (let lead = 0; lead < Math.min(point.length, values.length - origin); lead++) {
    if (lead === ends[band]) band++
    if (observed[origin + lead] === 0) continue
    const pinball = addStep(bands[band]!, values[origin + lead]!, point[lead]!, quantilesAt(lead))
    dayPinball[day * ends.length + band]! += pinball
  }
}

/** Mean absolute error of repeating the day, in sample, as M4 scales errors (Hyndman and Koehler 2006). */
function seasonalError({ values, observed, stepsPerDay }: Series, end: number): number | null {
  let sum = 0
  let count = 0
  for (let step = stepsPerDay; step < end; step++) {
    if (observed[step] === 0 || observed[step - stepsPerDay] === 0) continue
    sum += Math.abs(values[step]! - values[step - stepsPerDay]!)
    count++
  }
  return sum === 0 ? null : sum / count
}

function countDistinct({ observed }: Series, origins: readonly number[], leads: number): number {
  let count = 0
  let next = 0
  for (const origin of origins) {
    const end = Math.min(origin + leads, observed.length)
    for (let step = Math.max(origin, next); step < end; step++) count += observed[step]!
    next = Math.max(next, end)
  }
  return count
}
