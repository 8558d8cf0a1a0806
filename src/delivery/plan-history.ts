import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import { type CapacityPlan, PlanHeader } from '../planning/capacity-plan.js'
import { parsePlan } from '../planning/plan-file.js'
import { findPrevious, type PlanVersion } from '../planning/rollback.js'
import { createGit, type Git } from './git.js'
import { readPlan } from './plan-folder.js'

/** All that is read of a plan while its history is searched: older versions may have had other fields. */
const { baseline, findings } = PlanHeader.shape
const PlanHead = z.object({ planId: z.string(), header: z.object({ baseline, findings }) })

/** A plan of the past and where it was found: a short commit, or a folder. */
export interface FoundPlan {
  plan: CapacityPlan
  place: string
}

/**
 * The plan before the one of a folder, from the history of git: of merges only what they brought counts, not the steps
 * on a branch. See `findPrevious` for which one that is.
 * Throws `badData` NO_PLAN_BEFORE, as `parsePlan` does, and GIT_MISSING and GIT_FAILED.
 */
export async function readPreviousPlan(folder: string, present: CapacityPlan): Promise<FoundPlan> {
  const git = createGit({ folder, place: folder })
  const previous = await findPrevious(present, listVersions(git))
  if (previous !== undefined) return readPlanAt(git, folder, previous.commit)
  const isShallow = (await git.try(['rev-parse', '--is-shallow-repository'])).stdout === 'true'
  throw new LlmscaleError(
    'badData',
    'NO_PLAN_BEFORE',
    `the git history of ${folder} has no plan before ${present.planId.slice(0, 12)}`,
    isShallow
      ? ['This clone has only a part of the history: git fetch --unshallow']
      : ['Name a plan with --to: a commit, a branch or a folder.'],
  )
}

/**
 * The plan of a folder at another time, and the last commit that brought it; undefined where neither its history nor
 * git is there.
 */
export async function findPlanById(
  folder: string,
  planId: string,
): Promise<{ plan: CapacityPlan; commit: string } | undefined> {
  const git = createGit({ folder, place: folder })
  try {
    for await (const { planId: id, commit } of listVersions(git))
      if (id === planId) return { plan: (await readPlanAt(git, folder, commit)).plan, commit }
  } catch (error) {
    if (!(error instanceof LlmscaleError) || error.reason === 'interrupted') throw error
  }
  return undefined
}

/**
 * The plan that `--to` names: a folder with a plan, else a commit or branch, of whose files in `folder` it is read.
 * Throws `usage` PLAN_UNKNOWN, and as `readPlan` and `parsePlan` do.
 */
export async function readNamedPlan(folder: string, name: string): Promise<FoundPlan> {
  if (await isPlanFolder(name)) return { plan: await readPlan(name), place: name }
  const git = createGit({ folder, place: folder })
  return readPlanAt(git, folder, await requireCommit(git, folder, name, `--to ${name}`))
}

export async function isPlanFolder(folder: string): Promise<boolean> {
  return stat(join(folder, 'plan.yaml')).then(
    () => true,
    () => false,
  )
}

/**
 * The commit that a name of one, of a branch or of a tag stands for. Throws `usage` PLAN_UNKNOWN.
 * @param shown how the message calls the name
 */
export async function requireCommit(git: Git, folder: string, name: string, shown: string): Promise<string> {
  const { code, stdout: commit } = await git.try([
    ...['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
  ])
  if (code === 0) return commit
  throw new LlmscaleError(
    'usage',
    'PLAN_UNKNOWN',
    `${shown} is neither a folder with a plan.yaml nor a commit or branch of the repository of ${folder}`,
    name.startsWith('origin/') ? [`git fetch origin ${name.slice('origin/'.length)}`] : [],
  )
}

/**
 * The plan of a folder on the reviewed branch at `origin`, as git last fetched it; undefined where the branch has none
 * yet, and where the folder lies in no clone at all. Throws `digestMismatch` BASELINE_UNKNOWN where the branch is not
 * known, with `needed` also outside of a clone; and as `parsePlan` does.
 */
export async function readReviewedPlan(
  folder: string,
  branch: string,
  needed: boolean,
): Promise<FoundPlan | undefined> {
  const git = createGit({ folder, place: folder })
  const commit = await findReviewedCommit(git, folder, branch, needed)
  return commit !== undefined && (await hasPlan(git, commit)) ? readPlanAt(git, folder, commit) : undefined
}

/** A folder on the branch that a proposal is for. */
export interface ProposalBase {
  commit: string
  /** Undefined where the branch has none yet. */
  plan: CapacityPlan | undefined
  /** Files of the folder, by their paths in it. */
  paths: string[]
  /** Plans that came to the branch since a time, and the one before them, the oldest first. */
  merged: { plan: CapacityPlan; time: EpochSeconds }[]
  /** Text of a file by its path from the top of the repository, without its last line end; undefined without one. */
  readText(path: string): Promise<string | undefined>
}

/** What the reviewed branch at `origin` has in a folder, as git last fetched it. Throws as `readReviewedPlan`. */
export async function readProposalBase(
  folder: string,
  branch: string,
  since: EpochSeconds,
): Promise<ProposalBase> {
  const git = createGit({ folder, place: folder })
  const commit = (await findReviewedCommit(git, folder, branch, true))!
  const listed = await git.run(['ls-tree', '-r', '-z', '--name-only', commit, '--', '.'])
  const merged: ProposalBase['merged'] = []
  for await (const version of listVersions(git, commit)) {
    const time = Number(await git.run(['show', '--no-patch', '--format=%ct', version.commit]))
    const plan = await readPlanAt(git, folder, version.commit).catch(() => undefined)
    if (plan !== undefined) merged.unshift({ plan: plan.plan, time })
    if (time < since) break
  }
  return {
    commit,
    plan: (await hasPlan(git, commit)) ? (await readPlanAt(git, folder, commit)).plan : undefined,
    paths: listed.split('\0').filter(Boolean),
    merged,
    readText: async (path) => {
      const { code, stdout } = await git.try(['cat-file', 'blob', `${commit}:${path}`])
      return code === 0 ? stdout : undefined
    },
  }
}

async function findReviewedCommit(
  git: Git,
  folder: string,
  branch: string,
  needed: boolean,
): Promise<string | undefined> {
  const ref = `refs/remotes/origin/${branch}^{commit}`
  const { code, stdout: commit } = await git.try(['rev-parse', '--verify', '--quiet', ref])
  if (code === 0) return commit
  const isClone = (await git.try(['remote', 'get-url', 'origin'])).code === 0
  if (!isClone && !needed) return undefined
  throw new LlmscaleError(
    'digestMismatch',
    'BASELINE_UNKNOWN',
    `git knows no origin/${branch}, so what ${folder} takes away cannot be told`,
    [`git fetch origin ${branch}:refs/remotes/origin/${branch}`, 'Name the plan in force with --baseline.'],
  )
}

/** Whether a commit has a plan in the folder that git runs in, or in one below it. */
export async function hasPlan(git: Git, commit: string, within = '.'): Promise<boolean> {
  return (await git.try(['cat-file', '-e', `${commit}:./${within}/plan.yaml`])).code === 0
}

/** Throws `outputNotWritable` FORECASTS_DIRTY where a folder has something that git does not, ignored files too. */
export async function requireCommitted(folder: string): Promise<void> {
  const git = createGit({ folder, place: folder })
  const status = await git.run(['status', '--porcelain', '--untracked-files=all', '--ignored', '--', '.'])
  if (status === '') return
  const files = status.split('\n').map((line) => line.slice(3))
  throw new LlmscaleError(
    'outputNotWritable',
    'FORECASTS_DIRTY',
    `${folder} has changes that are not committed: ${files.join(', ')}`,
    ['Commit or discard them first: they would be lost or mixed with the rollback.'],
  )
}

/** Versions of a folder's plan.yaml up to a commit, newest first; those that cannot be read are passed over. */
async function* listVersions(git: Git, until = 'HEAD'): AsyncIterable<PlanVersion & { commit: string }> {
  const commits = await git.run(['log', '--first-parent', '--format=%H', until, '--', 'plan.yaml'])
  for (const commit of commits.split('\n').filter(Boolean)) {
    const { code, stdout } = await git.try(['show', `${commit}:./plan.yaml`])
    const head = code === 0 ? parseHead(stdout) : undefined
    if (head !== undefined) yield { commit, ...head }
  }
}

function parseHead(text: string): PlanVersion | undefined {
  try {
    return PlanHead.safeParse(parse(text)).data
  } catch {
    return undefined
  }
}

/**
 * The plan of a folder at a commit.
 * @param within path of the plan's folder below `folder`, where that need not be there now
 */
export async function readPlanAt(git: Git, folder: string, commit: string, within = '.'): Promise<FoundPlan> {
  const place = commit.slice(0, 10)
  const tree = await git.run(['rev-parse', `${commit}:./${within}`])
  const paths = ['plan.yaml', 'workloads']
  const listed = await git.run(['ls-tree', '--full-tree', '-r', '-z', '--name-only', tree, '--', ...paths])
  const files = new Map<string, string>()
  for (const path of listed.split('\0').filter((each) => each.endsWith('.yaml')))
    files.set(path, await git.run(['show', `${tree}:${path}`]))
  return { plan: parsePlan(files, `${join(folder, within)} at ${place}`), place }
}
