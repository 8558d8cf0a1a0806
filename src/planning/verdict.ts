import { judgeFreshness } from '../forecast/freshness.js'
import { formatShare, formatUsd } from '../kit/format.js'
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

const shortestBreachDays = secondsPerHour / secondsPerDay
/** Shares of requests that differ by less are the same. */
const smallestBreach = 0.001

/**
 * The rule, in this order:
 * - revert: more requests found no capacity than on 95 of 100 of the forecast's paths for the same time, and than the
 *   plan stated; and doing nothing would have left fewer without, and lost less in idle GPUs and shortfall together.
 * - retrain: what `judgeFreshness` says: old data, an error that is up, or a covariate that has lost its use.
 * - unknown: nothing came that it could be held against.
 * - keep.
 */
export function judgePlan(
  { header }: Pick<CapacityPlan, 'header'>,
  score: PlanScore | undefined,
  now: EpochSeconds,
  lostCovariates: readonly string[] = [],
): Verdict {
  const isSeen = score !== undefined && score.days >= shortestBreachDays
  if (isSeen && isWorse(score))
    return { verdict: 'revert', reason: describeBreaches(score, header.baseline !== null) }
  const freshness = judgeFreshness({
    dataThrough: parseInstant(header.dataThrough)!,
    now,
    error: score?.error ?? null,
    errorDays: score?.days ?? 0,
    lostCovariates,
  })
  if (freshness.isStale) return { verdict: 'retrain', reason: freshness.reason }
  if (!isSeen)
    return { verdict: 'unknown', reason: `less than an hour of demand is known since ${header.origin}` }
  const { breachShare } = score
  return {
    verdict: 'keep',
    reason:
      `${freshness.reason}; ${formatShare(breachShare.plan)} of requests found no capacity (estimated), ` +
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
