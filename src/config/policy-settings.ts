import { z } from 'zod'

/** What each rule of `policies/` allows; a rule set to `off` is not checked and said so. */
export const PolicySettings = z.strictObject({})
export type PolicySettings = z.infer<typeof PolicySettings>
