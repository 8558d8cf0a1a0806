import { LlmscaleError } from '../src/kit/errors.js'
import type { EpochSeconds } from '../src/kit/units.js'
import type { CapacityPlan } from '../src/planning/capacity-plan.js'

/** A resource as the engine sees it; a Kubernetes object stands in `properties`. */
export interface PolicyResource {
  /** Pulumi type token, e.g. `kubernetes:karpenter.sh/v1:NodePool`. */
  type: string
  name: string
  properties: Readonly<Record<string, unknown>>
}

export interface Violation {
  policy: string
  /** What breaks the rule: a pool, a workload, a resource. */
  subject: string
  /** The value and what is allowed. */
  message: string
}

export interface PolicyInputs {
  /** Absent where a rule runs on resources alone, as in a policy pack. */
  plan?: CapacityPlan
  baseline?: CapacityPlan
  resources: readonly PolicyResource[]
  now: EpochSeconds
}

/** One rule: plain data and a pure function, so that the program, `preview` and a policy pack can run the same. */
export interface Policy {
  name: string
  description: string
  /** A rule on the plan says nothing where there is none. */
  needsPlan: boolean
  check(inputs: PolicyInputs): Violation[]
}

export interface PolicyVerdict {
  policy: string
  state: 'passed' | 'refused' | 'not-checked'
  violations: Violation[]
}

export function checkPolicies(policies: readonly Policy[], inputs: PolicyInputs): PolicyVerdict[] {
  return policies.map((policy) => {
    if (policy.needsPlan && inputs.plan === undefined)
      return { policy: policy.name, state: 'not-checked', violations: [] }
    const violations = policy.check(inputs)
    return { policy: policy.name, state: violations.length === 0 ? 'passed' : 'refused', violations }
  })
}

/** Throws POLICY_VIOLATED with every violation. */
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
