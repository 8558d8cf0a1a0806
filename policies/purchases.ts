import type { Environment } from '../src/config/environment.js'
import type { Limits } from '../src/config/policy-settings.js'
import type { CapacityPlan } from '../src/planning/capacity-plan.js'
import type { Breach, Policy, PolicyResource } from './policy.js'

const purchaseTypes = [
  'aws:ec2/capacityReservation:CapacityReservation',
  'aws:ec2/capacityBlockReservation:CapacityBlockReservation',
]

/**
 * Capacity reservations and Capacity Blocks bill from their creation: each needs its name among those allowed. It sees
 * those that the stack creates and those that the plan proposes; savings plans are bought elsewhere.
 */
export function purchases(
  { allowed }: Limits<'purchases'>,
  reservations: Environment['reservations'],
): Policy {
  return {
    name: 'purchases',
    description: 'No capacity is bought that nobody has named.',
    looksAt: 'resource',
    check({ plan, resources, allowedPurchases = [] }) {
      const names = [...allowed, ...allowedPurchases]
      return [...findBought(resources, names), ...findProposed(plan, names, reservations)]
    },
  }
}

const advice = 'allow it with --allow-purchase or in policies.purchases.allowed'

function findBought(resources: readonly PolicyResource[], allowed: readonly string[]): Breach[] {
  return resources
    .filter(({ type, purchase }) => purchase !== undefined || purchaseTypes.includes(type))
    .map(({ name, purchase = name }) => purchase)
    .filter((name) => !allowed.includes(name))
    .map((name) => ({ subject: `reservation ${name}`, message: `bills from its creation: ${advice}` }))
}

function findProposed(
  plan: CapacityPlan | undefined,
  allowed: readonly string[],
  reservations: Environment['reservations'],
): Breach[] {
  return (plan?.decision.commitments ?? [])
    .filter(({ kind, state }) => state === 'proposed' && (kind === 'odcr' || kind === 'capacity-block'))
    .filter(
      ({ kind, region, instanceType }) =>
        !reservations.some(
          (each) =>
            each.kind === kind &&
            each.region === region &&
            each.instanceType === instanceType &&
            allowed.includes(each.name),
        ),
    )
    .map(({ kind, region, instanceType, count }) => ({
      subject: `${kind} of ${count} ${instanceType} in ${region}`,
      message: `is proposed and bills from its creation: ${advice}`,
    }))
}
