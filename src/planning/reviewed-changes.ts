import { z } from 'zod'
import { canonicalJson } from '../kit/canonical.js'
import { LlmscaleError } from '../kit/errors.js'
import { ChangeSet } from './change-set.js'

/** One stack's preview, and what it was deployed from then. */
const StackChanges = ChangeSet.extend({
  deployedPlanId: z.string().nullable().describe('Null before the first deployment.'),
})

/** `forecasts/<env>/changes.json`: what people review beside the plan, and all that an apply may do. */
export const ReviewedChanges = z.strictObject({
  apiVersion: z.literal('llmscale/v1alpha1'),
  kind: z.literal('ReviewedChanges'),
  planId: z.string(),
  allowDelete: z.array(z.string()).describe('Names that --allow-delete gave.'),
  allowPurchase: z.array(z.string()).describe('Names that --allow-purchase gave.'),
  stacks: z.record(z.string(), StackChanges),
})
export type ReviewedChanges = z.infer<typeof ReviewedChanges>

export const reviewedChangesFile = 'changes.json'

/** The same changes give the same bytes. */
export function formatReviewedChanges(changes: ReviewedChanges): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(changes)), null, 2)}\n`
}

/** Throws CHANGES_UNREADABLE. */
export function parseReviewedChanges(text: string, path: string): ReviewedChanges {
  const result = ReviewedChanges.safeParse(parseOrUndefined(text))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new LlmscaleError(
    'configInvalid',
    'CHANGES_UNREADABLE',
    `${path} ${issue.path.join('.')}: ${issue.message}`,
    ['Make it anew: llmscale preview --write'],
  )
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
