import type { ExitReason } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, PlanDecision } from './capacity-plan.js'
import { type ChangeSet, findUnreviewed, parseUrn, type ResourceChange } from './change-set.js'
import { poolName } from './diff-plans.js'
import type { Deployed, GuardName, GuardVerdict } from './guards.js'
import { type NamedResource, namesOf, namesResource, type ResourcePlace } from './resource-names.js'
import type { ReviewedChanges } from './reviewed-changes.js'

/** What the engine would do now to one stack, and what people said that it may. */
export interface ChangeGuardInputs {
  stack: string
  environment: string
  region: string
  planId: string
  /** Of the plan and of the one that is deployed: what people call what is in them. */
  decisions: readonly PlanDecision[]
  fresh: ChangeSet
  /** Whether the stack is deployed from this very plan already. */
  deployed: boolean
  /** `changes.json`, where it is committed. */
  reviewed?: ReviewedChanges
  /** Whether an apply needs it. */
  needsReview: boolean
  /** What --allow-delete and --allow-purchase named, beside what was reviewed. */
  allowDelete: readonly string[]
  allowPurchase: readonly string[]
}

/** The verdicts on what is about to change, for one stack. */
export function checkChanges(inputs: ChangeGuardInputs): GuardVerdict[] {
  return [checkReviewed(inputs), checkDeletions(inputs), checkPurchases(inputs)]
}

/** What the program knows of a change where nothing around it, no `llmscale apply`, compares change sets. */
export interface StandaloneInputs {
  plan: CapacityPlan
  environment: string
  region: string
  deployed?: Deployed
  reviewed?: ReviewedChanges
  needsReview: boolean
}

/**
 * The verdicts of a plain `pulumi up`: what the plan takes away from the one that is deployed, and what it buys, needs
 * to be allowed in `changes.json`; its changes themselves only `llmscale apply` compares.
 */
export function checkStandalone(inputs: StandaloneInputs): GuardVerdict[] {
  const { plan, region, deployed, reviewed, needsReview } = inputs
  const review = reviewed?.planId === plan.planId ? reviewed : undefined
  const listNames = ({ decision }: Pick<CapacityPlan, 'decision'>) => [
    ...decision.workloads.filter((each) => each.region === region).map(workloadId),
    ...decision.pools.filter((each) => each.region === region).map(poolName),
  ]
  const kept = new Set(listNames(plan))
  const removed = deployed === undefined ? [] : listNames(deployed).filter((name) => !kept.has(name))
  const boughtBefore = new Set(deployed?.decision.commitments.map(({ name }) => name))
  const bought = plan.decision.commitments.flatMap(({ name, state, region: place }) =>
    name !== undefined && state === 'proposed' && place === region && !boughtBefore.has(name) ? [name] : [],
  )
  const judge = (
    guard: GuardName,
    code: string,
    names: string[],
    allowed: string[],
    verb: string,
  ): GuardVerdict => {
    const refused = names.filter((name) => !allowed.includes(name))
    return {
      guard,
      code,
      reason: 'policy',
      state: refused.length > 0 ? 'refused' : 'passed',
      message:
        refused.length > 0
          ? `the plan ${verb} ${refused.join(', ')}, which changes.json does not allow`
          : `the plan ${verb} nothing that is not allowed`,
    }
  }
  const missing = needsReview && review === undefined
  return [
    {
      guard: 'approval',
      reason: 'approvalMissing',
      code: 'APPROVAL_MISSING',
      state: 'not-checked',
      message: 'pulumi asks nobody; llmscale apply does',
    },
    {
      guard: 'changes',
      reason: 'digestMismatch',
      code: 'CHANGES_MISSING',
      state: missing ? 'refused' : 'not-checked',
      message: missing
        ? 'there is no changes.json of this plan'
        : 'llmscale apply compares changes.json with what is about to change',
    },
    judge('deletions', 'DELETION_NOT_ALLOWED', removed, review?.allowDelete ?? [], 'takes away'),
    judge('purchases', 'PURCHASE_NOT_ALLOWED', bought, review?.allowPurchase ?? [], 'buys'),
  ]
}

const mostNamed = 10

function checkReviewed(inputs: ChangeGuardInputs): GuardVerdict {
  const { stack, planId, fresh, reviewed, needsReview, deployed } = inputs
  const rule = { guard: 'changes', reason: 'digestMismatch' } as const
  if (reviewed === undefined || reviewed.planId !== planId) {
    const message =
      reviewed === undefined
        ? 'there is no changes.json beside the plan'
        : `changes.json is of plan ${reviewed.planId.slice(0, 12)}, not of this one: nobody reviewed what this one changes`
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
  const allowed = [...inputs.allowDelete, ...(reviewOf(inputs)?.allowDelete ?? [])]
  return permit(inputs, removed, allowed, {
    guard: 'deletions',
    code: 'DELETION_NOT_ALLOWED',
    verb: 'takes away',
    none: 'nothing is deleted or replaced',
  })
}

/** What bills from its creation. */
export const purchaseTypes = [
  'aws:ec2/capacityReservation:CapacityReservation',
  'aws:ec2/capacityBlockReservation:CapacityBlockReservation',
]

function checkPurchases(inputs: ChangeGuardInputs): GuardVerdict {
  const bought = inputs.fresh.changes.filter(
    ({ op, urn }) => op !== 'delete' && purchaseTypes.includes(parseUrn(urn).type),
  )
  const allowed = [...inputs.allowPurchase, ...(reviewOf(inputs)?.allowPurchase ?? [])]
  return permit(inputs, bought, allowed, {
    guard: 'purchases',
    code: 'PURCHASE_NOT_ALLOWED',
    verb: 'buys',
    none: 'nothing is bought',
  })
}

/** Each change of a kind needs a name that a person gave. */
function permit(
  place: ResourcePlace,
  changes: readonly ResourceChange[],
  allowed: readonly string[],
  words: { guard: GuardName; code: string; verb: string; none: string },
): GuardVerdict {
  const reason: ExitReason = 'policy'
  const verdict = { guard: words.guard, reason, code: words.code }
  const resources = changes.map(({ urn, scales }) => ({ name: parseUrn(urn).name, scales }))
  const names = [...new Set(resources.map(({ name }) => name))]
  if (names.length === 0) return { ...verdict, state: 'passed', message: words.none }
  const refused = resources.filter((each) => !allowed.some((given) => namesResource(given, each, place)))
  if (refused.length === 0) return { ...verdict, state: 'passed', message: `allowed: ${names.join(', ')}` }
  const idle = allowed.filter((given) => !resources.some((each) => namesResource(given, each, place)))
  const told = [...new Set(refused.map((each) => tellNames(each, place)))].join(', ')
  const message = `it ${words.verb} ${told}, which nobody allowed${tellNearest(idle, refused, place)}`
  return { ...verdict, state: 'refused', message }
}

/** `chat-70b-4216a7 (chat-70b/us-east-1)` */
function tellNames(resource: NamedResource, place: ResourcePlace): string {
  const others = namesOf(resource, place)
  return others.length === 0 ? resource.name : `${resource.name} (${others.join(', ')})`
}

/** For names that were given and mean nothing of what goes: what may have been meant. */
function tellNearest(
  given: readonly string[],
  refused: readonly NamedResource[],
  place: ResourcePlace,
): string {
  const candidates = refused.flatMap((each) => [...namesOf(each, place), each.name])
  const told = given.flatMap((name) => {
    const near = nearestName(name, candidates)
    return near === undefined ? [] : [`; ${name} is nothing of it: did you mean ${near}?`]
  })
  return told.join('')
}

/** The review, where it is of this plan: what it allows, it allows of nothing else. */
function reviewOf({ reviewed, planId }: ChangeGuardInputs): ReviewedChanges | undefined {
  return reviewed?.planId === planId ? reviewed : undefined
}
