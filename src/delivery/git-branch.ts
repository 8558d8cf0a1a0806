import { LlmscaleError } from '../kit/errors.js'
import { retry, TemporaryFailure } from '../kit/retry.js'
import { type Git, inRepository, withoutPassword } from './git.js'

/** A branch that holds nothing but what we write. */
export interface OwnBranch {
  /** URL of the repository. */
  remote: string
  branch: string
  /** A file at its root, which says that the branch is ours to write. */
  mark: { name: string; text: string }
  /** What it holds, for messages. */
  holds: string
  /** Whether commits follow each other; else there is one alone, without a parent. */
  keepsHistory: boolean
}

/** Lines of `git update-index --index-info`, and why. */
export interface BranchChange {
  entries: string
  message: string
}

/**
 * Puts files, by path, on a branch beside those that are there. The branch has one commit without a parent: demand is
 * data that is written again and again, and a history of it would only grow. What another run pushes meanwhile is
 * kept: git refuses our push, and we begin anew, five times at most. Pushes nothing where nothing changed.
 * For tokens see `inRepository`.
 *
 * Throws `upstreamUnavailable` GIT_MISSING and GIT_FAILED, and `outputNotWritable` BRANCH_NOT_OURS for a branch that
 * has other things.
 */
export async function publishToBranch(
  { remote, branch }: Pick<OwnBranch, 'remote' | 'branch'>,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const mark = {
    name: '.llmscale-demand',
    text: `Demand files written by llmscale. Each run replaces the branch's only commit: do not
add anything else, and do not merge it.
`,
  }
  const target: OwnBranch = { remote, branch, mark, holds: 'demand files', keepsHistory: false }
  await inRepository(remote, async (git, signal) => {
    const entries = await storeFiles(git, files)
    await retry(() => changeBranch(git, target, async () => ({ entries, message: 'Demand' })), { signal })
  })
}

/**
 * Commits what `change` makes of the branch's tip, undefined where there is none yet, and pushes it; nothing where
 * nothing changes. Throws a TemporaryFailure where somebody else wrote the branch since we read it.
 */
export async function changeBranch(
  git: Git,
  target: OwnBranch,
  change: (tip: string | undefined) => Promise<BranchChange | undefined>,
): Promise<void> {
  const old = await fetchBranch(git, target)
  const changed = await change(old)
  if (changed === undefined) return
  await git.run(old === undefined ? ['read-tree', '--empty'] : ['read-tree', old])
  const mark = await storeFiles(git, new Map([[target.mark.name, target.mark.text]]))
  await git.run(['update-index', '-z', '--index-info'], mark + changed.entries)
  // The content of other files was never fetched.
  const tree = await git.run(['write-tree', '--missing-ok'])
  if (old !== undefined && tree === (await git.run(['rev-parse', `${old}^{tree}`]))) return
  const parents = old !== undefined && target.keepsHistory ? ['-p', old] : []
  const commit = await git.run(['commit-tree', tree, ...parents, '-m', changed.message])
  await pushCommit(git, target.branch, commit, old)
}

/**
 * The commit that the branch has at the remote, fetched without the content of its files; undefined without one.
 * Throws BRANCH_NOT_OURS.
 */
export async function fetchBranch(git: Git, target: OwnBranch): Promise<string | undefined> {
  const ref = `refs/heads/${target.branch}`
  if ((await git.run(['ls-remote', 'origin', ref])) === '') return undefined
  await git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--filter=blob:none', 'origin', ref])
  const tip = await git.run(['rev-parse', 'FETCH_HEAD'])
  await requireOurs(git, target, tip)
  return tip
}

/** Gives the lines of `git update-index --index-info` for files whose content is now stored. */
export async function storeFiles(git: Git, files: ReadonlyMap<string, Uint8Array | string>): Promise<string> {
  let entries = ''
  for (const [path, content] of files) {
    const blob = await git.run(['hash-object', '-w', '--stdin'], content)
    entries += `100644 ${blob}\t${path}\0`
  }
  return entries
}

async function requireOurs(
  git: Git,
  { remote, branch, mark, holds }: OwnBranch,
  commit: string,
): Promise<void> {
  if ((await git.run(['ls-tree', '--name-only', commit, '--', mark.name])) !== '') return
  throw new LlmscaleError(
    'outputNotWritable',
    'BRANCH_NOT_OURS',
    `branch ${branch} of ${withoutPassword(remote)} holds other things than ${holds}: it has no ${mark.name}, and is left as it is`,
    ['Name a branch that does not exist yet; it is created.'],
  )
}

/** What git says of a reference that another push moves at the same time, beside `[rejected]`. */
const moved = /^!.*\[(rejected|remote rejected\] \(.*(lock|update ref|already exists|old value))/m

/**
 * Pushes a commit to a branch that is at `old`, or not there yet. Throws a TemporaryFailure where somebody else wrote it
 * meanwhile.
 */
export async function pushCommit(git: Git, branch: string, commit: string, old = ''): Promise<void> {
  const ref = `refs/heads/${branch}`
  const lease = `--force-with-lease=${ref}:${old}`
  const args = ['push', '--porcelain', '--no-verify', lease, 'origin', `${commit}:${ref}`]
  const { code, stdout, stderr } = await git.try(args)
  if (code === 0) return
  if (!moved.test(stdout)) throw git.failure('push', `${stdout}\n${stderr}`)
  throw new TemporaryFailure((tries) =>
    git.failure('push', `other runs moved branch ${branch} during each of ${tries} tries`),
  )
}
