import type { Limits } from '../src/config/policy-settings.js'
import { parseDateOrInstant } from '../src/kit/time.js'
import { secondsPerDay } from '../src/kit/units.js'
import { noPlan, type Policy } from './policy.js'
import { findPoolPrices } from './prices-used.js'

/** Prices that decide pools are not older than `maximumAge`, seconds. One from llmscale.yaml has no date: it is reviewed there. */
export function priceAge({ maximumAge }: Limits<'priceAge'>): Policy {
  const allowedDays = Math.round(maximumAge / secondsPerDay)
  return {
    name: 'price-age',
    description: `No price of a pool is older than ${allowedDays} days.`,
    looksAt: 'plan',
    check({ plan, now }) {
      if (plan === undefined) return noPlan
      return findPoolPrices(plan).flatMap(({ name, asOf }) => {
        const ageSeconds = now - (parseDateOrInstant(asOf) ?? now)
        if (ageSeconds <= maximumAge) return []
        const message =
          `has a price of ${asOf}, ${Math.floor(ageSeconds / secondsPerDay)} days old; allowed are ${allowedDays}: ` +
          'update llmscale, or set today’s under prices:'
        return [{ subject: name, message }]
      })
    },
  }
}
