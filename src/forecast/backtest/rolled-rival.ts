import { sortedQuantile } from '../../kit/statistics.js'
import type { PointModel, Series } from '../models/point-model.js'
import { seasonalNaiveDay } from '../models/seasonal-naive.js'
import { scoredLevels } from './quantile-score.js'

// As with our own residuals: relative to the point plus a share of the mean, from four weeks of origins.
const offsetShare = 0.3
const errorDays = 28
// So many leads of a band give their errors; neighbours say nearly the same.
const leadsOfBand = 24

/** The point forecasts of a model from ascending origins, each from values strictly before its own. */
export interface RolledRival {
  name: string
  origins: readonly number[]
  points: Float64Array[]
}

/** Fits anew at each origin; a model that knows too little yet repeats the day. */
export function rollRival(
  model: PointModel,
  series: Series,
  origins: readonly number[],
  leads: number,
): RolledRival {
  const points = origins.map((origin) => {
    const predict = model.fit(series, origin) ?? seasonalNaiveDay.fit(series, origin)!
    return predict(series, origin, leads)
  })
  return { name: model.name, origins, points }
}

/**
 * Quantiles of a rival's forecast from one of its origins, by lead: its point, and the errors that it made before that
 * origin at leads of the same band. The point alone, before it made any.
 * @param bandEnds ascending ends of bands of leads; the last one is the number of leads
 * @returns quantiles of `scoredLevels` by lead: `quantiles[lead × levels + level]`
 */
export function spreadRival(
  { origins, points }: RolledRival,
  { values, observed, stepsPerDay }: Series,
  index: number,
  bandEnds: readonly number[],
): Float64Array {
  const origin = origins[index]!
  const point = points[index]!
  const levels = scoredLevels.length
  const offset = offsetShare * meanBefore({ values, observed, stepsPerDay }, origin)
  const quantiles = new Float64Array(point.length * levels)
  const first = origins.findIndex((earlier) => earlier >= origin - errorDays * stepsPerDay)
  bandEnds.forEach((end, band) => {
    const start = bandEnds[band - 1] ?? 0
    const stride = Math.max(1, Math.floor((end - start) / leadsOfBand))
    const errors: number[] = []
    for (let row = first; row < index; row++)
      for (let lead = start; lead < end && origins[row]! + lead < origin; lead += stride) {
        const step = origins[row]! + lead
        const base = points[row]![lead]! + offset
        if (observed[step] === 1 && base > 0) errors.push((values[step]! - points[row]![lead]!) / base)
      }
    const sorted = Float64Array.from(errors).sort()
    const spread = scoredLevels.map((level) => (sorted.length === 0 ? 0 : sortedQuantile(sorted, level)))
    for (let lead = start; lead < end; lead++)
      for (let level = 0; level < levels; level++)
        quantiles[lead * levels + level] = Math.max(
          0,
          point[lead]! + spread[level]! * (point[lead]! + offset),
        )
  })
  return quantiles
}

/** Mean absolute error over all leads that were observed before a step. */
export function errorBefore({ origins, points }: RolledRival, series: Series, end: number): number {
  let sum = 0
  let count = 0
  origins.forEach((origin, row) => {
    for (let lead = 0; lead < points[row]!.length && origin + lead < end; lead++) {
      if (series.observed[origin + lead] === 0) continue
      sum += Math.abs(series.values[origin + lead]! - points[row]![lead]!)
      count++
    }
  })
  return count === 0 ? Number.POSITIVE_INFINITY : sum / count
}

function meanBefore({ values, observed }: Series, end: number): number {
  let sum = 0
  let count = 0
  for (let step = 0; step < end; step++) {
    sum += values[step]! * observed[step]!
    count += observed[step]!
  }
  return count === 0 ? 0 : sum / count
}
