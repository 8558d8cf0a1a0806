import { noPlan, type Policy } from './policy.js'

/**
 * The 90th percentile of what the plan costs a day, as its header states it, is within the budget.
 * @param usdPerDay undefined where nobody has set one
 */
export function costCap(usdPerDay: number | undefined): Policy {
  return {
    name: 'cost-cap',
    description: 'The 90th percentile of a day’s cost is within the budget.',
    looksAt: 'plan',
    check({ plan }) {
      if (usdPerDay === undefined) return { notChecked: 'the environment has no budget' }
      if (plan === undefined) return noPlan
      const { p90 } = plan.header.cost.usdPerDay
      if (p90 <= usdPerDay) return []
      const message =
        `costs up to ${Math.round(p90)} USD a day (90th percentile); the budget is ${usdPerDay}: run \`llmscale plan\` ` +
        'under it, or raise budget.usdPerDay of the environment'
      return [{ subject: `plan ${plan.planId.slice(0, 12)}`, message }]
    },
  }
}
