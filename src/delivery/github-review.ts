import { author as ourselves } from './git.js'
import {
  type GitHubRepository,
  mostListedCommits,
  mostListedFiles,
  type PullRequest,
  type PullRequestCommit,
  type Review,
} from './github-repository.js'

/** What has to be approved. */
export interface ReviewedPath {
  /** A file or folder, from the top of the repository. */
  path: string
  /** Its files on the reviewed branch: ids of contents by path. */
  files: ReadonlyMap<string, string>
  reviewedBranch: string
  /** The branch's commit. */
  commit: string
  /** Files and folders of people's own, from the top: a pull request with data has none of them. */
  rules: readonly string[]
}

export interface ReviewFinding {
  isApproved: boolean
  message: string
}

/**
 * Whether somebody approved a path as it is: the commit that last changed it came by a merged pull request, whose head
 * has the same files and was approved by a person who may write to the repository and has no part in its commits.
 * Commits count for whom GitHub shows as author and committer, who can be forged: only the branch's protection
 * ("require approval of the most recent reviewable push") knows who pushed. Plans come by themselves: a pull request that
 * also touches rules could loosen what its own plan is held to.
 *
 * Throws what GitHubRepository throws.
 */
export async function checkReview(github: GitHubRepository, reviewed: ReviewedPath): Promise<ReviewFinding> {
  const { path, files, commit, reviewedBranch } = reviewed
  const last = await github.lastCommit(commit, path)
  if (last === undefined)
    return files.size === 0
      ? { isApproved: true, message: `${path} never was there` }
      : missing(`GitHub knows no commit that changed ${path}`)
  const brought = (await github.pullRequestsOf(last)).filter(
    ({ merged_at, base }) => merged_at != null && base.ref === reviewedBranch,
  )
  let finding = missing(
    `${path} was last changed by commit ${short(last)}, which came to ${reviewedBranch} without a pull request`,
  )
  for (const pullRequest of brought) {
    finding = await checkPullRequest(github, pullRequest, reviewed)
    if (finding.isApproved) break
  }
  return finding
}

async function checkPullRequest(
  github: GitHubRepository,
  pullRequest: PullRequest,
  { path, files, rules }: ReviewedPath,
): Promise<ReviewFinding> {
  const { number, head } = pullRequest
  const name = `${path}: pull request #${number}`
  const reviews = findApprovals(await github.reviewsOf(number))
  const atHead = reviews.filter(({ commit_id }) => commit_id === head.sha)
  if (atHead.length === 0) {
    const stale = reviews.length === 0 ? '' : `; ${loginsOf(reviews)} approved an earlier commit`
    return missing(`${name} has no approving review of its last commit ${short(head.sha)}${stale}`)
  }
  const commits = await github.commitsOf(number)
  if (commits.length >= mostListedCommits)
    return missing(`${name} has ${mostListedCommits} commits or more: GitHub does not list all of them`)
  const unknownAuthor = commits.find(hasUnknownAuthor)
  if (unknownAuthor !== undefined)
    return missing(`${name}: GitHub does not know whose commit ${short(unknownAuthor.sha)} is`)
  const involved = findInvolved(pullRequest, commits)
  const others = atHead.filter(({ user }) => !involved.has(user!.login))
  if (others.length === 0) return missing(`${name} was approved only by ${loginsOf(atHead)}, who wrote it`)
  const approver = await findWriter(github, others)
  if (approver === undefined)
    return missing(`${name} was approved only by ${loginsOf(others)}, who may not write to the repository`)
  const differing = findDifferences(await github.filesAt(head.sha, path), files)
  if (differing.length > 0)
    return missing(`${name} was approved with another ${differing[0]}${andMore(differing)} than was merged`)
  if (isData(path)) {
    const touched = await github.pathsOf(number)
    if (touched.length >= mostListedFiles)
      return missing(`${name} touches ${mostListedFiles} files or more: GitHub does not list all of them`)
    const rule = touched.find((each) => isRule(each, rules))
    if (rule !== undefined)
      return missing(
        `${name} changes rules (${rule}) together with the plan that they judge; merge them apart`,
      )
  }
  return { isApproved: true, message: `${path} by ${approver} in #${number}` }
}

/** A folder of `forecasts/`, which the bot writes. */
const isData = (path: string) => /(^|\/)forecasts\/[^/]+$/.test(path)

/** What people decide and the bot obeys, and what is installed; `rules` are what an apply reads beside the plan. */
function isRule(path: string, rules: readonly string[]): boolean {
  return (
    /(^|\/)(llmscale\.yaml|Pulumi[\w.-]*\.yaml|CODEOWNERS)$|(^|\/)(policies|stacks|\.github)\//.test(path) ||
    /^(\.npmrc|package\.json|package-lock\.json)$/.test(path) ||
    rules.some((rule) => !isData(rule) && (path === rule || path.startsWith(`${rule}/`)))
  )
}

const missing = (message: string): ReviewFinding => ({ isApproved: false, message })
const short = (sha: string) => sha.slice(0, 10)
const andMore = ({ length }: readonly string[]) => (length > 1 ? ` and ${length - 1} more` : '')
const loginsOf = (reviews: readonly Review[]) =>
  [...new Set(reviews.map(({ user }) => user!.login))].join(', ')

/** A person's last word counts; a comment is none. */
function findApprovals(reviews: readonly Review[]): Review[] {
  const lastWords = new Map<string, Review>()
  for (const review of reviews)
    if (review.user?.type === 'User' && ['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED'].includes(review.state))
      lastWords.set(review.user.login, review)
  return [...lastWords.values()].filter(({ state }) => state === 'APPROVED')
}

/** Our own commits have an address that belongs to nobody. */
function hasUnknownAuthor({ author, committer, commit }: PullRequestCommit): boolean {
  return (
    (author === null && commit.author?.email !== ourselves.email) ||
    (committer === null && commit.committer?.email !== ourselves.email)
  )
}

function findInvolved({ user }: PullRequest, commits: readonly PullRequestCommit[]): Set<string> {
  const accounts = [user, ...commits.flatMap(({ author, committer }) => [author, committer])]
  return new Set(accounts.flatMap((account) => account?.login ?? []))
}

/** In a public repository anybody may approve. */
async function findWriter(github: GitHubRepository, reviews: readonly Review[]): Promise<string | undefined> {
  for (const { user } of reviews)
    if (['admin', 'write'].includes(await github.permissionOf(user!.login))) return user!.login
  return undefined
}

function findDifferences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort()
}
