/** How a grid lies on a coarser one of whole steps; parts of a step at either end are left out. */
export interface CoarseGrid {
  start: number
  stepSeconds: number
  length: number
  /** Fine steps before the first coarse one. */
  skip: number
  /** Fine steps of a coarse one. */
  factor: number
}

/**
 * The grid of a multiple of the step. Its steps begin `phase` seconds after multiples of it since the epoch: by default
 * on these, or as soon after them as the fine grid has a point.
 */
export function coarsenGrid(
  grid: { start: number; stepSeconds: number; length: number },
  stepSeconds: number,
  phase = grid.start % grid.stepSeconds,
): CoarseGrid {
  const factor = stepSeconds / grid.stepSeconds
  const start = Math.ceil((grid.start - phase) / stepSeconds) * stepSeconds + phase
  const skip = (start - grid.start) / grid.stepSeconds
  return { start, stepSeconds, factor, skip, length: Math.max(0, Math.floor((grid.length - skip) / factor)) }
}

/** Sums of the parts of each step; NaN where one is. */
export function sumSteps(column: Float64Array, { length, skip, factor }: CoarseGrid): Float64Array {
  return Float64Array.from({ length }, (_, at) => {
    let total = 0
    for (let part = 0; part < factor; part++) total += column[skip + at * factor + part]!
    return total
  })
}

/** Sums of the tokens of each step's parts whose tokens are known; NaN where those of no request are. */
export function sumTokens(
  tokens: Float64Array,
  tokenRequests: Float64Array,
  { length, skip, factor }: CoarseGrid,
): Float64Array {
  return Float64Array.from({ length }, (_, at) => {
    let total = Number.NaN
    for (let part = skip + at * factor; part < skip + (at + 1) * factor; part++)
      if (tokenRequests[part]! > 0) total = (total || 0) + tokens[part]!
    return total
  })
}

/** The last part of each step. */
export function lastOfSteps(column: Float64Array, { length, skip, factor }: CoarseGrid): Float64Array {
  return Float64Array.from({ length }, (_, at) => column[skip + (at + 1) * factor - 1]!)
}
