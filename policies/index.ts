import type { Policy } from './policy.js'
import { spotCap } from './spot-cap.js'

export * from './policy.js'
export { spotCap }

/** What the rules need to know from the configuration. */
export interface PolicyLimits {
  /** Largest share of a region's nodes of one instance type on spot, 0 … 1. */
  spotCap: number
}

/** Every rule that llmscale runs inside the program and in `preview`. */
export function createPolicies(limits: PolicyLimits): Policy[] {
  return [spotCap(limits.spotCap)]
}
