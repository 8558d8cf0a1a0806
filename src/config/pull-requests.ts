import { z } from 'zod'
import { Count, Share, Usd } from './values.js'

const QuietBelow = z.strictObject({
  reviewUsd: Usd.default(50).describe('Price of one review and rollout, in USD.'),
  movedReplicaHours: z
    .number()
    .min(0)
    .default(1)
    .describe('Hours of its price that each replica costs by which floors change: cold starts and risk.'),
  noiseShare: Share.prefault('2%').describe(
    'Share of the fleet’s cost below which gains are noise of the forecast, however large the fleet.',
  ),
  fallFactor: z
    .number()
    .min(1)
    .default(1.5)
    .describe('Less capacity must gain so many times what more capacity must.'),
  turnFactor: z
    .number()
    .min(1)
    .default(2)
    .describe('So many times as much where capacity turns within seven days of the last change.'),
  perWeek: Count.default(2).describe(
    'Material changes in seven days; beyond, one must gain four times as much.',
  ),
})

/** Of `pullRequests:`: whom the pull request asks, and when there is one. */
export const PullRequests = z.strictObject({
  labels: z.array(z.string().min(1)).default(['llmscale']).describe('Labels that it gets.'),
  reviewers: z.array(z.string().min(1)).default([]).describe('Logins that are asked for a review.'),
  teamReviewers: z
    .array(z.string().min(1))
    .default([])
    .describe('Slugs of teams that are asked for a review.'),
  quietBelow: QuietBelow.prefault({}).describe(
    'How much a plan must gain for a pull request; purchases, deletions and changes of rules always get one.',
  ),
})
