/** The quantile of an unsorted sample, interpolated between neighbours (Hyndman and Fan, type 7). */
export function quantile(values: ArrayLike<number>, probability: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), probability)
}

/** Type 7 on an ascending sample; the sample must not be empty. */
export function sortedQuantile(sorted: ArrayLike<number>, probability: number): number {
  const position = (sorted.length - 1) * probability
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (position - below)
}

/** The middle of an unsorted sample, which must not be empty. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5)
}
