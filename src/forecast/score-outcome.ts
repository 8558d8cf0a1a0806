import { secondsPerDay } from '../kit/units.js'
import { type DemandForecast, forecastQuantiles } from './demand-forecast.js'
import { slotQuantiles } from './sample-path.js'

/** How a forecast of a series fared against what came, at slots: hours, or steps where they are longer. */
export interface OutcomeScore {
  /** Observed steps that were compared. */
  steps: number
  /** Sum of |actual − point| over the sum of what came, 0 …; null where nothing came. */
  wape: number | null
  /** Mean over the written quantiles; amount a slot. */
  pinballLoss: number
  /** Share of slots inside the interval. */
  coverage80: number
  coverage90: number
}

/**
 * Scores the whole slots among the steps `from` up to `to` of a forecast of requests; a slot of which less than half
 * was observed is left out.
 * @param actual amounts a step by lead; NaN where nothing is known
 */
export function scoreOutcome(
  forecast: DemandForecast,
  workloadIndex: number,
  actual: Float64Array,
  from: number,
  to: number,
): OutcomeScore {
  const { quantiles } = slotQuantiles(forecast, workloadIndex, 'requests')
  const at = (probability: (typeof forecastQuantiles)[number]) =>
    quantiles[forecastQuantiles.indexOf(probability)]!
  const [p05, p10, p90, p95] = [at(0.05), at(0.1), at(0.9), at(0.95)]
  const sum = { steps: 0, slots: 0, absolute: 0, actual: 0, pinball: 0, in80: 0, in90: 0 }
  for (const { slot, steps, value, error } of knownSlots(forecast, workloadIndex, actual, from, to)) {
    sum.steps += steps
    sum.slots++
    sum.actual += value
    sum.absolute += error
    forecastQuantiles.forEach((probability, index) => {
      const error = value - quantiles[index]![slot]!
      sum.pinball += Math.max(probability * error, (probability - 1) * error) / forecastQuantiles.length
    })
    if (value >= p10[slot]! && value <= p90[slot]!) sum.in80++
    if (value >= p05[slot]! && value <= p95[slot]!) sum.in90++
  }
  const count = Math.max(1, sum.slots)
  return {
    steps: sum.steps,
    wape: sum.actual > 0 ? sum.absolute / sum.actual : null,
    pinballLoss: sum.pinball / count,
    coverage80: sum.in80 / count,
    coverage90: sum.in90 / count,
  }
}

/** WAPE of each whole day among the steps `from` up to `to`; null where nothing came. */
export function scoreDays(
  forecast: DemandForecast,
  workloadIndex: number,
  actual: Float64Array,
  from: number,
  to: number,
): (number | null)[] {
  const stepsPerDay = secondsPerDay / forecast.stepSeconds
  return Array.from({ length: Math.floor((to - from) / stepsPerDay) }, (_, day) => {
    const first = from + day * stepsPerDay
    let [absolute, sum] = [0, 0]
    for (const { value, error } of knownSlots(forecast, workloadIndex, actual, first, first + stepsPerDay)) {
      absolute += error
      sum += value
    }
    return sum > 0 ? absolute / sum : null
  })
}

/** Whole slots of which at least half was observed: what came, completed to a slot, and how far the point was off. */
function* knownSlots(
  forecast: DemandForecast,
  workloadIndex: number,
  actual: Float64Array,
  from: number,
  to: number,
): Generator<{ slot: number; steps: number; value: number; error: number }> {
  const { stepsPerSlot } = forecast
  const { point, slots } = forecast.workloads[workloadIndex]!.series.requests
  const sumOf = (values: Float64Array) => values.reduce((total, amount) => total + amount, 0)
  const end = Math.min(slots.length, Math.floor(to / stepsPerSlot))
  for (let slot = Math.ceil(from / stepsPerSlot); slot < end; slot++) {
    const [first, last] = [slot * stepsPerSlot, (slot + 1) * stepsPerSlot]
    const known = actual.subarray(first, last).filter((value) => !Number.isNaN(value))
    if (2 * known.length < stepsPerSlot || known.length === 0) continue
    const value = (sumOf(known) * stepsPerSlot) / known.length
    yield { slot, steps: known.length, value, error: Math.abs(value - sumOf(point.subarray(first, last))) }
  }
}
