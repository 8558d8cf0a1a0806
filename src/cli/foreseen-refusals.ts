import { createPolicies } from '../../policies/index.js'
import { type Checks, checkInputs } from '../../stacks/check-inputs.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import { planRegions } from '../manifests/manifests.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { nextStepsOf } from '../planning/guards.js'

export interface PlanChange {
  config: Config
  environment: string
  plan: CapacityPlan
  /** What `plan` takes the place of, and is taken for deployed. */
  inForce: CapacityPlan
  now: EpochSeconds
  /** Deletions that people allowed. */
  allowDelete: readonly string[]
}

/**
 * What `preview` and `apply` are going to refuse of a plan, as far as files tell, and which setting or flag allows it. Holds
 * and the kill switch are left out: they come and go.
 */
export function foreseeRefusals(change: PlanChange): Warning[] {
  const messages = planRegions(change.plan.decision).flatMap((region) => checkRegion(change, region))
  return [...new Set(messages)].map((message) => ({
    code: 'WOULD_BE_REFUSED',
    message: `preview and apply will refuse this plan: ${message}`,
  }))
}

function checkRegion(change: PlanChange, region: string): string[] {
  try {
    const { guards, policies } = checkPlan(change, region)
    return [
      ...guards
        .filter(({ state }) => state === 'refused')
        .map((verdict) => [`${verdict.guard}: ${verdict.message}.`, ...nextStepsOf(verdict)].join(' ')),
      ...policies.flatMap(({ violations }) =>
        violations.map(({ policy, subject, message }) => `${policy}: ${subject} ${message}`),
      ),
    ]
  } catch (error) {
    if (error instanceof LlmscaleError) return [[`${error.message}.`, ...error.tryThis].join(' ')]
    throw error
  }
}

function checkPlan(change: PlanChange, region: string): Checks {
  const { config, environment, plan, inForce, now, allowDelete } = change
  const { backend, budget, autoscaler } = config.environments[environment]!
  return checkInputs({
    config,
    environment,
    region,
    layer: 'serving',
    plan,
    baseline: inForce,
    now,
    holds: [],
    decreaseCap: config.planning.decreaseCap,
    autoscaler,
    ...(backend !== undefined && { backend }),
    ...(budget !== undefined && { budgetUsdPerDay: budget.usdPerDay }),
    onRunner: false,
    policies: createPolicies(config, environment),
    allowedDeletions: allowDelete,
    writes: true,
  })
}
