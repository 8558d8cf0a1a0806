import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openStateStore } from '../../src/delivery/open-state-store.js'
import { createBranchStore } from '../../src/delivery/state-branch.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { emptyFolder } from '../run-cli.js'
import { hasS3, s3Note, startS3 } from '../stand-in-s3.js'
import { bareRepository, git } from './state-places.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function failureOf(work: () => unknown): Promise<LlmscaleError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const folderWithRemote = (url: string) => {
  const folder = emptyFolder()
  git(folder, 'init', '--quiet', '.')
  git(folder, 'remote', 'add', 'origin', url)
  return folder
}

describe('openStateStore', () => {
  it.each([
    [{ state: undefined, backend: undefined }, '/fleet/.llmscale/state'],
    [{ state: undefined, backend: 'file:///srv/pulumi' }, '/fleet/.llmscale/state'],
    [{ state: undefined, backend: 's3://state/fleet?region=eu-west-1' }, 's3://state/fleet/llmscale-state'],
    [{ state: undefined, backend: 's3://state' }, 's3://state/llmscale-state'],
    [{ state: 's3://audit/llmscale/', backend: 'https://api.pulumi.com' }, 's3://audit/llmscale'],
    [
      { state: 'git+https://example.com/fleet.git#audit/prod', backend: undefined },
      'https://example.com/fleet.git#audit/prod',
    ],
    [
      { state: 'git+ssh://git@example.com/fleet.git', backend: undefined },
      'ssh://[secret]@example.com/fleet.git#llmscale-state',
    ],
  ])('keeps %j at %s', async (settings, place) => {
    expect((await openStateStore(settings, '/fleet')).place).toBe(place)
  })

  it.each([
    ['https://github.com/acme/fleet.git', 'https://github.com/acme/fleet.git#llmscale-state'],
    ['git@github.com:acme/fleet.git', 'git@github.com:acme/fleet.git#llmscale-state'],
    ['https://x-access-token:hunter2@github.com/acme/fleet', 'https://github.com/acme/fleet#llmscale-state'],
    [
      `https://ghp_${'hunter2'.repeat(4)}@github.com/acme/fleet`,
      'https://github.com/acme/fleet#llmscale-state',
    ],
  ])('keeps it on a branch of origin %s with another backend', async (origin, place) => {
    const backend = 'https://api.pulumi.com'
    expect((await openStateStore({ backend }, folderWithRemote(origin))).place).toBe(place)
  })

  it('finds an origin that is a path from the top of the work tree', async () => {
    const repository = bareRepository()
    const folder = folderWithRemote(`../${repository.split('/').slice(-2).join('/')}`)
    mkdirSync(join(folder, 'fleet'))
    const store = await openStateStore({ backend: 'azblob://state' }, join(folder, 'fleet'))
    await store.write('receipts/prod/1.json', 'one\n')
    expect(git(repository, 'ls-tree', '-r', '--name-only', 'llmscale-state').split('\n')).toEqual([
      '.llmscale-state',
      'receipts/prod/1.json',
    ])
  })

  it('says what to do where there is no place', async () => {
    const failure = await failureOf(() => openStateStore({ backend: 'gs://state' }, emptyFolder()))
    expect([failure.reason, failure.code]).toEqual(['configInvalid', 'STATE_PLACE_MISSING'])
    expect(failure.tryThis.join()).toContain('environments.<env>.state')
  })

  it.each([
    'ftp://example.com/state',
    's3:///state',
    's3://Bucket_Name/state',
    'git+http://example.com/fleet.git',
    'git+https://example.com/fleet.git#--branch',
    'git+https://me:hunter2@example.com/fleet.git',
  ])('refuses %s', async (state) => {
    const failure = await failureOf(() => openStateStore({ state }, '/fleet'))
    expect([failure.reason, failure.code]).toEqual(['configInvalid', 'STATE_URL_WRONG'])
    expect(failure.message).not.toContain('hunter2')
  })
})

describe('the store on a branch', () => {
  it('leaves a branch alone that holds anything else', async () => {
    const repository = bareRepository()
    const work = folderWithRemote(`file://${repository}`)
    const by = ['-c', 'user.name=a', '-c', 'user.email=a@b']
    git(work, ...by, 'commit', '--quiet', '--allow-empty', '-m', 'theirs')
    git(work, 'push', '--quiet', 'origin', 'HEAD:refs/heads/llmscale-state')
    const store = createBranchStore(`file://${repository}`, 'llmscale-state')
    for (const access of [() => store.read('a.json'), () => store.write('a.json', 'a\n')]) {
      const failure = await failureOf(access)
      expect([failure.reason, failure.code]).toEqual(['outputNotWritable', 'BRANCH_NOT_OURS'])
    }
  })

  it('has a commit for each write, by llmscale', async () => {
    const repository = bareRepository()
    const store = createBranchStore(`file://${repository}`, 'llmscale-state')
    const lock = new Map([['locks/a.json', 'a\n']])
    await store.create(lock)
    await store.write('receipts/prod/1.json', 'one\n')
    await store.write('receipts/prod/1.json', 'one\n')
    await store.remove(lock)
    expect(git(repository, 'log', '--format=%an: %s', 'llmscale-state').split('\n')).toEqual([
      'llmscale: Remove locks/a.json',
      'llmscale: Write receipts/prod/1.json',
      'llmscale: Create locks/a.json',
    ])
  })

  it('names a repository that is not there', async () => {
    const store = createBranchStore('file:///nowhere/fleet.git', 'llmscale-state')
    const failure = await failureOf(() => store.list('locks'))
    expect([failure.reason, failure.code]).toEqual(['upstreamUnavailable', 'GIT_FAILED'])
    expect(failure.message).toMatch(/^file:\/\/\/nowhere\/fleet\.git: git ls-remote failed/)
  })
})

describe.skipIf(!hasS3)(`the store in a bucket${s3Note}`, () => {
  it('reads the settings of a Pulumi backend, and names a bucket that is not there', async () => {
    const s3 = await startS3()
    try {
      const { AWS_ENDPOINT_URL_S3: _, AWS_REGION: __, ...environment } = s3.environment
      for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
      const endpoint = new URL(s3.endpoint).host
      const query = `region=eu-west-1&endpoint=${endpoint}&disableSSL=true&s3ForcePathStyle=true`
      const store = createBucketStore(`s3://none?${query}`, 'llmscale-state')
      const failure = await failureOf(() => store.write('locks/a.json', 'a\n'))
      expect([failure.code, failure.message]).toEqual([
        'S3_BUCKET_MISSING',
        's3://none/llmscale-state/locks/a.json: there is no such bucket',
      ])
    } finally {
      await s3.stop()
    }
  })
})
