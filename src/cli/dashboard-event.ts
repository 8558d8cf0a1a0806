import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { z } from 'zod'
import type { GitHost, HostCommit, HostPullRequest } from '../delivery/git-host.js'
import { GitHubRefusal } from '../delivery/github-client.js'
import { holdBranch, proposalBranch, rollbackBranch } from '../delivery/proposal-branches.js'
import { sayOnce } from '../delivery/propose-change.js'
import { LlmscaleError } from '../kit/errors.js'
import { retry, type Wait } from '../kit/retry.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { Hold } from '../planning/hold.js'
import { type Control, findNewlyTicked, findTicked, setBoxes, withoutControls } from '../review/controls.js'
import { dashboardKey, dashboardLabel } from '../review/dashboard.js'
import { escapeName } from '../review/escape-markdown.js'

/** An edit of a description, as GitHub tells a workflow of it. */
export interface BodyEdit {
  subject: { kind: 'issue' } | { kind: 'pull request'; branch: string }
  number: number
  /** Names the edit. */
  editedAt: string
  before: string
  after: string
  by: { login: string; isPerson: boolean }
}

const Subject = z.object({ number: z.int(), body: z.string().nullish(), updated_at: z.iso.datetime() })
/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues */
const EditEvent = z.object({
  action: z.literal('edited'),
  sender: z.object({ login: z.string(), type: z.string() }),
  changes: z.object({ body: z.object({ from: z.string() }) }),
  issue: Subject.optional(),
  pull_request: Subject.extend({ head: z.object({ ref: z.string() }) }).optional(),
})

/**
 * The edit of a description that an event file tells of; undefined where it tells of something else. Throws `badData`
 * EVENT_UNREADABLE.
 */
export async function readBodyEdit(path: string): Promise<BodyEdit | undefined> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new LlmscaleError(
      'badData',
      'EVENT_UNREADABLE',
      `--event ${path} is no event of GitHub: ${(cause as Error).message.slice(0, 80)}`,
      ['In a workflow it is --event "$GITHUB_EVENT_PATH".'],
    )
  }
  const { data } = EditEvent.safeParse(value)
  const subject = data?.issue ?? data?.pull_request
  if (data === undefined || subject === undefined) return undefined
  return {
    subject:
      data.pull_request === undefined
        ? { kind: 'issue' }
        : { kind: 'pull request', branch: data.pull_request.head.ref },
    number: subject.number,
    editedAt: subject.updated_at,
    before: data.changes.body.from,
    after: subject.body ?? '',
    by: { login: data.sender.login, isPerson: data.sender.type === 'User' },
  }
}

/** An environment whose boxes may be obeyed. */
export interface SteeredEnvironment {
  name: string
  reviewedBranch: string
  /** Folder of its plan, from the top of the repository. */
  folder: string
}

/** What came of an edit. */
export interface Obedience {
  by: string
  /** False where they may not write to the repository. */
  isAllowed: boolean
  controls: Control[]
}

/** The workflow that makes plans. */
const planWorkflow = 'plan.yml'

/**
 * Does what boxes ask for that an edit ticked, where a person with write access ticked them, and unticks them; boxes of
 * others are unticked, which is said to them once. A box that is unticked again by now is not obeyed, so that the same
 * event can be given twice. In a pull request, `refresh` and `snooze` stay ticked: `llmscale pr` reads them there.
 *
 * Gives undefined where the edit ticked none of ours, or is our own. Throws what the host throws, and BRANCH_MOVED.
 */
export async function obeyEdit(
  host: GitHost,
  edit: BodyEdit,
  environments: readonly SteeredEnvironment[],
  now: EpochSeconds,
  wait?: Wait,
): Promise<Obedience | undefined> {
  const ticked = findNewlyTicked(edit.before, edit.after)
  const known = ticked.filter(({ environment }) => environments.some(({ name }) => name === environment))
  const subject = known.length === 0 ? undefined : await findSubject(host, edit)
  if (subject === undefined) return undefined
  const stillTicked = findTicked(subject.body)
  const asked = known.filter(
    (control) => isOf(edit, control) && withoutControls([control], stillTicked).length === 0,
  )
  const { login } = edit.by
  // An App's edits start workflows too: what it ticked itself, people asked of it elsewhere.
  if (asked.length === 0 || (!edit.by.isPerson && login === (await host.ownLogin()))) return undefined
  const isAllowed = edit.by.isPerson && (await mayWrite(host, login))
  const isObeyedLater = ({ action }: Control) => edit.subject.kind === 'pull request' && action !== 'hold'
  if (isAllowed) {
    const replies = await obeyControls(host, edit, asked, environments, now, wait)
    if (replies.length > 0)
      await sayOnce(host, edit.number, `<!-- llmscale:reply ${edit.editedAt} -->`, replies.join('\n'))
  } else
    await sayOnce(
      host,
      edit.number,
      `<!-- llmscale:not-allowed ${login.replace(/[^\w-]/g, '')} -->`,
      `${escapeName(login)} may not write to this repository, so their boxes are unticked and not obeyed.`,
    )
  await untick(host, edit, isAllowed ? asked.filter((control) => !isObeyedLater(control)) : asked)
  return { by: login, isAllowed, controls: asked }
}

/** Boxes of a pull request steer its own environment alone. */
function isOf({ subject }: BodyEdit, { environment }: Control): boolean {
  return (
    subject.kind === 'issue' ||
    [proposalBranch(environment), rollbackBranch(environment)].includes(subject.branch)
  )
}

/** The dashboard or the open proposal as it is now; undefined for anybody else's issue or pull request. */
async function findSubject(
  host: GitHost,
  { subject, number }: BodyEdit,
): Promise<{ number: number; body: string } | undefined> {
  const found =
    subject.kind === 'issue'
      ? await host.findIssue(dashboardLabel, dashboardKey)
      : (await host.pullRequestsFrom(subject.branch)).find(({ state }) => state === 'open')
  return found?.number === number ? found : undefined
}

async function mayWrite(host: GitHost, login: string): Promise<boolean> {
  try {
    return ['admin', 'write'].includes(await host.permissionOf(login))
  } catch (cause) {
    // GitHub says 404 of who is no collaborator.
    if (cause instanceof GitHubRefusal && cause.status === 404) return false
    throw cause
  }
}

/** The workflow plans one environment, or all. */
function planInputs([environment, ...others]: readonly string[]): Record<string, string> {
  return environment === undefined || others.length > 0 ? {} : { environment }
}

/** Gives what is to be said, a sentence each. */
async function obeyControls(
  host: GitHost,
  edit: BodyEdit,
  controls: readonly Control[],
  environments: readonly SteeredEnvironment[],
  now: EpochSeconds,
  wait: Wait | undefined,
): Promise<string[]> {
  const replies: string[] = []
  const refreshed = controls
    .filter(({ action }) => action === 'refresh')
    .map((control) => control.environment)
  if (refreshed.length > 0) await host.dispatchWorkflow(planWorkflow, planInputs(refreshed))
  for (const control of controls) {
    const environment = environments.find(({ name }) => name === control.environment)!
    if (control.action === 'hold')
      replies.push(await retry(() => proposeHold(host, environment, edit.by.login, now), { wait }))
    if (control.action === 'snooze' && edit.subject.kind === 'issue')
      replies.push(...(await snooze(host, control)))
  }
  return replies
}

/** Ticks the box of the open pull request, which is where `llmscale pr` looks for it. */
async function snooze(host: GitHost, control: Control): Promise<string[]> {
  const { environment } = control
  const pulls = await host.pullRequestsFrom(proposalBranch(environment))
  const open = pulls.find(({ state }) => state === 'open')
  if (open === undefined)
    return [`Nothing is proposed for \`${environment}\`, so there is nothing to snooze.`]
  const unticked = setBoxes(open.body, [control], false)
  const body = setBoxes(unticked, [control], true)
  if (body === unticked) return [`#${open.number} has no box *Snooze*, so it is not snoozed.`]
  // GitHub dates the edit, and an old tick may have ended.
  if (open.body === body) await host.updatePullRequest(open.number, { body: unticked })
  await host.updatePullRequest(open.number, { body })
  return []
}

/** A pull request that adds a hold, or the one that is open already. */
async function proposeHold(
  host: GitHost,
  { name, reviewedBranch, folder }: SteeredEnvironment,
  by: string,
  now: EpochSeconds,
): Promise<string> {
  const branch = holdBranch(name)
  const pulls = await host.pullRequestsFrom(branch)
  const open = pulls.find(({ state }) => state === 'open')
  if (open !== undefined) return `#${open.number} proposes a hold of \`${name}\` already: merge it.`
  const present = await host.readBranch(branch)
  if (present !== undefined && !isDisposable(present, pulls))
    return `Branch \`${branch}\` has a commit of a person, so no hold is proposed: delete the branch and tick again.`
  const base = await host.readBranch(reviewedBranch)
  if (base === undefined) return `There is no branch \`${reviewedBranch}\` to propose a hold for.`
  const hold: Hold = { reason: 'asked for in the dashboard', by }
  const file = `dashboard-${formatInstant(now).replace(/[-:]/g, '').toLowerCase()}.yaml`
  await host.writeBranch({
    branch,
    base: base.id,
    files: new Map([[`${folder}/holds/${file}`, stringify(hold)]]),
    describe: (tree) => `Hold ${name}\n\nAsked for by ${by}.\n\nLlmscale-Tree: ${tree}\n`,
    expected: present?.id,
  })
  const { number } = await host.createPullRequest({
    branch,
    base: reviewedBranch,
    title: `Hold ${name}`,
    body:
      `${escapeName(by)} asked for a hold of \`${name}\`. Once this is merged nothing is applied there, and nothing new ` +
      `is proposed, until somebody deletes \`${folder}/holds/${file}\`. To hold nothing, close this.\n`,
  })
  return `#${number} proposes the hold of \`${name}\`: it holds once it is merged.`
}

/** Nothing is lost with the branch's commit: a pull request keeps it, or the bot made it. */
function isDisposable({ id, tree, message }: HostCommit, pulls: readonly HostPullRequest[]): boolean {
  const stated = /^Llmscale-Tree: (\S+)$/m.exec(message)?.[1]
  return stated === tree || pulls.some(({ head }) => head === id)
}

/** Reads the body once more: others may have written it meanwhile. */
async function untick(host: GitHost, edit: BodyEdit, controls: readonly Control[]): Promise<void> {
  const subject = controls.length === 0 ? undefined : await findSubject(host, edit)
  if (subject === undefined) return
  const body = setBoxes(subject.body, controls, false)
  if (body === subject.body) return
  if (edit.subject.kind === 'issue') await host.updateIssue(edit.number, { body })
  else await host.updatePullRequest(edit.number, { body })
}
