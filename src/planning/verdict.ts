import { formatChange, formatShare, formatUsd } from '../kit/format.js'
import { parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour } from '../kit/units.js'
import type { CapacityPlan } from './capacity-plan.js'
import type { PlanScore } from './score-plan.js'

export const verdicts = ['keep', 'retrain', 'revert', 'unknown'] as const

/** What to do about a plan in force, and why. */
export interface Verdict {
  verdict: (typeof verdicts)[number]
  reason: string
}

/** A forecast whose error is up by more than this is made anew. */
const largestErrorRise = 0.15
/** So is one from data of this age, whatever its error. */
const oldestDataDays = 30
/** The error of less than a day is that of its hours, not of the forecast. */
const shortestErrorDays = 1
const shortestBreachDays = secondsPerHour / secondsPerDay
/** Shares of requests that differ by less are the same. */
const smallestBreach = 0.001

/**
 * The rule, in this order:
 * - revert: more requests found no capacity than on 95 of 100 of the forecast's paths for the same time, and than the
 *   plan stated; and doing nothing would have left fewer without, and lost less in idle GPUs and shortfall together.
 * - retrain: the forecast's data is 30 days old; or its error is more than 15 % above the backtest's, over a day or more.
 * - unknown: nothing came that it could be held against.
 * - keep.
 */
export function judgePlan(
  { header }: Pick<CapacityPlan, 'header'>,
  score: PlanScore | undefined,
  now: EpochSeconds,
): Verdict {
  const isSeen = score !== undefined && score.days >= shortestBreachDays
  if (isSeen && isWorse(score))
    return { verdict: 'revert', reason: describeBreaches(score, header.baseline !== null) }
  const ageDays = (now - parseInstant(header.dataThrough)!) / secondsPerDay
  if (ageDays >= oldestDataDays)
    return {
      verdict: 'retrain',
      reason: `the plan's data ends ${header.dataThrough}, ${Math.floor(ageDays)} days ago; after ${oldestDataDays} it is made anew`,
    }
  if (!isSeen)
    return { verdict: 'unknown', reason: `less than an hour of demand is known since ${header.origin}` }
  const { error, breachShare } = score
  const rise = error === null || error.backtestWape === 0 ? 0 : error.wape / error.backtestWape - 1
  const errors =
    error === null
      ? 'its error cannot be compared'
      : `its error (WAPE, measured) is ${formatShare(error.wape)}, ${formatChange(rise)} against the backtest's ${formatShare(error.backtestWape)}`
  if (rise > largestErrorRise && score.days >= shortestErrorDays)
    return { verdict: 'retrain', reason: `${errors}, more than +${largestErrorRise * 100} %` }
  return {
    verdict: 'keep',
    reason:
      `${errors}; ${formatShare(breachShare.plan)} of requests found no capacity (estimated), ` +
      `${formatShare(breachShare.p95)} at most on 95 of 100 paths`,
  }
}

function isWorse({ breachShare, lossUsdPerDay }: PlanScore): boolean {
  const { plan, doNothing, stated, p95 } = breachShare
  return (
    plan > Math.max(p95, stated) + smallestBreach &&
    doNothing < plan - smallestBreach &&
    lossUsdPerDay.doNothing < lossUsdPerDay.plan
  )
}

function describeBreaches(
  { breachShare, lossUsdPerDay, daysBetterUndone }: PlanScore,
  hasPrevious: boolean,
): string {
  const { plan, doNothing, stated, p95 } = breachShare
  const undone = hasPrevious ? 'the plan before' : 'the reactive trigger alone'
  return (
    `${formatShare(plan)} of requests found no capacity, ${formatShare(stated)} stated, ${formatShare(p95)} at most on 95 of 100 paths; ` +
    `with ${undone} ${formatShare(doNothing)}, and idle GPUs and shortfall ${formatUsd(lossUsdPerDay.doNothing)} instead of ` +
    `${formatUsd(lossUsdPerDay.plan)} USD a day, less on ${daysBetterUndone.count} of ${daysBetterUndone.of} days (all estimated)`
  )
}
