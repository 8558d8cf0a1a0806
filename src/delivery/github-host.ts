import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import type { Wait } from '../kit/retry.js'
import {
  BranchMoved,
  type GitHost,
  type HostCommit,
  type HostIssue,
  type HostPullRequest,
} from './git-host.js'
import {
  createGitHubClient,
  type GitHubAccess,
  type GitHubClient,
  GitHubRefusal,
  type Topic,
} from './github-client.js'
import { readRepository } from './github-repository.js'

const contentsRead: Topic = { what: 'contents', needs: 'contents: read' }
const contents: Topic = { what: 'contents', needs: 'contents: write' }
const pulls: Topic = { what: 'pull requests', needs: 'pull-requests: write' }
const issues: Topic = { what: 'issues', needs: 'issues: write' }
const workflows: Topic = { what: 'workflows', needs: 'actions: write' }

const Repository = z.object({
  full_name: z.string(),
  node_id: z.string(),
  default_branch: z.string(),
  archived: z.boolean(),
})
const Reference = z.object({ object: z.object({ sha: z.string() }) })
const Commit = z.object({
  sha: z.string(),
  message: z.string(),
  author: z.object({ name: z.string() }).nullish(),
  tree: z.object({ sha: z.string() }),
  parents: z.array(z.object({ sha: z.string() })),
})
const Comparison = z.object({
  status: z.enum(['ahead', 'behind', 'diverged', 'identical']),
  files: z.array(z.object({ filename: z.string(), previous_filename: z.string().optional() })).default([]),
})
/** https://docs.github.com/en/rest/commits/commits#compare-two-commits */
const mostComparedFiles = 300
const Made = z.object({ sha: z.string() })
const Blob = z.object({ content: z.string(), encoding: z.string() })
const Account = z.object({ login: z.string() }).nullable()
const Pull = z.object({
  number: z.int(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  title: z.string(),
  body: z.string().nullish(),
  user: Account,
  labels: z.array(z.object({ name: z.string() })).default([]),
  head: z.object({ sha: z.string() }),
  base: z.object({ ref: z.string() }),
})
const Comment = z.object({ id: z.int(), body: z.string().default(''), user: Account })
const Issue = z.object({
  number: z.int(),
  html_url: z.string(),
  state: z.string(),
  title: z.string(),
  body: z.string().nullish(),
  pull_request: z.unknown().optional(),
})
const Anything = z.unknown()

const updateRefs = `mutation ($repository: ID!, $name: GitRefname!, $before: GitObjectID!, $after: GitObjectID!) {
  updateRefs(input: {
    repositoryId: $repository,
    refUpdates: [{ name: $name, beforeOid: $before, afterOid: $after, force: true }]
  }) { clientMutationId }
}`
const readEdit = `query ($owner: String!, $repo: String!, $number: Int!) {
  repository(owner: $owner, name: $repo) { pullRequest(number: $number) { lastEditedAt } }
}`
/**
 * Answered for tokens of people, of Apps and of Actions; REST says only to people who they are
 * (https://github.com/actions/github-script/issues/39).
 */
const readViewer = 'query { viewer { login } }'
const Viewer = z.object({ viewer: z.object({ login: z.string() }) })
const Edit = z.object({
  repository: z.object({ pullRequest: z.object({ lastEditedAt: z.string().nullable() }) }),
})

/**
 * GitHub, or GitHub Enterprise by its address. A repository that has moved is taken where it is now. Commits are made
 * without author, committer or signature, so that GitHub signs them for an App
 * (https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots).
 *
 * Throws `upstreamUnavailable` GITHUB_ARCHIVED, and what GitHubClient throws, as its methods do.
 */
export async function openGitHubHost(access: GitHubAccess, wait?: Wait): Promise<GitHost> {
  const first = await createGitHubClient(access, wait)
  try {
    const known = await first.read(contentsRead, Repository, 'GET /repos/{owner}/{repo}')
    if (known.archived)
      throw new LlmscaleError(
        'upstreamUnavailable',
        'GITHUB_ARCHIVED',
        `${known.full_name} is archived: nothing can be written to it`,
        ['Unarchive it, or set GITHUB_REPOSITORY to the repository that took its place.'],
      )
    if (known.full_name === access.repository) return createHost(first, known)
    const moved = await createGitHubClient({ ...access, repository: known.full_name }, wait)
    await first.close()
    return createHost(moved, known)
  } catch (cause) {
    await first.close()
    throw cause
  }
}

function createHost(client: GitHubClient, known: z.infer<typeof Repository>): GitHost {
  return {
    place: client.repository,
    defaultBranch: known.default_branch,
    ...branchesOf(client, known.node_id),
    ...pullRequestsOf(client),
    ...conversationsOf(client),
    dispatchWorkflow: async (workflow_id: string, inputs: Readonly<Record<string, string>>) => {
      const route = 'POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches'
      await client.write(workflows, Anything, route, { workflow_id, ref: known.default_branch, inputs })
    },
    close: client.close,
  }
}

function branchesOf(client: GitHubClient, repositoryId: string) {
  const { read, write, graphql, repository } = client
  const headOf = async (branch: string): Promise<string | undefined> => {
    try {
      const ref = `heads/${branch}`
      return (await read(contentsRead, Reference, 'GET /repos/{owner}/{repo}/git/ref/{ref}', { ref })).object
        .sha
    } catch (cause) {
      // 409 is said of a repository without any commit.
      if (cause instanceof GitHubRefusal && (cause.status === 404 || cause.status === 409)) return undefined
      throw cause
    }
  }
  const readCommit = async (commit_sha: string): Promise<HostCommit> => {
    const route = 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}'
    const { sha, tree, parents, message, author } = await read(contentsRead, Commit, route, { commit_sha })
    return {
      id: sha,
      tree: tree.sha,
      parents: parents.map((parent) => parent.sha),
      message,
      author: author?.name ?? 'somebody',
    }
  }
  /** Whether the branch is at a commit after a write that failed, or of which no answer came. */
  const requireMoved = async (branch: string, from: string | undefined, to: string, cause: unknown) => {
    const now = await headOf(branch)
    if (now === to) return
    if (now !== from) throw new BranchMoved(repository, branch)
    if (!(cause instanceof GitHubRefusal) || cause.code !== 'GITHUB_REFUSED') throw cause
    throw new GitHubRefusal(cause.status, 'BRANCH_PROTECTED', `branch ${branch}: ${cause.message}`, [
      `Let the bot bypass the rules that protect ${branch}: it makes the branch anew with each plan.`,
    ])
  }
  const landed = (branch: string, to: string) => async () =>
    (await headOf(branch)) === to ? ({} as unknown) : undefined

  return {
    readBranch: async (branch: string) => {
      const head = await headOf(branch)
      return head === undefined ? undefined : readCommit(head)
    },
    readCommit,
    compare: async (from: string, to: string) => {
      const route = 'GET /repos/{owner}/{repo}/compare/{basehead}'
      const basehead = `${from}...${to}`
      const { status, files } = await read(contentsRead, Comparison, route, { basehead })
      const paths = files.flatMap(({ filename, previous_filename: before }) =>
        before === undefined ? [filename] : [filename, before],
      )
      return {
        isAhead: status === 'ahead' || status === 'identical',
        paths: files.length < mostComparedFiles ? paths : undefined,
      }
    },
    filesAt: readRepository(client).filesAt,
    readText: async (file_sha: string) => {
      const route = 'GET /repos/{owner}/{repo}/git/blobs/{file_sha}'
      const { content, encoding } = await read(contentsRead, Blob, route, { file_sha })
      return encoding === 'base64' ? Buffer.from(content, 'base64').toString('utf8') : content
    },
    writeBranch: async ({
      branch,
      base,
      files,
      describe,
      expected,
    }: Parameters<GitHost['writeBranch']>[0]) => {
      const below = await readCommit(base)
      const entries = [...files].map(([path, content]) => ({
        path,
        mode: '100644',
        type: 'blob',
        ...(content === null ? { sha: null } : { content }),
      }))
      const tree = await write(contents, Made, 'POST /repos/{owner}/{repo}/git/trees', {
        base_tree: below.tree,
        tree: entries,
      })
      const { sha } = await write(contents, Made, 'POST /repos/{owner}/{repo}/git/commits', {
        message: describe(tree.sha),
        tree: tree.sha,
        parents: [base],
      })
      try {
        if (expected === undefined)
          await write(
            contents,
            Anything,
            'POST /repos/{owner}/{repo}/git/refs',
            { ref: `refs/heads/${branch}`, sha },
            landed(branch, sha),
          )
        else
          await graphql(
            contents,
            Anything,
            updateRefs,
            { repository: repositoryId, name: `refs/heads/${branch}`, before: expected, after: sha },
            landed(branch, sha),
          )
      } catch (cause) {
        await requireMoved(branch, expected, sha, cause)
      }
      return sha
    },
  }
}

function pullRequestsOf(client: GitHubClient) {
  const { read, readAll, write, graphql, repository } = client
  const [owner, repo] = repository.split('/') as [string, string]
  const all = 'GET /repos/{owner}/{repo}/pulls'
  const one = '/repos/{owner}/{repo}/pulls/{pull_number}'
  const list = async (branch: string, state: 'open' | 'all') => {
    const values = { head: `${owner}:${branch}`, state, sort: 'created', direction: 'desc' }
    return (await readAll(pulls, Pull, all, values)).map(toPullRequest)
  }
  const { reviewsOf, permissionOf, pullRequestsOf: broughtBy } = readRepository(client)
  return {
    pullRequestsFrom: (branch: string) => list(branch, 'all'),
    createPullRequest: async ({ branch, ...values }: Parameters<GitHost['createPullRequest']>[0]) => {
      const findOpen = async () => (await list(branch, 'open'))[0]
      try {
        const Created = Pull.transform(toPullRequest)
        return await write<HostPullRequest>(
          pulls,
          Created as z.ZodType<HostPullRequest>,
          'POST /repos/{owner}/{repo}/pulls',
          { ...values, head: branch },
          findOpen,
        )
      } catch (cause) {
        const open = cause instanceof GitHubRefusal && cause.status === 422 ? await findOpen() : undefined
        if (open === undefined) throw cause
        return open
      }
    },
    updatePullRequest: async (pull_number: number, values: object) => {
      await write(pulls, Anything, `PATCH ${one}`, { pull_number, ...values })
    },
    bodyEditedAt: async (number: number) => {
      const { repository: found } = await graphql(pulls, Edit, readEdit, { owner, repo, number })
      return found.pullRequest.lastEditedAt ?? undefined
    },
    requestReviewers: async (pull_number: number, people: readonly string[], teams: readonly string[]) => {
      if (people.length + teams.length === 0) return
      const values = { pull_number, reviewers: people, team_reviewers: teams }
      await write(pulls, Anything, `POST ${one}/requested_reviewers`, values)
    },
    reviewsOf: async (number: number) =>
      (await reviewsOf(number)).map(({ user, state }) => ({
        author: user?.login,
        isByPerson: user?.type === 'User',
        state,
      })),
    ownLogin: async () => (await graphql(pulls, Viewer, readViewer, {})).viewer.login,
    permissionOf,
    mergedPullRequestsOf: async (commit: string, branch: string) => {
      const brought = await broughtBy(commit)
      const merged = brought.filter(({ merged_at, base }) => merged_at != null && base.ref === branch)
      return Promise.all(
        merged.map(async ({ number: pull_number }) =>
          toPullRequest(await read(pulls, Pull, `GET ${one}`, { pull_number })),
        ),
      )
    },
  }
}

function conversationsOf({ readAll, write }: GitHubClient) {
  const all = '/repos/{owner}/{repo}/issues'
  const one = `${all}/{issue_number}`
  const commentsOf = async (issue_number: number) =>
    (await readAll(issues, Comment, `GET ${one}/comments`, { issue_number })).map(toComment)
  const findIssue = async (label: string, key: string): Promise<HostIssue | undefined> => {
    const values = { labels: label, state: 'all', sort: 'created', direction: 'asc' }
    const found = await readAll(issues, Issue, `GET ${all}`, values)
    const issue = found.find(({ pull_request, body }) => pull_request === undefined && body?.includes(key))
    return issue && toIssue(issue)
  }
  return {
    addLabels: async (issue_number: number, labels: readonly string[]) => {
      if (labels.length > 0) await write(pulls, Anything, `POST ${one}/labels`, { issue_number, labels })
    },
    removeLabel: async (issue_number: number, name: string) => {
      try {
        await write(pulls, Anything, `DELETE ${one}/labels/{name}`, { issue_number, name })
      } catch (cause) {
        if (!(cause instanceof GitHubRefusal) || cause.status !== 404) throw cause
      }
    },
    commentsOf,
    createComment: async (issue_number: number, body: string) => {
      const before = new Set((await commentsOf(issue_number)).map(({ id }) => id))
      const findLanded = async () =>
        (await commentsOf(issue_number)).find((each) => !before.has(each.id) && each.body === body)
      const Created = Comment.transform(toComment) as z.ZodType<ReturnType<typeof toComment>>
      return write(issues, Created, `POST ${one}/comments`, { issue_number, body }, findLanded)
    },
    updateComment: async (comment_id: number, body: string) => {
      await write(issues, Anything, `PATCH ${all}/comments/{comment_id}`, { comment_id, body })
    },
    findIssue,
    createIssue: async ({ label, key, ...values }: Parameters<GitHost['createIssue']>[0]) => {
      const Created = Issue.transform(toIssue) as z.ZodType<HostIssue>
      const landed = () => findIssue(label, key)
      return write(issues, Created, `POST ${all}`, { ...values, labels: [label] }, landed)
    },
    updateIssue: async (issue_number: number, values: object) => {
      await write(issues, Anything, `PATCH ${one}`, { issue_number, ...values })
    },
  }
}

function toPullRequest(pull: z.infer<typeof Pull>): HostPullRequest {
  const { number, state, title, merged_at, user, labels, head, base } = pull
  return {
    number,
    url: pull.html_url,
    state,
    isMerged: merged_at != null,
    head: head.sha,
    base: base.ref,
    title,
    body: pull.body ?? '',
    labels: labels.map(({ name }) => name),
    author: user?.login,
  }
}

function toComment({ id, body, user }: z.infer<typeof Comment>) {
  return { id, body, author: user?.login }
}

function toIssue({ number, html_url, state, title, body }: z.infer<typeof Issue>): HostIssue {
  return { number, url: html_url, state: state === 'open' ? 'open' : 'closed', title, body: body ?? '' }
}
