import type { Limits } from '../src/config/policy-settings.js'
import type { CapacityPlan, Commitment } from '../src/planning/capacity-plan.js'
import { purchaseTypes } from '../src/planning/change-guards.js'
import type { Breach, Policy, PolicyResource } from './policy.js'

/**
 * Capacity reservations and Capacity Blocks bill from their creation: a person has named each, and each ends. A plan has
 * only those that `--allow-purchase` named; a list of allowed names is stricter. Savings plans are bought elsewhere.
 */
export function purchaseNames({ allowed }: Limits<'purchaseNames'>): Policy {
  return {
    name: 'purchase-names',
    description: 'No capacity is bought that nobody has named, or that never ends.',
    looksAt: 'resource',
    check({ plan, resources, allowedPurchases = [] }) {
      const proposed = findProposed(plan)
      const planned = proposed.flatMap(({ name }) => (name === undefined ? [] : [name]))
      const names = [...(allowed ?? planned), ...allowedPurchases]
      return [
        ...findBought(resources)
          .filter((name) => !names.includes(name))
          .map((name) => ({ subject: `reservation ${name}`, message: `bills from its creation: ${advice}` })),
        ...proposed.flatMap((commitment) => checkProposed(commitment, names)),
      ]
    },
  }
}

const advice =
  'plan it with --allow-purchase, and name it in policies.purchaseNames.allowed where that is set'

function findBought(resources: readonly PolicyResource[]): string[] {
  return resources
    .filter(({ type, purchase }) => purchase !== undefined || purchaseTypes.includes(type))
    .map(({ name, purchase = name }) => purchase)
}

function findProposed(plan: CapacityPlan | undefined): Commitment[] {
  return (plan?.decision.commitments ?? []).filter(
    ({ kind, state }) => state === 'proposed' && (kind === 'odcr' || kind === 'capacity-block'),
  )
}

function checkProposed(commitment: Commitment, names: readonly string[]): Breach[] {
  const { kind, region, instanceType, count, name, until } = commitment
  const subject = `${kind} ${name ?? 'without a name'} of ${count} ${instanceType} in ${region}`
  return [
    ...(name === undefined || !names.includes(name)
      ? [{ subject, message: `bills from its creation: ${advice}` }]
      : []),
    ...(until === undefined ? [{ subject, message: 'never ends: give it until: in llmscale.yaml' }] : []),
  ]
}
