import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows } from './origin-grid.js'
import type { PastPoint } from './past-errors.js'
import type { RolledPoints } from './rolling-origin.js'

// An error of a week ago says half as much about which model to trust.
const halfLifeDays = 5
const power = 5

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
 * Weights of models for the forecast made at each row: in each band of lead times a model weighs by the inverse fifth
 * power of its mean absolute error there, recent ones first, over what was observed before the row. A model that does
 * badly on a workload fades out; a band of which nothing was observed takes the weights of the band before it.
 * Combining beats choosing the best one (Bates and Granger 1969; Makridakis et al. 2020, M4).
 */
export function weighModels(
  members: readonly RolledPoints[],
  series: Series,
  grid: OriginGrid,
): ModelWeights[] {
  const { origins, slotsPerDay } = grid
  const ends = bandEnds(slotsPerDay)
  const width = ends.length * members.length
  // By row, band and model: what was observed of its errors until the row in hand.
  const errors = new Float64Array(origins.length * width)
  return origins.map((now, row) => {
    const sums = new Float64Array(width)
    const { first } = observedRows(grid, row)
    for (let earlier = 0; earlier < row; earlier++) {
      observeErrors(members, series, grid, ends, earlier, row, errors.subarray(earlier * width))
      if (earlier < first) continue
      const recency = 0.5 ** ((now - origins[earlier]!) / slotsPerDay / halfLifeDays)
      for (let index = 0; index < width; index++) sums[index]! += recency * errors[earlier * width + index]!
    }
    return { ends, shares: shareOut(sums, members.length) }
  })
}

/** Adds the errors of a row's forecasts that were observed between the row before `row` and `row`. */
function observeErrors(
  members: readonly RolledPoints[],
  { values, observed }: Series,
  { origins, leads }: OriginGrid,
  ends: readonly number[],
  earlier: number,
  row: number,
  sums: Float64Array,
): void {
  const origin = origins[earlier]!
  const known = Math.min(leads, origins[row]! - origin)
  for (let lead = origins[row - 1]! - origin, band = 0; lead < known; lead++) {
    while (lead >= ends[band]!) band++
    if (observed[origin + lead] === 0) continue
    for (let index = 0; index < members.length; index++)
      sums[band * members.length + index]! += Math.abs(
        values[origin + lead]! - members[index]!.past[earlier]![lead]!,
      )
  }
}

/** Shares by band of the models whose errors these are, band by band. */
function shareOut(errors: Float64Array, models: number): Float64Array[] {
  let before = new Float64Array(models).fill(1 / models)
  const bands = errors.length / models
  return Array.from({ length: bands }, (_, band) => {
    const ofBand = errors.subarray(band * models, (band + 1) * models)
    const least = Math.min(...ofBand)
    if (Math.max(...ofBand) > 0) {
      // A model without error takes all.
      const raw = ofBand.map((error) => (error === least ? 1 : (least / error) ** power))
      const total = raw.reduce((sum, weight) => sum + weight, 0)
      before = raw.map((weight) => weight / total)
    }
    return before
  })
}

/** The combination of what models said at a past row, by the weights that were known there. */
export function combineRow(
  members: readonly RolledPoints[],
  weights: readonly ModelWeights[],
  row: number,
): Float64Array {
  return combine(
    members.map(({ past }) => past[row]!),
    weights[row]!,
  )
}

/** The same at each row that a forecast is asked for. */
export function combineAsked(
  members: readonly RolledPoints[],
  weights: readonly ModelWeights[],
): Map<number, Float64Array> {
  const rows = [...members[0]!.asked.keys()]
  return new Map(
    rows.map((row) => [
      row,
      combine(
        members.map(({ asked }) => asked.get(row)!),
        weights[row]!,
      ),
    ]),
  )
}

/** The share of each model in the rest of the first day, for display; they sum to one. */
export function shareWeights({ shares }: ModelWeights): number[] {
  return [...shares[dayBand]!]
}

/** What the combination by the weights of one row says at any row: the errors of how it is made now. */
export function combinePast(members: readonly RolledPoints[], { ends, shares }: ModelWeights): PastPoint {
  const order = new Int32Array(members.length)
  let known = -1
  let forecasts: Float64Array[] = []
  return (row, lead) => {
    if (row !== known) forecasts = members.map(({ past }) => past[row]!)
    known = row
    let band = 0
    while (lead >= ends[band]!) band++
    return medianAt(forecasts, lead, order, shares[band]!)
  }
}

/**
 * The weighted median of forecasts, lead by lead, interpolated between the two about half of the weight: unlike the
 * mean it does not follow one model that goes astray.
 */
export function combine(forecasts: readonly Float64Array[], { ends, shares }: ModelWeights): Float64Array {
  const order = new Int32Array(forecasts.length)
  const combined = new Float64Array(forecasts[0]!.length)
  for (let lead = 0, band = 0; lead < combined.length; lead++) {
    while (lead >= ends[band]!) band++
    combined[lead] = medianAt(forecasts, lead, order, shares[band]!)
  }
  return combined
}

/** Each forecast stands at the middle of its weight. */
function medianAt(
  forecasts: readonly Float64Array[],
  lead: number,
  order: Int32Array,
  weights: Float64Array,
): number {
  const count = forecasts.length
  for (let index = 0; index < count; index++) {
    const value = forecasts[index]![lead]!
    let place = index
    for (; place > 0 && forecasts[order[place - 1]!]![lead]! > value; place--)
      order[place] = order[place - 1]!
    order[place] = index
  }
  let below = 0
  let lastMiddle = Number.NEGATIVE_INFINITY
  let last = 0
  for (let place = 0; place < count; place++) {
    const index = order[place]!
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
