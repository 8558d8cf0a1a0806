import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../config/schema.js'
import type { GitHost, HostPullRequest } from '../delivery/git-host.js'
import { listHolds } from '../delivery/hold-file.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { planFolder } from '../delivery/plan-folder.js'
import { readReviewedPlan } from '../delivery/plan-history.js'
import { proposalBranch, rollbackBranch } from '../delivery/proposal-branches.js'
import { editedLabel, obsoleteLabel } from '../delivery/propose-change.js'
import { findUnfinished, latestReceipt } from '../delivery/receipt.js'
import { readRenewal } from '../delivery/renewal-file.js'
import type { StateStore } from '../delivery/state-store.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerHour } from '../kit/units.js'
import { type Control, findTicked, setBoxes, snoozeHours } from '../review/controls.js'
import {
  dashboardKey,
  dashboardLabel,
  dashboardTitle,
  type EnvironmentFacts,
  type EnvironmentStatus,
  judgeEnvironment,
  writeDashboard,
} from '../review/dashboard.js'
import { hashBody } from '../review/hidden-key.js'
import { judgeHold } from '../review/hold-table.js'
import { listPulumiStacks } from './deployment.js'
import { besideConfig } from './project.js'

/**
 * What every environment of llmscale.yaml needs of people. Plans are those of the reviewed branch as git last fetched
 * it, holds those of the work tree. What cannot be read of one says so, and hides no other.
 * @param host undefined where nobody can be asked for pull requests
 *
 * Throws what the host throws.
 */
export async function readStatuses(
  config: Config,
  configPath: string,
  host: GitHost | undefined,
  now: EpochSeconds,
): Promise<EnvironmentStatus[]> {
  const statuses: EnvironmentStatus[] = []
  for (const environment of Object.keys(config.environments)) {
    const facts = await readFacts(config, environment, configPath, now).catch(explainUnreadable)
    statuses.push(
      judgeEnvironment({ environment, ...facts, ...(await readPullRequest(environment, host)) }, now),
    )
  }
  return statuses
}

type OwnFacts = Omit<EnvironmentFacts, 'environment' | 'proposal' | 'closed'>

function explainUnreadable(cause: unknown): OwnFacts {
  if (!(cause instanceof LlmscaleError) || cause.reason === 'interrupted') throw cause
  return {
    unreadable: cause.message,
    plan: undefined,
    renewedUntil: undefined,
    holds: [],
    lastRun: undefined,
  }
}

async function readFacts(
  config: Config,
  environment: string,
  configPath: string,
  now: EpochSeconds,
): Promise<OwnFacts> {
  const settings = config.environments[environment]!
  const folder = besideConfig(configPath, planFolder(environment))
  const found = existsSync(folder) ? await readReviewedPlan(folder, settings.reviewedBranch, true) : undefined
  const plan = found && { planId: found.plan.planId, validUntil: found.plan.header.validUntil }
  const store = await openStateStore(settings, resolve(besideConfig(configPath, '.')))
  const stacks = found === undefined ? [] : listPulumiStacks(config, environment, found.plan.decision)
  return {
    plan,
    renewedUntil: plan && (await readRenewal(store, environment, plan.planId))?.validUntil,
    holds: (await listHolds(folder)).map(({ name, hold }) => judgeHold(name, hold, now)),
    lastRun: await readLastRun(store, environment, stacks),
  }
}

/**
 * One that says `running` may have crashed long ago, and one that ended well may have been of one region alone.
 * @param planned stacks of the plan in force
 */
async function readLastRun(
  store: StateStore,
  environment: string,
  planned: readonly string[],
): Promise<EnvironmentFacts['lastRun']> {
  const last = await latestReceipt(store, environment)
  if (last === undefined) return undefined
  const stacks = new Set([...planned, ...last.steps.map(({ stack }) => stack)])
  const unfinished = await findUnfinished(store, environment, [...stacks])
  return unfinished.at(-1)?.receipt ?? last
}

async function readPullRequest(
  environment: string,
  host: GitHost | undefined,
): Promise<Pick<EnvironmentFacts, 'proposal' | 'closed'>> {
  const [newest] = host === undefined ? [] : await host.pullRequestsFrom(proposalBranch(environment))
  const reverts = host === undefined ? [] : await host.pullRequestsFrom(rollbackBranch(environment))
  const open = [newest, ...reverts].find((each) => each?.state === 'open')
  const proposal = open && {
    number: open.number,
    url: open.url,
    isEdited: open.labels.includes(editedLabel),
    snoozedUntil: await readSnooze(host!, open),
  }
  const isClosed = newest?.state === 'closed' && !newest.isMerged && !newest.labels.includes(obsoleteLabel)
  return { proposal, closed: isClosed ? newest : undefined }
}

async function readSnooze(host: GitHost, { number, body }: HostPullRequest): Promise<string | undefined> {
  if (!findTicked(body).some(({ action }) => action === 'snooze')) return undefined
  const editedAt = await host.bodyEditedAt(number)
  return editedAt && formatInstant(parseInstant(editedAt)! + snoozeHours * secondsPerHour)
}

/** What became of the dashboard's issue. */
export interface PublishedDashboard {
  number: number
  url: string
  action: 'created' | 'updated' | 'unchanged'
}

/**
 * Writes the one issue of the dashboard, where it says something else. An issue that people closed stays closed, and
 * boxes that they ticked stay ticked until they are obeyed.
 * @param answered boxes that were obeyed or refused just now: GitHub may list the issue as it was before
 */
export async function publishDashboard(
  host: GitHost,
  statuses: readonly EnvironmentStatus[],
  answered: readonly Control[],
): Promise<PublishedDashboard> {
  const issue = await host.findIssue(dashboardLabel, dashboardKey)
  const body = writeDashboard(statuses, issue && setBoxes(issue.body, answered, false))
  if (issue === undefined) {
    const { number, url } = await host.createIssue({
      title: dashboardTitle,
      body,
      label: dashboardLabel,
      key: dashboardKey,
    })
    return { number, url, action: 'created' }
  }
  const { number, url } = issue
  if (hashBody(issue.body) === hashBody(body)) return { number, url, action: 'unchanged' }
  await host.updateIssue(number, { body })
  return { number, url, action: 'updated' }
}
