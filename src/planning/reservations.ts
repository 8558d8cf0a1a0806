import { nodePrice } from '../catalog/prices.js'
import type { Reservation as Entry } from '../config/environment.js'
import type { Config } from '../config/schema.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import type { Commitment, Finding } from './capacity-plan.js'
import type { PlanInputs } from './plan-inputs.js'

/** Capacity that is paid for whether used or not: EC2 launches nodes of one type in one zone into it. */
export type Reservation = Commitment & Required<Pick<Commitment, 'name' | 'zone'>>

/** The reservations that a plan counts on, those in force before it, and what a reviewer must know of them. */
interface PlannedReservations {
  reservations: Reservation[]
  /** What is paid if nothing is done. */
  inForce: Reservation[]
  findings: Finding[]
}

type ReservationInputs = Pick<PlanInputs, 'config' | 'environment' | 'baseline' | 'now' | 'allowedPurchases'>

/**
 * Reservations of the environment in ascending order of name. One that is proposed counts where a person allowed it
 * by name, and stays as it was bought once it is in a plan in force; one that has ended counts no more.
 */
export function readReservations(inputs: ReservationInputs): PlannedReservations {
  const { config, environment, baseline, now } = inputs
  const entries = [...config.environments[environment]!.reservations].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )
  const planned = entries.map((entry) => {
    const last = baseline?.decision.commitments.find(
      ({ name, state }) => name === entry.name && state === 'proposed',
    )
    return { ...planReservation(entry, last as Reservation | undefined, inputs), last }
  })
  const reservations = planned.flatMap(({ reservation }) => reservation ?? [])
  const inForce = planned.flatMap(({ reservation, last }) => {
    if (reservation === undefined || reservation.state === 'owned') return reservation ?? []
    return (last as Reservation | undefined) ?? []
  })
  const ending = reservations.flatMap((reservation) => findEnd(reservation, now + config.planning.validity))
  return { reservations, inForce, findings: [...planned.flatMap(({ findings }) => findings), ...ending] }
}

/** @param last as the plan in force bought it */
function planReservation(
  entry: Entry,
  last: Reservation | undefined,
  { config, now, allowedPurchases = [] }: ReservationInputs,
): { reservation?: Reservation; findings: Finding[] } {
  const { name, until, id } = entry
  const what = describe(entry)
  if (until !== undefined && until <= now) {
    const message = `${what} ended ${formatInstant(until)} and is not planned with: remove it from llmscale.yaml`
    return { findings: [{ code: 'RESERVATION_ENDED', message }] }
  }
  const wanted = createReservation(entry)
  if (id !== undefined) return { reservation: wanted, findings: findAssumedPrice(entry, config) }
  if (last !== undefined && !costsMore(wanted, last)) return { reservation: wanted, findings: [] }
  const bill = describeBill(entry, config)
  if (allowedPurchases.includes(name)) {
    const message = `applying this plan buys ${what}: ${bill} until ${wanted.until}, used or not`
    return { reservation: wanted, findings: [{ code: 'PURCHASE_PLANNED', message }] }
  }
  const state = last === undefined ? 'not part of this plan' : 'kept as it was bought'
  const message = `${what}, ${bill}, is proposed and ${state}: buy it with --allow-purchase ${name}`
  const findings = [{ code: 'PURCHASE_PROPOSED', message }]
  return last === undefined ? { findings } : { reservation: last, findings }
}

function createReservation({ kind, region, zone, instanceType, nodes, id, until, name }: Entry): Reservation {
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

/** More nodes, a later end, or other ones: each is another purchase. */
function costsMore(wanted: Reservation, bought: Reservation): boolean {
  const endOf = ({ until }: Reservation) => (until === undefined ? Infinity : parseInstant(until)!)
  return (
    wanted.count > bought.count ||
    endOf(wanted) > endOf(bought) ||
    (['kind', 'region', 'zone', 'instanceType'] as const).some((key) => wanted[key] !== bought[key])
  )
}

function findEnd({ name, until }: Reservation, validUntil: number): Finding[] {
  if (until === undefined || parseInstant(until)! >= validUntil) return []
  const message = `reservation ${name} ends ${until}, while this plan is valid: plan again before`
  return [{ code: 'RESERVATION_ENDS', message }]
}

function findAssumedPrice(entry: Entry, { prices }: Config): Finding[] {
  const isPriced = prices.some(
    ({ instanceType, region = entry.region, capacityType }) =>
      capacityType === 'reserved' && instanceType === entry.instanceType && region === entry.region,
  )
  if (entry.kind !== 'capacity-block' || isPriced) return []
  const message = `${describe(entry)} is a Capacity Block at the on-demand price: give its own in prices:, with capacityType: reserved`
  return [{ code: 'PRICE_ASSUMED', message }]
}

function describe({ name, nodes, instanceType, zone }: Entry): string {
  return `reservation ${name} of ${nodes} ${instanceType} in ${zone}`
}

function describeBill({ instanceType, region, nodes }: Entry, { prices }: Config): string {
  const price = nodePrice({ instanceType, region, capacityType: 'reserved' }, prices)
  return price === undefined
    ? 'at an unknown price'
    : `${Math.round(24 * nodes * price.usdPerHour)} USD a day (${price.provenance})`
}
