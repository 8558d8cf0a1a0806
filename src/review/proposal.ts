import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'

/** A plan as its pull request names it. */
export interface ProposedPlan {
  planId: string
  /** When it was made. */
  validAt: EpochSeconds
  /** Until when it may be applied. */
  expiresAt: EpochSeconds
}

/** Against the plan on the base. */
export interface Worth {
  /** The decision is worth a review, or an apply would do what nobody reviewed. */
  isMaterial: boolean
  /** Nothing that is left of it is. */
  isNeedless: boolean
  /** A hold stops applies. */
  isHeld: boolean
  /** Why it is, or is not. */
  reasons: readonly string[]
}

export type Candidate = ProposedPlan & Worth

/** What the repository says about an environment's proposal. */
export interface ProposalState {
  now: EpochSeconds
  /** The plan on the base branch. */
  basePlanId: string | undefined
  branch: BranchState | undefined
  /** False where branches are all that the host has: then the branch is the proposal. */
  hasPullRequests: boolean
  open: OpenProposal | undefined
  /** The last pull request of the branch, where it was closed by a person and not merged. */
  closed: ClosedProposal | undefined
}

interface BranchState {
  /** What the bot's commit says; undefined where the last commit is not the bot's. */
  mark: Pick<ProposedPlan, 'planId' | 'validAt'> | undefined
  /** Who made the last commit. */
  author: string
  /** Nothing on it could be lost: its last commit is merged, or a closed pull request keeps it. */
  isKept: boolean
  /** The base has other files of the environment than the commit was made on. */
  isOutdated: boolean
  /** It has the candidate's decision with another reviewed change set, or other manifests: applying it would do something else now. */
  changesDiffer: boolean
}

export interface OpenProposal {
  /** Undefined where a person's edit broke the hidden key, or a run ended before it was written. */
  plan: ProposedPlan | undefined
  /** A person reviewed it. */
  isReviewed: boolean
  /** Whether the candidate differs from it materially, and how; undefined where its plan cannot be read. */
  difference: Difference | undefined
  snoozedUntil: EpochSeconds | undefined
  /** A person asked for a refresh, which also gives up commits of people. */
  wantsRefresh: boolean
}

export interface ClosedProposal {
  number: number
  plan: ProposedPlan | undefined
  /** As of OpenProposal. */
  difference: Difference | undefined
}

export interface Difference {
  isMaterial: boolean
  reasons: readonly string[]
}

export const proposalActions = [
  'create',
  'refresh',
  'unchanged',
  'newerExists',
  'edited',
  'snoozed',
  'quiet',
  'obsolete',
] as const
export type ProposalAction = (typeof proposalActions)[number]

export interface ProposalDecision {
  action: ProposalAction
  /** One sentence, for people. */
  because: string
  /** What to tell those who reviewed it before. */
  changedSinceReview?: readonly string[]
}

/** A proposal that is left to itself is made anew before so much of its validity is left. */
const renewedShare = 0.25

/**
 * What to do about an environment's pull request. It never writes over a person's commit or a newer plan, takes a closed
 * pull request as a snooze until the plan differs materially from that one, and writes nothing for a decision that is
 * proposed already.
 */
export function decideProposal(state: ProposalState, candidate: Candidate): ProposalDecision {
  const { branch, open } = state
  const newest = Math.max(open?.plan?.validAt ?? 0, branch?.mark?.validAt ?? 0)
  if (branch !== undefined && branch.mark === undefined && !branch.isKept && open?.wantsRefresh !== true)
    return decide('edited', `${branch.author} made the last commit of the branch`)
  if (newest > candidate.validAt && (open !== undefined || branch?.isKept !== true))
    return decide('newerExists', 'a later plan is proposed already')
  if (candidate.isHeld && open !== undefined) return decide('quiet', candidate.reasons.join('; '))
  if (state.basePlanId === candidate.planId && !candidate.isMaterial) return decideInForce(state, candidate)
  return open === undefined ? decideFirst(state, candidate) : decideNext(state, open, candidate)
}

const decide = (action: ProposalAction, because: string): ProposalDecision => ({ action, because })

/** The base has the decision. What is open is of another one, or of how this one is deployed. */
function decideInForce({ branch, open }: ProposalState, { planId }: Candidate): ProposalDecision {
  if (open === undefined) return decide('unchanged', 'the decision is the one on the base already')
  const isOfBase = [open.plan?.planId, branch?.mark?.planId].every((id) => id === planId)
  return isOfBase && branch?.isOutdated === false && !branch.changesDiffer
    ? decide('unchanged', 'how the decision on the base is deployed is proposed already')
    : decide('obsolete', 'the base has the decision already')
}

/** Nothing is open. */
function decideFirst(
  { closed, branch, hasPullRequests }: ProposalState,
  candidate: Candidate,
): ProposalDecision {
  const reasons = candidate.reasons.join('; ')
  const isPushed = branch?.mark?.planId === candidate.planId && !branch.isOutdated && !branch.changesDiffer
  if (!hasPullRequests && isPushed) return decide('unchanged', 'the branch has the decision already')
  if (!candidate.isMaterial) return decide('quiet', `not worth a review: ${reasons}`)
  if (closed === undefined) return decide('create', reasons)
  const { number, plan, difference } = closed
  if (plan?.planId === candidate.planId)
    return decide('snoozed', `#${number} with the same decision was closed`)
  if (difference?.isMaterial === false)
    return decide(
      'snoozed',
      `#${number} was closed, and this differs little: ${difference.reasons.join('; ')}`,
    )
  return decide('create', reasons)
}

function decideNext(
  { now, branch, hasPullRequests }: ProposalState,
  open: OpenProposal,
  candidate: Candidate,
): ProposalDecision {
  const { plan, difference } = open
  const isSame =
    plan?.planId === candidate.planId &&
    (branch?.mark?.planId === candidate.planId || !hasPullRequests) &&
    branch?.isOutdated === false &&
    !branch.changesDiffer
  if (candidate.isNeedless && !open.isReviewed)
    return decide('obsolete', `not worth a review any more: ${candidate.reasons.join('; ')}`)
  if (open.wantsRefresh) return decide('refresh', 'somebody asked for it')
  if (open.snoozedUntil !== undefined && open.snoozedUntil > now)
    return decide('snoozed', `until ${formatInstant(open.snoozedUntil)}, as somebody asked`)
  const urgent = findUrgent(now, branch, plan, candidate)
  if (urgent !== undefined) return refreshed(open, urgent)
  if (isSame) return decide('unchanged', 'the same decision is proposed already')
  if (!open.isReviewed) return decide('refresh', 'the decision has changed')
  if (difference?.isMaterial === false)
    return decide('quiet', `reviewed, and this differs little: ${difference.reasons.join('; ')}`)
  return refreshed(open, 'the decision has changed materially')
}

/** Why a pull request must change whether or not its decision does. */
function findUrgent(
  now: EpochSeconds,
  branch: BranchState | undefined,
  plan: ProposedPlan | undefined,
  candidate: Candidate,
): string | undefined {
  if (branch === undefined) return 'the branch is gone'
  if (branch.isOutdated) return 'the base has changed below it'
  if (branch.changesDiffer) return 'an apply would change something else by now'
  if (plan === undefined) return 'its description does not say which plan it is'
  if (branch.mark?.planId !== plan.planId) return 'its description is of another plan than its commit'
  const validity = candidate.expiresAt - candidate.validAt
  const left = plan.expiresAt - now
  if (candidate.expiresAt > plan.expiresAt && left < renewedShare * validity)
    return 'the proposed plan may soon not be applied any more'
  return undefined
}

function refreshed({ isReviewed, difference }: OpenProposal, because: string): ProposalDecision {
  const changes = difference?.isMaterial === true ? difference.reasons : [because]
  return { ...decide('refresh', because), ...(isReviewed && { changedSinceReview: changes }) }
}
