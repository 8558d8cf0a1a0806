import { createHash } from 'node:crypto'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import { retry, type Wait } from '../kit/retry.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerHour } from '../kit/units.js'
import { reviewedChangesFile } from '../planning/reviewed-changes.js'
import { findTicked, snoozeHours } from '../review/controls.js'
import { hashBody, parseHiddenKey } from '../review/hidden-key.js'
import {
  type ClosedProposal,
  type Difference,
  decideProposal,
  type OpenProposal,
  type ProposalAction,
  type ProposalDecision,
  type ProposalState,
  type ProposedPlan,
  type Worth,
} from '../review/proposal.js'
import { formatCommitMessage, readCommitMark } from '../review/proposal-commit.js'
import {
  type BranchHost,
  BranchMoved,
  type GitHost,
  type HostCommit,
  type HostPullRequest,
} from './git-host.js'

/** Of a pull request whose branch has a person’s commit. */
export const editedLabel = 'llmscale:edited'
/** Of one that the bot closed itself. */
export const obsoleteLabel = 'llmscale:obsolete'

/** A plan to be reviewed. Paths are from the top of the repository. */
export interface Proposal {
  environment: string
  branch: string
  /** The branch that the pull request is for. */
  baseBranch: string
  /** The commit that the plan was made on. */
  baseCommit: string
  /** Folder of the environment's plan. */
  folder: string
  /** Folders that Argo CD or Flux apply; none where Pulumi does. */
  manifestFolders: readonly string[]
  /** Texts by path; null for a file of the base that the plan no longer has. */
  files: ReadonlyMap<string, string | null>
  /** The one hold that a revert brings. */
  holdFile?: string
  plan: ProposedPlan
  basePlanId: string | undefined
  materiality: Worth
  title: string
  /** Its first line is the hidden key. */
  body: string
  labels: readonly string[]
  reviewers: readonly string[]
  teamReviewers: readonly string[]
  /** How the plan differs from another one of the same folder, whose texts are by path within it. */
  compareWith(files: ReadonlyMap<string, string>): Difference
}

export interface ProposalOutcome {
  action: ProposalAction
  /** One sentence, for people. */
  because: string
  /** The bot's commit, where it wrote one. */
  commit: string | undefined
  pullRequest: Pick<HostPullRequest, 'number' | 'url'> | undefined
  warnings: Warning[]
}

/**
 * Proposes a plan: at most one branch of one commit and one pull request an environment, whoever runs at the same time,
 * and no write at all where the decision is proposed already. What an earlier run left half done is finished. On a host
 * without pull requests the branch is all.
 *
 * Nothing is written outside the plan's files; a hold is only ever added, by a revert.
 *
 * Throws `planStale` PLAN_OLDER_THAN_BASE, `upstreamUnavailable` BASE_MISSING and BRANCH_MOVED, and what the host throws.
 */
export async function proposeChange(
  host: BranchHost | GitHost,
  proposal: Proposal,
  now: EpochSeconds,
  wait?: Wait,
): Promise<ProposalOutcome> {
  requireAllowed(proposal)
  return retry(() => attemptProposal(host, proposal, now), { wait })
}

/** The files that a bot may write. */
function isAllowed(
  { folder, manifestFolders, holdFile }: Pick<Proposal, 'folder' | 'manifestFolders' | 'holdFile'>,
  path: string,
): boolean {
  if (manifestFolders.some((each) => /^[\w.-]+\.yaml$/.test(within(each, path)))) return true
  if (path === holdFile) return /^holds\/[\w.-]+\.yaml$/.test(within(folder, path))
  return /^(plan\.yaml|changes\.json|workloads\/[\w.-]+\.yaml|charts\/[\w.-]+\.svg)$/.test(
    within(folder, path),
  )
}

const within = (folder: string, path: string) =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : ''

function requireAllowed(proposal: Proposal): void {
  for (const [path, content] of proposal.files)
    if (!isAllowed(proposal, path) || (content === null && path === proposal.holdFile))
      throw new Error(`${path} is no file that a proposal may ${content === null ? 'remove' : 'write'}`)
}

/** All that is read before anything is written. */
interface Situation {
  state: ProposalState
  base: HostCommit
  branch: HostCommit | undefined
  open: HostPullRequest | undefined
}

async function attemptProposal(
  host: BranchHost | GitHost,
  proposal: Proposal,
  now: EpochSeconds,
): Promise<ProposalOutcome> {
  const situation = await readSituation(host, proposal, now)
  const { plan, materiality } = proposal
  const decision = decideProposal(situation.state, { ...plan, ...materiality })
  const { action, because } = decision
  const { open } = situation
  const outcome: ProposalOutcome = { action, because, commit: undefined, pullRequest: open, warnings: [] }
  if (action === 'create' || action === 'refresh') {
    outcome.commit = await commitFiles(host, proposal, situation)
    if (hasPullRequests(host)) await requestReview(host, proposal, situation, decision, outcome)
  } else if (hasPullRequests(host) && open !== undefined) {
    if (action === 'edited') await explainEdited(host, open, proposal.branch)
    if (action === 'obsolete') await closeObsolete(host, open, proposal.baseBranch)
  }
  return { ...outcome, pullRequest: outcome.pullRequest && nameOf(outcome.pullRequest) }
}

const nameOf = ({ number, url }: Pick<HostPullRequest, 'number' | 'url'>) => ({ number, url })

function hasPullRequests(host: BranchHost | GitHost): host is GitHost {
  return 'pullRequestsFrom' in host
}

async function readSituation(
  host: BranchHost | GitHost,
  proposal: Proposal,
  now: EpochSeconds,
): Promise<Situation> {
  const branch = await host.readBranch(proposal.branch)
  const base = await host.readBranch(proposal.baseBranch)
  if (base === undefined) throw baseMissing(host, proposal)
  const isAsBase = async (commit: string | undefined) =>
    commit === base.id ||
    (commit !== undefined &&
      isEqual(await readPlanFiles(host, proposal, commit), await readPlanFiles(host, proposal, base.id)))
  if (!(await isAsBase(proposal.baseCommit))) throw olderThanBase(proposal, base.id)

  const all = hasPullRequests(host) ? await host.pullRequestsFrom(proposal.branch) : []
  // Somebody may want the branch elsewhere too; without any of ours, what is there is for a branch of another name.
  const ofBase = all.filter((each) => each.base === proposal.baseBranch)
  const ours = ofBase.length > 0 ? ofBase : all
  const open = ours.find(({ state }) => state === 'open')
  const isKept =
    branch !== undefined &&
    (branch.id === base.id ||
      base.parents.includes(branch.id) ||
      all.some(({ state, head }) => state === 'closed' && head === branch.id))
  const own = branch && (await findBelowMerges(host, proposal, branch, base))
  const mark = own && readMark(own)
  return {
    base,
    branch,
    open,
    state: {
      now,
      basePlanId: proposal.basePlanId,
      branch: branch && {
        mark,
        author: branch.author,
        isKept,
        isOutdated: mark !== undefined && !(await isAsBase(own?.parents[0])),
        changesDiffer:
          mark?.planId === proposal.plan.planId &&
          (await hasOtherChanges(host, proposal, branch.id, base.id)),
      },
      hasPullRequests: hasPullRequests(host),
      open: open && hasPullRequests(host) ? await readOpen(host, proposal, open) : undefined,
      closed: await readClosed(host, proposal, ours[0]),
    },
  }
}

/**
 * The commit that merges of the base left as it was, such as GitHub's "Update branch" makes: nothing in them is a
 * person's.
 */
async function findBelowMerges(
  host: BranchHost,
  proposal: Proposal,
  commit: HostCommit,
  base: HostCommit,
): Promise<HostCommit> {
  const [below, merged, ...more] = commit.parents
  if (below === undefined || merged === undefined || more.length > 0) return commit
  if (!(await host.compare(merged, base.id)).isAhead) return commit
  const { paths } = await host.compare(merged, commit.id)
  if (paths?.every((path) => isAllowed(proposal, path)) !== true) return commit
  for (const folder of [proposal.folder, ...proposal.manifestFolders]) {
    const readAllowed = async (at: string) =>
      new Map([...(await host.filesAt(at, folder))].filter(([path]) => isAllowed(proposal, path)))
    if (!isEqual(await readAllowed(commit.id), await readAllowed(below))) return commit
  }
  return findBelowMerges(host, proposal, await host.readCommit(below), base)
}

/** Ids of contents of the files that a bot may write; holds of people are none. */
async function readPlanFiles(
  host: BranchHost,
  proposal: Proposal,
  commit: string,
): Promise<Map<string, string>> {
  const files = await host.filesAt(commit, proposal.folder)
  return new Map([...files].filter(([path]) => isAllowed(proposal, path)))
}

/** Whether what Pulumi, Argo CD or Flux would do of a commit is not what they would do of the proposal. */
async function hasOtherChanges(
  host: BranchHost,
  { folder, manifestFolders, files }: Proposal,
  commit: string,
  base: string,
): Promise<boolean> {
  for (const place of manifestFolders) {
    const proposed = new Map(await host.filesAt(base, place))
    for (const [path, text] of files)
      if (text === null) proposed.delete(path)
      else if (within(place, path) !== '') proposed.set(path, blobId(text, base.length))
    if (!isEqual(proposed, await host.filesAt(commit, place))) return true
  }
  const path = `${folder}/${reviewedChangesFile}`
  const text = files.get(path)
  if (text == null) return false
  const id = blobId(text, base.length)
  const isAt = async (where: string) => (await host.filesAt(where, path)).get(path) === id
  // The change set of the base again is one that nobody previewed anew.
  return !(await isAt(commit)) && !(await isAt(base))
}

/** https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage, in a repository whose ids are so long. */
function blobId(text: string, length: number): string {
  const content = Buffer.from(text)
  return createHash(length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${content.length}\0`)
    .update(content)
    .digest('hex')
}

async function readOpen(host: GitHost, proposal: Proposal, open: HostPullRequest): Promise<OpenProposal> {
  const plan = readKey(open.body)
  const reviews = await host.reviewsOf(open.number)
  const isReviewed = reviews.some(({ isByPerson, state }) => isByPerson && state !== 'PENDING')
  const ticked = findTicked(open.body).map(({ action }) => action)
  const editedAt = ticked.includes('snooze') ? await host.bodyEditedAt(open.number) : undefined
  return {
    plan,
    isReviewed,
    difference:
      isReviewed && plan?.planId !== proposal.plan.planId
        ? await readDifference(host, proposal, open.head)
        : undefined,
    snoozedUntil: editedAt === undefined ? undefined : parseInstant(editedAt)! + snoozeHours * secondsPerHour,
    wantsRefresh: ticked.includes('refresh'),
  }
}

/** What the bot closed itself asks for no silence. */
async function readClosed(
  host: BranchHost | GitHost,
  proposal: Proposal,
  last: HostPullRequest | undefined,
): Promise<ClosedProposal | undefined> {
  if (last === undefined || last.state === 'open' || last.isMerged) return undefined
  if (last.labels.includes(obsoleteLabel)) return undefined
  return {
    number: last.number,
    plan: readKey(last.body),
    difference: proposal.materiality.isMaterial ? await readDifference(host, proposal, last.head) : undefined,
  }
}

async function readDifference(
  host: BranchHost | GitHost,
  { folder, compareWith }: Proposal,
  commit: string,
): Promise<Difference | undefined> {
  const files = await host.filesAt(commit, folder)
  const texts = new Map<string, string>()
  for (const [path, id] of files) {
    const name = within(folder, path)
    if (/^(plan|workloads\/[^/]+)\.yaml$/.test(name)) texts.set(name, await host.readText(id))
  }
  return texts.has('plan.yaml') ? compareWith(texts) : undefined
}

function readMark(commit: HostCommit): Pick<ProposedPlan, 'planId' | 'validAt'> | undefined {
  const mark = readCommitMark(commit)
  const validAt = mark && parseInstant(mark.validAt)
  return validAt === undefined ? undefined : { planId: mark!.planId, validAt }
}

/** Gives the branch's commit: a new one, or the one that an earlier run left there. */
async function commitFiles(
  host: BranchHost,
  proposal: Proposal,
  { base, branch, state }: Situation,
): Promise<string> {
  const { branch: name, files, title, plan } = proposal
  const { mark, isOutdated, isKept } = state.branch ?? {}
  const isThere =
    mark?.planId === plan.planId &&
    mark.validAt === plan.validAt &&
    !isOutdated &&
    !isKept &&
    !state.branch?.changesDiffer
  if (isThere) return branch!.id
  const onBase = await readPlanFiles(host, proposal, base.id)
  for (const folder of proposal.manifestFolders)
    for (const [path, id] of await host.filesAt(base.id, folder)) onBase.set(path, id)
  return host.writeBranch({
    branch: name,
    base: base.id,
    files: new Map([...files].filter(([path, content]) => content !== null || onBase.has(path))),
    describe: (tree) =>
      formatCommitMessage(title, { planId: plan.planId, validAt: formatInstant(plan.validAt), tree }),
    expected: branch?.id,
  })
}

/**
 * The hidden key comes last: a pull request without it is one that a run left unfinished, which the next one finishes.
 * A host cannot compare and swap a description; the branch is read again just before, and where another run wrote the
 * description of an older plan all the same, the next run finds that it is not the commit's and mends it.
 */
async function requestReview(
  host: GitHost,
  proposal: Proposal,
  { open, state }: Situation,
  { changedSinceReview }: ProposalDecision,
  outcome: ProposalOutcome,
): Promise<void> {
  const { branch, baseBranch: base, title, body, plan } = proposal
  const pullRequest =
    open ?? (await host.createPullRequest({ branch, base, title, body: withoutFirstLine(body) }))
  outcome.pullRequest = pullRequest
  const { number, labels } = pullRequest
  if (state.open?.plan === undefined) await addPeople(host, proposal, pullRequest, outcome)
  if (labels.includes(editedLabel)) await host.removeLabel(number, editedLabel)
  if (changedSinceReview !== undefined)
    await sayOnce(
      host,
      number,
      `<!-- llmscale:changed ${plan.planId} -->`,
      `Changed since your review: ${changedSinceReview.join('; ')}.`,
    )
  if ((await host.readBranch(branch))?.id !== outcome.commit) throw new BranchMoved(host.place, branch)
  const isTicked = findTicked(pullRequest.body).length > 0
  const isSaid = hashBody(pullRequest.body) === hashBody(body) && !isTicked
  if (pullRequest.title !== title || pullRequest.base !== base || !isSaid)
    await host.updatePullRequest(number, { title, body, ...(pullRequest.base !== base && { base }) })
}

const withoutFirstLine = (body: string) => body.slice(body.indexOf('\n') + 1)

async function addPeople(
  host: GitHost,
  { labels, reviewers, teamReviewers }: Proposal,
  { number, author }: HostPullRequest,
  { warnings }: ProposalOutcome,
): Promise<void> {
  await host.addLabels(number, labels)
  const others = reviewers.filter((login) => login !== author)
  try {
    await host.requestReviewers(number, others, teamReviewers)
  } catch (cause) {
    // The token of Actions may not ask teams; the proposal stands without.
    const isAnswer =
      cause instanceof LlmscaleError && ['GITHUB_REFUSED', 'GITHUB_PERMISSION_MISSING'].includes(cause.code)
    if (!isAnswer) throw cause
    warnings.push({ code: 'REVIEWERS_NOT_ASKED', message: cause.message })
  }
}

async function explainEdited(
  host: GitHost,
  { number, labels }: HostPullRequest,
  branch: string,
): Promise<void> {
  if (!labels.includes(editedLabel)) await host.addLabels(number, [editedLabel])
  await sayOnce(
    host,
    number,
    '<!-- llmscale:edited -->',
    `Somebody committed to \`${branch}\`, so llmscale leaves this pull request alone. To hand it back, tick *Refresh* in the ` +
      'description: these commits are then replaced by a new plan. To keep what you changed, put it into `overrides:` of ' +
      '`llmscale.yaml`.',
  )
}

async function closeObsolete(
  host: GitHost,
  { number, labels }: HostPullRequest,
  base: string,
): Promise<void> {
  await sayOnce(
    host,
    number,
    '<!-- llmscale:obsolete -->',
    `Closed: \`${base}\` has this decision already, or nothing of it is worth a review any more.`,
  )
  if (!labels.includes(obsoleteLabel)) await host.addLabels(number, [obsoleteLabel])
  await host.updatePullRequest(number, { state: 'closed' })
}

/** A comment is never said twice of a pull request or an issue; `key` tells it. */
export async function sayOnce(host: GitHost, number: number, key: string, text: string): Promise<void> {
  const comments = await host.commentsOf(number)
  if (!comments.some(({ body }) => body.includes(key))) await host.createComment(number, `${key}\n${text}`)
}

function isEqual(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, id]) => b.get(path) === id)
}

function olderThanBase({ environment, baseBranch, baseCommit }: Proposal, base: string): LlmscaleError {
  return new LlmscaleError(
    'planStale',
    'PLAN_OLDER_THAN_BASE',
    `the plan of ${environment} was made on ${baseCommit.slice(0, 10)}, and ${baseBranch} (${base.slice(0, 10)}) has ` +
      'other files of its plan since',
    [`Update the checkout to ${baseBranch} and run llmscale plan again.`],
  )
}

function baseMissing({ place, defaultBranch }: BranchHost, { baseBranch }: Proposal): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'BASE_MISSING',
    `${place} has no branch ${baseBranch} with a commit; its default branch is ${defaultBranch}`,
    [
      baseBranch === defaultBranch
        ? `Push a first commit to ${baseBranch}.`
        : `Set environments.<env>.reviewedBranch to ${defaultBranch}, or push ${baseBranch}.`,
    ],
  )
}

/** The plan that a description names; undefined where it names none that can be read. */
function readKey(body: string): ProposedPlan | undefined {
  const key = parseHiddenKey(body)
  const [validAt, expiresAt] = [key?.validAt, key?.expiresAt].map((text) => text && parseInstant(text))
  return key && validAt && expiresAt ? { planId: key.planId, validAt, expiresAt } : undefined
}
