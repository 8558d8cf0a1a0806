import { formatInstant } from '../../kit/time.js'
import { workloadId } from '../../kit/workload.js'
import type { BacktestSums, MethodSums, WorkloadSums } from './backtest.js'
import { binomialShare, type Share } from './binomial-interval.js'
import { addCoverage, emptyCoverage, type PathCoverage } from './paths-coverage.js'
import { addSums, emptySums, type ScoreSums } from './quantile-score.js'
import { compareLosses, type Skill } from './skill.js'

/**
 * How one way to forecast did over all leads up to a horizon; out of sample. Skill is that of the pinball loss over each
 * workload's naive baseline, its interval by day of origin.
 */
export interface MethodScore extends Skill {
  method: string
  horizonSeconds: number
  /** Scored pairs of origin and step. */
  points: number
  /** Mean absolute error over that of repeating the day, in sample before the first origin; the mean over workloads. */
  mase: number | null
  /** Sum of |actual − point| over the sum of what came. */
  wape: number | null
  /** Mean pinball loss over the written quantiles, CRPS and the interval score (at 90 %), as shares of mean demand. */
  pinball: number | null
  crps: number | null
  intervalScore: number | null
  coverage50: Share
  coverage80: Share
  coverage90: Share
  /** 1 − pinball loss over that of each workload's naive baseline; null where that is 0. */
  skill: number | null
  /** 90 % of 500 resamples of the days of origin; null with fewer than five days. */
  skillInterval: { low: number; high: number } | null
}

/** Coverage of figures that are taken path by path. */
export interface PathShares {
  coverage50: Share
  coverage80: Share
  coverage90: Share
}

interface PartScores {
  scores: MethodScore[]
  daySums: PathShares
  maxima: PathShares
}

export interface BacktestScores {
  stepSeconds: number
  horizonSeconds: number
  everySeconds: number
  seed: number
  maximumSteps: number
  horizons: number[]
  origins: { count: number; first: string; last: string }
  /** Sums over workloads: larger ones count for more. */
  pooled: PartScores
  workloads: ({ workload: string; baseline: string } & PartScores)[]
}

/** Scores from the sums of a backtest: of each workload, and of all together. The same sums give the same scores. */
export function scoreBacktest(sums: BacktestSums): BacktestScores {
  const { origins, workloads: _sums, ...settings } = sums
  return {
    ...settings,
    origins: {
      count: origins.length,
      first: formatInstant(origins[0]!),
      last: formatInstant(origins.at(-1)!),
    },
    pooled: scoreParts(sums.workloads, sums),
    workloads: sums.workloads.map((part) => ({
      workload: workloadId(part.workload),
      baseline: part.baseline,
      ...scoreParts([part], sums),
    })),
  }
}

function scoreParts(parts: readonly WorkloadSums[], { horizons }: BacktestSums): PartScores {
  const methods = parts[0]!.methods.map(({ method }) => method)
  return {
    scores: methods.flatMap((method) =>
      horizons.map((horizonSeconds, band) => scoreMethod(parts, method, band, horizonSeconds)),
    ),
    daySums: sharesOf(parts.map(({ daySums }) => daySums)),
    maxima: sharesOf(parts.map(({ maxima }) => maxima)),
  }
}

function scoreMethod(
  parts: readonly WorkloadSums[],
  method: string,
  band: number,
  horizonSeconds: number,
): MethodScore {
  const own = parts.map((part) => methodOf(part, method))
  const naive = parts.map((part) => methodOf(part, part.baseline))
  const total = emptySums()
  for (const each of own) addSums(total, sumsUpTo(each, band))
  const ratio = (sum: number) => (total.actual > 0 ? sum / total.actual : null)
  const errors = own.flatMap((each, index) => {
    const { absolute, count } = sumsUpTo(each, band)
    const { scale } = parts[index]!
    return scale === null || count === 0 ? [] : [absolute / count / scale]
  })
  const distinct = parts.reduce((sum, { distinctSteps }) => sum + distinctSteps[band]!, 0)
  const coverage = (inside: number) => binomialShare(inside / Math.max(1, total.count), distinct)
  const bands = parts[0]!.distinctSteps.length
  return {
    method,
    horizonSeconds,
    points: total.count,
    mase: errors.length === 0 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length,
    wape: ratio(total.absolute),
    pinball: ratio(total.pinball),
    crps: ratio(total.crps),
    intervalScore: ratio(total.interval90),
    coverage50: coverage(total.inside50),
    coverage80: coverage(total.inside80),
    coverage90: coverage(total.inside90),
    ...compareLosses(dayLosses(own, band, bands), dayLosses(naive, band, bands)),
  }
}

function methodOf({ methods }: WorkloadSums, name: string): MethodSums {
  return methods.find(({ method }) => method === name)!
}

function sumsUpTo({ bands }: MethodSums, band: number): ScoreSums {
  const total = emptySums()
  for (const sums of bands.slice(0, band + 1)) addSums(total, sums)
  return total
}

/** Pinball loss by day of origin, over all workloads and the leads up to a horizon. */
function dayLosses(methods: readonly MethodSums[], band: number, bands: number): Float64Array {
  const days = new Float64Array(methods[0]!.dayPinball.length / bands)
  for (const { dayPinball } of methods)
    for (let day = 0; day < days.length; day++)
      for (let each = 0; each <= band; each++) days[day]! += dayPinball[day * bands + each]!
  return days
}

function sharesOf(parts: readonly PathCoverage[]): PathShares {
  const total = emptyCoverage()
  for (const part of parts) addCoverage(total, part)
  const coverage = (inside: number) => binomialShare(inside / Math.max(1, total.count), total.distinct)
  return {
    coverage50: coverage(total.inside50),
    coverage80: coverage(total.inside80),
    coverage90: coverage(total.inside90),
  }
}
