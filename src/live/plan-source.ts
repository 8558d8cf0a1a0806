import { join, relative, resolve } from 'node:path'
import type { Environment } from '../config/environment.js'
import { checkApproval } from '../delivery/approval.js'
import { createGit, type Git, inRepository, withoutPassword } from '../delivery/git.js'
import { listHolds, readHold } from '../delivery/hold-file.js'
import { findRemote } from '../delivery/open-state-store.js'
import { planFolder, readPlan } from '../delivery/plan-folder.js'
import { requireCommit } from '../delivery/plan-history.js'
import { pathFromTop } from '../delivery/proposed-files.js'
import { LlmscaleError } from '../kit/errors.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { checkKillSwitch } from '../planning/guards.js'
import type { Hold } from '../planning/hold.js'
import { parsePlan } from '../planning/plan-file.js'

/** A plan as it is read, and what stands against following it. */
export interface PlanReading {
  plan: CapacityPlan
  /** Those that have ended too; a hold that is undefined cannot be read, and holds. */
  holds: readonly { name: string; hold: Hold | undefined }[]
  /** Where it was found: a folder, or a branch and commit. */
  place: string
  /** Where its files lie, if they do. */
  folder?: string
  refusal?: { reason: 'plan-unapproved' | 'plan-superseded'; message: string }
  /** Where applies were allowed for longer than the plan itself says. */
  renewedUntil?: string
}

/** Where the plan in force is read, again at each refresh. */
export interface PlanSource {
  place: string
  /** Throws as `parsePlan` does, PLAN_OF_OTHER_ENVIRONMENT, GIT_MISSING and GIT_FAILED. */
  read(): Promise<PlanReading>
}

/** What `--plan` or `--ref` name; with neither the reviewed branch, or the project's folder where nobody reviews. */
export interface PlanChoice {
  environment: string
  settings: Pick<Environment, 'approval' | 'reviewedBranch' | 'backend'>
  /** Folder of llmscale.yaml. */
  projectFolder: string
  folder?: string | undefined
  ref?: string | undefined
}

/**
 * Opens the place that is chosen. Throws `usage` PLAN_UNKNOWN, `approvalMissing` PLAN_UNAPPROVED for a reference that
 * is not the reviewed branch, and `configInvalid` REMOTE_MISSING.
 */
export async function openPlanSource(choice: PlanChoice): Promise<PlanSource> {
  const { settings, projectFolder, environment, ref } = choice
  const { approval, reviewedBranch } = settings
  const home = planFolder(environment)
  if (choice.folder !== undefined) return folderSource(choice, choice.folder)
  if (ref === undefined && approval === 'none') return folderSource(choice, join(projectFolder, home))
  const folder = join(await pathFromTop(projectFolder), home)
  if (ref !== undefined && !ref.startsWith('origin/') && approval === 'none')
    return commitSource(projectFolder, ref, folder, environment)
  const branch = (ref ?? reviewedBranch).replace(/^origin\//, '')
  requireReviewed(choice, branch)
  const remote = await findRemote(projectFolder)
  if (remote !== undefined) return branchSource({ remote, branch, folder }, environment)
  throw new LlmscaleError(
    'configInvalid',
    'REMOTE_MISSING',
    `${projectFolder} has no remote named origin, so there is no reviewed branch to read the plan from`,
    ['Name the repository with --from git+https://host/owner/repo.git#main, or a folder with --plan.'],
  )
}

/**
 * The same, with what may change without a change of the files: the kill switch, which holds every plan, and the
 * renewal of a plan that has ended. What cannot be asked has not renewed it.
 * @param findRenewal until when the plan of an id was renewed
 */
export function watchPlan(
  source: PlanSource,
  findRenewal: (planId: string) => Promise<string | undefined>,
): PlanSource {
  return {
    place: source.place,
    read: async () => {
      const reading = await source.read()
      const holds = isKillSwitchSet() ? [...reading.holds, killSwitchHold] : reading.holds
      const { plan } = reading
      if (Date.now() < Date.parse(plan.header.validUntil)) return { ...reading, holds }
      const renewedUntil = await findRenewal(plan.planId).catch((error: unknown) => {
        if (error instanceof LlmscaleError) return undefined
        throw error
      })
      return { ...reading, holds, ...(renewedUntil !== undefined && { renewedUntil }) }
    },
  }
}

const killSwitchHold = {
  name: 'LLMSCALE_KILL_SWITCH',
  hold: { reason: 'LLMSCALE_KILL_SWITCH is set', by: 'who runs the exporter' },
}

function isKillSwitchSet(): boolean {
  const killSwitch = process.env['LLMSCALE_KILL_SWITCH']
  return (
    checkKillSwitch({ ...(killSwitch !== undefined && { killSwitch }), writes: true }).state === 'refused'
  )
}

function requireReviewed(
  { settings: { approval, reviewedBranch }, environment }: PlanChoice,
  branch: string,
): void {
  if (approval === 'none' || branch === reviewedBranch) return
  throw new LlmscaleError(
    'approvalMissing',
    'PLAN_UNAPPROVED',
    `--ref: ${branch} is not the reviewed branch of ${environment}, ${reviewedBranch}: nobody approved what is on it`,
    [`--ref origin/${reviewedBranch}`],
  )
}

/** A branch of a repository, and the folder of the plan in it. */
interface Branch {
  remote: string
  branch: string
  folder: string
}

function folderSource(choice: PlanChoice, folder: string): PlanSource {
  const { environment, settings, projectFolder } = choice
  const home = resolve(projectFolder, planFolder(environment))
  return {
    place: folder,
    read: async () => {
      const plan = requireEnvironment(await readPlan(folder), environment, folder)
      const folders = [...new Set([resolve(folder), home])]
      const holds = (await Promise.all(folders.map(listHolds))).flat()
      if (settings.approval === 'none') return { plan, holds, place: folder, folder }
      const verdict = await checkApproval({
        ...settings,
        backend: settings.backend,
        projectFolder,
        paths: folders.map((each) => relative(projectFolder, each)),
      })
      if (verdict.state === 'passed') return { plan, holds, place: folder, folder }
      const reason = verdict.code === 'FILES_NOT_REVIEWED' ? 'plan-superseded' : 'plan-unapproved'
      return { plan, holds, place: folder, folder, refusal: { reason, message: verdict.message } }
    },
  }
}

/** A branch at its remote, whose files are read only where its commit is another one than before. */
function branchSource({ remote, branch, folder }: Branch, environment: string): PlanSource {
  const place = `${branch} of ${withoutPassword(remote)}`
  let last: { commit: string; reading: PlanReading } | undefined
  return {
    place,
    read: () =>
      inRepository(remote, async (git) => {
        const ref = `refs/heads/${branch}`
        const tip = (await git.run(['ls-remote', 'origin', ref])).split(/\s/)[0]!
        if (tip === '') throw planUnknown(`${withoutPassword(remote)} has no branch ${branch}`)
        if (last?.commit === tip) return last.reading
        await git.run(['fetch', '--quiet', '--no-tags', '--depth=1', 'origin', ref])
        const commit = await git.run(['rev-parse', 'FETCH_HEAD'])
        const reading = await readCommit(
          git,
          commit,
          folder,
          `${place} (${commit.slice(0, 10)})`,
          environment,
        )
        last = { commit, reading }
        return reading
      }),
  }
}

/** What a name of the project's own repository stands for. */
function commitSource(projectFolder: string, ref: string, folder: string, environment: string): PlanSource {
  const git = createGit({ folder: projectFolder, place: projectFolder })
  return {
    place: ref,
    read: async () => {
      const commit = await requireCommit(git, projectFolder, ref, `--ref ${ref}`)
      return readCommit(git, commit, folder, `${ref} (${commit.slice(0, 10)})`, environment)
    },
  }
}

async function readCommit(
  git: Git,
  commit: string,
  folder: string,
  place: string,
  environment: string,
): Promise<PlanReading> {
  const options = ['-r', '-z', '--full-tree', '--name-only']
  const listed = await git.run(['--literal-pathspecs', 'ls-tree', ...options, commit, '--', `${folder}/`])
  const texts = new Map<string, string>()
  for (const path of listed.split('\0')) {
    const name = path.slice(folder.length + 1)
    if (!/^(plan|workloads\/[^/]+|holds\/[^/]+)\.yaml$/.test(name)) continue
    texts.set(name, await git.run(['cat-file', 'blob', `${commit}:${path}`]))
  }
  const plan = requireEnvironment(parsePlan(texts, `${folder} at ${place}`), environment, place)
  const holds = [...texts]
    .filter(([name]) => name.startsWith('holds/'))
    .map(([name, text]) => ({
      name: name.slice('holds/'.length, -'.yaml'.length),
      hold: readHold(text, name),
    }))
  return { plan, holds, place }
}

function requireEnvironment(plan: CapacityPlan, environment: string, place: string): CapacityPlan {
  const planned = plan.decision.environment
  if (planned === environment) return plan
  throw new LlmscaleError(
    'configInvalid',
    'PLAN_OF_OTHER_ENVIRONMENT',
    `the plan of ${place} is of environment ${planned}, not of ${environment}`,
    [`--env ${planned}`],
  )
}

function planUnknown(message: string): LlmscaleError {
  return new LlmscaleError('usage', 'PLAN_UNKNOWN', message)
}
