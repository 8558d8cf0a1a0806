import type { OddsTrees } from '../../src/forecast/anomalies/odds-trees.js'

/** One thing to learn from: what is known of it, and what it was. */
export interface Sample {
  traits: number[]
  isAnomaly: boolean
}

export interface OddsOptions {
  trees: number
  /** Share of its answer that a tree adds. */
  rate: number
  leastSamples: number
  ridge: number
  /** By trait: 1 where more of it never speaks against, −1 where it never speaks for, 0 where it may do both. */
  signs: readonly number[]
}

const depth = 3
const bins = 24
const leastGain = 1e-3
const mostOdds = 4
/** A limit that nothing is above: a branch that ends early. */
const noLimit = 1e9

interface Bounds {
  low: number
  high: number
}

/**
 * Boosted trees for the logarithm of odds (Friedman 2001, logistic loss with Newton's leaves), whose answers rise or
 * fall with the traits of which that is known (monotone splits: Chen and Guestrin 2016, XGBoost).
 */
export function boostOdds(samples: readonly Sample[], options: OddsOptions): OddsTrees {
  const columns = options.signs.length
  const edges = Array.from({ length: columns }, (_, column) => binEdges(samples, column))
  const codes = edges.map((cuts, column) =>
    Uint8Array.from(samples, ({ traits }) => cuts.filter((cut) => traits[column]! > cut).length),
  )
  const positives = samples.filter(({ isAnomaly }) => isAnomaly).length
  const intercept = Math.log(positives / (samples.length - positives))
  const odds = new Float64Array(samples.length).fill(intercept)
  const gradients = new Float64Array(samples.length)
  const hessians = new Float64Array(samples.length)
  const all = samples.map((_, index) => index)
  const trees: number[][] = []
  for (let count = 0; count < options.trees; count++) {
    for (let index = 0; index < samples.length; index++) {
      const probability = 1 / (1 + Math.exp(-odds[index]!))
      gradients[index] = (samples[index]!.isAnomaly ? 1 : 0) - probability
      hessians[index] = probability * (1 - probability)
    }
    const splits = 2 ** depth - 1
    const tree = new Array<number>(2 * splits + 2 ** depth).fill(0)
    const grow = (node: number, rows: readonly number[], bounds: Bounds): void => {
      const sums = { gradient: 0, hessian: 0 }
      for (const row of rows) {
        sums.gradient += gradients[row]!
        sums.hessian += hessians[row]!
      }
      if (node >= splits) {
        const best = sums.gradient / (sums.hessian + options.ridge)
        const answer = options.rate * Math.min(bounds.high, Math.max(bounds.low, best))
        tree[2 * splits + node - splits] = answer
        for (const row of rows) odds[row]! += answer
        return
      }
      const split = findSplit(rows, codes, edges, gradients, hessians, sums, options)
      if (split === undefined) {
        tree[2 * node + 1] = noLimit
        grow(2 * node + 1, rows, bounds)
        return
      }
      const { column, bin, left, right } = split
      tree[2 * node] = column
      tree[2 * node + 1] = edges[column]![bin]!
      const code = codes[column]!
      const sign = options.signs[column]!
      const middle = (left + right) / 2
      grow(
        2 * node + 1,
        rows.filter((row) => code[row]! <= bin),
        {
          low: sign < 0 ? Math.max(bounds.low, middle) : bounds.low,
          high: sign > 0 ? Math.min(bounds.high, middle) : bounds.high,
        },
      )
      grow(
        2 * node + 2,
        rows.filter((row) => code[row]! > bin),
        {
          low: sign > 0 ? Math.max(bounds.low, middle) : bounds.low,
          high: sign < 0 ? Math.min(bounds.high, middle) : bounds.high,
        },
      )
    }
    grow(0, all, { low: -mostOdds, high: mostOdds })
    trees.push(tree)
  }
  return { intercept, trees }
}

/** Limits between bins of about as many samples each, rounded as they are written. */
function binEdges(samples: readonly Sample[], column: number): number[] {
  const values = Float64Array.from(samples, ({ traits }) => traits[column]!).sort()
  const cuts = new Set<number>()
  for (let bin = 1; bin < bins; bin++)
    cuts.add(Number(values[Math.floor((bin * values.length) / bins)]!.toPrecision(4)))
  return [...cuts]
}

interface Split {
  column: number
  bin: number
  /** Answers of both sides. */
  left: number
  right: number
}

function findSplit(
  rows: readonly number[],
  codes: readonly Uint8Array[],
  edges: readonly number[][],
  gradients: Float64Array,
  hessians: Float64Array,
  whole: { gradient: number; hessian: number },
  { leastSamples, ridge, signs }: OddsOptions,
): Split | undefined {
  let best: Split | undefined
  let bestGain = leastGain
  const worth = (gradient: number, hessian: number) => gradient ** 2 / (hessian + ridge)
  for (let column = 0; column < codes.length; column++) {
    const code = codes[column]!
    const gradient = new Float64Array(bins)
    const hessian = new Float64Array(bins)
    const count = new Uint32Array(bins)
    for (const row of rows) {
      gradient[code[row]!]! += gradients[row]!
      hessian[code[row]!]! += hessians[row]!
      count[code[row]!]!++
    }
    const sums = { gradient: 0, hessian: 0, count: 0 }
    for (let bin = 0; bin < edges[column]!.length; bin++) {
      sums.gradient += gradient[bin]!
      sums.hessian += hessian[bin]!
      sums.count += count[bin]!
      if (sums.count < leastSamples || rows.length - sums.count < leastSamples) continue
      const rest = { gradient: whole.gradient - sums.gradient, hessian: whole.hessian - sums.hessian }
      const left = sums.gradient / (sums.hessian + ridge)
      const right = rest.gradient / (rest.hessian + ridge)
      if ((right - left) * signs[column]! < 0) continue
      const gain =
        worth(sums.gradient, sums.hessian) +
        worth(rest.gradient, rest.hessian) -
        worth(whole.gradient, whole.hessian)
      if (gain > bestGain) {
        bestGain = gain
        best = { column, bin, left, right }
      }
    }
  }
  return best
}
