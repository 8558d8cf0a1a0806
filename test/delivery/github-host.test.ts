import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GitHost } from '../../src/delivery/git-host.js'
import { findGitHubAccess, type GitHubAccess } from '../../src/delivery/github-client.js'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { proposeChange } from '../../src/delivery/propose-change.js'
import { emptyFolder } from '../run-cli.js'
import { descriptionsNote } from './github-descriptions.js'
import { commitTo, day, makeProposal, seededRepository } from './proposals.js'
import { type StandInHost, startGitHubHost } from './stand-in-github-host.js'
import { git } from './state-places.js'

let gitHub: StandInHost
let template: string
let base: string
let waits: number[]
const wait = async (seconds: number) => void waits.push(seconds)
beforeAll(async () => {
  gitHub = await startGitHubHost()
  template = seededRepository()
  base = git(template, 'rev-parse', 'main')
})
afterAll(() => gitHub.stop())
beforeEach(() => {
  gitHub.reset(template)
  waits = []
})
afterEach(() => {
  expect(gitHub.violations).toEqual([])
  vi.unstubAllEnvs()
})

async function withHost<T>(
  work: (host: GitHost) => Promise<T>,
  access: GitHubAccess = gitHub.access,
): Promise<T> {
  const host = await openGitHubHost(access, wait)
  try {
    return await work(host)
  } finally {
    await host.close()
  }
}
const propose = (number = 1, change = {}) =>
  withHost((host) => proposeChange(host, makeProposal(number, base, change), day(19), wait))

describe(`GitHub, on a stand-in${descriptionsNote}`, () => {
  it('lists all of 320 comments and tells an issue by its key', async () => {
    await propose()
    for (let id = 0; id < 320; id++)
      gitHub.comments.push({ id, number: 1, body: `comment ${id}`, login: 'eve' })
    await withHost(async (host) => {
      const comments = await host.commentsOf(1)
      expect(comments).toHaveLength(320)
      expect(comments.at(-1)).toEqual({ id: 319, body: 'comment 319', author: 'eve' })
      await host.updateComment(319, 'changed')
      expect(gitHub.comments.at(-1)!.body).toBe('changed')

      const key = '<!-- llmscale:dashboard -->'
      expect(await host.findIssue('llmscale', key)).toBeUndefined()
      gitHub.faults = [{ on: /POST .*issues$/, times: 1, does: 'cut after' }]
      const made = await host.createIssue({
        title: 'Fleet',
        body: `${key}\nall is well`,
        label: 'llmscale',
        key,
      })
      for (let count = 0; count < 150; count++)
        gitHub.issues.push({
          number: 9000 + count,
          title: 'other',
          body: '',
          labels: ['llmscale'],
          state: 'open',
        })
      gitHub.issues.reverse()
      expect(await host.findIssue('llmscale', key)).toEqual(made)
      await host.updateIssue(made.number, { body: `${key}\nheld` })
      expect((await host.findIssue('llmscale', key))!.body).toBe(`${key}\nheld`)
    })
    expect(gitHub.issues).toHaveLength(151)
  })

  it('says a comment once whose reply was lost, and twice what is said twice', async () => {
    await propose()
    gitHub.faults = [{ on: /POST .*comments/, times: 1, does: 'cut after' }]
    await withHost(async (host) => {
      const first = await host.createComment(1, 'hello')
      expect(gitHub.comments).toHaveLength(1)
      expect((await host.createComment(1, 'hello')).id).not.toBe(first.id)
    })
    expect(gitHub.comments).toHaveLength(2)
  })

  it('knows people and merges', async () => {
    await propose()
    const merged = gitHub.squash(1)
    await withHost(async (host) => {
      expect(await host.permissionOf('bob')).toBe('write')
      expect(await host.permissionOf('mallory')).toBe('none')
      expect(await host.mergedPullRequestsOf(merged, 'main')).toMatchObject([{ number: 1, isMerged: true }])
      expect(await host.mergedPullRequestsOf(merged, 'release')).toEqual([])
      expect(await host.readText(git(gitHub.repository, 'rev-parse', 'main:README.md'))).toBe('fleet\n')
    })
  })

  it('takes an address of GitHub Enterprise', async () => {
    const access = { ...gitHub.access, apiUrl: `${gitHub.access.apiUrl}/api/v3` }
    for (const number of [1, 2])
      await withHost((host) => proposeChange(host, makeProposal(number, base), day(19), wait), access)
    expect(git(gitHub.repository, 'log', '--format=%s', 'main..llmscale/prod')).toBe('Raise chat to 2')
  })

  it('asks as the installation of an App', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    gitHub.appKey = publicKey
    const keyFile = join(emptyFolder(), 'app.pem')
    writeFileSync(keyFile, privateKey)
    vi.stubEnv('GITHUB_API_URL', `${gitHub.access.apiUrl}/`)
    vi.stubEnv('GITHUB_REPOSITORY', 'acme/fleet')
    vi.stubEnv('GITHUB_TOKEN', '')
    vi.stubEnv('LLMSCALE_GITHUB_APP_ID', '42')
    vi.stubEnv('LLMSCALE_GITHUB_APP_KEY_FILE', keyFile)
    const access = await findGitHubAccess(undefined)
    const outcome = await withHost(
      (host) => proposeChange(host, makeProposal(1, base), day(19), wait),
      access,
    )
    expect(outcome.action).toBe('create')
    gitHub.appKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
      type: 'spki',
      format: 'pem',
    }) as string
    await expect(withHost(async () => undefined, access)).rejects.toMatchObject({
      code: 'GITHUB_TOKEN_WRONG',
      message: 'GitHub does not accept the App 42 (401): check its id and key, and the clock here',
    })
  })

  it('explains what is not set, without the key', async () => {
    const problem = async (variables: Record<string, string>) => {
      const all = [
        'GITHUB_TOKEN',
        'GITHUB_REPOSITORY',
        'GITHUB_API_URL',
        'LLMSCALE_GITHUB_APP_ID',
        'LLMSCALE_GITHUB_APP_KEY_FILE',
      ]
      for (const name of all) vi.stubEnv(name, variables[name] ?? '')
      return findGitHubAccess('https://github.com/acme/fleet.git').catch(
        ({ code, message }) => `${code} ${message}`,
      )
    }
    const wrong = join(emptyFolder(), 'wrong.pem')
    writeFileSync(wrong, 'hunter2')
    expect(await problem({})).toMatch(/^GITHUB_NOT_SET GITHUB_TOKEN is not set/)
    expect(await problem({ GITHUB_TOKEN: 'x', GITHUB_REPOSITORY: 'fleet' })).toMatch(
      /GITHUB_REPOSITORY is not set to owner\/name/,
    )
    expect(await problem({ LLMSCALE_GITHUB_APP_ID: '42' })).toMatch(
      /LLMSCALE_GITHUB_APP_KEY_FILE, the file of its key, is not/,
    )
    expect(await problem({ LLMSCALE_GITHUB_APP_ID: '42', LLMSCALE_GITHUB_APP_KEY_FILE: '/nowhere' })).toMatch(
      /\/nowhere cannot be read: ENOENT/,
    )
    expect(await problem({ LLMSCALE_GITHUB_APP_ID: '42', LLMSCALE_GITHUB_APP_KEY_FILE: wrong })).toMatch(
      /wrong\.pem has no private key in PEM$/,
    )
    expect(await problem({ GITHUB_TOKEN: 'x' })).toEqual({
      repository: 'acme/fleet',
      apiUrl: 'https://api.github.com',
      identity: { token: 'x' },
    })
  })
})

describe('what GitHub refuses', () => {
  const writes = [
    /POST .*git\/trees/,
    /POST .*git\/commits/,
    /POST .*git\/refs/,
    /POST .*pulls$/,
    /POST .*labels/,
    /PATCH .*pulls/,
  ]

  it.each([
    [401, {}, 'GITHUB_TOKEN_WRONG', /^GitHub does not accept GITHUB_TOKEN \(401\)/],
    [
      403,
      {},
      'GITHUB_PERMISSION_MISSING',
      /^GITHUB_TOKEN may not write .* of acme\/fleet \(403: .*needs the permission \S+: write$/,
    ],
    [404, {}, 'GITHUB_NOT_FOUND', /or not for this token \(404: .*the permission \S+: write$/],
    [409, {}, 'GITHUB_REFUSED', /^(branch llmscale\/prod: )?GitHub answers 409 about/],
    [422, {}, 'GITHUB_REFUSED', /^(branch llmscale\/prod: )?GitHub answers 422 about/],
    [429, { 'retry-after': '7' }, 'GITHUB_LIMITED', /ask no more for now \(429\), 5 times$/],
    [502, {}, 'GITHUB_UNAVAILABLE', /does not answer, 5 times/],
  ] as const)(
    'explains %d at each write, keeps the token to itself, and the next run ends it',
    async (status, headers, code, message) => {
      for (const on of writes) {
        gitHub.reset(template)
        gitHub.faults = [{ on, times: 5, does: { status, headers: headers as Record<string, string> } }]
        const error = await propose().catch((cause) => cause)
        expect(error.code === 'BRANCH_PROTECTED' ? 'GITHUB_REFUSED' : error.code, String(on)).toBe(code)
        expect(error.message).toMatch(message)
        expect(JSON.stringify([error.message, error.tryThis])).not.toContain('hunter2')
        gitHub.faults = []
        await propose()
        expect(gitHub.pulls).toHaveLength(1)
        expect(gitHub.pulls[0]).toMatchObject({
          body: makeProposal(1, base).body,
          labels: ['llmscale', 'capacity'],
        })
      }
    },
  )

  it('names the permission that GitHub asks for', async () => {
    const headers = { 'x-accepted-github-permissions': 'pull_requests=write; contents=read' }
    gitHub.faults = [{ on: /POST .*pulls$/, times: 1, does: { status: 403, headers } }]
    await expect(propose()).rejects.toThrow(/needs the permission pull-requests: write; contents: read$/)
  })

  it('waits as long as it is told, before it asks again', async () => {
    const limit = (status: number, headers: Record<string, string>, message = 'limit') => ({
      on: /POST .*pulls$/,
      times: 1,
      does: { status, headers, message },
    })
    const reset = String(Math.round(Date.now() / 1000) + 10_000)
    gitHub.faults = [
      limit(429, { 'retry-after': '7' }),
      limit(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }),
      limit(403, {}, 'You have exceeded a secondary rate limit. Please wait.'),
    ]
    expect((await propose()).action).toBe('create')
    expect(waits).toEqual([7, 60, 60])
    expect(gitHub.pulls).toHaveLength(1)
  })

  it('says that a repository is archived, or empty', async () => {
    gitHub.settings.isArchived = true
    await expect(propose()).rejects.toMatchObject({ code: 'GITHUB_ARCHIVED' })
    gitHub.reset()
    await expect(propose()).rejects.toMatchObject({
      code: 'BASE_MISSING',
      message: 'acme/fleet has no branch main with a commit; its default branch is main',
      tryThis: ['Push a first commit to main.'],
    })
    expect(gitHub.writes()).toEqual([])
  })

  it('says that the default branch has another name now, and follows it', async () => {
    await propose()
    git(gitHub.repository, 'update-ref', 'refs/heads/trunk', 'main')
    git(gitHub.repository, 'update-ref', '-d', 'refs/heads/main')
    gitHub.settings.defaultBranch = 'trunk'
    await expect(propose(2)).rejects.toMatchObject({
      code: 'BASE_MISSING',
      tryThis: ['Set environments.<env>.reviewedBranch to trunk, or push main.'],
    })
    expect((await propose(2, { baseBranch: 'trunk' })).action).toBe('refresh')
    expect(gitHub.pulls).toMatchObject([{ base: 'trunk', title: 'Raise chat to 2' }])
  })

  it('names a rule that protects its branch', async () => {
    gitHub.settings.protectedBranch = 'llmscale/prod'
    const protectedError = {
      code: 'BRANCH_PROTECTED',
      message: expect.stringMatching(/^branch llmscale\/prod: .*rule violations/),
      tryThis: [expect.stringMatching(/^Let the bot bypass/)],
    }
    await expect(propose()).rejects.toMatchObject(protectedError)
    delete gitHub.settings.protectedBranch
    await propose()
    gitHub.settings.protectedBranch = 'llmscale/prod'
    await expect(propose(2)).rejects.toMatchObject(protectedError)
  })

  it('follows a repository to its new name', async () => {
    gitHub.settings.name = 'acme/serving'
    expect((await propose()).action).toBe('create')
    await propose(2)
    expect(gitHub.pulls).toMatchObject([{ title: 'Raise chat to 2' }])
    expect(gitHub.writes().every((line) => !line.includes('acme/fleet'))).toBe(true)
  })

  it('never lets a redirect make a read of a write', async () => {
    gitHub.before = (line) => {
      if (/POST .*pulls$/.test(line)) gitHub.settings.name = 'acme/serving'
    }
    await expect(propose()).rejects.toThrow(/acme\/fleet has moved \(307, to /)
    gitHub.before = () => undefined
    expect((await propose()).action).toBe('create')
    expect(gitHub.pulls).toHaveLength(1)
  })

  it('goes on where a person’s pull request came from the branch meanwhile', async () => {
    commitTo(gitHub.repository, 'llmscale/prod', { 'README.md': 'mine\n' })
    expect(await propose()).toMatchObject({ action: 'edited', pullRequest: undefined })
    expect(gitHub.writes()).toEqual([])
  })
})
