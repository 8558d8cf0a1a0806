import { formatChange, formatShare } from '../kit/format.js'
import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { CovariateUse, WorkloadForecast } from './demand-forecast.js'

/** A forecast whose error is up by more than this is made anew, */
const largestErrorRise = 0.15
/** unless that is less of demand than any replica count could show: an error of 1 % may well be a fifth higher. */
const leastErrorRise = 0.01
/** The error of less than a day is that of its hours, not of the forecast. */
const shortestErrorDays = 1
/** A coin would have thrown as many bad days no more often than this; so at least four days are needed. */
const largestChance = 0.1
/** Twice the error in one day is no chance. */
const certainErrorRise = 1
/** A forecast from data of this age is made anew, whatever its error. */
const oldestDataDays = 30
/** A covariate that gains less than this is not worth reading. */
const leastCovariateGain = 0.01

/** How far a forecast was off, beside its backtest; shares of demand. */
export interface ForecastError {
  wape: number
  backtestWape: number
  /** Whole days, and those on which the error was above the backtest's. */
  daysWorse?: { count: number; of: number }
}

/** What a forecast's age and drift are judged by. */
export interface FreshnessEvidence {
  /** End of the data that it was made from. */
  dataThrough: EpochSeconds
  now: EpochSeconds
  /** WAPE of what came, and of the backtest before; null where either is unknown. */
  error: ForecastError | null
  /** Days over which the error was taken. */
  errorDays: number
  /** Covariates that told something of demand when it was made, and tell nothing now. */
  lostCovariates?: readonly string[]
}

export interface Freshness {
  isStale: boolean
  /** What was seen, in words that follow a subject: `its error (WAPE, measured) is …`. */
  reason: string
}

/**
 * Whether a forecast must be made anew: its data is 30 days old; or its error has been more than 15 %, and more than
 * 1 % of demand, above the backtest's over a day or more, which chance does not explain (a one-sided sign test by
 * day); or a covariate has lost its use.
 */
export function judgeFreshness(evidence: FreshnessEvidence): Freshness {
  const { dataThrough, now, error, lostCovariates = [] } = evidence
  const dataAgeDays = (now - dataThrough) / secondsPerDay
  if (dataAgeDays >= oldestDataDays)
    return {
      isStale: true,
      reason: `its data ends ${formatInstant(dataThrough)}, ${Math.floor(dataAgeDays)} days ago; after ${oldestDataDays} it is made anew`,
    }
  const drift = error === null ? undefined : judgeDrift(error, evidence)
  if (drift?.isStale === true) return drift
  if (lostCovariates.length > 0)
    return {
      isStale: true,
      reason: `the covariate ${lostCovariates.join(' and ')} made it better when it was made, and does no longer`,
    }
  return drift ?? { isStale: false, reason: 'its error cannot be compared' }
}

function judgeDrift(
  { wape, backtestWape, daysWorse = { count: 0, of: 0 } }: ForecastError,
  { errorDays }: FreshnessEvidence,
): Freshness {
  const rise = backtestWape === 0 ? 0 : wape / backtestWape - 1
  const reason = `its error (WAPE, measured) is ${formatShare(wape)}, ${formatChange(rise)} against the backtest's ${formatShare(backtestWape)}`
  if (rise <= largestErrorRise || errorDays < shortestErrorDays) return { isStale: false, reason }
  const { count, of } = daysWorse
  const days = `worse on ${count} of ${of} days`
  if (wape - backtestWape < leastErrorRise)
    return { isStale: false, reason: `${reason}, less than ${formatShare(leastErrorRise)} of demand` }
  if (rise < certainErrorRise && chanceOfDays(count, of) > largestChance)
    return { isStale: false, reason: `${reason}, ${days}: it may be chance` }
  return { isStale: true, reason: `${reason}, more than +${largestErrorRise * 100} %, ${days}` }
}

/** The probability of so many bad days or more among fair ones: the upper tail of the binomial distribution at ½. */
function chanceOfDays(count: number, of: number): number {
  let [sum, ways] = [0, 1]
  for (let good = 0; good <= of - count; good++) {
    sum += ways
    ways = (ways * (of - good)) / (good + 1)
  }
  return sum / 2 ** of
}

/** Whether a covariate surely makes forecasts better, surely not enough to be worth it, or neither is known. */
export function worthOf({ skill, skillInterval }: CovariateUse): 'sure' | 'none' | 'unknown' {
  if (skill === null || skillInterval === null) return 'unknown'
  if (skill < leastCovariateGain) return 'none'
  return skillInterval.low > 0 ? 'sure' : 'unknown'
}

/** Covariates that surely made forecasts of a workload better, and are of no use to later ones; with the workload. */
export function findLostCovariates(
  before: readonly ForecastUses[],
  after: readonly ForecastUses[],
): string[] {
  return before.flatMap(({ workload, covariates = [] }) => {
    const id = workloadId(workload)
    const later = after.find((each) => workloadId(each.workload) === id)?.covariates ?? []
    return covariates
      .filter((use) => worthOf(use) === 'sure')
      .filter(({ name }) => later.some((use) => use.name === name && worthOf(use) === 'none'))
      .map(({ name }) => `${name} (${id})`)
  })
}

type ForecastUses = Pick<WorkloadForecast, 'workload' | 'covariates'>
