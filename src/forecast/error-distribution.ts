import { sortedQuantile } from '../kit/statistics.js'
import type { OriginGrid } from './origin-grid.js'
import type { PastErrors } from './rolling-origin.js'

export const tuning = {
  offsetShare: 0.2,
  exponents: [0, 0.25, 0.5, 0.75, 1],
  hourShrink: 0.5,
  priorGrowth: 0.2,
  priorGrowthDays: 2,
  volHalfLifeDays: 2,
  volPrior: 3,
  volMost: 3,
  volLeast: 0.7,
  symmetric: 1,
  widen: 1,
  calm: 1,
  profileDays: 7,
}

// Below this ratios of amounts lose their digits.
const leastDemand = 1e-200

/** How the errors of one series spread, learned from rolling origins. */
export interface ErrorDistribution {
  /** Added to a point before it is raised to the exponent, so that small points keep a spread. */
  offset: number
  /** Mean demand and offset: what the base of a point is relative to. */
  reference: number
  /** How a spread grows with demand: 0 not at all, 1 in proportion. */
  exponent: number
  /** How a spread grows with slots ahead: a power law. */
  growth: number
  /** Factor by slot of the day. */
  slotFactors: Float64Array
  /** Factor by row of the past errors, and that of now. */
  rowFactors: Float64Array
  volatility: number
  /** Ascending standardised errors. */
  quantiles: Float64Array
}

/** Undefined where nothing was observed. */
export function learnErrors(past: PastErrors, grid: OriginGrid, row: number): ErrorDistribution | undefined {
  const { slotsPerDay } = grid
  const { leads, points, errors, origins } = past
  const cells: number[] = []
  const stride = Math.max(1, Math.floor(errors.length / 4000)) | 1
  let total = 0
  for (let cell = 0; cell < errors.length; cell += stride) {
    if (Number.isNaN(errors[cell]!)) continue
    cells.push(cell)
    total += points[cell]! + errors[cell]!
  }
  if (cells.length === 0) return undefined
  const mean = total / cells.length
  const offset = tuning.offsetShare * mean
  const reference = mean + offset
  const distribution: ErrorDistribution = {
    offset,
    reference,
    exponent: 1,
    growth: 0,
    slotFactors: new Float64Array(slotsPerDay).fill(1),
    rowFactors: new Float64Array(origins.length).fill(1),
    volatility: 1,
    quantiles: new Float64Array(1),
  }
  if (reference < leastDemand) return distribution
  distribution.exponent = chooseExponent(past, cells, distribution)
  const slotOfDay = (cell: number) => (origins[Math.floor(cell / leads)]! + (cell % leads)) % slotsPerDay
  const sizes = cells.map(
    (cell) => Math.abs(errors[cell]!) / spread(distribution, points[cell]!, cell % leads, slotOfDay(cell)),
  )
  distribution.growth = fitGrowth(
    cells.map((cell) => cell % leads),
    sizes,
    slotsPerDay,
  )
  distribution.slotFactors = fitSlotFactors(
    cells.map(slotOfDay),
    sizes.map((size, index) => size / ((cells[index]! % leads) + 1) ** distribution.growth),
    slotsPerDay,
  )
  fitVolatility(distribution, past, grid, row)
  const pooled = cells.map((cell) => {
    const earlier = Math.floor(cell / leads)
    const scale =
      spread(distribution, points[cell]!, cell % leads, slotOfDay(cell)) * distribution.rowFactors[earlier]!
    return errors[cell]! / scale
  })
  const sorted = Float64Array.from(pooled).sort()
  const sizesSorted = sorted.map(Math.abs).sort()
  distribution.quantiles = Float64Array.from({ length: 201 }, (_, index) => {
    const p = index / 200
    const own = sortedQuantile(sorted, p)
    const even = Math.sign(p - 0.5) * sortedQuantile(sizesSorted, Math.abs(2 * p - 1))
    return (1 - tuning.symmetric) * own + tuning.symmetric * even
  })
  return distribution
}

/** What one unit of standardised error is worth. */
export function spread(
  { offset, reference, exponent, growth, slotFactors }: ErrorDistribution,
  point: number,
  lead: number,
  slotOfDay: number,
): number {
  if (reference < leastDemand) return 0
  return ((point + offset) / reference) ** exponent * (lead + 1) ** growth * slotFactors[slotOfDay]!
}

/** The exponent under which errors of Laplace's distribution are likeliest. */
function chooseExponent(
  { points, errors }: PastErrors,
  cells: number[],
  { offset, reference }: ErrorDistribution,
) {
  const logs = cells.map((cell) => Math.log(Math.max(points[cell]! + offset, 1e-9 * reference) / reference))
  const meanLog = logs.reduce((sum, log) => sum + log, 0) / logs.length
  let best = 1
  let least = Number.POSITIVE_INFINITY
  for (const exponent of tuning.exponents) {
    let size = 0
    for (const [index, cell] of cells.entries())
      size += Math.abs(errors[cell]!) * Math.exp(-exponent * logs[index]!)
    const loss = Math.log(size / cells.length) + exponent * meanLog
    if (loss < least) [best, least] = [exponent, loss]
  }
  return best
}

/** Regression of the log of mean sizes on that of the lead. */
function fitGrowth(leads: number[], sizes: number[], slotsPerDay: number): number {
  const bands = new Map<number, { sum: number; count: number; log: number }>()
  for (const [index, lead] of leads.entries()) {
    const band = Math.round(2 * Math.log2(lead + 1))
    const entry = bands.get(band) ?? { sum: 0, count: 0, log: 0 }
    entry.sum += sizes[index]!
    entry.count++
    entry.log += Math.log(lead + 1)
    bands.set(band, entry)
  }
  // The number of independent days behind a band.
  const days = leads.length / slotsPerDay / 4
  const filled = [...bands.values()].filter(({ sum }) => sum > 0)
  const weight = filled.reduce((sum, { count }) => sum + count, 0)
  if (weight === 0) return 0
  const meanX = filled.reduce((sum, { log }) => sum + log, 0) / weight
  const meanY = filled.reduce((sum, { count, sum: size }) => sum + count * Math.log(size / count), 0) / weight
  let xx = 0
  let xy = 0
  for (const { sum, count, log } of filled) {
    const x = log / count - meanX
    xx += count * x * x
    xy += count * x * (Math.log(sum / count) - meanY)
  }
  const slope = xx > 0 ? xy / xx : 0
  const blended =
    (days * slope + tuning.priorGrowthDays * tuning.priorGrowth) / (days + tuning.priorGrowthDays)
  return Math.min(Math.max(blended, 0), 0.6)
}

function fitSlotFactors(slots: number[], sizes: number[], slotsPerDay: number): Float64Array {
  const sums = new Float64Array(slotsPerDay)
  const counts = new Float64Array(slotsPerDay)
  for (const [index, slot] of slots.entries()) {
    sums[slot]! += sizes[index]!
    counts[slot]! += 1
  }
  const mean = sums.reduce((a, b) => a + b, 0) / sizes.length
  const factors = new Float64Array(slotsPerDay).fill(1)
  if (mean > 0)
    for (let slot = 0; slot < slotsPerDay; slot++)
      factors[slot] = ((sums[slot]! + mean) / (counts[slot]! + 1) / mean) ** tuning.hourShrink
  return factors
}

/** Errors of the last days against those of all, shrunk and bounded: the spread widens after a change of regime. */
function fitVolatility(
  distribution: ErrorDistribution,
  past: PastErrors,
  grid: OriginGrid,
  row: number,
): void {
  const { slotsPerDay } = grid
  const { origins, leads, points, errors } = past
  const ahead = Math.min(leads, slotsPerDay)
  const means = Array.from(origins, (origin, earlier) => {
    let sum = 0
    let count = 0
    for (let lead = 0; lead < ahead; lead++) {
      const cell = earlier * leads + lead
      if (Number.isNaN(errors[cell]!)) continue
      sum +=
        Math.abs(errors[cell]!) / spread(distribution, points[cell]!, lead, (origin + lead) % slotsPerDay)
      count++
    }
    return 2 * count >= ahead ? sum / count : Number.NaN
  })
  const known = means.filter((mean) => !Number.isNaN(mean))
  const overall = known.reduce((sum, mean) => sum + mean, 0) / known.length
  if (!(overall > 0)) return
  const at = (now: number) => {
    let weights = tuning.volPrior
    let sum = tuning.volPrior
    for (let earlier = 0; earlier < origins.length; earlier++) {
      const age = (now - origins[earlier]! - ahead) / slotsPerDay
      if (age < 0 || Number.isNaN(means[earlier]!)) continue
      const weight = 0.5 ** (age / tuning.volHalfLifeDays)
      weights += weight
      sum += (weight * means[earlier]!) / overall
    }
    return Math.min(Math.max(sum / weights, tuning.volLeast), tuning.volMost)
  }
  distribution.rowFactors = Float64Array.from(origins, at)
  distribution.volatility = at(grid.origins[row]!)
}
