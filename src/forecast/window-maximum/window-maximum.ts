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
import { recurringRamp } from './recurring-ramp.js'

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

export const maximumRegression: WindowMaximumMethod = {
  name: 'quantile-regression',
  fit(load, end, options) {
    const model = fitWindowMaximum(load, end, options)
    return (now) => predictWindowMaximum(model, load, now)
  },
}

/** What `fitWindowMaximum` learned: plain values. */
export interface WindowMaximumModel extends WindowMaximumOptions {
  /** The size of the load in the past of the fit: an amount a second. */
  scale: number
  /** By quantile. */
  coefficients: Float64Array[]
}

const fitDays = 14
// Origins of the sample: as often as a forecast is made. Windows overlap, closer ones would tell the same.
const originSeconds = 300
const fewestRows = 100
const penalty = 0.003

/**
 * Learns the quantiles of the highest load in the window that begins now, from the last 14 days before step `end` or
 * what there is of them: the window's maximum and nothing else decides what a floor must hold. With less than some
 * hours of history it stays with the load of the last quarter of an hour.
 *
 * @param load amounts a second, NaN where unknown
 */
export function fitWindowMaximum(
  load: Float64Array,
  end: number,
  options: WindowMaximumOptions,
): WindowMaximumModel {
  const { quantiles } = options
  const first = Math.max(0, end - stepsOf(fitDays * secondsPerDay, options))
  const scale = meanOf(load, first, end) || 0
  const prior = new Float64Array(featureCount)
  prior[levelFeature] = 1
  const sample = gatherSample(load, first, end, options, scale)
  const coefficients =
    sample.rows < fewestRows ? quantiles.map(() => prior) : fitQuantiles(sample, quantiles, prior, penalty)
  return { ...options, scale, coefficients }
}

/** Origins whose window was observed whole before `end`; loads are in units of the scale. */
function gatherSample(
  load: Float64Array,
  first: number,
  end: number,
  options: WindowMaximumOptions,
  scale: number,
): QuantileSample {
  const window = stepsOf(options.windowSeconds, options)
  const stride = stepsOf(originSeconds, options)
  const most = scale > 0 ? Math.max(0, Math.floor((end - window - first) / stride)) : 0
  const features = new Float64Array(most * featureCount)
  const targets = new Float64Array(most)
  let rows = 0
  for (let origin = end - window; origin - stride >= first; origin -= stride) {
    if (rows === most) break
    if (knownShare(load, origin, origin + window) < 1) continue
    if (!writeFeatures(load, origin, options, scale, features, rows * featureCount)) continue
    targets[rows++] = maximumOf(load, origin, origin + window) / scale
  }
  for (let index = 0; index < rows * featureCount; index++) features[index]! /= scale
  return { features, targets, rows, columns: featureCount }
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
  const ramp = recurringRamp(load, now, model)
  const quantiles = Float64Array.from(model.coefficients, (coefficients, index) => {
    const value = multiply(features, 0, coefficients)
    return Math.max(0, value, model.quantiles[index]! >= ramp.probability ? ramp.load : 0)
  })
  // Rearranged, quantiles do not cross, and are no worse (Chernozhukov, Fernández-Val and Galichon 2010).
  return quantiles.sort()
}
