import { rollForecasts } from '../src/forecast/forecast-demand.js'
import { samplePath } from '../src/forecast/sample-path.js'
import { sortedQuantile } from '../src/kit/statistics.js'
import { secondsPerDay, secondsPerHour } from '../src/kit/units.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { cutHistory } from './forecast-data.js'

/** What came true of one quantity, against the 5 % and 95 % quantiles of its sample paths. */
export class Share {
  inside = 0
  above = 0
  count = 0
  /** Sum of the share of paths below what came: half of the count where forecasts are calibrated. */
  ranks = 0
  width = 0
  /** Sum of interval scores (Gneiting and Raftery 2007) and of what came. */
  score = 0
  actual = 0
  add(actual: number, sample: Float64Array): void {
    sample.sort()
    const [low, high] = [sortedQuantile(sample, 0.05), sortedQuantile(sample, 0.95)]
    if (actual >= low && actual <= high) this.inside++
    if (actual > high) this.above++
    this.count++
    const below = sample.findIndex((value) => value >= actual)
    this.ranks += (below < 0 ? sample.length : below) / sample.length
    this.width += high - low
    this.score += high - low + 20 * (Math.max(0, low - actual) + Math.max(0, actual - high))
    this.actual += actual
  }
  merge(other: Share): Share {
    for (const field of ['inside', 'above', 'count', 'ranks', 'width', 'score', 'actual'] as const)
      this[field] += other[field]
    return this
  }
  get value(): number {
    return this.inside / this.count
  }
  get meanRank(): number {
    return this.ranks / this.count
  }
}

/** Of one workload, or of the sum of all. */
export interface Coverage {
  name: string
  steps: Share
  hours: Share
  /** Hours by day ahead. */
  ahead: Share[]
  days: Share
  /** The busiest step of a day. */
  peaks: Share
  /** All whole days of the horizon together. */
  totals: Share
}

export interface CoverageOptions {
  horizonDays: number
  /** First and last origin, in days after the start of the history. */
  fromDay: number
  toDay: number
  everySeconds: number
  seed?: number
}

/** Rolls forecasts of requests and counts what their paths held, of each workload and last of their sum. */
export function measureCoverage(
  history: DemandHistory,
  { horizonDays, fromDay, toDay, everySeconds, seed = 1 }: CoverageOptions,
): Coverage[] {
  const { stepSeconds, length } = history
  const day = secondsPerDay / stepSeconds
  const perHour = Math.max(1, secondsPerHour / stepSeconds)
  const end = Math.min(length, toDay * day)
  const all = [...history.workloads.map(({ workload }) => workload.tenant ?? workload.model), 'sum'].map(
    (name): Coverage => ({
      name,
      steps: new Share(),
      hours: new Share(),
      ahead: Array.from({ length: horizonDays }, () => new Share()),
      days: new Share(),
      peaks: new Share(),
      totals: new Share(),
    }),
  )
  const cut = cutHistory(history, end)
  const forecasts = rollForecasts(cut, {
    horizonSeconds: horizonDays * secondsPerDay,
    seed,
    origins: Math.floor(((end / day - fromDay) * secondsPerDay) / everySeconds),
    everySeconds,
  })
  for (const forecast of forecasts) {
    const start = (forecast.origin - history.start) / stepSeconds
    const leads = Math.min(forecast.length, length - start)
    const parts = history.workloads.map((_, workload) =>
      Array.from({ length: forecast.pathCount }, (_, path) => samplePath(forecast, workload, path).requests),
    )
    const sums = parts[0]!.map((_, path) =>
      Float64Array.from({ length: forecast.length }, (_, lead) =>
        parts.reduce((sum, paths) => sum + paths[path]![lead]!, 0),
      ),
    )
    const actuals = history.workloads.map(({ requests }) => requests.subarray(start, start + leads))
    const actualSum = Float64Array.from({ length: leads }, (_, lead) =>
      actuals.reduce((sum, one) => sum + one[lead]!, 0),
    )
    for (const [index, coverage] of all.entries()) {
      const paths = parts[index] ?? sums
      const actual = actuals[index] ?? actualSum
      for (let lead = 0; lead < leads; lead++)
        if (!Number.isNaN(actual[lead]!))
          coverage.steps.add(
            actual[lead]!,
            Float64Array.from(paths, (path) => path[lead]!),
          )
      const over = (from: number, to: number, of: typeof sumOf) => {
        const known = actual.subarray(from, to).map((value) => (Number.isNaN(value) ? Number.NaN : 1))
        if (to > leads || known.filter((value) => value === 1).length < 0.9 * (to - from)) return undefined
        return {
          actual: of(actual.subarray(from, to), known),
          sample: Float64Array.from(paths, (path) => of(path.subarray(from, to), known)),
        }
      }
      for (let from = 0; from + perHour <= leads; from += perHour) {
        const hour = over(from, from + perHour, sumOf)
        if (hour === undefined) continue
        coverage.hours.add(hour.actual, hour.sample)
        coverage.ahead[Math.floor(from / day)]!.add(hour.actual, hour.sample)
      }
      for (let from = 0; from + day <= leads; from += day) {
        const sum = over(from, from + day, sumOf)
        const peak = over(from, from + day, maximumOf)
        if (sum === undefined || peak === undefined) continue
        coverage.days.add(sum.actual, sum.sample)
        coverage.peaks.add(peak.actual, peak.sample)
      }
      const total = over(0, horizonDays * day, sumOf)
      if (total !== undefined) coverage.totals.add(total.actual, total.sample)
    }
  }
  return all
}

/** All of them together. */
export function sumCoverage(parts: readonly Coverage[]): Coverage {
  const sum = (of: (part: Coverage) => Share) =>
    parts.reduce((total, part) => total.merge(of(part)), new Share())
  return {
    name: 'pooled',
    steps: sum(({ steps }) => steps),
    hours: sum(({ hours }) => hours),
    ahead: parts[0]!.ahead.map((_, day) => sum(({ ahead }) => ahead[day]!)),
    days: sum(({ days }) => days),
    peaks: sum(({ peaks }) => peaks),
    totals: sum(({ totals }) => totals),
  }
}

/** Over what is known. */
function sumOf(values: Float64Array, known: Float64Array): number {
  return values.reduce((sum, value, index) => sum + (known[index] === 1 ? value : 0), 0)
}

function maximumOf(values: Float64Array, known: Float64Array): number {
  return values.reduce((most, value, index) => (known[index] === 1 ? Math.max(most, value) : most), 0)
}
