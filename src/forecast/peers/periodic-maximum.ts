import type { PointModel, Series } from '../models/point-model.js'

/** A season is one where values a season apart are correlated by at least this much. */
const leastCorrelation = 0.5
const leastCycles = 2

/**
 * The largest value at the same time of past cycles, as the `maxValue` estimator of Crane's DSP predictor, with its default
 * margin of 0: a cycle of a day where the series repeats by the day, else of a week. Where it does neither, Crane leaves
 * all to the reactive metric: the last value stands in.
 * https://github.com/gocrane/crane/blob/main/pkg/prediction/dsp/estimators.go
 */
export const periodicMaximum: PointModel = {
  name: 'crane-periodic-maximum',
  fit: (series, end) => {
    const { stepsPerDay } = series
    const season = [stepsPerDay, 7 * stepsPerDay].find(
      (steps) => end >= leastCycles * steps && autocorrelation(series, end, steps) >= leastCorrelation,
    )
    return ({ values }, origin, leads) => {
      const point = new Float64Array(leads)
      if (season === undefined) return point.fill(values[origin - 1] ?? 0)
      for (let lead = 0; lead < leads; lead++)
        for (let past = origin - season + (lead % season); past >= 0; past -= season)
          point[lead] = Math.max(point[lead]!, values[past]!)
      return point
    }
  },
}

/** Correlation of observed values `lag` steps apart, before `end`. */
function autocorrelation({ values, observed }: Series, end: number, lag: number): number {
  let count = 0
  let sum = 0
  for (let step = 0; step < end; step++) {
    count += observed[step]!
    sum += values[step]! * observed[step]!
  }
  const mean = count === 0 ? 0 : sum / count
  let pairs = 0
  let product = 0
  let square = 0
  for (let step = 0; step < end; step++) {
    if (observed[step] === 0) continue
    square += (values[step]! - mean) ** 2 / count
    if (step < lag || observed[step - lag] === 0) continue
    product += (values[step]! - mean) * (values[step - lag]! - mean)
    pairs++
  }
  return pairs === 0 || square === 0 ? 0 : product / pairs / square
}
