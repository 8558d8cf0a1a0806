import { createRandom, type Random } from '../../kit/random.js'

/** How trees are grown. */
export interface BoostingOptions {
  trees: number
  leaves: number
  /** Share of its answer that a tree adds. */
  rate: number
  /** Rows that a leaf must keep. */
  leastRows: number
  /** Shares of rows and of columns that each tree sees. */
  rowShare: number
  columnShare: number
  seed: number
}

/** The sum of all trees for the row of features that starts at `at`. */
export type Boosted = (features: Float64Array, at: number) => number

const bins = 64
// Beyond this many median absolute residuals an error pulls no harder: the loss of Huber.
const huberCutoff = 2

/**
 * Gradient-boosted regression trees over binned columns (Friedman 2001; histograms with the subtraction of siblings,
 * leaves by best gain: Ke et al. 2017, LightGBM), for the loss of Huber. The same rows give the same trees.
 * @param design row-major, rows × columns
 */
export function boostTrees(
  design: Float64Array,
  targets: Float64Array,
  columns: number,
  options: BoostingOptions,
): Boosted {
  const rows = targets.length
  const binned = binColumns(design, rows, columns)
  const residuals = targets.slice()
  const gradients = new Float64Array(rows)
  const seen = new Uint8Array(rows)
  const random = createRandom(options.seed)
  const trees: Tree[] = []
  const cutoff = huberCutoff * Float64Array.from(targets, Math.abs).sort()[rows >> 1]!
  for (let count = 0; count < options.trees; count++) {
    for (let row = 0; row < rows; row++) gradients[row] = Math.min(Math.max(residuals[row]!, -cutoff), cutoff)
    const { tree, order, leaves } = growTree(binned, gradients, options, random)
    if (leaves.length === 1) break
    trees.push(tree)
    // Rows that the tree was grown on lie in its leaves; only the others have to be walked down.
    seen.fill(0)
    for (const { node, from, to } of leaves) {
      for (let position = from; position < to; position++) {
        const row = order[position]!
        residuals[row]! -= tree.value[node]!
        seen[row] = 1
      }
    }
    for (let row = 0; row < rows; row++)
      if (seen[row] === 0) residuals[row]! -= answer(tree, design, row * columns)
  }
  return sumTrees(trees)
}

/** All trees in one piece, which is twice as fast to walk. */
function sumTrees(trees: readonly Tree[]): Boosted {
  const size = trees.reduce((sum, { feature }) => sum + feature.length, 0)
  const features = new Int16Array(size)
  // Of a split its threshold, of a leaf its value.
  const amounts = new Float64Array(size)
  // The right child of a split follows its left one.
  const lefts = new Int32Array(size)
  const roots: number[] = []
  let root = 0
  for (const { feature, threshold, value, left } of trees) {
    roots.push(root)
    for (let node = 0; node < feature.length; node++) {
      const isSplit = feature[node]! >= 0
      features[root + node] = feature[node]!
      amounts[root + node] = isSplit ? threshold[node]! : value[node]!
      lefts[root + node] = root + left[node]!
    }
    root += feature.length
  }
  return (row, at) => {
    let sum = 0
    for (let tree = 0; tree < roots.length; tree++) {
      let node = roots[tree]!
      for (let feature = features[node]!; feature >= 0; feature = features[node]!)
        node = lefts[node]! + (Number(row[at + feature]! > amounts[node]!) | 0)
      sum += amounts[node]!
    }
    return sum
  }
}

/** Columns in bins of about as many rows each. */
interface Binned {
  rows: number
  /** Row by row: those of a row are read together. */
  codes: Uint8Array
  /** By column: the highest value of each bin but the last. */
  edges: Float64Array[]
}

function binColumns(design: Float64Array, rows: number, columns: number): Binned {
  const codes = new Uint8Array(rows * columns)
  const edges: Float64Array[] = []
  const sampleStride = Math.max(1, Math.floor(rows / 5000))
  for (let column = 0; column < columns; column++) {
    const sample = Float64Array.from(
      { length: Math.ceil(rows / sampleStride) },
      (_, index) => design[index * sampleStride * columns + column]!,
    ).sort()
    const cuts = new Set<number>()
    for (let bin = 1; bin < bins; bin++) cuts.add(sample[Math.floor((bin * sample.length) / bins)]!)
    const own = Float64Array.from(cuts)
    edges.push(own)
    for (let row = 0; row < rows; row++) {
      const value = design[row * columns + column]!
      let low = 0
      let high = own.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (value <= own[middle]!) high = middle
        else low = middle + 1
      }
      codes[row * columns + column] = low
    }
  }
  return { rows, codes, edges }
}

/** Nodes in order of their making; a leaf has feature −1. */
interface Tree {
  feature: Int16Array
  threshold: Float64Array
  left: Int16Array
  right: Int16Array
  value: Float64Array
}

function answer(
  { feature, threshold, left, right, value }: Tree,
  features: Float64Array,
  at: number,
): number {
  let node = 0
  while (feature[node]! >= 0)
    node = features[at + feature[node]!]! <= threshold[node]! ? left[node]! : right[node]!
  return value[node]!
}

/** A node that may be split: rows `from` … `to` of the order, with the best split found. */
interface Candidate {
  node: number
  from: number
  to: number
  /** By column and bin: sum of gradients, then number of rows. */
  histogram: Float64Array
  gain: number
  column: number
  bin: number
}

/** A tree, and where the rows that it was grown on lie. */
interface Grown {
  tree: Tree
  order: Int32Array
  leaves: readonly Candidate[]
}

function growTree(binned: Binned, gradients: Float64Array, options: BoostingOptions, random: Random): Grown {
  const { rows, codes, edges } = binned
  const columns = pick(edges.length, options.columnShare, random)
  const order = pick(rows, options.rowShare, random)
  const size = 2 * options.leaves - 1
  const tree: Tree = {
    feature: new Int16Array(size).fill(-1),
    threshold: new Float64Array(size),
    left: new Int16Array(size),
    right: new Int16Array(size),
    value: new Float64Array(size),
  }
  const settle = (node: number, from: number, to: number, histogram: Float64Array): Candidate => {
    let sum = 0
    let count = 0
    for (let bin = 0; bin < bins; bin++) {
      sum += histogram[2 * bin]!
      count += histogram[2 * bin + 1]!
    }
    tree.value[node] = (options.rate * sum) / count
    return { node, from, to, histogram, ...findSplit(histogram, columns, sum, count, options.leastRows) }
  }
  const histogramOf = (from: number, to: number) => sumBins(binned, gradients, columns, order, from, to)
  const open = [settle(0, 0, order.length, histogramOf(0, order.length))]
  let nodes = 1
  while (nodes < size) {
    const best = open.reduce((most, each) => (each.gain > most.gain ? each : most))
    if (best.gain <= 0) break
    const { node, from, to, column, bin } = best
    const middle = partition(order, from, to, (row) => codes[row * edges.length + column]! <= bin)
    const leftSmaller = middle - from <= to - middle
    const small = leftSmaller ? histogramOf(from, middle) : histogramOf(middle, to)
    const large = best.histogram
    for (let index = 0; index < large.length; index++) large[index]! -= small[index]!
    tree.feature[node] = column
    tree.threshold[node] = edges[column]![bin]!
    tree.left[node] = nodes
    tree.right[node] = nodes + 1
    open.splice(
      open.indexOf(best),
      1,
      settle(nodes, from, middle, leftSmaller ? small : large),
      settle(nodes + 1, middle, to, leftSmaller ? large : small),
    )
    nodes += 2
  }
  return { tree, order, leaves: open }
}

/** A share of 0 … length − 1, ascending. */
function pick(length: number, share: number, random: Random): Int32Array {
  const picked = new Int32Array(length)
  let count = 0
  for (let index = 0; index < length; index++) if (random.uniform() < share) picked[count++] = index
  return picked.subarray(0, count)
}

function sumBins(
  { codes, edges }: Binned,
  gradients: Float64Array,
  columns: Int32Array,
  order: Int32Array,
  from: number,
  to: number,
): Float64Array {
  const histogram = new Float64Array(columns.length * bins * 2)
  for (let position = from; position < to; position++) {
    const row = order[position]!
    const gradient = gradients[row]!
    const first = row * edges.length
    for (let index = 0; index < columns.length; index++) {
      const cell = 2 * (index * bins + codes[first + columns[index]!]!)
      histogram[cell]! += gradient
      histogram[cell + 1]! += 1
    }
  }
  return histogram
}

function findSplit(
  histogram: Float64Array,
  columns: Int32Array,
  sum: number,
  count: number,
  leastRows: number,
): Pick<Candidate, 'gain' | 'column' | 'bin'> {
  const best = { gain: 0, column: -1, bin: -1 }
  const whole = sum ** 2 / count
  for (let index = 0; index < columns.length; index++) {
    let leftSum = 0
    let left = 0
    for (let bin = 0, cell = index * bins * 2; bin < bins - 1; bin++, cell += 2) {
      leftSum += histogram[cell]!
      left += histogram[cell + 1]!
      if (left < leastRows) continue
      const right = count - left
      if (right < leastRows) break
      const gain = leftSum ** 2 / left + (sum - leftSum) ** 2 / right - whole
      if (gain > best.gain) {
        best.gain = gain
        best.column = columns[index]!
        best.bin = bin
      }
    }
  }
  return best
}

/** Brings the rows that belong left to the front of a range; returns where the others start. */
function partition(order: Int32Array, from: number, to: number, isLeft: (row: number) => boolean): number {
  let low = from
  let high = to
  while (low < high) {
    const row = order[low]!
    if (isLeft(row)) low++
    else {
      high--
      order[low] = order[high]!
      order[high] = row
    }
  }
  return low
}
