import { LlmscaleError } from '../src/kit/errors.js'
import type { EpochSeconds } from '../src/kit/units.js'
import type { CapacityPlan } from '../src/planning/capacity-plan.js'

/** A resource as the engine sees it; a Kubernetes object stands in `properties`. */
export interface PolicyResource {
  /** Pulumi type token, e.g. `kubernetes:karpenter.sh/v1:NodePool`. */
  type: string
  name: string
  properties: Readonly<Record<string, unknown>>
  /** Bills from its creation: how people name it with --allow-purchase. */
  purchase?: string
}

/** Nodes that the account may run at once, by what AWS grants it. */
export interface NodeQuota {
  region: string
  instanceType: string
  capacityType: 'on-demand' | 'spot'
  nodes: number
}

export interface PolicyInputs {
  /** Absent where only resources are known, as in a policy pack. */
  plan?: CapacityPlan
  /** The plan in force. */
  baseline?: CapacityPlan
  resources: readonly PolicyResource[]
  now: EpochSeconds
  /** Quotas, as far as they are known. */
  quotas?: readonly NodeQuota[]
  /** Purchases allowed for this run, by name, besides those of llmscale.yaml. */
  allowedPurchases?: readonly string[]
  /** Pools that may go in this run, as region/instanceType/capacityType, besides those of llmscale.yaml. */
  allowedDeletions?: readonly string[]
}

export interface Breach {
  /** What breaks the rule: a pool, a workload, a resource. */
  subject: string
  /** The value, what is allowed, and what to change. */
  message: string
}

/** Why a rule has no verdict. */
export interface NotChecked {
  notChecked: string
}

/** One rule: plain data and a pure function, so that the program, `preview` and a policy pack can run the same. */
export interface Policy {
  name: string
  description: string
  /** A rule on single resources can stop each before it is created; one on the plan says nothing in a pack. */
  looksAt: 'plan' | 'resource' | 'stack'
  /** Never throws on a plan that can be read. */
  check(inputs: PolicyInputs): Breach[] | NotChecked
}

export interface Violation extends Breach {
  policy: string
}

export interface PolicyVerdict {
  policy: string
  state: 'passed' | 'refused' | 'not-checked'
  /** Why it was not checked. */
  reason?: string
  violations: Violation[]
}

export const noPlan: NotChecked = { notChecked: 'there is no plan to look at' }
export const noBaseline: NotChecked = { notChecked: 'there is no plan in force to compare with' }

/** A verdict of each rule, in the order of the rules. */
export function checkPolicies(policies: readonly Policy[], inputs: PolicyInputs): PolicyVerdict[] {
  return policies.map((policy) => {
    const found = policy.check(inputs)
    if ('notChecked' in found)
      return { policy: policy.name, state: 'not-checked', reason: found.notChecked, violations: [] }
    const violations = found.map((breach) => ({ policy: policy.name, ...breach }))
    return { policy: policy.name, state: violations.length === 0 ? 'passed' : 'refused', violations }
  })
}

/** Throws `policy` POLICY_VIOLATED with every violation. */
export function assertPolicies(verdicts: readonly PolicyVerdict[]): void {
  const violations = verdicts.flatMap((verdict) => verdict.violations)
  if (violations.length === 0) return
  throw new LlmscaleError(
    'policy',
    'POLICY_VIOLATED',
    violations.map(({ policy, subject, message }) => `${policy}: ${subject} ${message}`).join('\n'),
    ['Change the limit in llmscale.yaml, by a reviewed change, or run `llmscale plan` under it.'],
  )
}

/** `30 %`, `12.5 %` */
export function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
