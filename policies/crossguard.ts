import { type Policies, PolicyPack } from '@pulumi/policy'
import { z } from 'zod'
import { PolicySettings } from '../src/config/policy-settings.js'
import { createPolicies, type Policy, type PolicyInputs, policyName } from './index.js'

// Loads @pulumi/policy and the Pulumi SDK: only policies/pack imports it.

type Setting = keyof PolicySettings
type CrossGuardPolicy = Policies[number]

/**
 * Serves the rules to the engine as a CrossGuard pack (https://www.pulumi.com/docs/insights/policy/): rules on single
 * resources before each is created, rules on the whole stack after it, rules that need a plan as not applicable. Limits
 * come from `--policy-pack-config`, with the names of llmscale.yaml and its defaults.
 */
export function servePolicyPack(): void {
  const settings = Object.keys(PolicySettings.shape) as Setting[]
  new PolicyPack('llmscale', { enforcementLevel: 'mandatory', policies: settings.map(toCrossGuard) })
}

function toCrossGuard(setting: Setting): CrossGuardPolicy {
  const { name, description, looksAt } = createPolicy(setting, {})
  const base = { name, description, configSchema: { properties: configProperties(setting) } }
  if (looksAt === 'plan')
    return {
      ...base,
      validateStack: ({ notApplicable }) =>
        notApplicable('needs a plan: llmscale preview and the program check it'),
    }
  if (looksAt === 'resource')
    return {
      ...base,
      validateResource: ({ type, name, props, urn, getConfig, notApplicable }, report) => {
        const resources = [{ type, name, properties: props }]
        judge(createPolicy(setting, getConfig()), resources, notApplicable, (message) => report(message, urn))
      },
    }
  return {
    ...base,
    validateStack: ({ resources, getConfig, notApplicable }, report) => {
      const all = resources.map(({ type, name, props }) => ({ type, name, properties: props }))
      judge(createPolicy(setting, getConfig()), all, notApplicable, report)
    },
  }
}

function judge(
  policy: Policy,
  resources: PolicyInputs['resources'],
  notApplicable: (reason: string) => never,
  report: (message: string) => void,
): void {
  const found = policy.check({ resources, now: Date.now() / 1000 })
  if ('notChecked' in found) notApplicable(found.notChecked)
  else for (const { subject, message } of found) report(`${subject} ${message}`)
}

/** One rule with the limits that the pack's configuration gives it. */
function createPolicy(setting: Setting, limits: object): Policy {
  const config = {
    environments: { any: { autoscaler: 'keda' as const, clusters: {}, tags: {} } },
    planning: { spotCap: 0 },
    policies: PolicySettings.parse({ [setting]: limits }),
    poolLimits: [],
  }
  return createPolicies(config, 'any').find(({ name }) => name === policyName(setting))!
}

/** The limits of a rule as JSON Schema; `off` is CrossGuard's own `disabled`. */
function configProperties(setting: Setting) {
  const schema = z.toJSONSchema(PolicySettings.shape[setting], { io: 'input', target: 'draft-7' })
  const block = schema.anyOf?.find((each) => typeof each === 'object' && each.type === 'object')
  return (typeof block === 'object' ? (block.properties ?? {}) : {}) as Record<string, object>
}
