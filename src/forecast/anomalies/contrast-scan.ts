import { sortedQuantile } from '../../kit/statistics.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../kit/units.js'
import type { Run } from '../../metrics/gaps.js'
import { RunSums } from './run-sums.js'
import { longestSurge, type Surge, shareOf } from './surge.js'
import type { StepGrid } from './usual-day.js'

const leastDeviations = 3
/** Of the runs that stand out, so many by day and at least are kept, the highest first. */
const surgesPerDay = 3
const leastSurges = 12
const shortestSideSeconds = 3 * secondsPerMinute
const shortestSideSteps = 3
const longestSideSeconds = 6 * secondsPerHour
const shortestSeconds = 30
const lengthRatio = 1.5
/** Long runs begin every so manyth part of their length. */
const strideParts = 4
/** Two runs that share so much are one. */
const sameShare = 0.6
/** The spread of a length is taken from about so many of its runs. */
const spreadRuns = 1000
/** Between the quartiles of a normal, in standard deviations. */
const normalOfQuartiles = 1.349
const rareShare = 0.025
const leastSpread = 1e-3
const alikeShare = 0.5

/** Runs of one length: how far each stands above the higher of its sides. */
interface RunContrasts {
  steps: number
  /** Of the runs that begin at every so manyth step. */
  contrasts: Float64Array
  stride: number
  /** How many are known, and which of them stand above both sides. */
  known: number
  above: Int32Array
  spread: number
  /** What one in forty is above. */
  rare: number
}

/** How far a run stands out. */
interface RunWeight {
  /** Contrast over the spread of contrasts. */
  deviations: number
  /** Over what one in forty is above. */
  rarity: number
}

/** A run among the others of its length. */
interface RunCompany {
  /** Share of the others that stand at least half as high. */
  alike: number
  /** The highest of the others over it. */
  next: number
}

/**
 * Holds the runs of a signal against the steps on both of their sides, and against all others of their length: what a
 * signal does anyway, at whatever scale, is no surge.
 */
export class ContrastScan {
  readonly sums: RunSums
  readonly #signal: Float64Array
  readonly #noise: Float64Array | undefined
  readonly #longest: number
  readonly #stepSeconds: number
  readonly #byLength: RunContrasts[] = []

  /**
   * @param signal additive on the scale on which its noise is even; NaN where nothing is known
   * @param noise by step, how much more than usual the signal varies at that hour; 1 where not given
   */
  constructor(signal: Float64Array, grid: StepGrid, noise?: Float64Array) {
    this.sums = new RunSums(signal)
    this.#signal = signal
    this.#noise = noise
    this.#stepSeconds = grid.stepSeconds
    this.#longest = longestSurge(signal.length, grid)
    let steps = Math.max(1, Math.round(shortestSeconds / grid.stepSeconds))
    for (; steps <= this.#longest; steps = Math.max(steps + 1, Math.round(lengthRatio * steps)))
      this.#byLength.push(this.#weighLength(steps))
  }

  /** Surges of this signal, those that stand out most first. */
  findSurges(leastHeight: number): Surge[] {
    const found: Surge[] = []
    for (const { steps, spread, contrasts, stride } of this.#byLength)
      for (let index = 0; index < contrasts.length; index++) {
        const here = contrasts[index]!
        if (!(here >= leastHeight && here >= leastDeviations * spread)) continue
        if (here < contrasts[index - 1]! || here <= contrasts[index + 1]!) continue
        const from = index * stride
        const deviations = here / spread / this.#noiseAt(from, steps)
        if (deviations >= leastDeviations) found.push({ from, to: from + steps, deviations })
      }
    found.sort((a, b) => b.deviations - a.deviations)
    const most = leastSurges + (surgesPerDay * this.#signal.length * this.#stepSeconds) / secondsPerDay
    const kept: Surge[] = []
    for (const surge of found) {
      if (kept.length >= most) break
      if (kept.some((other) => shareOf(surge, other) > sameShare)) continue
      kept.push(surge)
      const settled = { ...surge, ...this.#settleEdges(surge) }
      if (!kept.some((other) => shareOf(settled, other) > sameShare)) kept.push(settled)
    }
    return kept
  }

  /** How far a run stands above its sides, beside the runs about as long. */
  weigh({ from, to }: Run): RunWeight {
    const near = this.#nearest(to - from)
    if (near === undefined) return { deviations: 0, rarity: 0 }
    const contrast = (this.#contrastAt(from, to - from) || 0) / this.#noiseAt(from, to - from)
    return { deviations: contrast / near.spread, rarity: contrast / near.rare }
  }

  /** Holds a run against all others about as long. */
  compare({ from, to }: Run): RunCompany {
    const steps = to - from
    const near = this.#nearest(steps)
    const height = this.#contrastAt(from, steps)
    if (near === undefined || !(height > 0)) return { alike: 1, next: 1 }
    let alike = 0
    let next = 0
    for (const index of near.above) {
      const other = near.contrasts[index]!
      const start = index * near.stride
      if (start + steps > from && start < to) continue
      if (other >= alikeShare * height) alike++
      if (other > next) next = other
    }
    const apart = near.known - (steps + to - from) / near.stride
    return { alike: apart < 1 ? 1 : Math.min(1, alike / apart), next: next / height }
  }

  /** Moves both ends to where half of the height is left. */
  #settleEdges({ from, to }: Run): Run {
    const half = this.sums.mean(from, to) - this.#contrastAt(from, to - from) / 2
    const isHigh = (step: number) => this.#signal[step]! >= half
    let first = from
    let end = to
    while (first > 0 && end - first < this.#longest && isHigh(first - 1)) first--
    while (end < this.#signal.length && end - first < this.#longest && isHigh(end)) end++
    while (first < end - 1 && !isHigh(first)) first++
    while (end > first + 1 && !isHigh(end - 1)) end--
    return { from: first, to: end }
  }

  #noiseAt(from: number, steps: number): number {
    return this.#noise?.[from + (steps >> 1)] ?? 1
  }

  #nearest(steps: number): RunContrasts | undefined {
    let nearest: RunContrasts | undefined
    for (const each of this.#byLength)
      if (nearest === undefined || Math.abs(each.steps - steps) < Math.abs(nearest.steps - steps))
        nearest = each
    return nearest
  }

  #sideOf(steps: number): number {
    return Math.max(
      shortestSideSteps,
      Math.round(shortestSideSeconds / this.#stepSeconds),
      Math.min(steps, Math.round(longestSideSeconds / this.#stepSeconds)),
    )
  }

  /** Mean of the known steps of a run less that of its higher side; NaN where too little is known. */
  #contrastAt(from: number, steps: number): number {
    const side = this.#sideOf(steps)
    // The steps at both ends hold a part of the surge.
    const before = this.sums.mean(from - 1 - side, from - 1)
    const after = this.sums.mean(from + steps + 1, from + steps + 1 + side)
    return this.sums.mean(from, from + steps) - higherOf(before, after)
  }

  #weighLength(steps: number): RunContrasts {
    const stride = Math.max(1, Math.floor(steps / strideParts))
    const count = Math.max(0, Math.floor((this.#signal.length - steps) / stride) + 1)
    const side = this.#sideOf(steps)
    const runs = this.sums.means(steps)
    const sides = side === steps ? runs : this.sums.means(side)
    const contrasts = new Float64Array(count)
    for (let index = 0; index < count; index++) {
      const from = index * stride
      const before = from - 1 - side
      const after = from + steps + 1
      contrasts[index] =
        before >= 0 && after < sides.length
          ? runs[from]! - higherOf(sides[before]!, sides[after]!)
          : this.#contrastAt(from, steps)
    }
    const every = Math.max(1, Math.floor(count / spreadRuns))
    const sample: number[] = []
    for (let index = 0; index < count; index += every)
      if (!Number.isNaN(contrasts[index]!)) sample.push(contrasts[index]!)
    const sorted = Float64Array.from(sample).sort()
    const above: number[] = []
    let known = 0
    for (let index = 0; index < count; index++) {
      if (!Number.isNaN(contrasts[index]!)) known++
      if (contrasts[index]! > 0) above.push(index)
    }
    const length = { steps, contrasts, stride, known, above: Int32Array.from(above) }
    if (sorted.length === 0)
      return { ...length, spread: Number.POSITIVE_INFINITY, rare: Number.POSITIVE_INFINITY }
    const spread = (sortedQuantile(sorted, 0.75) - sortedQuantile(sorted, 0.25)) / normalOfQuartiles
    return {
      ...length,
      spread: Math.max(leastSpread, spread),
      rare: Math.max(leastSpread, sortedQuantile(sorted, 1 - rareShare)),
    }
  }
}

/** Of two sides, or the one that is known. */
function higherOf(before: number, after: number): number {
  if (Number.isNaN(after)) return before
  return before >= after ? before : after
}
