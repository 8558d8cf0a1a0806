import { z } from 'zod'
import type { StateStore } from './state-store.js'

/**
 * A plan that a later run found to be the right one still: until when it may be applied, and its live floors followed,
 * without another review. No stack depends on it.
 */
export const Renewal = z.strictObject({
  planId: z.string(),
  /** When the plan was made again, with the same decision. */
  renewedAt: z.iso.datetime(),
  validUntil: z.iso.datetime(),
})
export type Renewal = z.infer<typeof Renewal>

const pathOf = (environment: string) => `renewals/${environment}.json`

/** The renewal of a plan; undefined where there is none, or it is of another plan. Throws what the store throws. */
export async function readRenewal(
  store: StateStore,
  environment: string,
  planId: string,
): Promise<Renewal | undefined> {
  const text = await store.read(pathOf(environment))
  const renewal = text === undefined ? undefined : parseRenewal(text)
  return renewal?.planId === planId ? renewal : undefined
}

/** A renewal that has more than this of its time left is left alone: each write is a commit. */
const lateShare = 0.5

/** Writes it where the one before has run for half of its time. Gives whether it was written. */
export async function writeRenewal(
  store: StateStore,
  environment: string,
  renewal: Renewal,
): Promise<boolean> {
  const before = await readRenewal(store, environment, renewal.planId)
  if (before !== undefined && !isLate(before, renewal.renewedAt)) return false
  await store.write(pathOf(environment), `${JSON.stringify(renewal, null, 2)}\n`)
  return true
}

function isLate({ renewedAt, validUntil }: Renewal, now: string): boolean {
  const [from, until, time] = [renewedAt, validUntil, now].map((text) => Date.parse(text))
  return time! - from! > lateShare * (until! - from!)
}

/** One that cannot be read renews nothing. */
function parseRenewal(text: string): Renewal | undefined {
  try {
    return Renewal.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
