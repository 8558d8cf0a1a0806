import { LlmscaleError } from '../kit/errors.js'
import { cutFloors, cutLive, type Draft, operateDraft, summarizeFloors } from './draft-workload.js'
import { describeLiveFloor } from './live-floor.js'
import type { LoadGrid } from './load.js'
import { createPools, wholeNodes } from './node-group.js'
import { estimateOutcome, type Outcome, type PooledGroup } from './outcome.js'
import type { SharedGroup } from './place-workloads.js'
import type { PlanInputs } from './plan-inputs.js'

/** Drafts with the pools that hold them and what they lead to. */
export interface Budgeted {
  drafts: Draft[]
  pooled: PooledGroup[]
  outcome: Outcome
}

/**
 * Lowers all maxima by one factor until the 90th percentile of a day's cost is within the budget.
 * Floors are cut with them. Throws INFEASIBLE_BUDGET where even the minima cost more.
 */
export function fitBudget(
  inputs: PlanInputs,
  wanted: readonly Draft[],
  groups: readonly SharedGroup[],
  grid: LoadGrid,
): Budgeted {
  const { config, forecast } = inputs
  const budget = config.environments[inputs.environment]!.budget?.usdPerDay
  const attempt = (factor: number): Budgeted => {
    const drafts = factor === 1 ? [...wanted] : wanted.map((draft) => cutDraft(draft, factor, budget!))
    const pooled = poolNodes(drafts, groups, config.planning.spotCap)
    const operations = drafts.map((draft) => operateDraft(inputs, draft, grid))
    const planned = drafts.map((draft) => draft.planned)
    return {
      drafts,
      pooled,
      outcome: estimateOutcome(forecast, planned, operations, grid, config.planning, pooled),
    }
  }
  const full = attempt(1)
  if (budget === undefined || full.outcome.usdPerDay.p90 <= budget) return full
  let fitting = attempt(0)
  if (fitting.outcome.usdPerDay.p90 > budget) {
    const least = Math.ceil(fitting.outcome.usdPerDay.p90)
    const field = `environments.${inputs.environment}.budget.usdPerDay`
    throw new LlmscaleError(
      'infeasible',
      'INFEASIBLE_BUDGET',
      `${field}: ${budget} is less than the ${least} USD a day that minReplicas of all workloads cost (estimated)`,
      [`Set ${field} to at least ${least}, or lower minReplicas.`],
    )
  }
  let [low, high] = [0, 1]
  for (let round = 0; round < 8; round++) {
    const middle = (low + high) / 2
    const candidate = attempt(middle)
    if (candidate.outcome.usdPerDay.p90 > budget) high = middle
    else {
      low = middle
      fitting = candidate
    }
  }
  return fitting
}

function cutDraft(draft: Draft, factor: number, budgetUsdPerDay: number): Draft {
  const hardMaximum = Math.max(draft.leastReplicas, Math.floor(draft.hardMaximum * factor))
  if (hardMaximum >= draft.hardMaximum) return draft
  const floors = cutFloors(draft.floors, hardMaximum)
  const live = cutLive(draft.live, hardMaximum)
  return {
    ...draft,
    hardMaximum,
    floors,
    live,
    reasons: draft.reasons.map((reason) => {
      if (reason.field === 'floors') return { ...reason, value: summarizeFloors(floors) }
      if (reason.field === 'live' && live !== undefined) return { ...reason, value: describeLiveFloor(live) }
      if (reason.field !== 'hardMaximum') return reason
      const because = `budget ${budgetUsdPerDay} USD a day; else ${draft.hardMaximum}: ${reason.because}`
      return { ...reason, value: String(hardMaximum), because }
    }),
  }
}

/** Pools hold all hard maxima at once, or the limit on nodes; reservations that no workload uses have none. */
export function poolNodes(
  drafts: readonly Draft[],
  groups: readonly SharedGroup[],
  spotCap: number,
): PooledGroup[] {
  return groups.map(({ group, members }) => {
    if (members.length === 0) return { group, members, pools: [] }
    const nodes = members.reduce(
      (sum, index) => sum + drafts[index]!.hardMaximum * drafts[index]!.planned.nodesPerReplica,
      0,
    )
    const maximumNodes = Math.min(wholeNodes(nodes), group.limit?.maximumNodes ?? Number.POSITIVE_INFINITY)
    return { group, members, pools: createPools(group, maximumNodes, spotCap) }
  })
}
