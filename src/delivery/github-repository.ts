import type { Octokit } from 'octokit'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { parseRetryAfter, retry, TemporaryFailure, type Wait } from '../kit/retry.js'

const requestSeconds = 30
/** https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request */
export const mostListedCommits = 250

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

/**
 * What GitHub knows about a repository's history. Methods throw `approvalMissing` APPROVAL_UNKNOWN where GitHub does
 * not answer, or not to this token, which no message repeats.
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
  /** admin, write, read or none. */
  permissionOf(login: string): Promise<string>
  /** Ids of contents by path, of a file or of all files of a folder, at a commit. */
  filesAt(commit: string, path: string): Promise<Map<string, string>>
  close(): Promise<void>
}

interface GitHubOptions {
  /** `owner/name` */
  repository: string
  token: string
  apiUrl: string
  wait: Wait | undefined
}

/** https://docs.github.com/en/rest */
export async function openGitHub(options: GitHubOptions): Promise<GitHubRepository> {
  const { octokit, close } = await createOctokit(options)
  const [owner, repo] = options.repository.split('/') as [string, string]
  const at = { owner, repo }
  const ask = <T>(what: string, schema: z.ZodType<T>, request: () => Promise<unknown>) =>
    retry(() => answered(options, what, schema, request), { wait: options.wait })
  const get = <T>(what: string, schema: z.ZodType<T>, route: string, values: object) =>
    ask(what, schema, async () => (await octokit.request(`GET ${route}`, { ...at, ...values })).data)
  const getAll = <T>(what: string, schema: z.ZodType<T>, route: string, values: object) =>
    ask(what, z.array(schema), () => octokit.paginate(`GET ${route}`, { ...at, ...values, per_page: 100 }))
  const readTree = async (tree_sha: string, isRecursive: boolean) => {
    const values = { tree_sha, ...(isRecursive && { recursive: '1' }) }
    const { truncated, tree } = await get('files', Tree, '/repos/{owner}/{repo}/git/trees/{tree_sha}', values)
    if (truncated) throw notKnown(`${options.repository} has more files in one folder than GitHub lists`)
    return tree
  }

  return {
    lastCommit: async (sha, path) => {
      const Commits = z.array(z.object({ sha: z.string() }))
      const values = { sha, path, per_page: 1 }
      return (await get('commits', Commits, '/repos/{owner}/{repo}/commits', values))[0]?.sha
    },
    pullRequestsOf: (commit_sha) =>
      getAll('pull requests', PullRequest, '/repos/{owner}/{repo}/commits/{commit_sha}/pulls', {
        commit_sha,
      }),
    reviewsOf: (pull_number) =>
      getAll('reviews', Review, '/repos/{owner}/{repo}/pulls/{pull_number}/reviews', { pull_number }),
    commitsOf: (pull_number) =>
      getAll('commits', PullRequestCommit, '/repos/{owner}/{repo}/pulls/{pull_number}/commits', {
        pull_number,
      }),
    permissionOf: async (username) => {
      const route = '/repos/{owner}/{repo}/collaborators/{username}/permission'
      return (await get('permissions', z.object({ permission: z.string() }), route, { username })).permission
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
      const files = tree.filter(({ type }) => type !== 'tree')
      return new Map(files.map((file) => [`${path}/${file.path}`, file.sha]))
    },
    close,
  }
}

function notKnown(message: string): LlmscaleError {
  return new LlmscaleError('approvalMissing', 'APPROVAL_UNKNOWN', message)
}

/** Obeys HTTPS_PROXY and NO_PROXY; repeats nothing by itself. */
async function createOctokit({ token, apiUrl }: GitHubOptions): Promise<{
  octokit: Octokit
  close(): Promise<void>
}> {
  const [{ Octokit }, { EnvHttpProxyAgent, fetch }] = await Promise.all([import('octokit'), import('undici')])
  const dispatcher = new EnvHttpProxyAgent()
  const silent = () => undefined
  const octokit = new Octokit({
    auth: token,
    baseUrl: apiUrl,
    userAgent: 'llmscale',
    retry: { enabled: false },
    throttle: { enabled: false },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    request: {
      fetch: (url: string, init: RequestInit) => {
        const signal = AbortSignal.timeout(requestSeconds * 1000)
        return fetch(url, { ...(init as object), dispatcher, signal })
      },
    },
  })
  return { octokit, close: () => dispatcher.close() }
}

/** Reads an answer, or explains why there is none; what may pass is a TemporaryFailure. */
async function answered<T>(
  { repository, token, apiUrl }: GitHubOptions,
  what: string,
  schema: z.ZodType<T>,
  request: () => Promise<unknown>,
): Promise<T> {
  let data: unknown
  try {
    data = await request()
  } catch (cause) {
    const { status, response, message } = cause as FailedRequest
    const headers = response?.headers ?? {}
    const says = cleanText(message, [token])
    const isLimited = headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined
    if (status === 401)
      throw notKnown('GitHub does not accept GITHUB_TOKEN (401): it is wrong, has expired or was revoked')
    if (status === 429 || (status === 403 && isLimited) || isFailure(status, response))
      throw new TemporaryFailure(
        (tries) =>
          notKnown(
            status === 429 || status === 403
              ? `GitHub lets this token ask no more for now (${status}), ${tries} times`
              : `GitHub (${apiUrl}) does not answer, ${tries} times: ${says}`,
          ),
        parseRetryAfter(headers['retry-after'], Date.now()),
      )
    if (status === 403)
      throw notKnown(
        `GITHUB_TOKEN may not read ${what} of ${repository} (403: ${says}); the job needs the permissions ` +
          'contents: read and pull-requests: read',
      )
    if (status === 404 || status === 422)
      throw notKnown(
        `GitHub does not have these ${what} of ${repository}, or not for this token (${status}: ${says}); ` +
          'check GITHUB_REPOSITORY, and that the reviewed branch is pushed',
      )
    throw notKnown(`GitHub answers ${status} about ${what} of ${repository}: ${says}`)
  }
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw notKnown(`${apiUrl} does not answer as GitHub does about ${what}: ${path.join('.')}: ${message}`)
}

interface FailedRequest extends Error {
  /** 500 too where there was no answer at all. */
  status?: number
  response?: { headers: Record<string, string | undefined> }
}

function isFailure(status: number | undefined, response: unknown): boolean {
  return status === undefined || response === undefined || status >= 500
}
