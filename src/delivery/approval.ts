import { join, relative, resolve } from 'node:path'
import type { Environment } from '../config/environment.js'
import { LlmscaleError } from '../kit/errors.js'
import type { Wait } from '../kit/retry.js'
import { createTemporaryFolder } from '../kit/temporary-folder.js'
import { type GuardVerdict, isLocalBackend } from '../planning/guards.js'
import { createGit, findAccess, type Git, withoutPassword } from './git.js'
import { findRemote } from './open-state-store.js'

export interface ApprovalInputs extends Pick<Environment, 'approval' | 'reviewedBranch'> {
  projectFolder: string
  /** Files and folders that decide what is applied, from the project's folder or absolute. */
  paths: readonly string[]
  /** Pulumi backend URL; without it the local one. */
  backend: string | undefined
  /** For tests. */
  wait?: Wait
}

/**
 * Whether what lies in the work tree was reviewed. `git`: the files are as on the reviewed branch at `origin`, and
 * nothing of them is uncommitted. `github`: in addition, somebody approved the pull requests that brought them; reads
 * GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL. `none`: only a local backend has no review.
 *
 * What cannot be found out is refused, with APPROVAL_UNKNOWN.
 */
export async function checkApproval(inputs: ApprovalInputs): Promise<GuardVerdict> {
  try {
    if (inputs.approval === 'none') return checkUnreviewed(inputs)
    const review = await compareFiles(inputs)
    if ('state' in review) return review
    return inputs.approval === 'git' ? passed(review.message) : await checkPullRequests(inputs, review)
  } catch (cause) {
    if (!(cause instanceof LlmscaleError) || cause.reason === 'interrupted') throw cause
    return refused('APPROVAL_UNKNOWN', cause.message)
  }
}

const verdict = (state: GuardVerdict['state'], code: string, message: string): GuardVerdict => ({
  guard: 'approval',
  state,
  reason: 'approvalMissing',
  code,
  message,
})
const passed = (message: string) => verdict('passed', 'APPROVAL_MISSING', message)
const refused = (code: 'APPROVAL_MISSING' | 'APPROVAL_UNKNOWN' | 'FILES_NOT_REVIEWED', message: string) =>
  verdict('refused', code, message)

function checkUnreviewed({ backend }: ApprovalInputs): GuardVerdict {
  return isLocalBackend(backend)
    ? passed('nobody reviewed it: approval is none, which a local backend allows')
    : refused(
        'APPROVAL_MISSING',
        `nobody reviewed it: approval is none, which is for a local backend alone, and this one is ${withoutPassword(backend!)}`,
      )
}

/** Files that are as on the reviewed branch. */
interface ReviewedFiles {
  /** The reviewed branch's commit. */
  commit: string
  remote: string | undefined
  /** What was compared, from the top of the repository. */
  fullPaths: string[]
  /** Ids of contents by path from the top. */
  files: Map<string, string>
  message: string
}

async function compareFiles(inputs: ApprovalInputs): Promise<ReviewedFiles | GuardVerdict> {
  const { projectFolder, paths } = inputs
  const inProject = createGit({ folder: projectFolder, place: projectFolder })
  const top = await inProject.run(['rev-parse', '--show-toplevel'])
  const prefix = await inProject.run(['rev-parse', '--show-prefix'])
  const git = createGit({ folder: top, place: top })
  const remote = await findRemote(projectFolder)
  const { ref, name, note } = await findReviewedBranch(git, top, remote, inputs)
  const { code, stdout: commit } = await git.try(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`])
  if (code !== 0) return refused('APPROVAL_UNKNOWN', `there is no reviewed branch ${name} here${note}`)

  const fullPaths = paths.map((path) => fromTop(projectFolder, prefix, path))
  const outside = paths.find((_path, index) => fullPaths[index]!.startsWith('..'))
  if (outside !== undefined)
    return refused('FILES_NOT_REVIEWED', `${outside} is not in the repository ${top}, so nobody reviewed it`)
  const listed = await git.run(['ls-tree', '-r', '-z', '--full-tree', commit, '--', ...fullPaths])
  if (listed === '')
    return refused(
      'APPROVAL_MISSING',
      `${name} has none of ${paths.join(', ')}: nothing of it was reviewed${note}`,
    )
  const found = [
    ...(await findUncommitted(git, fullPaths)),
    ...findLinks(listed),
    ...(await findDifferences(top, listed, fullPaths, name)),
  ]
  const differing = new Map(found.reverse())
  if (differing.size > 0) {
    const list = [...differing].sort(([a], [b]) => (a < b ? -1 : 1))
    return refused(
      'FILES_NOT_REVIEWED',
      `not as reviewed on ${name} (${commit.slice(0, 10)}): ${namesOf(list, prefix)}${note}`,
    )
  }
  const files = new Map(entriesOf(listed).map(({ path, id }) => [path, id]))
  const message = `${files.size} files are as on ${name} (${commit.slice(0, 10)})${note}`
  return { commit, remote, fullPaths, files, message }
}

/** A path of the project, or an absolute one, from the top of its repository. */
function fromTop(projectFolder: string, prefix: string, path: string): string {
  const inProject = relative(resolve(projectFolder), resolve(projectFolder, path))
  return join(prefix, inProject).replace(/\/+$/, '')
}

/**
 * The branch at `origin` as of now. What cannot be fetched is taken as it was last seen, and said, with a local backend
 * alone: what was reviewed then may have been taken back since.
 */
async function findReviewedBranch(
  git: Git,
  top: string,
  remote: string | undefined,
  { reviewedBranch: branch, backend }: ApprovalInputs,
) {
  if (remote === undefined)
    return {
      ref: `refs/heads/${branch}`,
      name: branch,
      note: '; there is no remote named origin, so this is the local branch',
    }
  const ref = `refs/remotes/origin/${branch}`
  const place = withoutPassword(remote)
  // GitHub refuses two headers; a checkout in Actions brings its own.
  const own = await git.try(['config', '--get-urlmatch', 'http.extraHeader', place])
  const access = own.code === 0 || place !== remote ? undefined : findAccess(remote)
  const network = createGit({ folder: top, place, access })
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
  const fetched = await network.try(['fetch', ...options, 'origin', `+refs/heads/${branch}:${ref}`])
  const name = `origin/${branch}`
  if (fetched.code === 0) return { ref, name, note: '' }
  const failure = network.failure('fetch', fetched.stderr)
  if (!isLocalBackend(backend) || /couldn't find remote ref|invalid refspec/.test(fetched.stderr))
    throw failure
  return { ref, name, note: `; as last fetched, because ${failure.message}` }
}

/** Path and what is wrong with it. */
type Difference = [path: string, what: string]

/** A fresh index of the reviewed files alone: no flag of the user's index can hide a change. */
async function findDifferences(
  top: string,
  listed: string,
  paths: readonly string[],
  name: string,
): Promise<Difference[]> {
  const folder = createTemporaryFolder('index')
  try {
    const variables = { GIT_INDEX_FILE: join(folder.path, 'index') }
    const git = createGit({ folder: top, place: top, variables })
    const plain = ['--literal-pathspecs', '-c', 'core.fsmonitor=false']
    await git.run([...plain, 'update-index', '-z', '--index-info'], listed)
    await git.try([...plain, 'update-index', '-q', '--refresh'])
    const changed = (await git.run([...plain, 'diff-files', '-z', '--name-status'])).split('\0')
    const differences: Difference[] = []
    for (let index = 0; index + 1 < changed.length; index += 2)
      differences.push([changed[index + 1]!, changed[index] === 'D' ? 'missing here' : 'differs'])
    // Files that git ignores are read like others.
    const others = await git.run([...plain, 'ls-files', '--others', '-z', '--', ...paths])
    for (const path of others.split('\0').filter(Boolean)) differences.push([path, `not on ${name}`])
    return differences
  } finally {
    await folder.remove()
  }
}

async function findUncommitted(git: Git, paths: readonly string[]): Promise<Difference[]> {
  const options = ['--porcelain=v1', '-z', '--untracked-files=all', '--no-renames']
  const plain = ['--literal-pathspecs', '--no-optional-locks']
  const status = await git.run([...plain, 'status', ...options, '--', ...paths])
  return status
    .split('\0')
    .filter(Boolean)
    .map((line) => [line.slice(3), 'not committed'])
}

/** Nobody reviews what a link leads to. */
function findLinks(listed: string): Difference[] {
  return entriesOf(listed)
    .filter(({ mode }) => !mode.startsWith('100'))
    .map(({ path }) => [path, 'a link'])
}

/** Of the output of `git ls-tree -z`. */
function entriesOf(listed: string): { mode: string; id: string; path: string }[] {
  return listed
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t([\s\S]+)$/.exec(line)!
      return { mode: mode!, id: id!, path: path! }
    })
}

function namesOf(differences: readonly Difference[], prefix: string): string {
  const most = 20
  const named = differences.slice(0, most).map(([path, what]) => {
    const inProject = path.startsWith(prefix) ? path.slice(prefix.length) : path
    return `${inProject} (${what})`
  })
  const rest = differences.length - named.length
  return named.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

async function checkPullRequests(
  { reviewedBranch, wait }: ApprovalInputs,
  { commit, remote, fullPaths, files, message }: ReviewedFiles,
): Promise<GuardVerdict> {
  const [{ createGitHubClient, findGitHubAccess }, { readRepository }, { checkReview }] = await Promise.all([
    import('./github-client.js'),
    import('./github-repository.js'),
    import('./github-review.js'),
  ])
  const client = await createGitHubClient(await findGitHubAccess(remote), wait)
  const github = readRepository(client)
  try {
    const approvals: string[] = []
    for (const path of fullPaths) {
      const own = new Map([...files].filter(([name]) => name === path || name.startsWith(`${path}/`)))
      const finding = await checkReview(github, {
        path,
        files: own,
        commit,
        reviewedBranch,
        rules: fullPaths,
      })
      if (!finding.isApproved) return refused('APPROVAL_MISSING', finding.message)
      approvals.push(finding.message)
    }
    return passed(`${message}; approved: ${approvals.join(', ')}`)
  } finally {
    await client.close()
  }
}
