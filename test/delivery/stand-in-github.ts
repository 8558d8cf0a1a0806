import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { testSecrets } from '../secrets.js'
import { git } from './state-places.js'

export interface StandInPullRequest {
  number: number
  head: string
  /** Commits of the reviewed branch that it brought. */
  brought: string[]
  isMerged?: boolean
  base?: string
  opener?: string
  reviews: { login: string; state: string; commit: string; type?: string }[]
  commits: { sha: string; login: string | null; email?: string }[]
  files?: string[]
}

export interface StandInGitHub {
  environment: Record<string, string>
  pullRequests: StandInPullRequest[]
  permissions: Record<string, string>
  /** Answers every request with this, so many times. */
  failures: { status: number; headers?: Record<string, string>; times: number }
  asked: string[]
  stop(): Promise<void>
}

const token = testSecrets.GITHUB_TOKEN

/**
 * A stand-in for the part of GitHub's REST API that approvals read, on a real bare repository. It says what GitHub's
 * documentation says; GitHub itself was not asked.
 */
export async function startGitHub(): Promise<StandInGitHub & { serve(repository: string): void }> {
  let repository = ''
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://github')
    standIn.asked.push(url.pathname)
    if (standIn.failures.times-- > 0) {
      const { status, headers } = standIn.failures
      send(response, status, { message: `refused ${request.headers.authorization}` }, headers)
    } else if (request.headers.authorization !== `token ${token}`) {
      send(response, 401, { message: `Bad credentials ${request.headers.authorization}` })
    } else {
      const answer = answerOf(url, repository, standIn)
      const headers = Array.isArray(answer) ? nextPage(request.headers.host!, url, answer.length) : {}
      send(response, answer === undefined ? 404 : 200, answer ?? { message: 'Not Found' }, headers)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const standIn: StandInGitHub & { serve(repository: string): void } = {
    environment: {
      GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      GITHUB_REPOSITORY: 'acme/fleet',
      GITHUB_TOKEN: token,
    },
    pullRequests: [],
    permissions: {},
    failures: { status: 0, times: 0 },
    asked: [],
    serve: (folder) => {
      repository = folder
      standIn.pullRequests = []
      standIn.permissions = { ada: 'admin', bob: 'write', eve: 'read' }
      standIn.failures = { status: 0, times: 0 }
      standIn.asked = []
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
  return standIn
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(body))
}

/** A page that is full has one after it. */
function nextPage(host: string, { pathname, searchParams }: URL, length: number): Record<string, string> {
  if (length < Number(searchParams.get('per_page'))) return {}
  const query = new URLSearchParams(searchParams)
  query.set('page', String(Number(searchParams.get('page') ?? 1) + 1))
  return { link: `<http://${host}${pathname}?${query}>; rel="next"` }
}

function answerOf(
  { pathname, searchParams }: URL,
  repository: string,
  { pullRequests, permissions }: StandInGitHub,
): unknown {
  const [, route, rest = ''] =
    /^\/repos\/acme\/fleet\/(commits|pulls|collaborators|git\/trees)\/?(.*)$/.exec(pathname) ?? []
  const [first = '', second] = rest.split('/')
  const page = Number(searchParams.get('page') ?? 1)
  const size = Number(searchParams.get('per_page') ?? 30)
  const paged = <T>(items: T[]) => items.slice((page - 1) * size, page * size)
  if (route === 'commits' && first === '') {
    const commit = searchParams.get('sha')!
    const sha = git(repository, 'log', '-1', '--format=%H', commit, '--', searchParams.get('path')!)
    return sha === '' ? [] : [{ sha }]
  }
  if (route === 'commits' && second === 'pulls')
    return pullRequests.filter(({ brought }) => brought.includes(first)).map(describe)
  const pullRequest = pullRequests.find(({ number }) => number === Number(first))
  if (route === 'pulls' && second === 'reviews')
    return paged(
      pullRequest!.reviews.map(({ login, state, commit, type = 'User' }) => ({
        user: { login, type },
        state,
        commit_id: commit,
      })),
    )
  if (route === 'pulls' && second === 'files')
    return paged((pullRequest!.files ?? ['forecasts/prod/plan.yaml']).map((filename) => ({ filename })))
  if (route === 'pulls' && second === 'commits')
    return paged(
      pullRequest!.commits.map(({ sha, login, email = '' }) => ({
        sha,
        author: login === null ? null : { login, type: 'User' },
        committer: { login: 'web-flow', type: 'User' },
        commit: { author: { email }, committer: { email: 'noreply@github.com' } },
      })),
    )
  if (route === 'collaborators') return { permission: permissions[first] ?? 'none' }
  if (route === 'git/trees') {
    const flags = searchParams.has('recursive') ? ['-r', '-t'] : []
    const lines = git(repository, 'ls-tree', ...flags, first)
      .split('\n')
      .filter(Boolean)
    const tree = lines.map((line) => {
      const [about, path] = line.split('\t') as [string, string]
      const [mode, type, sha] = about.split(' ')
      return { path, mode, type, sha }
    })
    return { sha: first, truncated: false, tree }
  }
  return undefined
}

function describe({ number, head, isMerged = true, base = 'main', opener = 'ada' }: StandInPullRequest) {
  return {
    number,
    user: { login: opener, type: 'User' },
    merged_at: isMerged ? '2026-11-20T08:00:00Z' : null,
    head: { sha: head },
    base: { ref: base },
  }
}
