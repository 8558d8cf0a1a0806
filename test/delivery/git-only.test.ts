import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { inGitOnlyHost } from '../../src/delivery/git-only-host.js'
import { type Proposal, proposeChange } from '../../src/delivery/propose-change.js'
import { serveRepository } from '../git-server.js'
import { emptyFolder } from '../run-cli.js'
import { testSecrets } from '../secrets.js'
import { commitTo, day, makeProposal, planId, seedProject, worth } from './proposals.js'
import { bareRepository, git } from './state-places.js'

const noWait = async () => undefined

let repository: string
let work: string
let base: string
beforeEach(() => {
  repository = bareRepository()
  base = seedProject(repository)
  work = emptyFolder()
  git(work, 'clone', '--quiet', `file://${repository}`, '.')
})

const propose = (number: number, change: Partial<Proposal> = {}) =>
  inGitOnlyHost(work, (host) =>
    proposeChange(host, makeProposal(number, base, change), day(10 + (number % 10), 5), noWait),
  )
const log = () => git(repository, 'log', '--format=%an %s', 'main..llmscale/prod')
const text = (path: string) => git(repository, 'show', `llmscale/prod:${path}`)

describe('a branch on any git remote', () => {
  it('is one commit on the base, made once', async () => {
    expect(await propose(1)).toMatchObject({ action: 'create', pullRequest: undefined })
    expect(log()).toBe('llmscale Raise chat to 1')
    expect(text('forecasts/prod/plan.yaml')).toBe('plan: 1')
    expect(text('README.md')).toBe('fleet')
    expect(() => text('forecasts/prod/workloads/old.us-east-1.yaml')).toThrow()
    const tip = git(repository, 'rev-parse', 'llmscale/prod')
    expect(await propose(1)).toMatchObject({ action: 'unchanged' })
    expect(git(repository, 'rev-parse', 'llmscale/prod')).toBe(tip)
  })

  it('is made anew with each decision, on the base as it is', async () => {
    await propose(1)
    base = commitTo(repository, 'main', { 'README.md': 'more\n' })
    expect((await propose(2)).action).toBe('create')
    expect(log()).toBe('llmscale Raise chat to 2')
    expect(text('README.md')).toBe('more')
    expect((await propose(1)).action).toBe('newerExists')
  })

  it('leaves a person’s commit alone', async () => {
    await propose(1)
    commitTo(repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 99\n' })
    expect(await propose(2)).toMatchObject({
      action: 'edited',
      because: 'ada made the last commit of the branch',
    })
    expect(text('forecasts/prod/plan.yaml')).toBe('plan: 99')
  })

  it('goes on over a merge of the base, and stops at one of another branch', async () => {
    await propose(1)
    const merge = (other: string) => {
      const by = ['-c', 'user.name=ada', '-c', 'user.email=ada@acme.example']
      const tree = git(repository, 'merge-tree', '--write-tree', 'llmscale/prod', other)
      const commit = ['commit-tree', tree, '-p', 'llmscale/prod', '-p', other, '-m', 'merge']
      git(repository, 'update-ref', 'refs/heads/llmscale/prod', git(repository, ...by, ...commit))
    }
    base = commitTo(repository, 'main', { 'README.md': 'more\n' })
    merge('main')
    expect((await propose(1)).action).toBe('unchanged')
    expect((await propose(2)).action).toBe('create')
    expect(log()).toBe('llmscale Raise chat to 2')
    git(repository, 'branch', 'theirs', 'main')
    commitTo(repository, 'theirs', { 'notes.md': 'mine\n' })
    merge('theirs')
    expect((await propose(3)).action).toBe('edited')
  })

  it('goes on after its branch was merged by a merge commit', async () => {
    await propose(1)
    const merged = git(
      repository,
      ...['-c', 'user.name=ada', '-c', 'user.email=ada@acme.example'],
      ...['commit-tree', 'llmscale/prod^{tree}', '-p', 'main', '-p', 'llmscale/prod', '-m', 'merge'],
    )
    git(repository, 'update-ref', 'refs/heads/main', merged)
    base = merged
    const inForce = { basePlanId: planId(1), materiality: worth(false, 'in force') }
    expect((await propose(1, inForce)).action).toBe('unchanged')
    expect((await propose(2, { basePlanId: planId(1) })).action).toBe('create')
    expect(log()).toBe('llmscale Raise chat to 2')
  })

  it('takes nothing of the work tree, index or HEAD, and leaves them as they are', async () => {
    git(work, 'checkout', '--quiet', '--detach')
    writeFileSync(join(work, 'README.md'), 'not committed\n')
    writeFileSync(join(work, 'staged.txt'), 'staged\n')
    git(work, 'add', 'staged.txt')
    writeFileSync(join(work, 'untracked.txt'), 'untracked\n')
    const seen = () => [
      git(work, 'status', '--porcelain=v2', '--branch'),
      git(work, 'for-each-ref'),
      readFileSync(join(work, '.git/HEAD'), 'utf8'),
    ]
    const before = seen()
    await propose(1)
    expect(seen()).toEqual(before)
    expect(readFileSync(join(work, 'README.md'), 'utf8')).toBe('not committed\n')
    expect(git(repository, 'ls-tree', '--name-only', 'llmscale/prod').split('\n')).toEqual([
      'README.md',
      'forecasts',
      'llmscale.yaml',
    ])
  })

  it('is written once by two runs at the same time', async () => {
    const outcomes = await Promise.all([propose(1), propose(1)])
    expect(outcomes.map(({ action }) => action)).toContain('create')
    expect(log()).toBe('llmscale Raise chat to 1')
  })

  it('ends with the later plan of two at the same time', async () => {
    await propose(1)
    await Promise.all([propose(2), propose(3)])
    expect(log()).toBe('llmscale Raise chat to 3')
  })

  it('is pushed over https with a token that reaches no other place', { timeout: 60_000 }, async () => {
    const token = testSecrets.GITHUB_TOKEN
    const { url, certificate, close } = await serveRepository(repository, token)
    try {
      vi.stubEnv('GIT_SSL_CAINFO', certificate)
      git(work, 'remote', 'set-url', 'origin', url)
      vi.stubEnv('LLMSCALE_GIT_TOKEN', `${token}x`)
      const refused = await propose(1).catch((error: Error) => error.message)
      expect(refused).toContain('403')
      expect(refused).not.toContain('hunter2')
      vi.stubEnv('LLMSCALE_GIT_TOKEN', token)
      expect((await propose(1)).action).toBe('create')
      expect((await propose(1)).action).toBe('unchanged')
      expect(log()).toBe('llmscale Raise chat to 1')
    } finally {
      vi.unstubAllEnvs()
      await close()
    }
  })

  it('needs a remote', async () => {
    git(work, 'remote', 'remove', 'origin')
    await expect(propose(1)).rejects.toMatchObject({
      code: 'REMOTE_MISSING',
      reason: 'usage',
      tryThis: [expect.stringMatching(/^git remote add origin/)],
    })
    work = emptyFolder()
    await expect(propose(1)).rejects.toMatchObject({ code: 'REMOTE_MISSING' })
  })

  it('says which branch the base lacks, and what there is', async () => {
    await expect(propose(1, { baseBranch: 'trunk' })).rejects.toMatchObject({
      code: 'BASE_MISSING',
      message: expect.stringMatching(
        /^file:.* has no branch trunk with a commit; its default branch is main$/,
      ),
    })
  })

  it('says that a remote is gone, and that it refuses', async () => {
    rmSync(repository, { recursive: true })
    await expect(propose(1)).rejects.toMatchObject({ code: 'GIT_FAILED' })
  })

  it('says what a hook of the remote says', async () => {
    writeFileSync(
      join(repository, 'hooks', 'pre-receive'),
      '#!/bin/sh\necho protected branch >&2\nexit 1\n',
      { mode: 0o755 },
    )
    await expect(propose(1)).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining('protected branch'),
    })
  })
})
