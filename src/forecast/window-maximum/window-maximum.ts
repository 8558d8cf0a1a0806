import { secondsPerDay } from '../../kit/units.js'
import {
  featureCount,
  knownShare,
  type LoadGrid,
  levelFeature,
  maximumOf,
  meanOf,
  stepsOf,
  writeFeatures,
} from './near-past.js'
import { fitQuantiles, multiply, type QuantileSample } from './quantile-regression.js'
import { rampQuantile, recurringRamp } from './recurring-ramp.js'

export interface WindowMaximumOptions extends LoadGrid {
  /** Ascending, in (0, 1). */
  quantiles: readonly number[]
}

/** Quantiles of the highest load from step `now` on until the end of the window. */
export type PredictMaximum = (now: number) => Float64Array

/** A way to forecast the quantiles of a window's maximum. */
export interface WindowMaximumMethod {
  name: string
  /** Fits to the values strictly before step `end`; predictions read those strictly before `now`. */
  fit(load: Float64Array, end: number, options: WindowMaximumOptions): PredictMaximum
}

/** Each workload for itself. */
export const maximumRegression: WindowMaximumMethod = {
  name: 'quantile-regression',
  fit(load, end, options) {
    const model = fitWindowMaximum(load, end, options)
    return (now) => predictWindowMaximum(model, load, now)
  },
}

/** Each workload shrunk towards what all of the fleet have in common. */
export function pooledMaximumRegression(fleet: readonly Float64Array[]): WindowMaximumMethod {
  const priors = new Map<string, MaximumPrior>()
  return {
    name: 'pooled-quantile-regression',
    fit(load, end, options) {
      const key = `${end} ${JSON.stringify(options)}`
      const prior = priors.get(key) ?? poolWindowMaxima(fleet, end, options)
      priors.set(key, prior)
      const model = fitWindowMaximum(load, end, options, prior)
      return (now) => predictWindowMaximum(model, load, now)
    },
  }
}

/** Coefficients that the workloads of a fleet have in common, by quantile. */
export type MaximumPrior = readonly Float64Array[]

/** What `fitWindowMaximum` learned: plain values. */
export interface WindowMaximumModel extends WindowMaximumOptions {
  /** The size of the load in the past of the fit: an amount a second. */
  scale: number
  /** By quantile, calibrated. */
  coefficients: Float64Array[]
}

interface WeighedRatio {
  ratio: number
  weight: number
}

interface OriginSample extends QuantileSample {
  /** Step by row. */
  origins: Int32Array
}

const fitDays = 14
// Origins of the sample: as often as a forecast is made. Windows overlap, but with half of the origins the loss was
// 2 % higher on real traces.
const originSeconds = 300
const fewestRows = 100
const penalty = 0.001
const pooledPenalty = 0.0003
// Every third day is left out in turn. Quantiles next to nothing have no ratio to what came.
const folds = 3
const leastCalibrated = 1e-6
const leastFactor = 0.8
const mostFactor = 1.5
const mostPooledRows = 12_000
// A load that hardly moves still counts no more than one that moves by a twentieth of its mean.
const leastMove = 0.05

/**
 * Learns the quantiles of the highest load in the window that begins now, from the last 14 days before step `end` or
 * what there is of them: the window's maximum and nothing else decides what a floor must hold. With less than some
 * hours of history it stays with the prior, which is the load of the last quarter of an hour where none is given.
 *
 * @param load amounts a second, NaN where unknown
 */
export function fitWindowMaximum(
  load: Float64Array,
  end: number,
  options: WindowMaximumOptions,
  prior: MaximumPrior = persistencePrior(options),
): WindowMaximumModel {
  const first = Math.max(0, end - stepsOf(fitDays * secondsPerDay, options))
  const scale = meanOf(load, first, end) || 0
  const sample = gatherSample(load, first, end, options, scale)
  if (sample.rows < fewestRows) return { ...options, scale, coefficients: [...prior] }
  const fitted = fitQuantiles(sample, options.quantiles, prior, penalty)
  const factors = calibrate(sample, end, options, prior, fitted)
  const coefficients = fitted.map((column, index) => column.map((value) => factors[index]! * value))
  return { ...options, scale, coefficients }
}

/**
 * The factor that makes each quantile cover its share on days that it was not fitted to: a regression covers what it
 * was fitted to, and less of what comes. Every third day is left out in turn (conformal calibration, Vovk 2015,
 * "Cross-conformal predictors", by blocks of days because neighbouring windows are alike).
 */
function calibrate(
  sample: OriginSample,
  end: number,
  options: WindowMaximumOptions,
  prior: MaximumPrior,
  starts: readonly Float64Array[],
): number[] {
  const { features, targets, rows, origins } = sample
  const day = stepsOf(secondsPerDay, options)
  const foldOf = (row: number) => Math.floor((end - origins[row]!) / day) % folds
  const ratios = options.quantiles.map((): WeighedRatio[] => [])
  for (let fold = 0; fold < folds; fold++) {
    const kept = pickRows(sample, (row) => foldOf(row) !== fold)
    if (kept.rows < fewestRows || kept.rows === rows) return options.quantiles.map(() => 1)
    const fitted = fitQuantiles(kept, options.quantiles, prior, penalty, starts)
    for (let row = 0; row < rows; row++) {
      if (foldOf(row) !== fold) continue
      const values = fitted
        .map((column) => multiply(features, row * featureCount, column))
        .sort((a, b) => a - b)
      values.forEach((value, index) => {
        if (value > leastCalibrated) ratios[index]!.push({ ratio: targets[row]! / value, weight: value })
      })
    }
  }
  return options.quantiles.map((probability, index) =>
    ratios[index]!.length < fewestRows ? 1 : weighedQuantile(ratios[index]!, probability),
  )
}

/**
 * The factor of least pinball loss: ratios weigh by the forecast, or those of hours with next to no load would decide.
 */
function weighedQuantile(ratios: WeighedRatio[], probability: number): number {
  const total = ratios.reduce((sum, { weight }) => sum + weight, 0)
  let below = 0
  ratios.sort((a, b) => a.ratio - b.ratio)
  const found = ratios.find(({ weight }) => {
    below += weight
    return below >= probability * total
  })
  return Math.min(Math.max((found ?? ratios.at(-1)!).ratio, leastFactor), mostFactor)
}

function pickRows(
  { features, targets, rows }: QuantileSample,
  isKept: (row: number) => boolean,
): QuantileSample {
  const kept = { features: new Float64Array(features.length), targets: new Float64Array(rows), rows: 0 }
  for (let row = 0; row < rows; row++) {
    if (!isKept(row)) continue
    const from = row * featureCount
    kept.features.set(features.subarray(from, from + featureCount), kept.rows * featureCount)
    kept.targets[kept.rows++] = targets[row]!
  }
  return { ...kept, columns: featureCount }
}

/**
 * What the workloads of a fleet have in common, from the last 14 days before step `end`: the tails, of which a workload
 * alone has seen few, and a workload that is new, gain by it.
 *
 * @param fleet loads on the same grid
 */
export function poolWindowMaxima(
  fleet: readonly Float64Array[],
  end: number,
  options: WindowMaximumOptions,
): MaximumPrior {
  const first = Math.max(0, end - stepsOf(fitDays * secondsPerDay, options))
  const mostRows = Math.floor(mostPooledRows / Math.max(1, fleet.length))
  const samples = fleet.map((load) => {
    const scale = meanOf(load, first, end) || 0
    return evenSample(gatherSample(load, first, end, options, scale, mostRows))
  })
  const rows = samples.reduce((sum, sample) => sum + sample.rows, 0)
  const prior = persistencePrior(options)
  if (rows < fewestRows) return prior
  const all: QuantileSample = {
    features: new Float64Array(rows * featureCount),
    targets: new Float64Array(rows),
    rows,
    columns: featureCount,
  }
  let row = 0
  for (const sample of samples) {
    all.features.set(sample.features.subarray(0, sample.rows * featureCount), row * featureCount)
    all.targets.set(sample.targets.subarray(0, sample.rows), row)
    row += sample.rows
  }
  return fitQuantiles(all, options.quantiles, prior, pooledPenalty)
}

function persistencePrior({ quantiles }: WindowMaximumOptions): MaximumPrior {
  const prior = new Float64Array(featureCount)
  prior[levelFeature] = 1
  return quantiles.map(() => prior)
}

/** The sample in units in which the load moves about as much in a window as that of any other workload. */
function evenSample(sample: QuantileSample): QuantileSample {
  const { features, targets, rows } = sample
  let moves = 0
  for (let row = 0; row < rows; row++)
    moves += Math.abs(targets[row]! - features[row * featureCount + levelFeature]!) / rows
  const unit = moves + leastMove
  return {
    ...sample,
    features: features.map((value) => value / unit),
    targets: targets.map((value) => value / unit),
  }
}

/** Origins whose window was observed whole before `end`, evenly spread; loads are in units of the scale. */
function gatherSample(
  load: Float64Array,
  first: number,
  end: number,
  options: WindowMaximumOptions,
  scale: number,
  mostRows = Number.POSITIVE_INFINITY,
): OriginSample {
  const window = stepsOf(options.windowSeconds, options)
  const shortest = stepsOf(originSeconds, options)
  const span = end - window - first
  const stride = Math.max(shortest, Math.ceil(span / mostRows))
  const most = scale > 0 ? Math.max(0, Math.floor(span / stride)) : 0
  const features = new Float64Array(most * featureCount)
  const targets = new Float64Array(most)
  const origins = new Int32Array(most)
  let rows = 0
  for (let index = 0; index < most; index++) {
    const origin = end - window - index * stride
    if (knownShare(load, origin, origin + window) < 1) continue
    if (!writeFeatures(load, origin, options, scale, features, rows * featureCount)) continue
    origins[rows] = origin
    targets[rows++] = maximumOf(load, origin, origin + window) / scale
  }
  for (let index = 0; index < rows * featureCount; index++) features[index]! /= scale
  return { features, targets, origins, rows, columns: featureCount }
}

/**
 * Quantiles of the highest load from step `now` on until the end of the window, in the order of `model.quantiles`:
 * amounts a second, ascending, never negative. NaN where nothing was observed in the last hour.
 */
export function predictWindowMaximum(
  model: WindowMaximumModel,
  load: Float64Array,
  now: number,
): Float64Array {
  const features = new Float64Array(featureCount)
  if (!writeFeatures(load, now, model, model.scale, features, 0))
    return new Float64Array(model.quantiles.length).fill(Number.NaN)
  const ramp = recurringRamp(load, now, model, model.scale)
  const quantiles = Float64Array.from(model.coefficients, (coefficients, index) => {
    const value = multiply(features, 0, coefficients)
    return Math.max(0, value, rampQuantile(ramp, model.quantiles[index]!))
  })
  // Rearranged, quantiles do not cross, and are no worse (Chernozhukov, Fernández-Val and Galichon 2010).
  return quantiles.sort()
}
