/** Share of hits with its 95 % interval. */
export interface Share {
  share: number
  low: number
  high: number
  /** Of how many. */
  count: number
}

const z = 1.959964

/**
 * A share of `count` trials with Wilson's interval (1927; https://doi.org/10.1080/01621459.1927.10502953). Trials next to
 * each other in time are not independent: the true interval is wider.
 */
export function binomialShare(share: number, count: number): Share {
  if (count === 0) return { share: 0, low: 0, high: 1, count }
  const square = (z * z) / count
  const middle = (share + square / 2) / (1 + square)
  const half = (z * Math.sqrt((share * (1 - share)) / count + square / (4 * count))) / (1 + square)
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half), count }
}
