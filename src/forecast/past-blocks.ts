import { createRandom } from '../kit/random.js'
import type { PastBlocks } from './demand-forecast.js'
import { type OriginGrid, observedRows } from './origin-grid.js'

// A day ahead that was observed whole from fewer days of origins than this follows an earlier day of the same ones.
const leastDays = 3

/** The past origins that the paths of a forecast made at a row follow; undefined when nothing was observed yet. */
export function createBlocks(grid: OriginGrid, row: number): PastBlocks | undefined {
  const { first, ends } = observedRows(grid, row)
  const counts = ends.map((end) => end - first)
  if (counts[0]! === 0) return undefined
  let days = counts.length
  while (days > 1 && counts[days - 1]! < leastDays * grid.rowsPerDay) days--
  const columns = Math.min(days * grid.slotsPerDay, grid.leads)
  const repeated = Math.min(Math.ceil(days / 2), 7) * grid.slotsPerDay
  return {
    origins: Float64Array.from(grid.origins.slice(first, first + counts[days - 1]!)),
    slotsPerDay: grid.slotsPerDay,
    columns,
    sources: Uint16Array.from({ length: grid.slotsAhead }, (_, lead) =>
      lead < columns ? lead : columns - repeated + ((lead - columns) % repeated),
    ),
  }
}

/**
 * The place of each past error among those of its lead, by block and column. A past error that was not observed takes
 * the place of the one before it, or that of another block.
 * @param errors by block and column, row-major; NaN where one was not observed
 */
export function rankErrors(errors: Float64Array, { origins, columns }: PastBlocks): Uint8Array {
  const rows = origins.length
  const ranks = new Uint8Array(rows * columns)
  const places = Uint8Array.from(origins, (_, row) => row)
  const sorted = new Float64Array(rows)
  const taken = new Uint8Array(rows)
  for (let column = 0; column < columns; column++) {
    let seen = 0
    for (let row = 0; row < rows; row++) {
      const error = errors[row * columns + column]!
      if (!Number.isNaN(error)) sorted[seen++] = error
    }
    sorted.subarray(0, seen).sort()
    taken.fill(0)
    for (let row = 0; row < rows; row++) {
      const error = errors[row * columns + column]!
      if (!Number.isNaN(error)) {
        const first = placeOf(error, sorted, seen)
        // Equal errors take places in the order of their blocks.
        places[row] = Math.floor(((first + taken[first]! + 0.5) / seen) * rows)
        taken[first]! += 1
      }
      ranks[row * columns + column] = places[row]!
    }
  }
  return ranks
}

/** How many of the first `count` ascending values are less. */
function placeOf(value: number, sorted: Float64Array, count: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** A past origin, and where between two neighbouring errors a path lies. */
export interface Draw {
  row: number
  /** 0 … 1. */
  between: number
}

/** The golden ratio spreads the paths evenly over the past origins. */
export function drawBlock({ origins }: PastBlocks, seed: number, path: number): Draw {
  const start = createRandom(seed).uniform()
  const position = ((start + path * 0.6180339887498949) % 1) * origins.length
  const row = Math.floor(position)
  return { row, between: position - row }
}
