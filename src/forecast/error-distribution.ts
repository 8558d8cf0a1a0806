import { sortedQuantile } from '../kit/statistics.js'
import type { OriginGrid } from './origin-grid.js'
import type { PastErrors } from './rolling-origin.js'

// A share of the mean is added to points, so that quiet hours keep a spread.
const offsetShare = 0.2
const exponents = [0, 0.25, 0.5, 0.75, 1]
// Half of what a time of the day deviates from the mean is noise of few days.
const slotShrinkage = 0.5
// What few days say of the growth with lead is shrunk to the growth that most series have.
const usualGrowth = 0.2
const usualGrowthDays = 2
const mostGrowth = 0.6
// Errors of the last days weigh against so many ordinary rows.
const volatilityHalfLifeDays = 2
const ordinaryRows = 3
const [leastVolatility, mostVolatility] = [0.7, 3]
// More cells say the same and cost more.
const mostCells = 2000
// Below this ratios of amounts lose their digits.
const leastDemand = 1e-200
const quantileCount = 201

/** How the errors of one series spread, learned from rolling origins. */
export interface ErrorDistribution {
  /** Added to a point, so that small ones keep a spread. */
  offset: number
  /** Mean demand and offset: what a point is relative to. */
  reference: number
  /** How a spread grows with demand: 0 not at all, 1 in proportion. */
  exponent: number
  /** How a spread grows with slots ahead: a power law. */
  growth: number
  /** Factor by slot of the day. */
  slotFactors: Float64Array
  /** Factor by row of the past errors, and that of now: errors of the days before against those of all. */
  rowFactors: Float64Array
  volatility: number
  /** Ascending standardised errors, evenly spaced in probability; as far below zero as above. */
  quantiles: Float64Array
}

/** Some of the past errors, column by column. */
interface Sample {
  rows: Int32Array
  leads: Int32Array
  slotsOfDay: Int32Array
  sizes: Float64Array
  /** Logarithm of point and offset, relative to the reference. */
  logLevels: Float64Array
}

/**
 * Learns the spread of errors: how it grows with demand and with lead, by the time of the day, and how wide it has
 * become of late. Errors count as if they were as likely below as above: a bias of the past hardly ever lasts.
 *
 * @param now slot of the origin
 * @returns undefined where nothing was observed
 */
export function learnErrors(
  past: PastErrors,
  { slotsPerDay, rowsPerDay }: OriginGrid,
  now: number,
): ErrorDistribution | undefined {
  const cells = sampleCells(past)
  if (cells.length === 0) return undefined
  const { points, errors, origins } = past
  let total = 0
  for (const cell of cells) total += points[cell]! + errors[cell]!
  const mean = Math.max(0, total / cells.length)
  const offset = offsetShare * mean
  const distribution: ErrorDistribution = {
    offset,
    reference: mean + offset,
    exponent: 1,
    growth: 0,
    slotFactors: new Float64Array(slotsPerDay).fill(1),
    rowFactors: new Float64Array(origins.length).fill(1),
    volatility: 1,
    quantiles: new Float64Array(quantileCount),
  }
  if (mean < leastDemand) return distribution
  const sample = readCells(past, cells, distribution, slotsPerDay)
  distribution.exponent = chooseExponent(sample)
  const { sizes, logLevels, leads, slotsOfDay, rows } = sample
  for (let index = 0; index < sizes.length; index++)
    sizes[index]! *= Math.exp(-distribution.exponent * logLevels[index]!)
  distribution.growth = fitGrowth(sample, rowsPerDay)
  for (let index = 0; index < sizes.length; index++)
    sizes[index]! /= (leads[index]! + 1) ** distribution.growth
  distribution.slotFactors = fitSlotFactors(sample, slotsPerDay)
  for (let index = 0; index < sizes.length; index++)
    sizes[index]! /= distribution.slotFactors[slotsOfDay[index]!]!
  Object.assign(distribution, fitVolatility(sample, past, slotsPerDay, now))
  for (let index = 0; index < sizes.length; index++) sizes[index]! /= distribution.rowFactors[rows[index]!]!
  sizes.sort()
  for (let index = 0; index < quantileCount; index++) {
    const middle = (2 * index) / (quantileCount - 1) - 1
    distribution.quantiles[index] = Math.sign(middle) * sortedQuantile(sizes, Math.abs(middle))
  }
  return distribution
}

/** What one unit of standardised error is worth. */
export function spreadAt(
  { offset, reference, exponent, growth, slotFactors }: ErrorDistribution,
  point: number,
  lead: number,
  slotOfDay: number,
): number {
  if (reference < leastDemand) return 0
  return (
    Math.max((point + offset) / reference, 0) ** exponent * (lead + 1) ** growth * slotFactors[slotOfDay]!
  )
}

function sampleCells({ errors }: PastErrors): Int32Array {
  const known = new Int32Array(errors.length)
  let count = 0
  for (let cell = 0; cell < errors.length; cell++) if (!Number.isNaN(errors[cell]!)) known[count++] = cell
  const kept = Math.min(count, mostCells)
  return Int32Array.from({ length: kept }, (_, index) => known[Math.floor((index * count) / kept)]!)
}

function readCells(
  { points, errors, leads, origins }: PastErrors,
  cells: Int32Array,
  { offset, reference }: ErrorDistribution,
  slotsPerDay: number,
): Sample {
  const rows = cells.map((cell) => Math.floor(cell / leads))
  return {
    rows,
    leads: cells.map((cell) => cell % leads),
    slotsOfDay: cells.map((cell, index) => (origins[rows[index]!]! + (cell % leads)) % slotsPerDay),
    sizes: Float64Array.from(cells, (cell) => Math.abs(errors[cell]!)),
    logLevels: Float64Array.from(cells, (cell) =>
      Math.log(Math.max(points[cell]! + offset, 1e-6 * reference) / reference),
    ),
  }
}

/** The exponent under which errors of Laplace's distribution are likeliest. */
function chooseExponent({ sizes, logLevels }: Sample): number {
  const meanLog = logLevels.reduce((sum, log) => sum + log, 0) / logLevels.length
  let best = 1
  let least = Number.POSITIVE_INFINITY
  for (const exponent of exponents) {
    let size = 0
    for (let index = 0; index < sizes.length; index++)
      size += sizes[index]! * Math.exp(-exponent * logLevels[index]!)
    const loss = Math.log(size / sizes.length) + exponent * meanLog
    if (loss < least) [best, least] = [exponent, loss]
  }
  return best
}

/** Regression of the logarithm of mean sizes, by band of leads, on that of the lead; few days are shrunk to a prior. */
function fitGrowth({ sizes, leads, rows }: Sample, rowsPerDay: number): number {
  const bands = 2 * Math.ceil(Math.log2(Math.max(2, ...leads) + 1)) + 1
  const sums = new Float64Array(bands)
  const counts = new Float64Array(bands)
  const logs = new Float64Array(bands)
  for (let index = 0; index < sizes.length; index++) {
    const log = Math.log2(leads[index]! + 1)
    const band = Math.round(2 * log)
    sums[band]! += sizes[index]!
    counts[band]! += 1
    logs[band]! += log * Math.LN2
  }
  let [weight, x, y, xx, xy] = [0, 0, 0, 0, 0]
  for (let band = 0; band < bands; band++) {
    if (!(sums[band]! > 0)) continue
    const count = counts[band]!
    const meanLog = logs[band]! / count
    const meanSize = Math.log(sums[band]! / count)
    weight += count
    x += count * meanLog
    y += count * meanSize
    xx += count * meanLog * meanLog
    xy += count * meanLog * meanSize
  }
  const variance = xx - (x * x) / weight
  const slope = variance > 1e-9 * weight ? (xy - (x * y) / weight) / variance : 0
  const days = new Set(rows).size / rowsPerDay
  const shrunk = (days * slope + usualGrowthDays * usualGrowth) / (days + usualGrowthDays)
  return Math.min(Math.max(shrunk, 0), mostGrowth)
}

function fitSlotFactors({ sizes, slotsOfDay }: Sample, slotsPerDay: number): Float64Array {
  const sums = new Float64Array(slotsPerDay)
  const counts = new Float64Array(slotsPerDay)
  for (let index = 0; index < sizes.length; index++) {
    sums[slotsOfDay[index]!]! += sizes[index]!
    counts[slotsOfDay[index]!]! += 1
  }
  const mean = sums.reduce((sum, size) => sum + size, 0) / sizes.length
  return sums.map((sum, slot) =>
    mean > 0 ? ((sum + mean) / (counts[slot]! + 1) / mean) ** slotShrinkage : 1,
  )
}

/** Errors of the days before a row against those of all, shrunk and bounded: a spread widens after a change of regime. */
function fitVolatility(
  { sizes, rows, leads }: Sample,
  { origins }: PastErrors,
  slotsPerDay: number,
  now: number,
): Pick<ErrorDistribution, 'rowFactors' | 'volatility'> {
  const sums = new Float64Array(origins.length)
  const counts = new Float64Array(origins.length)
  let total = 0
  let count = 0
  for (let index = 0; index < sizes.length; index++) {
    if (leads[index]! >= slotsPerDay) continue
    sums[rows[index]!]! += sizes[index]!
    counts[rows[index]!]! += 1
    total += sizes[index]!
    count++
  }
  const overall = total / count
  const factorAt = (slot: number) => {
    if (!(overall > 0)) return 1
    let weights = ordinaryRows
    let sum = ordinaryRows
    for (let row = 0; row < origins.length; row++) {
      const age = (slot - origins[row]!) / slotsPerDay - 1
      if (age < 0 || counts[row] === 0) continue
      const weight = 0.5 ** (age / volatilityHalfLifeDays)
      weights += weight
      sum += (weight * sums[row]!) / counts[row]! / overall
    }
    return Math.min(Math.max(sum / weights, leastVolatility), mostVolatility)
  }
  return { rowFactors: Float64Array.from(origins, factorAt), volatility: factorAt(now) }
}
