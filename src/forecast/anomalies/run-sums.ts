/** A signal of which any run can be averaged at once. */
export class RunSums {
  readonly length: number
  readonly #sums: Float64Array
  readonly #counts: Uint32Array

  /** @param signal NaN where nothing is known */
  constructor(signal: Float64Array) {
    this.length = signal.length
    this.#sums = new Float64Array(signal.length + 1)
    this.#counts = new Uint32Array(signal.length + 1)
    for (let step = 0; step < signal.length; step++) {
      const value = signal[step]!
      const isKnown = !Number.isNaN(value)
      this.#sums[step + 1] = this.#sums[step]! + (isKnown ? value : 0)
      this.#counts[step + 1] = this.#counts[step]! + (isKnown ? 1 : 0)
    }
  }

  /** Mean of the known steps of a run, which may reach beyond both ends; NaN where half of them is missing. */
  mean(from: number, to: number): number {
    const first = Math.max(0, from)
    const end = Math.min(this.length, to)
    if (end <= first) return Number.NaN
    const count = this.#counts[end]! - this.#counts[first]!
    return 2 * count < to - from ? Number.NaN : (this.#sums[end]! - this.#sums[first]!) / count
  }

  /** Means of all runs of so many steps that lie inside, by their first step. */
  means(steps: number): Float64Array {
    const sums = this.#sums
    const counts = this.#counts
    const means = new Float64Array(Math.max(0, this.length - steps + 1))
    for (let from = 0; from < means.length; from++) {
      const count = counts[from + steps]! - counts[from]!
      means[from] = 2 * count < steps ? Number.NaN : (sums[from + steps]! - sums[from]!) / count
    }
    return means
  }
}
