/** Each bucket is at most 2^¼, or 19 %, wide where that is more than one token. */
const bucketsPerOctave = 4
/** 2²¹ tokens are beyond every context window that is sold. */
const lastExponent = 21 * bucketsPerOctave

const boundOfExponent = (exponent: number) => Math.floor(2 ** (exponent / bucketsPerOctave))

/**
 * Upper bounds in tokens of the buckets that lengths are counted in: whole numbers, as lengths are, up to 2²¹, then
 * infinity. The first bucket holds 0 and 1.
 */
export const lengthBounds: Float64Array = Float64Array.from([
  ...new Set(Array.from({ length: lastExponent + 1 }, (_, exponent) => boundOfExponent(exponent))),
  Number.POSITIVE_INFINITY,
])

const bucketOfBound = new Map([...lengthBounds].map((bound, bucket) => [bound, bucket]))

/**
 * SQL of the number that `bucketOf` takes, null for null. A logarithm costs less than a search in bounds, and
 * arithmetic less than CASE.
 */
export function lengthExponent(length: string): string {
  return `ceil(${bucketsPerOctave} * log2(greatest(ceil(${length}), 0 * ${length} + 1)))`
}

/** The highest number that lengths of the same bucket as this one, or below, have for certain. */
export function exponentOf(length: number): number {
  return Math.floor(bucketsPerOctave * Math.log2(length))
}

/** The bucket of a value of `lengthExponent`. */
export function bucketOf(exponent: number): number {
  return exponent > lastExponent ? lengthBounds.length - 1 : bucketOfBound.get(boundOfExponent(exponent))!
}
