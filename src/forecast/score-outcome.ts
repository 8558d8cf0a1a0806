import { type DemandForecast, forecastQuantiles, type SeriesForecast } from './demand-forecast.js'
import { readQuantiles } from './sample-path.js'

/** How a forecast of a series fared against what came. */
export interface OutcomeScore {
  /** Observed steps that were compared. */
  steps: number
  /** Sum of |actual − point| over the sum of what came, 0 …; null where nothing came. */
  wape: number | null
  /** Mean over the written quantiles; amount a step. */
  pinballLoss: number
  /** Share of steps inside the interval. */
  coverage80: number
  coverage90: number
}

/**
 * Scores the leads `from` up to `to` of a forecast; what was not observed (NaN) is left out.
 * @param actual amounts a step by lead
 */
export function scoreOutcome(
  series: SeriesForecast,
  forecast: Pick<DemandForecast, 'days' | 'seed' | 'pathCount'>,
  actual: Float64Array,
  from: number,
  to: number,
): OutcomeScore {
  const { quantiles } = readQuantiles(series, forecast.days, forecast, forecastQuantiles)
  const at = (probability: (typeof forecastQuantiles)[number]) =>
    quantiles[forecastQuantiles.indexOf(probability)]!
  const [p05, p10, p90, p95] = [at(0.05), at(0.1), at(0.9), at(0.95)]
  const sum = { steps: 0, absolute: 0, actual: 0, pinball: 0, in80: 0, in90: 0 }
  for (let lead = from; lead < Math.min(to, series.point.length); lead++) {
    const value = actual[lead]!
    if (Number.isNaN(value)) continue
    sum.steps++
    sum.actual += value
    sum.absolute += Math.abs(value - series.point[lead]!)
    forecastQuantiles.forEach((probability, index) => {
      const error = value - quantiles[index]![lead]!
      sum.pinball += Math.max(probability * error, (probability - 1) * error) / forecastQuantiles.length
    })
    if (value >= p10[lead]! && value <= p90[lead]!) sum.in80++
    if (value >= p05[lead]! && value <= p95[lead]!) sum.in90++
  }
  const steps = Math.max(1, sum.steps)
  return {
    steps: sum.steps,
    wape: sum.actual > 0 ? sum.absolute / sum.actual : null,
    pinballLoss: sum.pinball / steps,
    coverage80: sum.in80 / steps,
    coverage90: sum.in90 / steps,
  }
}
