import { nodePrice } from '../catalog/prices.js'
import type { Config } from '../config/schema.js'
import { formatInstant } from '../kit/time.js'
import type { Commitment, Finding } from './capacity-plan.js'
import type { PlanInputs } from './plan-inputs.js'

/** Capacity that is paid for whether used or not: EC2 launches nodes of one type in one zone into it. */
export type Reservation = Commitment & Required<Pick<Commitment, 'name' | 'zone'>>

/** The reservations that a plan counts on, those in force before it, and what a reviewer must know of the others. */
export interface PlannedReservations {
  reservations: Reservation[]
  /** Without those that this plan buys: what is paid if nothing is done. */
  inForce: Reservation[]
  findings: Finding[]
}

/**
 * Reservations of the environment in ascending order of name. One that is proposed counts where a person allowed it
 * by name, and stays once a plan in force has bought it; one that has ended counts no more.
 */
export function readReservations({
  config,
  environment,
  baseline,
  now,
  allowedPurchases = [],
}: Pick<
  PlanInputs,
  'config' | 'environment' | 'baseline' | 'now' | 'allowedPurchases'
>): PlannedReservations {
  const reservations: Reservation[] = []
  const findings: Finding[] = []
  const bought = (baseline?.decision.commitments ?? []).flatMap(({ name }) => name ?? [])
  const validUntil = now + config.planning.validity
  for (const entry of config.environments[environment]!.reservations) {
    const { name, until } = entry
    const what = `reservation ${name} of ${entry.nodes} ${entry.instanceType} in ${entry.zone}`
    if (until !== undefined && until <= now) {
      const message = `${what} ended ${formatInstant(until)} and is not planned with: remove it from llmscale.yaml`
      findings.push({ code: 'RESERVATION_ENDED', message })
    } else if (entry.id === undefined && ![...allowedPurchases, ...bought].includes(name)) {
      const message = `${what}, ${bill(entry, config)}, is proposed and not part of this plan: buy it with --allow-purchase ${name}`
      findings.push({ code: 'PURCHASE_PROPOSED', message })
    } else {
      if (until !== undefined && until < validUntil) {
        const message = `${what} ends ${formatInstant(until)}, while this plan is valid: plan again before`
        findings.push({ code: 'RESERVATION_ENDS', message })
      }
      if (entry.id === undefined && !bought.includes(name)) {
        const message = `applying this plan buys ${what}: ${bill(entry, config)} until ${formatInstant(until!)}, used or not`
        findings.push({ code: 'PURCHASE_PLANNED', message })
      }
      if (entry.kind === 'capacity-block' && !isPriced(entry, config)) {
        const message = `${what} is a Capacity Block at the on-demand price: give prices: its own, with capacityType: reserved`
        findings.push({ code: 'PRICE_ASSUMED', message })
      }
      reservations.push(describeReservation(entry))
    }
  }
  reservations.sort((a, b) => (a.name < b.name ? -1 : 1))
  const inForce = reservations.filter(({ state, name }) => state === 'owned' || bought.includes(name))
  return { reservations, inForce, findings }
}

type Entry = Config['environments'][string]['reservations'][number]

function bill({ instanceType, region, nodes }: Entry, { prices }: Config): string {
  const price = nodePrice({ instanceType, region, capacityType: 'reserved' }, prices)
  return price === undefined
    ? 'at an unknown price'
    : `${Math.round(24 * nodes * price.usdPerHour)} USD a day (${price.provenance})`
}

function isPriced(entry: Entry, { prices }: Config): boolean {
  return prices.some(
    ({ instanceType, region, capacityType }) =>
      capacityType === 'reserved' &&
      instanceType === entry.instanceType &&
      (region ?? entry.region) === entry.region,
  )
}

function describeReservation(entry: Config['environments'][string]['reservations'][number]): Reservation {
  const { kind, region, zone, instanceType, nodes, id, until, name } = entry
  return {
    kind,
    state: id === undefined ? 'proposed' : 'owned',
    region,
    instanceType,
    count: nodes,
    ...(until !== undefined && { until: formatInstant(until) }),
    name,
    zone,
    ...(id !== undefined && { id }),
  }
}
