import { LlmscaleError } from '../kit/errors.js'
import { parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { Commitment } from '../planning/capacity-plan.js'
import { type CapacityPlace, tagsOf } from './capacity-place.js'
import { type CapacityResource, type OutputReference, referTo } from './capacity-resource.js'

const type = 'aws:ec2/capacityReservation:CapacityReservation'

/** The tag by which an EC2NodeClass selects a reservation that llmscale buys: its id is not known before. */
export function reservationTag(environment: string, name: string): Record<string, string> {
  return { 'llmscale/reservation': `${environment}/${name}` }
}

/**
 * The on-demand capacity reservation of a proposed commitment; undefined for one that is owned. It bills from its
 * creation, so it has an end; it is targeted, so that no other instance of the account fills it by accident.
 * Throws `policy`, CAPACITY_BLOCK_UNBOUGHT: a Capacity Block is paid in full at once and cannot be returned
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-blocks-purchase.html); RESERVATION_ENDLESS.
 */
export function createReservation(
  commitment: Commitment,
  place: CapacityPlace,
): CapacityResource | undefined {
  const { kind, state, name, zone, until, instanceType, count } = commitment
  if (state === 'owned' || name === undefined) return undefined
  const field = `environments.${place.environment}.reservations ${name}`
  if (kind === 'capacity-block') {
    throw new LlmscaleError(
      'policy',
      'CAPACITY_BLOCK_UNBOUGHT',
      `${field}: a Capacity Block has no id, and llmscale buys none`,
      ['Buy it in EC2 and write its id, which begins with cr-.'],
    )
  }
  if (until === undefined) {
    throw new LlmscaleError(
      'policy',
      'RESERVATION_ENDLESS',
      `${field}: it has no until, and would bill for ever`,
      ['Write until: with the day on which it ends.'],
    )
  }
  return {
    type,
    name,
    inputs: {
      region: place.region,
      availabilityZone: zone,
      instanceType,
      instanceCount: count,
      instancePlatform: 'Linux/UNIX',
      instanceMatchCriteria: 'targeted',
      endDateType: 'limited',
      endDate: until,
      tags: { ...tagsOf(place, name), ...reservationTag(place.environment, name) },
    },
    purchase: name,
  }
}

/** Whether a resource is a reservation whose time is over: declared again it would be bought again. */
export function hasEnded({ type: kind, inputs }: CapacityResource, now: EpochSeconds): boolean {
  return kind === type && parseInstant(inputs['endDate'] as string)! <= now
}

/** Id of a reservation: known of an owned one, else an output. */
export function reservationId({ id, name = '' }: Commitment): string | OutputReference {
  return id ?? referTo({ type, name }, 'id')
}
