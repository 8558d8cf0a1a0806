import { forecastQuantiles } from '../demand-forecast.js'

/** Midpoints of 20 equal parts: their mean pinball loss, twice, is the continuous ranked probability score. */
const crpsLevels = Array.from({ length: 20 }, (_, index) => (2 * index + 1) / 40)

/** Every quantile that a score reads, ascending. */
export const scoredLevels: readonly number[] = [...new Set([...forecastQuantiles, ...crpsLevels])].sort(
  (a, b) => a - b,
)

const placesOf = (levels: readonly number[]) => levels.map((level) => scoredLevels.indexOf(level))
const writtenPlaces = placesOf(forecastQuantiles)
const crpsPlaces = placesOf(crpsLevels)
const [low50, high50, low80, high80, low90, high90] = placesOf([0.25, 0.75, 0.1, 0.9, 0.05, 0.95]) as [
  number,
  number,
  number,
  number,
  number,
  number,
]

/** Sums over scored steps; amounts a step. Sums of parts add up. */
export interface ScoreSums {
  count: number
  actual: number
  absolute: number
  /** Mean over the written quantiles. */
  pinball: number
  crps: number
  inside50: number
  inside80: number
  inside90: number
  /** Width of the 90 % interval, and 20 times by how much it was missed (Gneiting and Raftery 2007). */
  interval90: number
}

export function emptySums(): ScoreSums {
  return {
    count: 0,
    actual: 0,
    absolute: 0,
    pinball: 0,
    crps: 0,
    inside50: 0,
    inside80: 0,
    inside90: 0,
    interval90: 0,
  }
}

export function addSums(total: ScoreSums, part: ScoreSums): void {
  for (const key of Object.keys(total) as (keyof ScoreSums)[]) total[key] += part[key]
}

/**
 * Adds one step to the sums.
 * @param quantiles of `scoredLevels`, in their order
 * @returns its pinball loss, mean over the written quantiles
 */
export function addStep(
  sums: ScoreSums,
  actual: number,
  point: number,
  quantiles: ArrayLike<number>,
): number {
  const pinball = meanPinball(actual, quantiles, writtenPlaces)
  const [low, high] = [quantiles[low90]!, quantiles[high90]!]
  sums.count++
  sums.actual += actual
  sums.absolute += Math.abs(actual - point)
  sums.pinball += pinball
  sums.crps += 2 * meanPinball(actual, quantiles, crpsPlaces)
  if (actual >= quantiles[low50]! && actual <= quantiles[high50]!) sums.inside50++
  if (actual >= quantiles[low80]! && actual <= quantiles[high80]!) sums.inside80++
  if (actual >= low && actual <= high) sums.inside90++
  sums.interval90 += high - low + 20 * (Math.max(0, low - actual) + Math.max(0, actual - high))
  return pinball
}

function meanPinball(actual: number, quantiles: ArrayLike<number>, places: readonly number[]): number {
  let sum = 0
  for (const place of places) {
    const error = actual - quantiles[place]!
    sum += error >= 0 ? scoredLevels[place]! * error : (scoredLevels[place]! - 1) * error
  }
  return sum / places.length
}
