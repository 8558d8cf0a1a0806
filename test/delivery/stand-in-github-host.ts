import { execFileSync } from 'node:child_process'
import { verify } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { GitHubAccess } from '../../src/delivery/github-client.js'
import { emptyFolder } from '../run-cli.js'
import { refuseSecrets, testSecrets } from '../secrets.js'
import { type Exchange, loadDescriptions } from './github-descriptions.js'
import { bareRepository, git } from './state-places.js'

interface Pull {
  number: number
  title: string
  body: string
  author: string
  branch: string
  base: string
  state: 'open' | 'closed'
  isMerged: boolean
  /** The commit that a merge made. */
  merged?: string
  /** Of a closed one; an open one is where its branch is. */
  head: string
  labels: string[]
  reviewers: string[]
  /** Without a commit, of the head. */
  reviews: { login: string; state: string; type: string; commit?: string }[]
  editedAt: string | null
}

interface Fault {
  /** Of `METHOD /path`. */
  on: RegExp
  times: number
  /** `cut` loses the reply: before the request is obeyed, or after. */
  does: { status: number; headers?: Record<string, string>; message?: string } | 'cut' | 'cut after'
}

/** Of any request that writes; which of these there are depends on the route. */
interface Values {
  message: string
  tree: string & TreeEntry[]
  base_tree: string
  parents: string[]
  ref: string
  sha: string
  title: string
  body: string
  head: string
  base: string
  state: 'open' | 'closed'
  labels: string[]
  reviewers: string[]
  team_reviewers: string[]
  inputs: Record<string, string>
}

interface TreeEntry {
  path: string
  sha?: null
  content?: string
}

interface Query {
  query: string
  variables: Record<string, string>
}

interface Answer {
  status: number
  body: unknown
  headers?: Record<string, string>
}

const token = testSecrets.GITHUB_TOKEN

export interface StandInHost {
  access: GitHubAccess
  repository: string
  pulls: Pull[]
  issues: { number: number; title: string; body: string; labels: string[]; state: 'open' | 'closed' }[]
  comments: { id: number; number: number; body: string; login: string }[]
  /** Workflows that were started, by file. */
  dispatches: string[]
  /** What the repository is; `name` is where it has moved to. */
  settings: { name: string; defaultBranch: string; isArchived: boolean; protectedBranch?: string }
  permissions: Record<string, string>
  faults: Fault[]
  /** Runs before a request is obeyed. */
  before: (line: string) => Promise<void> | void
  exchanges: Exchange[]
  /** What was not as GitHub describes it. */
  violations: string[]
  writes(): string[]
  /** Opens a pull request as a person; gives its number. */
  open(branch: string, title: string, author: string): number
  /** Merges as the button does: one commit with the changes of the branch, by three-way merge. */
  squash(number: number): string
  appKey: string | undefined
  /** Begins anew, with a copy of a repository or with an empty one. */
  reset(template?: string): void
  stop(): Promise<void>
}

/**
 * A stand-in for GitHub with real git objects in a bare repository: branches move as git moves them, and everything else
 * is kept in memory. Replies are GitHub's own published examples with what is asked for put into them, and every request
 * and reply is checked against GitHub's descriptions where they are there. GitHub itself was not asked.
 */
export async function startGitHubHost(): Promise<StandInHost> {
  const descriptions = loadDescriptions()
  let nextNumber = 1
  const server = createServer((request, response) => {
    void receive(request, response).catch((cause) => {
      standIn.violations.push(String(cause.stack))
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const standIn: StandInHost = {
    access: { repository: 'acme/fleet', apiUrl, identity: { token } },
    repository: '',
    pulls: [],
    issues: [],
    comments: [],
    dispatches: [],
    settings: { name: 'acme/fleet', defaultBranch: 'main', isArchived: false },
    permissions: {},
    faults: [],
    before: () => undefined,
    exchanges: [],
    violations: [],
    writes: () =>
      standIn.exchanges
        .filter(({ method, path, body }) =>
          path === '/graphql' ? /mutation/.test((body as { query: string }).query) : method !== 'GET',
        )
        .map(({ method, path }) => `${method} ${path}`),
    open: (branch, title, author) => openPull({ branch, title, body: '', base: 'main', author }).number,
    squash: (number) => {
      const pull = standIn.pulls.find((each) => each.number === number)!
      const { repository } = standIn
      const head = headOf(pull)
      const by = ['-c', 'user.name=ada', '-c', 'user.email=ada@acme.example']
      const tree = git(repository, 'merge-tree', '--write-tree', pull.base, head)
      const merged = git(repository, ...by, 'commit-tree', tree, '-p', pull.base, '-m', pull.title)
      git(repository, 'update-ref', `refs/heads/${pull.base}`, merged)
      Object.assign(pull, { state: 'closed', isMerged: true, merged, head })
      return merged
    },
    appKey: undefined,
    reset: (template) => {
      rmSync(standIn.repository, { recursive: true, force: true })
      standIn.repository = template === undefined ? bareRepository() : join(emptyFolder(), 'fleet.git')
      if (template !== undefined) cpSync(template, standIn.repository, { recursive: true })
      nextNumber = 1
      Object.assign(standIn, {
        pulls: [],
        issues: [],
        comments: [],
        dispatches: [],
        faults: [],
        exchanges: [],
        violations: [],
      })
      standIn.settings = { name: 'acme/fleet', defaultBranch: 'main', isArchived: false }
      standIn.permissions = { ada: 'admin', bob: 'write', eve: 'read' }
      standIn.before = () => undefined
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }

  const refOf = (branch: string) => {
    const file = join(standIn.repository, 'refs', 'heads', branch)
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  }
  const headOf = (pull: Pull) => (pull.state === 'open' ? refOf(pull.branch)! : pull.head)

  function openPull(values: Pick<Pull, 'branch' | 'title' | 'body' | 'base' | 'author'>): Pull {
    const pull: Pull = {
      number: nextNumber++,
      ...values,
      state: 'open',
      isMerged: false,
      head: refOf(values.branch)!,
      labels: [],
      reviewers: [],
      reviews: [],
      editedAt: null,
    }
    standIn.pulls.push(pull)
    return pull
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, apiUrl)
    // GitHub Enterprise has the same below other paths.
    const path = decodeURIComponent(url.pathname).replace(/^\/api(\/v3)?/, '')
    const method = request.method!
    const line = `${method} ${path}`
    let text = ''
    for await (const chunk of request) text += chunk
    refuseSecrets(`${line}${url.search} ${text}`, `what GitHub is sent by ${method}`)
    const body = text === '' ? undefined : JSON.parse(text)
    const exchange: Exchange = { method, path, query: url.searchParams, body, status: 0, reply: undefined }
    standIn.exchanges.push(exchange)
    await standIn.before(line)
    const fault = standIn.faults.find(({ on, times }) => times > 0 && on.test(line))
    if (fault !== undefined) fault.times--
    if (fault?.does === 'cut') return void response.destroy()
    const answer =
      typeof fault?.does === 'object'
        ? {
            status: fault.does.status,
            body: {
              message: fault.does.message ?? `refused ${request.headers.authorization}`,
              documentation_url: documentation,
            },
            headers: fault.does.headers ?? {},
          }
        : answerTo(request, method, path, url.searchParams, body)
    if (fault?.does === 'cut after') return void response.destroy()
    exchange.status = answer.status
    exchange.reply = JSON.parse(JSON.stringify(answer.body))
    if (path !== '/graphql') standIn.violations.push(...(descriptions?.check(exchange) ?? []))
    response.writeHead(answer.status, {
      'content-type': 'application/json; charset=utf-8',
      ...answer.headers,
    })
    response.end(answer.status === 204 ? undefined : JSON.stringify(answer.body))
  }

  function answerTo(
    request: IncomingMessage,
    method: string,
    path: string,
    query: URLSearchParams,
    body: Values & Query,
  ): Answer {
    const { authorization = '' } = request.headers
    const isApp = /^bearer eyJ/i.test(authorization)
    if (isApp ? !isSigned(authorization) : authorization !== `token ${token}`)
      return { status: 401, body: { message: `Bad credentials ${authorization}` } }
    if (/^\/app\/installations\/7\/access_tokens$/.test(path) && isApp)
      return own(method, path, { token, expires_at: '2030-01-01T00:00:00Z' }, 201)
    if (path === '/graphql') return answerQuery(body)
    const { name } = standIn.settings
    const [, repository, rest = ''] = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? []
    if (repository === undefined) return notFound
    if (repository !== name) {
      if (repository !== 'acme/fleet') return notFound
      const location = `${apiUrl}/repos/${name}${rest}?${query}`
      return {
        status: method === 'GET' ? 301 : 307,
        body: { message: 'Moved', url: location, documentation_url: '' },
        headers: { location },
      }
    }
    if (rest === '/installation') return isApp ? own(method, path, { id: 7 }) : notFound
    if (standIn.settings.isArchived && method !== 'GET')
      return {
        status: 403,
        body: { message: 'Repository was archived so is read-only.', documentation_url: documentation },
      }
    return answerRoute(method, path, rest, query, body)
  }

  /** GitHub's own example, with what is known put into it. */
  function own(method: string, path: string, values: object, status = 200): Answer {
    return { status, body: { ...example(method, path), ...values } }
  }
  function example(method: string, path: string): Record<string, unknown> {
    const found = descriptions?.exampleOf(method, path)
    return (Array.isArray(found) ? found[0] : found) ?? {}
  }

  function isSigned(authorization: string): boolean {
    const [head, claims, signature] = authorization.replace(/^bearer /i, '').split('.') as [
      string,
      string,
      string,
    ]
    return verify(
      'RSA-SHA256',
      Buffer.from(`${head}.${claims}`),
      standIn.appKey!,
      Buffer.from(signature, 'base64url'),
    )
  }

  function answerQuery({ query, variables }: Query): Answer {
    standIn.violations.push(...(descriptions?.checkQuery(query) ?? []))
    if (query.includes('viewer'))
      return { status: 200, body: { data: { viewer: { login: 'llmscale[bot]' } } } }
    if (query.startsWith('query')) {
      const pull = standIn.pulls.find(({ number }) => number === Number(variables['number']))
      return {
        status: 200,
        body: { data: { repository: { pullRequest: { lastEditedAt: pull!.editedAt } } } },
      }
    }
    const { name, before, after } = variables
    const refuse = (message: string) => ({
      status: 200,
      body: { data: { updateRefs: null }, errors: [{ type: 'UNPROCESSABLE', message }] },
    })
    if (name === `refs/heads/${standIn.settings.protectedBranch}`)
      return refuse('Repository rule violations found: Cannot force-push to this branch')
    try {
      git(standIn.repository, 'update-ref', name!, after!, before!)
    } catch {
      return refuse(`Reference cannot be updated: expected ${before}`)
    }
    return { status: 200, body: { data: { updateRefs: { clientMutationId: null } } } }
  }

  function answerRoute(
    method: string,
    path: string,
    rest: string,
    query: URLSearchParams,
    body: Values,
  ): Answer {
    const { repository, pulls, issues, comments, settings } = standIn
    const page = <T>(items: T[], describe: (item: T) => object): Answer => {
      const [number, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 30)]
      const shown = items.slice((number - 1) * size, number * size)
      const next = new URLSearchParams(query)
      next.set('page', String(number + 1))
      const link = { link: `<${apiUrl}${path}?${next}>; rel="next"` }
      return {
        status: 200,
        body: shown.map((item) => ({ ...example(method, path), ...describe(item) })),
        headers: number * size < items.length ? link : {},
      }
    }
    const commit = (sha: string) => {
      const [tree, parents, name, ...message] = git(
        repository,
        'show',
        '-s',
        '--format=%T%n%P%n%an%n%B',
        sha,
      ).split('\n')
      return {
        sha,
        tree: { sha: tree, url: apiUrl },
        parents: parents!
          .split(' ')
          .filter(Boolean)
          .map((parent) => ({ sha: parent, url: apiUrl, html_url: apiUrl })),
        message: message.join('\n'),
        author: { name, email: 'x@y.example', date: '2026-11-20T08:00:00Z' },
      }
    }
    /** Whose a commit is, by the name of its author. */
    const describeCommit = (sha: string) => {
      const { author } = commit(sha)
      return {
        sha,
        author: user(author.name!),
        committer: user('web-flow'),
        commit: { ...(example(method, path)['commit'] as object), author, committer: author },
      }
    }
    const hasRef = (branch: string) => refOf(branch) !== undefined
    for (const pull of pulls)
      if (pull.state === 'open' && !hasRef(pull.branch)) pull.state = 'closed'
      else if (pull.state === 'open') pull.head = headOf(pull)

    if (rest === '')
      return own(method, path, {
        full_name: settings.name,
        node_id: 'R_1',
        default_branch: settings.defaultBranch,
        archived: settings.isArchived,
        language: null,
        source: undefined,
        parent: undefined,
      })
    let match = /^\/git\/ref\/heads\/(.+)$/.exec(rest)
    if (match) {
      if (git(repository, 'for-each-ref') === '')
        return {
          status: 409,
          body: { message: 'Git Repository is empty.', documentation_url: documentation },
        }
      if (!hasRef(match[1]!)) return notFound
      const sha = refOf(match[1]!)!
      return own(method, path, {
        ref: `refs/heads/${match[1]}`,
        object: { sha, type: 'commit', url: apiUrl },
      })
    }
    match = /^\/git\/commits\/(\w+)$/.exec(rest)
    if (match) return own(method, path, commit(match[1]!))
    match = /^\/compare\/(\w+)\.\.\.(\w+)$/.exec(rest)
    if (match) {
      const [from, to] = [match[1]!, match[2]!]
      const count = (range: string) => Number(git(repository, 'rev-list', '--count', range))
      const [ahead_by, behind_by] = [count(`${from}..${to}`), count(`${to}..${from}`)]
      const status =
        ahead_by === 0 ? (behind_by === 0 ? 'identical' : 'behind') : behind_by === 0 ? 'ahead' : 'diverged'
      const names = git(repository, 'diff', '--name-only', '--no-renames', `${from}...${to}`)
      const file = (example(method, path)['files'] as object[] | undefined)?.[0] ?? {}
      return own(method, path, {
        status,
        ahead_by,
        behind_by,
        files: names
          .split('\n')
          .filter(Boolean)
          .map((filename) => ({ ...file, filename })),
      })
    }
    if (rest === '/git/commits') {
      for (const forbidden of ['author', 'committer', 'signature'])
        if (forbidden in body) standIn.violations.push(`the commit has a ${forbidden}`)
      const parents = body.parents.flatMap((parent: string) => ['-p', parent])
      const by = ['-c', 'user.name=llmscale[bot]', '-c', 'user.email=bot@users.noreply.github.com']
      const sha = git(repository, ...by, 'commit-tree', body.tree, ...parents, '-m', body.message)
      return own(method, path, commit(sha), 201)
    }
    match = /^\/git\/trees\/(\w+)$/.exec(rest)
    if (match) {
      const flags = query.has('recursive') ? ['-r', '-t'] : []
      const lines = git(repository, 'ls-tree', ...flags, match[1]!)
        .split('\n')
        .filter(Boolean)
      const tree = lines.map((line) => {
        const [about, file] = line.split('\t') as [string, string]
        const [mode, type, sha] = about.split(' ')
        return { path: file, mode, type, sha }
      })
      return { status: 200, body: { sha: match[1], url: apiUrl, truncated: false, tree } }
    }
    if (rest === '/git/trees')
      return own(method, path, { sha: makeTree(repository, body), tree: [], truncated: false }, 201)
    match = /^\/git\/blobs\/(\w+)$/.exec(rest)
    if (match) {
      const content = Buffer.from(`${git(repository, 'cat-file', 'blob', match[1]!)}\n`).toString('base64')
      return own(method, path, { sha: match[1], content, encoding: 'base64' })
    }
    if (rest === '/git/refs') {
      const branch = body.ref.slice('refs/heads/'.length)
      if (branch === settings.protectedBranch)
        return {
          status: 422,
          body: {
            message: 'Repository rule violations found: Cannot create ref',
            documentation_url: documentation,
          },
        }
      try {
        git(repository, 'update-ref', body.ref, body.sha, '0'.repeat(40))
      } catch {
        return {
          status: 422,
          body: { message: 'Reference already exists', documentation_url: documentation },
        }
      }
      return own(method, path, { ref: body.ref }, 201)
    }
    if (rest === '/commits') {
      const [sha, file] = [query.get('sha')!, query.get('path')!]
      const last = git(repository, 'log', '-1', '--format=%H', sha, '--', file)
      return page(last === '' ? [] : [last], (id) => ({ sha: id }))
    }
    match = /^\/commits\/(\w+)\/pulls$/.exec(rest)
    if (match) {
      const brought = (pull: Pull) => [pull.head, pull.merged].includes(match![1]!)
      return page(pulls.filter(brought), describePull)
    }
    match = /^\/collaborators\/([^/]+)\/permission$/.exec(rest)
    if (match) return own(method, path, { permission: standIn.permissions[match[1]!] ?? 'none', user: null })

    match = /^\/actions\/workflows\/([^/]+)\/dispatches$/.exec(rest)
    if (match) {
      standIn.dispatches.push([match[1], body.ref, ...Object.values(body.inputs)].join(' '))
      return { status: 204, body: null }
    }

    if (rest === '/pulls' && method === 'GET') {
      const branch = query.get('head')!.replace(/^[^:]+:/, '')
      const found = pulls.filter(
        (pull) => pull.branch === branch && (query.get('state') === 'all' || pull.state === 'open'),
      )
      return page(found.reverse(), describePull)
    }
    if (rest === '/pulls') {
      if (!hasRef(body.head) || !hasRef(body.base)) return invalid('head is invalid')
      if (pulls.some(({ branch, state }) => branch === body.head && state === 'open'))
        return invalid(`A pull request already exists for acme:${body.head}.`)
      const { title, body: text, head: branch, base } = body
      const pull = openPull({ title, body: text, branch, base, author: 'llmscale[bot]' })
      return own(method, path, describePull(pull), 201)
    }
    match = /^\/pulls\/(\d+)(?:\/(\w+))?$/.exec(rest)
    if (match) {
      const pull = pulls.find(({ number }) => number === Number(match![1]))
      if (pull === undefined) return notFound
      if (match[2] === 'reviews')
        return page(pull.reviews, ({ login, state, type, commit = pull.head }) => ({
          user: user(login, type),
          state,
          commit_id: commit,
        }))
      if (match[2] === 'commits')
        return page(
          git(repository, 'rev-list', '--reverse', `${pull.base}..${pull.head}`).split('\n'),
          describeCommit,
        )
      if (match[2] === 'files')
        return page(
          git(repository, 'diff', '--name-only', `${pull.base}...${pull.head}`).split('\n'),
          (filename) => ({ filename }),
        )
      if (match[2] === 'requested_reviewers') {
        if (body.reviewers.includes('nobody'))
          return invalid('Reviews may only be requested from collaborators')
        pull.reviewers = [...new Set([...pull.reviewers, ...body.reviewers, ...body.team_reviewers])]
      }
      if (method === 'PATCH') {
        const { title = pull.title, body: text = pull.body, base = pull.base, state = pull.state } = body
        Object.assign(pull, { title, body: text, base, state })
      }
      return own(method, path, describePull(pull), match[2] === undefined ? 200 : 201)
    }

    if (rest === '/issues' && method === 'GET')
      return page(
        issues.filter(({ labels }) => labels.includes(query.get('labels')!)),
        describeIssue,
      )
    if (rest === '/issues') {
      const { title, body: text, labels } = body
      const issue = { number: nextNumber++, title, body: text, labels, state: 'open' as const }
      issues.push(issue)
      return own(method, path, describeIssue(issue), 201)
    }
    match = /^\/issues\/comments\/(\d+)$/.exec(rest)
    if (match) {
      const comment = comments.find(({ id }) => id === Number(match![1]))!
      comment.body = body.body
      return own(method, path, describeComment(comment))
    }
    match = /^\/issues\/(\d+)(?:\/(\w+)(?:\/(.+))?)?$/.exec(rest)
    const number = Number(match?.[1])
    const subject = [...pulls, ...issues].find((each) => each.number === number)
    if (match === null || subject === undefined) return notFound
    if (match[2] === 'comments' && method === 'GET')
      return page(
        comments.filter((each) => each.number === number),
        describeComment,
      )
    if (match[2] === 'comments') {
      const comment = { id: 1000 + comments.length, number, body: body.body, login: 'llmscale[bot]' }
      comments.push(comment)
      return own(method, path, describeComment(comment), 201)
    }
    if (match[2] === 'labels') {
      if (method === 'DELETE' && !subject.labels.includes(match[3]!)) return notFound
      subject.labels =
        method === 'DELETE'
          ? subject.labels.filter((label) => label !== match![3])
          : [...new Set([...subject.labels, ...body.labels])]
      return { status: 200, body: subject.labels.map((name) => describeLabel(name)) }
    }
    const { title = subject.title, body: text = subject.body, state = subject.state } = body
    Object.assign(subject, { title, body: text, state })
    return own(method, path, describeIssue(subject))
  }

  return standIn
}

const documentation = 'https://docs.github.example/'
const notFound: Answer = { status: 404, body: { message: 'Not Found', documentation_url: documentation } }
const invalid = (message: string): Answer => ({
  status: 422,
  body: {
    message: 'Validation Failed',
    documentation_url: documentation,
    errors: [{ resource: 'PullRequest', code: 'custom', message }],
  },
})

const user = (login: string, type = login.endsWith('[bot]') ? 'Bot' : 'User') => ({
  login,
  type,
  id: 1,
  node_id: 'U_1',
  site_admin: false,
  gravatar_id: '',
  ...Object.fromEntries(
    [
      'avatar',
      'events',
      'followers',
      'following',
      'gists',
      'html',
      'organizations',
      'received_events',
      'repos',
      'starred',
      'subscriptions',
    ].map((name) => [`${name}_url`, 'https://github.example/'] as const),
  ),
  url: 'https://github.example/',
})

function describePull({ number, title, body, author, branch, base, state, isMerged, head, labels }: Pull) {
  return {
    number,
    title,
    body,
    state,
    html_url: `https://github.example/acme/fleet/pull/${number}`,
    merged_at: isMerged ? '2026-11-20T08:00:00Z' : null,
    user: user(author),
    requested_teams: [],
    labels: labels.map(describeLabel),
    ...(state === 'open' || head !== ''
      ? { head: reference(branch, head), base: reference(base, head) }
      : {}),
  }
}

const describeLabel = (name: string) => ({
  id: 1,
  node_id: 'L_1',
  url: documentation,
  name,
  description: '',
  color: 'ededed',
  default: false,
})

let repositoryExample: unknown
function reference(ref: string, sha: string) {
  repositoryExample ??= findRepositoryExample()
  return { label: `acme:${ref}`, ref, sha, user: user('acme'), repo: repositoryExample }
}

function findRepositoryExample(): unknown {
  const example = loadDescriptions()?.exampleOf('POST', '/repos/o/r/pulls') as { head: { repo: unknown } }
  return example?.head.repo ?? {}
}

const describeIssue = ({
  number,
  title,
  body,
  state,
}: {
  number: number
  title: string
  body: string
  state: string
}) => ({
  number,
  title,
  body,
  state,
  html_url: `https://github.example/acme/fleet/issues/${number}`,
  pull_request: undefined,
})
const describeComment = ({ id, body, login }: { id: number; body: string; login: string }) => ({
  id,
  body,
  user: user(login),
})

/** As GitHub does: entries are put over the base's, and those without an id are taken away. */
function makeTree(repository: string, { base_tree, tree }: Pick<Values, 'base_tree' | 'tree'>): string {
  const index = { ...process.env, GIT_INDEX_FILE: `${repository}/index-${Math.random()}` }
  const at = (args: string[], input = '') =>
    execFileSync('git', args, { cwd: repository, env: index, input, encoding: 'utf8' }).trimEnd()
  at(['read-tree', base_tree])
  const entries = tree.map(({ path, sha, content = '' }) =>
    sha === null
      ? `0 ${'0'.repeat(40)}\t${path}\0`
      : `100644 ${at(['hash-object', '-w', '--stdin'], content)}\t${path}\0`,
  )
  at(['update-index', '-z', '--index-info'], entries.join(''))
  return at(['write-tree'])
}
