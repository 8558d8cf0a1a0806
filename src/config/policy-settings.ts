import { z } from 'zod'
import { Duration, Share, Usd } from './values.js'

/** A rule with its limits, or `off`. */
const rule = <Shape extends z.ZodRawShape>(limits: Shape) =>
  z
    .union([z.literal('off'), z.strictObject(limits)], { error: 'is neither off nor a block of limits' })
    .prefault({} as never)

/** What each rule of `policies/` allows; a rule set to `off` is not checked, and its verdict says so. */
export const PolicySettings = z.strictObject({
  spotCap: rule({
    maximumShare: Share.optional().describe('Default: spotCap of `planning:`.'),
  }).describe('How many of a region’s nodes of one instance type may be spot.'),
  zoneLoss: rule({
    floorShare: Share.prefault('100%').describe('Share of the floors that must still fit.'),
  }).describe('Floors fit into the nodes that are left when a zone is lost; needs clusters.<region>.zones.'),
  spotLoss: rule({
    floorShare: Share.prefault('100%').describe('Share of the floors that must still fit.'),
  }).describe('Floors fit into the nodes that are left when the largest spot pool is taken back.'),
  stepLimit: rule({
    maximumShare: Share.prefault('50%').describe('Largest fall against the plan in force.'),
  }).describe('How far floors and hard maximum of one workload may fall in one plan.'),
  poolLimits: rule({}).describe('Floors, maxima and pools fit into pools, `poolLimits:` and known quotas.'),
  costCap: rule({
    usdPerDay: Usd.optional().describe('Default: the budget of the environment.'),
  }).describe('The 90th percentile of a day’s cost is within the budget.'),
  poolDeletion: rule({
    allowed: z
      .array(z.string().min(1))
      .default([])
      .describe('Pools that may go all the same: region/instanceType/capacityType.'),
  }).describe('No pool goes while workloads run on its instance type.'),
  priceAge: rule({
    maximumAge: Duration.prefault('104w').describe('Of a list price that the plan uses.'),
  }).describe('Prices are not older than this; those of `prices:` are yours and have no age.'),
  priceJump: rule({
    maximumShare: Share.prefault('50%').describe('Largest change against the plan in force.'),
  }).describe('A price that changed by more than this needs a person.'),
  purchaseNames: rule({
    allowed: z
      .array(z.string().min(1))
      .optional()
      .describe(
        'Reservations that may be bought; default those that `llmscale plan --allow-purchase` named.',
      ),
  }).describe('No capacity is bought that nobody has named, or that never ends.'),
  requiredTags: rule({
    keys: z.array(z.string().min(1)).optional().describe('Default: the keys of the environment’s `tags:`.'),
  }).describe('AWS resources have these tags, none of them empty.'),
  requests: rule({}).describe('Servers that llmscale runs ask for CPU, memory and GPUs.'),
  probes: rule({}).describe('Servers that llmscale runs have startup, readiness and liveness probes.'),
  disruptionBudget: rule({}).describe('Servers that llmscale runs have a PodDisruptionBudget.'),
  priorityClass: rule({}).describe('Servers that llmscale runs have a PriorityClass.'),
  privileged: rule({
    capabilities: z
      .array(z.string().min(1))
      .default([])
      .describe('Linux capabilities that may be added, besides those that Kubernetes calls baseline.'),
  }).describe('No pod is privileged, uses the host’s namespaces or may gain privileges.'),
  plainSecrets: rule({
    ignored: z
      .array(z.string().min(1))
      .default([])
      .describe('Names of variables and arguments that look like secrets and are none.'),
  }).describe('No secret stands in plain text in what is deployed.'),
})
export type PolicySettings = z.infer<typeof PolicySettings>

/** The limits of a rule that is not off. */
export type Limits<Name extends keyof PolicySettings> = Exclude<PolicySettings[Name], 'off'>
