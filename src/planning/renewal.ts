import { parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { CapacityPlan } from './capacity-plan.js'
import { sealPlan } from './plan-file.js'

/**
 * Whether the plan in force ends too soon for one of the same decision to be left unwritten: plans are made at least
 * daily, and the next must not find it expired, nor one that waits for its review. That is in less than a day or a
 * quarter of its validity, whichever is longer.
 * @param plan the same decision, made now
 */
export function needsRenewal(inForce: CapacityPlan, plan: CapacityPlan, now: EpochSeconds): boolean {
  const ends = parseInstant(inForce.header.validUntil)!
  const wouldEnd = parseInstant(plan.header.validUntil)!
  const leastLeft = Math.max(secondsPerDay, (wouldEnd - now) / 4)
  return ends - now < leastLeft && wouldEnd > ends
}

/** The same decision made anew: still the change of the plan before it, not of itself. */
export function renewPlan(inForce: CapacityPlan, plan: CapacityPlan): CapacityPlan {
  return sealPlan({ ...plan, header: { ...plan.header, baseline: inForce.header.baseline } })
}
