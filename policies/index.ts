import type { Environment } from '../src/config/environment.js'
import type { Limits, PolicySettings } from '../src/config/policy-settings.js'
import type { Config } from '../src/config/schema.js'
import { LlmscaleError } from '../src/kit/errors.js'
import { costCap } from './cost-cap.js'
import { disruptionBudget } from './disruption-budget.js'
import { plainSecrets } from './plain-secrets.js'
import type { Policy } from './policy.js'
import { poolDeletion } from './pool-deletion.js'
import { poolLimits } from './pool-limits.js'
import { priceAge } from './price-age.js'
import { priceJump } from './price-jump.js'
import { priorityClass } from './priority-class.js'
import { privileged } from './privileged.js'
import { probes } from './probes.js'
import { purchaseNames } from './purchase-names.js'
import { requests } from './requests.js'
import { requiredTags } from './required-tags.js'
import { spotCap } from './spot-cap.js'
import { spotLoss } from './spot-loss.js'
import { stepLimit } from './step-limit.js'
import { zoneLoss } from './zone-loss.js'

export * from './policy.js'
export {
  costCap,
  disruptionBudget,
  plainSecrets,
  poolDeletion,
  poolLimits,
  priceAge,
  priceJump,
  priorityClass,
  privileged,
  probes,
  purchaseNames,
  requests,
  requiredTags,
  spotCap,
  spotLoss,
  stepLimit,
  zoneLoss,
}

/** What the rules read of the configuration. */
export interface PolicyConfig extends Pick<Config, 'policies' | 'poolLimits'> {
  environments: Readonly<Record<string, Pick<Environment, 'autoscaler' | 'budget' | 'clusters' | 'tags'>>>
  planning: Pick<Config['planning'], 'spotCap'>
}

/**
 * Every rule that llmscale runs inside the program and in `preview`, with the limits of llmscale.yaml; always all of
 * them and in this order. Throws `configInvalid` ENVIRONMENT_UNKNOWN.
 */
export function createPolicies(config: PolicyConfig, environment: string): Policy[] {
  const settings = config.environments[environment]
  if (settings === undefined) throw unknownEnvironment(config, environment)
  const rules: { [Name in keyof PolicySettings]: (limits: Limits<Name>) => Policy } = {
    spotCap: ({ maximumShare = config.planning.spotCap }) => spotCap(maximumShare),
    zoneLoss: (limits) => zoneLoss(limits, settings),
    spotLoss: (limits) => spotLoss(limits, settings.autoscaler),
    stepLimit,
    poolLimits: () => poolLimits(config.poolLimits, settings.autoscaler),
    costCap: ({ usdPerDay = settings.budget?.usdPerDay }) => costCap(usdPerDay),
    poolDeletion,
    priceAge,
    priceJump,
    purchaseNames,
    requiredTags: ({ keys = Object.keys(settings.tags) }) => requiredTags(keys),
    requests,
    probes,
    disruptionBudget,
    priorityClass,
    privileged,
    plainSecrets,
  }
  const create = <Name extends keyof PolicySettings>(name: Name): Policy => {
    const limits = config.policies[name]
    return limits === 'off' ? switchedOff(name) : rules[name](limits as Limits<Name>)
  }
  return (Object.keys(rules) as (keyof PolicySettings)[]).map(create)
}

/** `spotCap` in llmscale.yaml is the rule `spot-cap`. */
export function policyName(setting: keyof PolicySettings): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** A rule that people have turned off still has its row, which says so. */
function switchedOff(name: keyof PolicySettings): Policy {
  return {
    name: policyName(name),
    description: 'Turned off in llmscale.yaml.',
    looksAt: 'plan',
    check: () => ({ notChecked: `policies.${name} is off in llmscale.yaml` }),
  }
}

function unknownEnvironment({ environments }: PolicyConfig, environment: string): LlmscaleError {
  return new LlmscaleError(
    'configInvalid',
    'ENVIRONMENT_UNKNOWN',
    `llmscale.yaml has no environment ${JSON.stringify(environment)}; it has ${Object.keys(environments).join(', ')}`,
  )
}
