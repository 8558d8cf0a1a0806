import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows } from './origin-grid.js'
import type { RolledSeries } from './rolling-origin.js'

// An error of a week ago says half as much about which model to trust.
const halfLifeDays = 5
const power = 6

/** How much each model counts, by band of lead times: an hour, a day and weeks ahead different models are best. */
export interface ModelWeights {
  /** First lead after each band, in slots. */
  ends: number[]
  /** By band and model; those of a band sum to one. */
  shares: Float64Array[]
}

const dayBand = 2

function bandEnds(slotsPerDay: number): number[] {
  const hours = (count: number) => Math.max(1, (count * slotsPerDay) / 24)
  return [hours(1), hours(6), slotsPerDay, 7 * slotsPerDay, Number.POSITIVE_INFINITY]
}

/**
 * Weights of models for the forecast made at a row: in each band of lead times a model weighs by the inverse sixth
 * power of its mean absolute error there, recent ones first, over what was observed before the row. A model that does
 * badly on a workload fades out; a band of which nothing was observed takes the weights of the band before it.
 * Combining beats choosing the best one (Bates and Granger 1969; Makridakis et al. 2020, M4).
 */
export function weighModels(
  members: readonly RolledSeries[],
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
): ModelWeights {
  const now = grid.origins[row]!
  const { first } = observedRows(grid, row)
  const ends = bandEnds(grid.slotsPerDay)
  const sums = ends.map(() => new Float64Array(members.length))
  for (let earlier = first; earlier < row; earlier++) {
    const origin = grid.origins[earlier]!
    const recency = 0.5 ** ((now - origin) / grid.slotsPerDay / halfLifeDays)
    const known = Math.min(grid.leads, now - origin)
    for (let index = 0; index < members.length; index++) {
      const point = members[index]!.points[earlier]!
      for (let lead = 0, band = 0; lead < known; lead++) {
        while (lead >= ends[band]!) band++
        if (observed[origin + lead] === 1)
          sums[band]![index]! += recency * Math.abs(values[origin + lead]! - point[lead]!)
      }
    }
  }
  let before = new Float64Array(members.length).fill(1 / members.length)
  const shares = sums.map((errors) => {
    const least = Math.min(...errors)
    if (Math.max(...errors) > 0) {
      // A model without error takes all.
      const raw = errors.map((error) => (error === least ? 1 : (least / error) ** power))
      const total = raw.reduce((sum, weight) => sum + weight, 0)
      before = raw.map((weight) => weight / total)
    }
    return before
  })
  return { ends, shares }
}

/** The share of each model in the rest of the first day, for display; they sum to one. */
export function shareWeights({ shares }: ModelWeights): number[] {
  return [...shares[dayBand]!]
}

/**
 * The weighted median of forecasts, lead by lead, interpolated between the two about half of the weight: unlike the
 * mean it does not follow one model that goes astray.
 */
export function combine(forecasts: readonly Float64Array[], { ends, shares }: ModelWeights): Float64Array {
  const count = forecasts.length
  const order = new Int32Array(count)
  const combined = new Float64Array(forecasts[0]!.length)
  for (let lead = 0, band = 0; lead < combined.length; lead++) {
    while (lead >= ends[band]!) band++
    for (let index = 0; index < count; index++) {
      const value = forecasts[index]![lead]!
      let place = index
      for (; place > 0 && forecasts[order[place - 1]!]![lead]! > value; place--)
        order[place] = order[place - 1]!
      order[place] = index
    }
    combined[lead] = medianOf(forecasts, lead, order, shares[band]!)
  }
  return combined
}

/** Of forecasts in ascending order: each stands at the middle of its weight. */
function medianOf(
  forecasts: readonly Float64Array[],
  lead: number,
  order: Int32Array,
  weights: Float64Array,
): number {
  let below = 0
  let lastMiddle = Number.NEGATIVE_INFINITY
  let last = 0
  for (const index of order) {
    const weight = weights[index]!
    if (weight === 0) continue
    const value = forecasts[index]![lead]!
    const middle = below + weight / 2
    if (middle >= 0.5) {
      if (lastMiddle === Number.NEGATIVE_INFINITY) return value
      return last + ((value - last) * (0.5 - lastMiddle)) / (middle - lastMiddle)
    }
    below += weight
    lastMiddle = middle
    last = value
  }
  return last
}
