import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import type { GitHubClient, Topic } from './github-client.js'

/** https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request */
export const mostListedCommits = 250
/** https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files */
export const mostListedFiles = 3000

const Account = z.object({ login: z.string(), type: z.string() })
/** The account is null, or empty, where GitHub knows nobody with the e-mail address. */
const CommitAccount = z.union([Account, z.object({}).transform(() => null)]).nullable()
const Person = z.object({ email: z.string().nullish() }).nullish()

const PullRequest = z.object({
  number: z.int(),
  user: Account.nullable(),
  merged_at: z.string().nullish(),
  head: z.object({ sha: z.string() }),
  base: z.object({ ref: z.string() }),
})
export type PullRequest = z.infer<typeof PullRequest>

const Review = z.object({
  user: Account.nullable(),
  state: z.string(),
  commit_id: z.string().nullish(),
})
export type Review = z.infer<typeof Review>

const PullRequestCommit = z.object({
  sha: z.string(),
  author: CommitAccount,
  committer: CommitAccount,
  commit: z.object({ author: Person, committer: Person }),
})
export type PullRequestCommit = z.infer<typeof PullRequestCommit>

const Tree = z.object({
  truncated: z.boolean(),
  tree: z.array(z.object({ path: z.string(), type: z.string(), sha: z.string() })),
})

const Commit = z.object({ sha: z.string() })
const Permission = z.object({ permission: z.string() })
const TouchedFile = z.object({ filename: z.string(), previous_filename: z.string().optional() })

/**
 * What GitHub knows about a repository's history. Methods throw what GitHubClient throws, and `upstreamUnavailable`
 * GITHUB_ANSWER_UNKNOWN for a folder that is too large to list.
 */
export interface GitHubRepository {
  /** The commit that last changed a path, as of a commit; undefined where none did. */
  lastCommit(commit: string, path: string): Promise<string | undefined>
  /** Pull requests that brought a commit. */
  pullRequestsOf(commit: string): Promise<PullRequest[]>
  /** Oldest first. */
  reviewsOf(number: number): Promise<Review[]>
  /** At most `mostListedCommits`. */
  commitsOf(number: number): Promise<PullRequestCommit[]>
  /** Paths that a pull request touches, and where files were renamed those of before; at most `mostListedFiles`. */
  pathsOf(number: number): Promise<string[]>
  /** admin, write, read or none. */
  permissionOf(login: string): Promise<string>
  /** Ids of contents by path, of a file or of all files of a folder, at a commit or tree. */
  filesAt(commit: string, path: string): Promise<Map<string, string>>
}

const commits: Topic = { what: 'commits', needs: 'contents: read' }
const files: Topic = { what: 'files', needs: 'contents: read' }
const pulls: Topic = { what: 'pull requests', needs: 'pull-requests: read' }
const permissions: Topic = { what: 'permissions', needs: 'metadata: read' }

export function readRepository(client: GitHubClient): GitHubRepository {
  const { read, readAll } = client
  const readTree = async (tree_sha: string, isRecursive: boolean) => {
    const values = { tree_sha, ...(isRecursive && { recursive: '1' }) }
    const { truncated, tree } = await read(
      files,
      Tree,
      'GET /repos/{owner}/{repo}/git/trees/{tree_sha}',
      values,
    )
    if (!truncated) return tree
    throw new LlmscaleError(
      'upstreamUnavailable',
      'GITHUB_ANSWER_UNKNOWN',
      `${client.repository} has more files in one folder than GitHub lists`,
    )
  }
  const ofPull = 'GET /repos/{owner}/{repo}/pulls/{pull_number}'

  return {
    lastCommit: async (sha, path) => {
      const values = { sha, path, per_page: 1 }
      return (await read(commits, z.array(Commit), 'GET /repos/{owner}/{repo}/commits', values))[0]?.sha
    },
    pullRequestsOf: (commit_sha) =>
      readAll(pulls, PullRequest, 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', { commit_sha }),
    reviewsOf: (pull_number) => readAll(pulls, Review, `${ofPull}/reviews`, { pull_number }),
    commitsOf: (pull_number) => readAll(pulls, PullRequestCommit, `${ofPull}/commits`, { pull_number }),
    pathsOf: async (pull_number) => {
      const touched = await readAll(pulls, TouchedFile, `${ofPull}/files`, { pull_number })
      return touched.flatMap(({ filename, previous_filename: before }) =>
        before === undefined ? [filename] : [filename, before],
      )
    },
    permissionOf: async (username) => {
      const route = 'GET /repos/{owner}/{repo}/collaborators/{username}/permission'
      return (await read(permissions, Permission, route, { username })).permission
    },
    filesAt: async (commit, path) => {
      const segments = path.split('/')
      let tree = await readTree(commit, false)
      for (const [index, segment] of segments.entries()) {
        const entry = tree.find((each) => each.path === segment)
        if (entry === undefined) return new Map()
        const isLast = index === segments.length - 1
        if (entry.type !== 'tree') return isLast ? new Map([[path, entry.sha]]) : new Map()
        tree = await readTree(entry.sha, isLast)
      }
      const blobs = tree.filter(({ type }) => type !== 'tree')
      return new Map(blobs.map((file) => [`${path}/${file.path}`, file.sha]))
    },
  }
}
