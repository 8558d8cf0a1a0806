import {
  assertPolicies,
  checkPolicies,
  type Policy,
  type PolicyResource,
  type PolicyVerdict,
} from '../policies/index.js'
import type { Config } from '../src/config/schema.js'
import { createCapacity } from '../src/manifests/capacity.js'
import type { CapacityResource } from '../src/manifests/capacity-resource.js'
import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { createManifests } from '../src/manifests/manifests.js'
import { type Transform, transformObjects } from '../src/manifests/transform.js'
import { checkStandalone } from '../src/planning/change-guards.js'
import { assertGuards, checkGuards, type GuardInputs, type GuardVerdict } from '../src/planning/guards.js'
import type { ReviewedChanges } from '../src/planning/reviewed-changes.js'
import { formatStackName, type Layer } from './stack-name.js'

/** What an environment's stacks have in common: the plan, and all that decides whether it may be deployed. */
export interface EnvironmentInputs
  extends Omit<GuardInputs, 'region' | 'servedRegions' | 'deployed' | 'reviewedDeployment' | 'writes'> {
  config: Config
  policies: readonly Policy[]
  /** `changes.json`, where there is one. */
  reviewed?: ReviewedChanges
  /** Names that people allowed for this run, beside those of `changes.json`. */
  allowedDeletions?: readonly string[]
  allowedPurchases?: readonly string[]
  /** A team's own changes of what is rendered; policies see the result. */
  transform?: Transform
  /** Take over fields that others own (https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/). */
  adopt?: boolean
}

/** All that decides what one stack deploys and whether it may. */
export interface ProgramInputs
  extends EnvironmentInputs,
    Pick<GuardInputs, 'region' | 'deployed' | 'writes'> {
  layer: Layer
  /** A plain `pulumi up`: no `llmscale apply` around the program compares what is about to change. */
  standalone?: boolean
}

export interface Checks {
  guards: GuardVerdict[]
  policies: PolicyVerdict[]
}

/** What the guards and policies say. Guards come first: policies see only a plan that may be read. */
export function checkInputs(inputs: ProgramInputs): Checks {
  const { plan, deployed, now, policies, region, config } = inputs
  const reviewed = inputs.reviewed?.planId === plan.planId ? inputs.reviewed : undefined
  const baseline = inputs.baseline ?? (deployed && { ...deployed, reports: [] })
  const reviewedDeployment = findReviewedDeployment(inputs)
  const settings = config.environments[inputs.environment]
  const needsReview = settings?.approval !== 'none'
  const guards = [
    ...checkGuards({
      ...inputs,
      ...(settings !== undefined && { servedRegions: settings.regions }),
      ...(reviewedDeployment !== undefined && { reviewedDeployment }),
    }),
    ...(inputs.standalone ? checkStandalone({ ...inputs, needsReview }) : []),
  ]
  const readable = guards.every(
    ({ guard, state }) => state !== 'refused' || (guard !== 'schema' && guard !== 'environment'),
  )
  if (!readable) return { guards, policies: [] }
  const resources = [
    ...createObjects(inputs).map(toPolicyResource),
    ...createCapacity(plan.decision, region, config).map(fromCapacity),
  ]
  return {
    guards,
    policies: checkPolicies(policies, {
      plan,
      ...(baseline && { baseline }),
      resources,
      now,
      allowedDeletions: [...(inputs.allowedDeletions ?? []), ...(reviewed?.allowDelete ?? [])],
      allowedPurchases: [...(inputs.allowedPurchases ?? []), ...(reviewed?.allowPurchase ?? [])],
    }),
  }
}

/** What the plan puts into the region's cluster, as the team's transform leaves it. */
export function createObjects({ plan, region, config, transform }: ProgramInputs): ClusterObject[] {
  return transformObjects(createManifests(plan.decision, region, config), transform)
}

/** Throws the first guard that refuses, else every violation of a policy. */
export function assertChecks({ guards, policies }: Checks): void {
  assertGuards(guards)
  assertPolicies(policies)
}

/** The plan that the stack was deployed from when its change set was reviewed; undefined without a review of this plan. */
function findReviewedDeployment({ reviewed, plan, environment, region, layer }: ProgramInputs) {
  if (reviewed?.planId !== plan.planId) return undefined
  return reviewed.stacks[formatStackName({ environment, region, layer })]?.deployedPlanId
}

function toPolicyResource(object: ClusterObject): PolicyResource {
  return {
    type: `kubernetes:${object.apiVersion}:${object.kind}`,
    name: object.metadata.name,
    properties: { ...object },
  }
}

function fromCapacity({ type, name, inputs, purchase }: CapacityResource): PolicyResource {
  return { type, name, properties: inputs, ...(purchase !== undefined && { purchase }) }
}
