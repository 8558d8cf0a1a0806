import { readFile } from 'node:fs/promises'
import type { Octokit } from 'octokit'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { parseRetryAfter, retry, TemporaryFailure, type Wait } from '../kit/retry.js'
import { maskText } from '../kit/secret-forms.js'

const requestSeconds = 30
/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit */
const secondaryLimitSeconds = 60

/** What a request is about, and the permission of the token that GitHub asks for it. */
export interface Topic {
  what: string
  needs: string
}

/** Where GitHub is, and as whom to ask it. */
export interface GitHubAccess {
  /** `owner/name` */
  repository: string
  apiUrl: string
  identity: { token: string } | { appId: string; privateKey: string }
}

/**
 * Asks GitHub, patiently. All methods throw `upstreamUnavailable`: GITHUB_TOKEN_WRONG, GITHUB_PERMISSION_MISSING,
 * GITHUB_NOT_FOUND, GITHUB_REFUSED, GITHUB_LIMITED, GITHUB_UNAVAILABLE or GITHUB_ANSWER_UNKNOWN. No message repeats a
 * token. `{owner}` and `{repo}` of routes are the repository's.
 */
export interface GitHubClient {
  readonly repository: string
  read<T>(topic: Topic, schema: z.ZodType<T>, route: string, values?: object): Promise<T>
  /** Every page. */
  readAll<T>(topic: Topic, schema: z.ZodType<T>, route: string, values?: object): Promise<T[]>
  /**
   * Repeats a write of which no answer came only where `findLanded` does not find what it wrote; without it, writes that
   * may be repeated as they are.
   */
  write<T>(
    topic: Topic,
    schema: z.ZodType<T>,
    route: string,
    values: object,
    findLanded?: () => Promise<T | undefined>,
  ): Promise<T>
  graphql<T>(
    topic: Topic,
    schema: z.ZodType<T>,
    query: string,
    variables: Record<string, unknown>,
    findLanded?: () => Promise<T | undefined>,
  ): Promise<T>
  close(): Promise<void>
}

/** An answer that says no. */
export class GitHubRefusal extends LlmscaleError {
  /** Of HTTP; 200 for GraphQL's, whose refusals are in the answer. */
  readonly status: number

  constructor(status: number, code: string, message: string, tryThis: string[] = []) {
    super('upstreamUnavailable', code, message, tryThis)
    this.status = status
  }
}

/** A failure after which nobody knows whether a write took place. */
class LostReply extends TemporaryFailure {}

/**
 * GITHUB_REPOSITORY, or the repository of the remote; GITHUB_API_URL; and LLMSCALE_GITHUB_APP_ID with
 * LLMSCALE_GITHUB_APP_KEY_FILE, or GITHUB_TOKEN.
 *
 * Throws `usage` GITHUB_NOT_SET.
 */
export async function findGitHubAccess(remote: string | undefined): Promise<GitHubAccess> {
  const {
    GITHUB_API_URL,
    GITHUB_TOKEN,
    GITHUB_REPOSITORY,
    LLMSCALE_GITHUB_APP_ID: appId,
    LLMSCALE_GITHUB_APP_KEY_FILE: keyFile,
  } = process.env
  const apiUrl = (GITHUB_API_URL || 'https://api.github.com').replace(/\/+$/, '')
  const repository = GITHUB_REPOSITORY || findGitHubName(remote)
  if (!GITHUB_TOKEN && !appId) throw notSet('GITHUB_TOKEN is not set: GitHub cannot be asked')
  if (repository === undefined || !/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw notSet('GITHUB_REPOSITORY is not set to owner/name, and origin is not on GitHub')
  if (!appId) return { repository, apiUrl, identity: { token: GITHUB_TOKEN! } }
  if (!keyFile)
    throw notSet(
      'LLMSCALE_GITHUB_APP_ID is set, and LLMSCALE_GITHUB_APP_KEY_FILE, the file of its key, is not',
    )
  const privateKey = await readFile(keyFile, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw notSet(`LLMSCALE_GITHUB_APP_KEY_FILE ${keyFile} cannot be read: ${cause.code}`)
  })
  if (!/^-----BEGIN (RSA )?PRIVATE KEY-----/.test(privateKey))
    throw notSet(`LLMSCALE_GITHUB_APP_KEY_FILE ${keyFile} has no private key in PEM`)
  return { repository, apiUrl, identity: { appId, privateKey } }
}

const notSet = (message: string) =>
  new LlmscaleError('usage', 'GITHUB_NOT_SET', message, [
    'In a workflow: GITHUB_TOKEN, or an App’s LLMSCALE_GITHUB_APP_ID and LLMSCALE_GITHUB_APP_KEY_FILE (docs/github.md).',
    'llmscale pr --dry-run asks nobody; --git-only pushes the branch to origin.',
  ])

function findGitHubName(remote = ''): string | undefined {
  return /[@/]github\.com[:/]([^/]+\/[^/]+?)(?:\.git)?\/?$/.exec(remote)?.[1]
}

/** https://docs.github.com/en/rest */
export async function createGitHubClient(access: GitHubAccess, wait?: Wait): Promise<GitHubClient> {
  const { repository, apiUrl } = access
  const [owner, repo] = repository.split('/') as [string, string]
  const connection = await connect(access)
  const explain = (topic: Topic, route: string, cause: unknown) =>
    explainFailure(access, topic, route.startsWith('GET '), cause)
  const ask = async <T>(
    topic: Topic,
    schema: z.ZodType<T>,
    route: string,
    send: (octokit: Octokit) => Promise<unknown>,
    findLanded: () => Promise<T | undefined> = async () => undefined,
  ): Promise<T> => {
    const attempt = async (): Promise<T> => {
      let data: unknown
      try {
        data = await send(await connection.octokit())
      } catch (cause) {
        const failure = explain(topic, route, cause)
        const landed = failure instanceof LostReply ? await findLanded() : undefined
        if (landed === undefined) throw failure
        return landed
      }
      return readAnswer(apiUrl, topic, schema, data)
    }
    return retry(attempt, { wait })
  }
  const request = (route: string, values: object) => async (octokit: Octokit) => {
    const { status, data, headers } = await octokit.request(route, { owner, repo, ...values })
    if (status < 300 || status >= 400) return data
    throw new GitHubRefusal(
      status,
      'GITHUB_REFUSED',
      `${repository} has moved (${status}, to ${cleanText(headers.location ?? 'nowhere', [])})`,
      ['Set GITHUB_REPOSITORY, or the remote origin, to its new name.'],
    )
  }
  return {
    repository,
    read: (topic, schema, route, values = {}) => ask(topic, schema, route, request(route, values)),
    readAll: (topic, schema, route, values = {}) =>
      ask(topic, z.array(schema), route, (octokit) =>
        octokit.paginate(route, { owner, repo, ...values, per_page: 100 }),
      ),
    write: (topic, schema, route, values, findLanded) =>
      ask(topic, schema, route, request(route, values), findLanded),
    graphql: (topic, schema, query, variables, findLanded) =>
      ask(topic, schema, 'POST /graphql', (octokit) => octokit.graphql(query, variables), findLanded),
    close: connection.close,
  }
}

/** Obeys HTTPS_PROXY and NO_PROXY; repeats nothing by itself. An App asks as its installation in the repository. */
async function connect({ repository, apiUrl, identity }: GitHubAccess): Promise<{
  octokit(): Promise<Octokit>
  close(): Promise<void>
}> {
  const [{ App, Octokit }, { EnvHttpProxyAgent, fetch }] = await Promise.all([
    import('octokit'),
    import('undici'),
  ])
  const dispatcher = new EnvHttpProxyAgent()
  const silent = () => undefined
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  const Configured = Octokit.defaults({
    baseUrl: apiUrl,
    userAgent: 'llmscale',
    retry: { enabled: false },
    throttle: { enabled: false },
    log,
    request: {
      fetch: (url: string, init: RequestInit) => {
        const signal = AbortSignal.timeout(requestSeconds * 1000)
        // A redirected write would become a read (https://fetch.spec.whatwg.org/#http-redirect-fetch).
        const redirect = init.method === 'GET' ? 'follow' : 'manual'
        return fetch(url, { ...(init as object), dispatcher, signal, redirect })
      },
    },
  })
  const close = () => dispatcher.close()
  if ('token' in identity) {
    const octokit = new Configured({ auth: identity.token })
    return { octokit: async () => octokit, close }
  }
  const app = new App({ ...identity, Octokit: Configured, log })
  const [owner, repo] = repository.split('/') as [string, string]
  let installed: Octokit | undefined
  const octokit = async () => {
    if (installed !== undefined) return installed
    const { data } = await app.octokit.request('GET /repos/{owner}/{repo}/installation', { owner, repo })
    installed = await app.getInstallationOctokit(data.id)
    return installed
  }
  return { octokit, close }
}

function readAnswer<T>(apiUrl: string, { what }: Topic, schema: z.ZodType<T>, data: unknown): T {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new LlmscaleError(
    'upstreamUnavailable',
    'GITHUB_ANSWER_UNKNOWN',
    `${apiUrl} does not answer as GitHub does about ${what}: ${path.join('.')}: ${message}`,
  )
}

interface FailedRequest extends Error {
  /** 500 too where there was no answer at all. */
  status?: number
  response?: { headers: Record<string, string | undefined> }
  /** GraphQL's. */
  errors?: { type?: string; message: string }[]
}

/** What to throw; what may pass is a TemporaryFailure, and a LostReply where a write may have taken place. */
function explainFailure(
  { repository, apiUrl, identity }: GitHubAccess,
  { what, needs }: Topic,
  isRead: boolean,
  cause: unknown,
): Error {
  if (cause instanceof LlmscaleError) return cause
  const { status, response, message, errors } = cause as FailedRequest
  const [token, secret] =
    'token' in identity ? ['GITHUB_TOKEN', identity.token] : ['The GitHub App', identity.privateKey]
  const headers = response?.headers ?? {}
  const says = cleanText(maskText(message), [secret])
  const refuse = (code: string, text: string, tryThis: string[] = []) =>
    new GitHubRefusal(errors === undefined ? status! : 200, code, text, tryThis)
  const limited = (seconds: number) =>
    new TemporaryFailure(
      (tries) =>
        refuse(
          'GITHUB_LIMITED',
          `GitHub lets this token ask no more for now (${status ?? 200}), ${tries} times`,
          ['Run it again later: what is done already is not done twice.'],
        ),
      seconds,
    )
  if (errors !== undefined) {
    if (errors.some(({ type }) => type === 'RATE_LIMITED')) return limited(secondaryLimitSeconds)
    if (errors.some(({ type }) => type === 'FORBIDDEN' || type === 'INSUFFICIENT_SCOPES'))
      return refuse('GITHUB_PERMISSION_MISSING', notAllowed(token, isRead, what, repository, says, needs))
    return refuse('GITHUB_REFUSED', `GitHub refuses ${what} of ${repository}: ${says}`)
  }
  if (status === 401)
    return refuse(
      'GITHUB_TOKEN_WRONG',
      'token' in identity
        ? 'GitHub does not accept GITHUB_TOKEN (401): it is wrong, has expired or was revoked'
        : `GitHub does not accept the App ${identity.appId} (401): check its id and key, and the clock here`,
    )
  const isSecondary = /secondary rate limit|abuse detection/i.test(message)
  const isLimited =
    isSecondary || headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined
  if (status === 429 || (status === 403 && isLimited))
    return limited(pauseSeconds(headers, isSecondary, Date.now()))
  if (status === undefined || response === undefined || status >= 500)
    return new LostReply(
      (tries) =>
        new LlmscaleError(
          'upstreamUnavailable',
          'GITHUB_UNAVAILABLE',
          `GitHub (${apiUrl}) does not answer, ${tries} times: ${says}`,
          ['Run it again later: what is done already is not done twice.'],
        ),
      parseRetryAfter(headers['retry-after'], Date.now()),
    )
  if (status === 403) {
    // https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permissions
    const accepted = headers['x-accepted-github-permissions']?.replaceAll('=', ': ').replaceAll('_', '-')
    return refuse(
      'GITHUB_PERMISSION_MISSING',
      notAllowed(token, isRead, what, repository, says, cleanText(accepted || needs, [])),
      // https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository#preventing-github-actions-from-creating-or-approving-pull-requests
      /not permitted to create/.test(says)
        ? [
            'Allow GitHub Actions to create pull requests in the settings of the repository, or use a GitHub App.',
          ]
        : [],
    )
  }
  if (status === 404)
    return refuse(
      'GITHUB_NOT_FOUND',
      `GitHub does not have these ${what} of ${repository}, or not for this token (${status}: ${says}); ` +
        'check GITHUB_REPOSITORY, that the reviewed branch is pushed, and the permission ' +
        needs,
    )
  return refuse('GITHUB_REFUSED', `GitHub answers ${status} about ${what} of ${repository}: ${says}`)
}

function notAllowed(
  token: string,
  isRead: boolean,
  what: string,
  repository: string,
  says: string,
  needs: string,
): string {
  const verb = isRead ? 'read' : 'write'
  return `${token} may not ${verb} ${what} of ${repository} (403: ${says}); it needs the permission ${needs}`
}

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately */
function pauseSeconds(
  headers: Record<string, string | undefined>,
  isSecondary: boolean,
  nowMilliseconds: number,
): number {
  const retryAfter = parseRetryAfter(headers['retry-after'], nowMilliseconds)
  if (retryAfter > 0) return retryAfter
  const reset = Number(headers['x-ratelimit-reset'])
  if (headers['x-ratelimit-remaining'] === '0' && reset > 0)
    return Math.max(0, reset - nowMilliseconds / 1000)
  return isSecondary ? secondaryLimitSeconds : 0
}
