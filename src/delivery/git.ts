import { spawn } from 'node:child_process'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { onInterrupt } from '../kit/interrupt.js'
import { withoutCredentials } from '../kit/secret-forms.js'
import { createTemporaryFolder } from '../kit/temporary-folder.js'

/** Who makes our commits. */
export const author = { name: 'llmscale', email: 'llmscale@localhost' }
/** What we fetch and push is small: what takes longer hangs. */
const longestRunSeconds = 300

interface GitAnswer {
  code: number | null
  stdout: string
  stderr: string
}

export interface Git {
  /** Standard output without the last line end. Throws GIT_FAILED where git does. */
  run(args: string[], input?: Uint8Array | string): Promise<string>
  try(args: string[], input?: Uint8Array | string): Promise<GitAnswer>
  failure(verb: string, detail: string): LlmscaleError
}

interface GitOptions {
  folder: string
  /** What messages name: an URL or a folder. */
  place: string
  access?: Access | undefined
  signal?: AbortSignal
  variables?: NodeJS.ProcessEnv
}

/** What a server asks for, and where alone it is sent. */
interface Access {
  origin: string
  user: string
  password: string
}

/** Runs git in a folder. Throws `upstreamUnavailable` GIT_MISSING and GIT_FAILED, and the signal's reason. */
export function createGit({ folder, place, access, signal, variables }: GitOptions): Git {
  const header = access && Buffer.from(`${access.user}:${access.password}`).toString('base64')
  const env = { ...createEnvironment(access && { origin: access.origin, header: header! }), ...variables }
  const secrets = [access?.password, header].filter((secret) => secret !== undefined)

  const failure = (verb: string, detail: string) =>
    new LlmscaleError(
      'upstreamUnavailable',
      'GIT_FAILED',
      `${place}: git ${verb} failed: ${cleanText(withoutCredentials(detail), secrets)}`,
      place.startsWith('https:') && access === undefined
        ? ['Set LLMSCALE_GIT_TOKEN to a token that may write contents of this repository.']
        : [],
    )
  const attempt = (args: string[], input: Uint8Array | string = '') =>
    new Promise<GitAnswer>((resolve, reject) => {
      const child = spawn('git', args, { cwd: folder, env, signal, timeout: longestRunSeconds * 1000 })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.on('error', (cause) => reject(signal?.aborted ? signal.reason : notStarted(cause)))
      child.on('close', (code) => {
        if (code === null) stderr += `\nstopped, at the latest after ${longestRunSeconds} s`
        resolve({ code, stdout: stdout.trimEnd(), stderr })
      })
      // A git that ends early leaves its input unread; its exit code says why.
      child.stdin.on('error', () => undefined)
      child.stdin.end(input)
    })
  return {
    failure,
    try: attempt,
    run: async (args, input) => {
      const { code, stdout, stderr } = await attempt(args, input)
      if (code === 0) return stdout
      throw failure(args[0]!, stderr)
    },
  }
}

/**
 * Works in an empty bare repository of its own, with the remote as `origin`; gone afterwards, interrupted or not.
 * The token for https is read from LLMSCALE_GIT_TOKEN, or for GitHub's own host from GITHUB_TOKEN, or from the URL, and
 * reaches git by its environment alone; without one git asks its credential helpers.
 */
export async function inRepository<T>(
  remote: string,
  work: (git: Git, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const run = async () => {
    const folder = createTemporaryFolder('git')
    const place = withoutPassword(remote)
    const access = findAccess(remote)
    try {
      const git = createGit({ folder: folder.path, place, access, signal: abort.signal })
      await git.run(['init', '--quiet', '--bare', '--template=', '.'])
      await git.run(['remote', 'add', 'origin', place])
      return await work(git, abort.signal)
    } finally {
      await folder.remove()
    }
  }
  const running = run()
  const done = onInterrupt(async () => {
    abort.abort(new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted.'))
    await running.catch(() => undefined)
  })
  try {
    return await running
  } finally {
    done()
  }
}

/** GITHUB_TOKEN is for GitHub alone: a configuration must not be able to send it elsewhere. */
export function findAccess(remote: string): Access | undefined {
  if (!/^https?:\/\//.test(remote) || !URL.canParse(remote)) return undefined
  const url = new URL(remote)
  const { protocol, origin, host, username, password } = url
  const { LLMSCALE_GIT_TOKEN, GITHUB_TOKEN, GITHUB_SERVER_URL = 'https://github.com' } = process.env
  const token =
    protocol === 'https:' &&
    (LLMSCALE_GIT_TOKEN || (host === new URL(GITHUB_SERVER_URL).host ? GITHUB_TOKEN : ''))
  if (token) return { origin, user: 'x-access-token', password: token }
  if (!hasSecret(url)) return undefined
  return { origin, user: decodeURIComponent(username), password: decodeURIComponent(password) }
}

/** The URL as it may stand among git's arguments, which other users see; ssh keeps its user. */
export function withoutPassword(remote: string): string {
  if (!URL.canParse(remote)) return remote
  const url = new URL(remote)
  if (!hasSecret(url)) return remote
  url.password = ''
  if (url.protocol !== 'ssh:') url.username = ''
  return url.href
}

/** A token may stand where the user does; no user has so long a name. */
function hasSecret({ username, password }: URL): boolean {
  return password !== '' || username.length >= 20
}

/**
 * Variables that bind git to another repository are left out, and nothing can ask a question. Settings reach git by
 * its environment, which unlike its arguments other users cannot see
 * (https://git-scm.com/docs/git-config#ENVIRONMENT).
 */
function createEnvironment(access: { origin: string; header: string } | undefined): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || /^GIT_SS[HL]/.test(name),
  )
  const settings = [
    ['core.hooksPath', '/dev/null'],
    // It would go on in a folder that we remove.
    ['maintenance.auto', 'false'],
    ['gc.auto', '0'],
    ['push.gpgSign', 'false'],
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
  ]
  if (access !== undefined) {
    settings.push([`http.${access.origin}/.extraHeader`, `Authorization: Basic ${access.header}`])
    // Git would send the header to wherever it is redirected.
    settings.push(['http.followRedirects', 'false'])
  }
  return {
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    GIT_CONFIG_COUNT: String(settings.length),
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    LC_ALL: 'C',
  }
}

function notStarted(cause: Error): LlmscaleError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  return new LlmscaleError(
    'upstreamUnavailable',
    'GIT_MISSING',
    missing ? 'git is not on PATH' : `git cannot be started: ${cause.message}`,
    ['Install git where llmscale runs, or name a place that is s3:// or a folder instead.'],
  )
}
