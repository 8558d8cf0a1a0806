import { sortedQuantile } from '../kit/statistics.js'
import type { OriginGrid } from './origin-grid.js'
import type { PastErrors } from './past-errors.js'

// A share of the mean is added to points, so that quiet hours keep a spread.
const offsetShare = 0.2
// A spread grows with demand by a multiple of this power.
const exponentStep = 0.25
const mostExponentSteps = 4
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

/** Sizes of past errors as they are standardised step by step, beside what they depend on. */
interface Sample {
  sizes: Float64Array
  rows: Int32Array
  leads: Int32Array
  slotsOfDay: Int32Array
}

/**
 * Learns the spread of errors: how it grows with demand and with lead, by the time of the day, and how wide it has
 * become of late. Errors count as if they were as likely below as above: a bias of the past hardly ever lasts.
 *
 * @returns undefined where nothing was observed
 */
export function learnErrors(past: PastErrors, grid: OriginGrid): ErrorDistribution | undefined {
  const { points, errors } = past
  if (errors.length === 0) return undefined
  let total = 0
  for (let cell = 0; cell < errors.length; cell++) total += points[cell]! + errors[cell]!
  const mean = Math.max(0, total / errors.length)
  const offset = offsetShare * mean
  const distribution: ErrorDistribution = {
    offset,
    reference: mean + offset,
    exponent: 1,
    growth: 0,
    slotFactors: new Float64Array(grid.slotsPerDay).fill(1),
    rowFactors: new Float64Array(past.rowCount).fill(1),
    volatility: 1,
    quantiles: new Float64Array(quantileCount),
  }
  if (mean < leastDemand) return distribution
  const { origins, slotsPerDay, rowsPerDay } = grid
  const { first, rows, leads } = past
  const sample: Sample = {
    sizes: errors.map(Math.abs),
    rows,
    leads,
    slotsOfDay: leads.map((lead, cell) => (origins[first + rows[cell]!]! + lead) % slotsPerDay),
  }
  distribution.exponent = divideByLevels(sample, points, distribution)
  distribution.growth = divideByGrowth(sample, rowsPerDay, grid.leads)
  distribution.slotFactors = divideBySlots(sample, slotsPerDay)
  Object.assign(distribution, divideByVolatility(sample, past, grid))
  const { sizes } = sample
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

/** Takes out how sizes grow with demand, by the power under which errors of Laplace's distribution are likeliest. */
function divideByLevels(
  { sizes }: Sample,
  points: Float64Array,
  { offset, reference }: ErrorDistribution,
): number {
  const cells = sizes.length
  const sums = new Float64Array(mostExponentSteps + 1)
  const factors = new Float64Array(cells)
  let logs = 0
  for (let cell = 0; cell < cells; cell++) {
    const log = Math.log(Math.max(points[cell]! + offset, 1e-6 * reference) / reference)
    const factor = Math.exp(-exponentStep * log)
    logs += log
    factors[cell] = factor
    for (let steps = 0, size = sizes[cell]!; steps <= mostExponentSteps; steps++, size *= factor)
      sums[steps]! += size
  }
  let best = mostExponentSteps
  let least = Number.POSITIVE_INFINITY
  for (let steps = 0; steps <= mostExponentSteps; steps++) {
    const loss = Math.log(sums[steps]! / cells) + (steps * exponentStep * logs) / cells
    if (loss < least) [best, least] = [steps, loss]
  }
  for (let cell = 0; cell < cells; cell++) sizes[cell]! *= factors[cell]! ** best
  return best * exponentStep
}

/**
 * Takes out how sizes grow with lead: regression of the logarithm of mean sizes, by band of leads, on that of the lead;
 * few days are shrunk to a prior.
 */
function divideByGrowth({ sizes, leads, rows }: Sample, rowsPerDay: number, mostLeads: number): number {
  const logOf = Float64Array.from({ length: mostLeads }, (_, lead) => Math.log(lead + 1))
  const bandOf = Int32Array.from(logOf, (log) => Math.round((2 * log) / Math.LN2))
  const bands = bandOf[mostLeads - 1]! + 1
  const sums = new Float64Array(bands)
  const counts = new Float64Array(bands)
  const logs = new Float64Array(bands)
  for (let cell = 0; cell < sizes.length; cell++) {
    const band = bandOf[leads[cell]!]!
    sums[band]! += sizes[cell]!
    counts[band]! += 1
    logs[band]! += logOf[leads[cell]!]!
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
  const growth = Math.min(Math.max(shrunk, 0), mostGrowth)
  const grown = logOf.map((log) => Math.exp(growth * log))
  for (let cell = 0; cell < sizes.length; cell++) sizes[cell]! /= grown[leads[cell]!]!
  return growth
}

/** Takes out the time of the day. */
function divideBySlots({ sizes, slotsOfDay }: Sample, slotsPerDay: number): Float64Array {
  const sums = new Float64Array(slotsPerDay)
  const counts = new Float64Array(slotsPerDay)
  for (let cell = 0; cell < sizes.length; cell++) {
    sums[slotsOfDay[cell]!]! += sizes[cell]!
    counts[slotsOfDay[cell]!]! += 1
  }
  const mean = sums.reduce((sum, size) => sum + size, 0) / sizes.length
  const factors = sums.map((sum, slot) =>
    mean > 0 ? ((sum + mean) / (counts[slot]! + 1) / mean) ** slotShrinkage : 1,
  )
  for (let cell = 0; cell < sizes.length; cell++) sizes[cell]! /= factors[slotsOfDay[cell]!]!
  return factors
}

/**
 * Takes out errors of the days before a row against those of all, shrunk and bounded: a spread widens after a change of
 * regime.
 */
function divideByVolatility(
  { sizes, rows, leads }: Sample,
  { rowCount }: PastErrors,
  { slotsPerDay, rowsPerDay }: OriginGrid,
): Pick<ErrorDistribution, 'rowFactors' | 'volatility'> {
  const sums = new Float64Array(rowCount)
  const counts = new Float64Array(rowCount)
  let total = 0
  let count = 0
  for (let cell = 0; cell < sizes.length; cell++) {
    if (leads[cell]! >= slotsPerDay) continue
    sums[rows[cell]!]! += sizes[cell]!
    counts[rows[cell]!]! += 1
    total += sizes[cell]!
    count++
  }
  const factors = new Float64Array(rowCount + 1).fill(1)
  const fading = 0.5 ** (1 / rowsPerDay / volatilityHalfLifeDays)
  let weights = 0
  let sum = 0
  for (let row = rowsPerDay; total > 0 && row <= rowCount; row++) {
    // Its first day was observed whole.
    const observed = row - rowsPerDay
    weights *= fading
    sum *= fading
    if (counts[observed]! > 0) {
      weights += 1
      sum += (sums[observed]! / counts[observed]!) * (count / total)
    }
    const factor = (sum + ordinaryRows) / (weights + ordinaryRows)
    factors[row] = Math.min(Math.max(factor, leastVolatility), mostVolatility)
  }
  for (let cell = 0; cell < sizes.length; cell++) sizes[cell]! /= factors[rows[cell]!]!
  return { rowFactors: factors.subarray(0, rowCount), volatility: factors[rowCount]! }
}
