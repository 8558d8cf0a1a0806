import { spawn } from 'node:child_process'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { onInterrupt } from '../kit/interrupt.js'
import { retry, TemporaryFailure } from '../kit/retry.js'
import { createTemporaryFolder } from '../kit/temporary-folder.js'

/** A branch that holds demand files alone. */
export interface DemandBranch {
  /** URL of the repository, without a secret. */
  remote: string
  branch: string
}

/** A file of this name at the root says that a branch is ours to write. */
const markName = '.llmscale-demand'
const markText = `Demand files written by llmscale. Each run replaces the branch's only commit: do not
add anything else, and do not merge it.
`
const author = { name: 'llmscale', email: 'llmscale@localhost' }
/** A demand file is small: what takes longer hangs. */
const longestRunSeconds = 300

/**
 * Puts files, by path, on a branch beside those that are there. The branch has one commit without a parent: demand is
 * data that is written again and again, and a history of it would only grow. What another run pushes meanwhile is
 * kept: git refuses our push, and we begin anew, five times at most. Pushes nothing where nothing changed.
 *
 * The token for https is read from LLMSCALE_GIT_TOKEN, or for GitHub's own host from GITHUB_TOKEN, and reaches git by
 * its environment alone; without one git asks its credential helpers.
 *
 * Throws `upstreamUnavailable` GIT_MISSING and GIT_FAILED, and `outputNotWritable` BRANCH_NOT_OURS for a branch that
 * has other things.
 */
export async function publishToBranch(
  target: DemandBranch,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const abort = new AbortController()
  const publishing = inFolder(async (folder) => {
    const git = createGit(target, folder, abort.signal)
    await git.run(['init', '--quiet', '--bare', '--template=', '.'])
    await git.run(['remote', 'add', 'origin', target.remote])
    const entries = await storeFiles(git, new Map([[markName, markText], ...files]))
    await retry(() => replaceBranch(git, target, entries), { signal: abort.signal })
  })
  const done = onInterrupt(async () => {
    abort.abort(new LlmscaleError('interrupted', 'INTERRUPTED', 'Interrupted.'))
    await publishing.catch(() => undefined)
  })
  try {
    await publishing
  } finally {
    done()
  }
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = createTemporaryFolder('git')
  try {
    await work(folder.path)
  } finally {
    await folder.remove()
  }
}

/** Gives the lines of `git update-index --index-info` for files whose content is now stored. */
async function storeFiles(git: Git, files: ReadonlyMap<string, Uint8Array | string>): Promise<string> {
  let entries = ''
  for (const [path, content] of files) {
    const blob = await git.run(['hash-object', '-w', '--stdin'], content)
    entries += `100644 ${blob}\t${path}\0`
  }
  return entries
}

/** Throws a TemporaryFailure where somebody else wrote the branch since we read it. */
async function replaceBranch(git: Git, target: DemandBranch, entries: string): Promise<void> {
  const old = await fetchBranch(git, target.branch)
  if (old === undefined) await git.run(['read-tree', '--empty'])
  else {
    await requireOurs(git, target, old)
    await git.run(['read-tree', old])
  }
  await git.run(['update-index', '-z', '--index-info'], entries)
  // The content of other files was never fetched.
  const tree = await git.run(['write-tree', '--missing-ok'])
  if (old !== undefined && tree === (await git.run(['rev-parse', `${old}^{tree}`]))) return
  const commit = await git.run(['commit-tree', tree, '-m', 'Demand'])
  await pushCommit(git, target.branch, commit, old)
}

/** The commit that the branch has at the remote, fetched without the content of its files; undefined without one. */
async function fetchBranch(git: Git, branch: string): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`
  if ((await git.run(['ls-remote', 'origin', ref])) === '') return undefined
  await git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--filter=blob:none', 'origin', ref])
  return git.run(['rev-parse', 'FETCH_HEAD'])
}

async function requireOurs(git: Git, { remote, branch }: DemandBranch, commit: string): Promise<void> {
  if ((await git.run(['ls-tree', '--name-only', commit, '--', markName])) !== '') return
  throw new LlmscaleError(
    'outputNotWritable',
    'BRANCH_NOT_OURS',
    `branch ${branch} of ${remote} holds other things than demand files: it has no ${markName}, and is left as it is`,
    ['Name a branch that does not exist yet; it is created, e.g. #llmscale-demand:{day}.csv.'],
  )
}

/** What git says of a reference that another push moves at the same time, beside `[rejected]`. */
const moved = /^!.*\[(rejected|remote rejected\] \(.*(lock|update ref|already exists|old value))/m

async function pushCommit(git: Git, branch: string, commit: string, old = ''): Promise<void> {
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

interface GitAnswer {
  code: number | null
  stdout: string
  stderr: string
}

interface Git {
  /** Standard output without the last line end. Throws GIT_FAILED where git does. */
  run(args: string[], input?: Uint8Array | string): Promise<string>
  try(args: string[], input?: Uint8Array | string): Promise<GitAnswer>
  failure(verb: string, detail: string): LlmscaleError
}

/** Runs git in a folder. Throws GIT_MISSING, and `interrupted` once the signal has come. */
function createGit({ remote }: DemandBranch, folder: string, signal: AbortSignal): Git {
  const token = findToken(remote)
  const credentials =
    token === undefined ? undefined : Buffer.from(`x-access-token:${token}`).toString('base64')
  const env = createEnvironment(remote, credentials)
  const secrets = [token, credentials].filter((secret) => secret !== undefined)

  const failure = (verb: string, detail: string) =>
    new LlmscaleError(
      'upstreamUnavailable',
      'GIT_FAILED',
      `${remote}: git ${verb} failed: ${cleanText(withoutCredentials(detail), secrets)}`,
      remote.startsWith('https:') && token === undefined
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
      child.on('error', (cause) => reject(signal.aborted ? signal.reason : notStarted(cause)))
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

/** GITHUB_TOKEN is for GitHub alone: a configuration must not be able to send it elsewhere. */
function findToken(remote: string): string | undefined {
  const { protocol, host } = new URL(remote)
  if (protocol !== 'https:') return undefined
  const { LLMSCALE_GIT_TOKEN, GITHUB_TOKEN, GITHUB_SERVER_URL = 'https://github.com' } = process.env
  return LLMSCALE_GIT_TOKEN || (host === new URL(GITHUB_SERVER_URL).host ? GITHUB_TOKEN : '') || undefined
}

/**
 * Variables that bind git to another repository are left out, and nothing can ask a question. Settings reach git by
 * its environment, which unlike its arguments other users cannot see
 * (https://git-scm.com/docs/git-config#ENVIRONMENT).
 */
function createEnvironment(remote: string, credentials: string | undefined): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || /^GIT_SS[HL]/.test(name),
  )
  const settings = [
    ['core.hooksPath', '/dev/null'],
    // It would go on in the folder that we remove.
    ['maintenance.auto', 'false'],
    ['gc.auto', '0'],
    ['push.gpgSign', 'false'],
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
  ]
  if (credentials !== undefined) {
    settings.push([`http.${new URL(remote).origin}/.extraHeader`, `Authorization: Basic ${credentials}`])
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

/** An URL's user and password are not for messages; git's own may have them from a setting of the user (`insteadOf`). */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, '//[secret]@')
}

function notStarted(cause: Error): LlmscaleError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  return new LlmscaleError(
    'upstreamUnavailable',
    'GIT_MISSING',
    missing ? 'git is not on PATH' : `git cannot be started: ${cause.message}`,
    ['Install git where llmscale runs, or write to s3:// or a folder instead.'],
  )
}
