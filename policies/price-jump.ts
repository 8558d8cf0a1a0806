import type { Limits } from '../src/config/policy-settings.js'
import { noBaseline, noPlan, type Policy, percent } from './policy.js'
import { findPoolPrices } from './prices-used.js'

/** A price of a pool changed by at most a share against the plan in force: what is wilder, a person looks at. */
export function priceJump({ maximumShare }: Limits<'priceJump'>): Policy {
  return {
    name: 'price-jump',
    description: `No price of a pool changed by more than ${percent(maximumShare)}.`,
    looksAt: 'plan',
    check({ plan, baseline }) {
      if (plan === undefined) return noPlan
      if (baseline === undefined) return noBaseline
      const before = new Map(findPoolPrices(baseline).map(({ name, usdPerHour }) => [name, usdPerHour]))
      return findPoolPrices(plan).flatMap(({ name, usdPerHour }) => {
        const old = before.get(name)
        if (old === undefined || Math.abs(usdPerHour - old) <= old * maximumShare + 1e-9) return []
        const by = old === 0 ? '' : `by ${percent(Math.abs(usdPerHour - old) / old)}, `
        const message =
          `changed ${by}from ${old} to ${usdPerHour} USD an hour; allowed are ${percent(maximumShare)}: check it, then ` +
          'raise policies.priceJump.maximumShare for this plan'
        return [{ subject: name, message }]
      })
    },
  }
}
