import type { ExitReason } from '../kit/errors.js'
import { type ChangeSet, findUnreviewed, parseUrn, type ResourceChange } from './change-set.js'
import type { GuardName, GuardVerdict } from './guards.js'
import type { ReviewedChanges } from './reviewed-changes.js'

/** What the engine would do now to one stack, and what people said that it may. */
export interface ChangeGuardInputs {
  stack: string
  planId: string
  fresh: ChangeSet
  /** Whether the stack is deployed from this very plan already. */
  deployed: boolean
  /** `changes.json`, where it is committed. */
  reviewed?: ReviewedChanges
  /** Whether an apply needs it. */
  needsReview: boolean
  /** Names of resources that --allow-delete and --allow-purchase gave, beside those that were reviewed. */
  allowDelete: readonly string[]
  allowPurchase: readonly string[]
}

/** The verdicts on what is about to change, for one stack. */
export function checkChanges(inputs: ChangeGuardInputs): GuardVerdict[] {
  return [checkReviewed(inputs), checkDeletions(inputs), checkPurchases(inputs)]
}

const mostNamed = 10

function checkReviewed(inputs: ChangeGuardInputs): GuardVerdict {
  const { stack, planId, fresh, reviewed, needsReview, deployed } = inputs
  const rule = { guard: 'changes', reason: 'digestMismatch' } as const
  if (reviewed === undefined || reviewed.planId !== planId) {
    const message =
      reviewed === undefined
        ? 'there is no changes.json beside the plan'
        : `changes.json is of plan ${reviewed.planId.slice(0, 12)}, not of this one`
    const code = reviewed === undefined ? 'CHANGES_MISSING' : 'CHANGES_STALE'
    return { ...rule, code, state: needsReview ? 'refused' : 'not-checked', message }
  }
  const known = reviewed.stacks[stack]
  const code = 'CHANGES_UNREVIEWED'
  if (known === undefined)
    return { ...rule, code, state: 'refused', message: `changes.json knows nothing of stack ${stack}` }
  if (fresh.changes.length === 0 && known.changes.length > 0 && !deployed)
    return {
      ...rule,
      code: 'CHANGES_VANISHED',
      state: 'refused',
      message: `${known.changes.length} changes of ${stack} were reviewed, and there is nothing to change`,
    }
  const unreviewed = findUnreviewed(fresh, known)
  if (unreviewed.length === 0)
    return { ...rule, code, state: 'passed', message: `${fresh.changes.length} changes, all reviewed` }
  const rest = unreviewed.length - mostNamed
  const lines = [...unreviewed.slice(0, mostNamed), ...(rest > 0 ? [`and ${rest} more`] : [])]
  return { ...rule, code, state: 'refused', message: lines.join('; ') }
}

/** Other floors have other schedules: what goes with them is no capacity. */
const scheduleType = 'aws:autoscaling/schedule:Schedule'

function checkDeletions(inputs: ChangeGuardInputs): GuardVerdict {
  const removed = inputs.fresh.changes.filter(
    ({ op, urn }) => (op === 'delete' || op === 'replace') && parseUrn(urn).type !== scheduleType,
  )
  const allowed = [...inputs.allowDelete, ...(inputs.reviewed?.allowDelete ?? [])]
  return permit(removed, allowed, {
    guard: 'deletions',
    code: 'DELETION_NOT_ALLOWED',
    verb: 'takes away',
    none: 'nothing is deleted or replaced',
  })
}

/** What bills from its creation. */
const purchaseTypes = [
  'aws:ec2/capacityReservation:CapacityReservation',
  'aws:ec2/capacityBlockReservation:CapacityBlockReservation',
]

function checkPurchases(inputs: ChangeGuardInputs): GuardVerdict {
  const bought = inputs.fresh.changes.filter(
    ({ op, urn }) => op !== 'delete' && purchaseTypes.includes(parseUrn(urn).type),
  )
  const allowed = [...inputs.allowPurchase, ...(inputs.reviewed?.allowPurchase ?? [])]
  return permit(bought, allowed, {
    guard: 'purchases',
    code: 'PURCHASE_NOT_ALLOWED',
    verb: 'buys',
    none: 'nothing is bought',
  })
}

/** Each change of a kind needs a name that a person gave. */
function permit(
  changes: readonly ResourceChange[],
  allowed: readonly string[],
  words: { guard: GuardName; code: string; verb: string; none: string },
): GuardVerdict {
  const reason: ExitReason = 'policy'
  const verdict = { guard: words.guard, reason, code: words.code }
  const names = [...new Set(changes.map(({ urn }) => parseUrn(urn).name))]
  if (names.length === 0) return { ...verdict, state: 'passed', message: words.none }
  const refused = names.filter((name) => !allowed.some((each) => covers(each, name)))
  return refused.length > 0
    ? {
        ...verdict,
        state: 'refused',
        message: `it ${words.verb} ${refused.join(', ')}, which nobody allowed`,
      }
    : { ...verdict, state: 'passed', message: `allowed: ${names.join(', ')}` }
}

/** `prod-p5-48xlarge-spot-*` stands for every name that begins so. */
function covers(allowed: string, name: string): boolean {
  return allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed
}
