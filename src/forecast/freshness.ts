import { formatChange, formatShare } from '../kit/format.js'
import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'

/** A forecast whose error is up by more than this is made anew. */
const largestErrorRise = 0.15
/** So is one from data of this age, whatever its error. */
const oldestDataDays = 30
/** The error of less than a day is that of its hours, not of the forecast. */
const shortestErrorDays = 1

/** What a forecast's age and drift are judged by. */
export interface FreshnessEvidence {
  /** End of the data that it was made from. */
  dataThrough: EpochSeconds
  now: EpochSeconds
  /** WAPE of what came, and of the backtest before; null where either is unknown. */
  error: { wape: number; backtestWape: number } | null
  /** Days over which the error was taken. */
  errorDays: number
}

export interface Freshness {
  isStale: boolean
  /** What was seen, in words that follow a subject: `its error (WAPE, measured) is …`. */
  reason: string
}

/**
 * Whether a forecast must be made anew: its data is 30 days old, or its error has been more than 15 % above the
 * backtest's over a day or more.
 */
export function judgeFreshness({ dataThrough, now, error, errorDays }: FreshnessEvidence): Freshness {
  const dataAgeDays = (now - dataThrough) / secondsPerDay
  if (dataAgeDays >= oldestDataDays)
    return {
      isStale: true,
      reason: `its data ends ${formatInstant(dataThrough)}, ${Math.floor(dataAgeDays)} days ago; after ${oldestDataDays} it is made anew`,
    }
  if (error === null) return { isStale: false, reason: 'its error cannot be compared' }
  const rise = error.backtestWape === 0 ? 0 : error.wape / error.backtestWape - 1
  const reason = `its error (WAPE, measured) is ${formatShare(error.wape)}, ${formatChange(rise)} against the backtest's ${formatShare(error.backtestWape)}`
  return rise > largestErrorRise && errorDays >= shortestErrorDays
    ? { isStale: true, reason: `${reason}, more than +${largestErrorRise * 100} %` }
    : { isStale: false, reason }
}
