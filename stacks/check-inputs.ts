import {
  assertPolicies,
  checkPolicies,
  type Policy,
  type PolicyResource,
  type PolicyVerdict,
} from '../policies/index.js'
import type { Config } from '../src/config/schema.js'
import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { createManifests } from '../src/manifests/manifests.js'
import { assertGuards, checkGuards, type GuardInputs, type GuardVerdict } from '../src/planning/guards.js'

/** All that decides what a stack deploys and whether it may. */
export interface ProgramInputs extends GuardInputs {
  config: Config
  policies: readonly Policy[]
}

export interface Checks {
  guards: GuardVerdict[]
  policies: PolicyVerdict[]
}

/** What the guards and policies say. Guards come first: policies see only a plan that may be read. */
export function checkInputs(inputs: ProgramInputs): Checks {
  const guards = checkGuards(inputs)
  const readable = guards.every(
    ({ guard, state }) => state !== 'refused' || (guard !== 'schema' && guard !== 'environment'),
  )
  if (!readable) return { guards, policies: [] }
  const { plan, baseline, now, policies } = inputs
  const resources = createManifests(plan.decision, inputs.region, inputs.config).map(toPolicyResource)
  return {
    guards,
    policies: checkPolicies(policies, { plan, ...(baseline && { baseline }), resources, now }),
  }
}

/** Throws the first guard that refuses, else every violation of a policy. */
export function assertChecks({ guards, policies }: Checks): void {
  assertGuards(guards)
  assertPolicies(policies)
}

function toPolicyResource(object: ClusterObject): PolicyResource {
  return {
    type: `kubernetes:${object.apiVersion}:${object.kind}`,
    name: object.metadata.name,
    properties: { ...object },
  }
}
