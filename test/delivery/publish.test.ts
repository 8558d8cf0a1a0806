import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { destinationOf, parseDestination, publishFiles } from '../../src/delivery/publish.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import { serveRepository } from '../git-server.js'
import { emptyFolder } from '../run-cli.js'
import { testSecrets } from '../secrets.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function failureOf(run: () => unknown): Promise<LlmscaleError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd()

/** A bare repository on disk, and the template of a branch in it. */
function bareRepository(): { folder: string; template: string } {
  const folder = join(emptyFolder(), 'fleet.git')
  git('/', 'init', '--quiet', '--bare', folder)
  git(folder, 'config', 'uploadpack.allowFilter', 'true')
  return { folder, template: `git+file://${folder}#demand:days/{day}.csv` }
}

const namesOn = (repository: string, branch = 'demand') =>
  git(repository, 'ls-tree', '-r', '--name-only', branch).split('\n')
const textOn = (repository: string, path: string, branch = 'demand') =>
  git(repository, 'cat-file', 'blob', `${branch}:${path}`)
const tipOf = (repository: string, branch = 'demand') => git(repository, 'rev-parse', branch)

const publish = (template: string, days: Record<string, string | Uint8Array>) =>
  publishFiles(
    template,
    new Map(Object.entries(days).map(([day, text]) => [destinationOf(template, day), text])),
  )

/** A branch with one file that somebody else wrote. */
function foreignBranch(repository: string, branch: string): void {
  const work = emptyFolder()
  git(work, 'init', '--quiet', '.')
  writeFileSync(join(work, 'README.md'), 'ours\n')
  git(work, 'add', '.')
  git(work, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', 'theirs')
  git(work, 'push', '--quiet', repository, `HEAD:refs/heads/${branch}`)
}

/** What the repository runs before it takes a push. */
function beforePush(repository: string, script: string): void {
  mkdirSync(join(repository, 'hooks'), { recursive: true })
  writeFileSync(join(repository, 'hooks/pre-receive'), script, { mode: 0o755 })
}

describe('parseDestination', () => {
  it.each([
    ['demand.csv', { kind: 'file', path: 'demand.csv' }],
    ['/data/{day}.parquet', { kind: 'file', path: '/data/{day}.parquet' }],
    ['s3://fleet-demand/prod/{day}.parquet', { kind: 's3', url: 's3://fleet-demand/prod/{day}.parquet' }],
    [
      'git+https://github.com/acme/fleet.git#llmscale-demand:prod/{day}.csv',
      {
        kind: 'git',
        remote: 'https://github.com/acme/fleet.git',
        branch: 'llmscale-demand',
        path: 'prod/{day}.csv',
      },
    ],
    [
      'git+ssh://git@example.com:2222/fleet.git#data/demand:{day}.csv',
      {
        kind: 'git',
        remote: 'ssh://git@example.com:2222/fleet.git',
        branch: 'data/demand',
        path: '{day}.csv',
      },
    ],
  ])('reads %s', (text, destination) => {
    expect(parseDestination(text)).toEqual(destination)
  })

  it.each([
    '',
    'folder/',
    's3://bucket',
    's3://bucket/',
    's3://{day}/demand.csv',
    'https://example.com/demand.csv',
    'file:///demand.csv',
    'git+http://example.com/fleet.git#demand:{day}.csv',
    'git+ext::sh -c id#demand:{day}.csv',
    'git+https://example.com/fleet.git',
    'git+https://example.com/fleet.git#demand',
    'git+https://example.com/{day}.git#demand:a.csv',
    'git+https://example.com/fleet.git#{day}:a.csv',
    'git+https://example.com/fleet.git#--upload-pack=id:a.csv',
    'git+https://example.com/fleet.git#a..b:a.csv',
    'git+https://example.com/fleet.git#demand:/a.csv',
    'git+https://example.com/fleet.git#demand:../a.csv',
    'git+https://example.com/fleet.git#demand:.git/config',
    'git+https://example.com/fleet.git#demand:.llmscale-demand',
  ])('refuses %j and says what is allowed', async (text) => {
    const failure = await failureOf(() => parseDestination(text, 'metrics.collector.to', 'configInvalid'))
    expect([failure.exitCode, failure.code]).toEqual([3, 'DESTINATION_INVALID'])
    expect(failure.message).toMatch(/^metrics\.collector\.to: ".*s3:\/\/bucket\/key.*git\+https:/)
  })

  it('refuses credentials in an URL without repeating them', async () => {
    const text = 'git+https://me:hunter2@example.com/fleet.git#demand:{day}.csv'
    const failure = await failureOf(() => parseDestination(text))
    expect([failure.exitCode, failure.code]).toEqual([2, 'DESTINATION_INVALID'])
    expect(failure.message).not.toMatch(/hunter2|\bme:/)
  })
})

describe('publishFiles', () => {
  it('writes files of a folder, one a day', async () => {
    const template = join(emptyFolder(), 'demand/{day}.csv')
    await publish(template, { '2026-11-19': 'a\n', '2026-11-20': 'b\n' })
    expect(readFileSync(destinationOf(template, '2026-11-20'), 'utf8')).toBe('b\n')
  })
})

describe('publishFiles to a bucket', () => {
  it('puts each file under its own key', async () => {
    const put = new Map<string, string>()
    const server = createHttpServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        put.set(`${request.method} ${new URL(request.url!, 'http://s3').pathname}`, body)
        response.setHeader('ETag', '"0"').end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_REGION', 'us-east-1')
    try {
      await publish('s3://fleet-demand/prod/{day}.csv', { '2026-11-19': 'a\n', '2026-11-20': 'b\n' })
    } finally {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    }
    expect([...put.keys()]).toEqual([
      'PUT /fleet-demand/prod/2026-11-19.csv',
      'PUT /fleet-demand/prod/2026-11-20.csv',
    ])
    expect(put.get('PUT /fleet-demand/prod/2026-11-20.csv')).toContain('b\n')
  })
})

describe('publishFiles to a branch', () => {
  it('makes the branch, then keeps one commit and the files of other days', async () => {
    const { folder, template } = bareRepository()
    await publish(template, { '2026-11-18': 'a\n', '2026-11-19': 'b\n' })
    expect(namesOn(folder)).toEqual(['.llmscale-demand', 'days/2026-11-18.csv', 'days/2026-11-19.csv'])
    await publish(template, { '2026-11-19': 'b2\n', '2026-11-20': new Uint8Array([0, 255, 10]) })
    expect(namesOn(folder)).toHaveLength(4)
    expect(textOn(folder, 'days/2026-11-18.csv')).toBe('a')
    expect(textOn(folder, 'days/2026-11-19.csv')).toBe('b2')
    expect(git(folder, 'cat-file', '-s', 'demand:days/2026-11-20.csv')).toBe('3')
    expect(git(folder, 'rev-list', '--count', 'demand')).toBe('1')
    expect(git(folder, 'log', '-1', '--format=%an <%ae> %cn', 'demand')).toBe(
      'llmscale <llmscale@localhost> llmscale',
    )
    expect(git(folder, 'fsck')).not.toMatch(/missing|error/)
  })

  it('pushes nothing where nothing changed', async () => {
    const { folder, template } = bareRepository()
    await publish(template, { '2026-11-19': 'a\n', '2026-11-20': 'b\n' })
    const tip = tipOf(folder)
    await publish(template, { '2026-11-20': 'b\n' })
    expect(tipOf(folder)).toBe(tip)
  })

  it('keeps what runs at the same time write', { timeout: 60_000 }, async () => {
    const { folder, template } = bareRepository()
    const days = ['2026-11-17', '2026-11-18', '2026-11-19']
    await Promise.all(days.map((day) => publish(template, { [day]: `${day}\n` })))
    for (const day of days) expect(textOn(folder, `days/${day}.csv`)).toBe(day)
  })

  it('keeps what was pushed between its fetch and its push', async () => {
    const { folder, template } = bareRepository()
    await publish(template, { '2026-11-18': 'a\n' })
    // The hook lets another run win exactly once, at the moment of the push.
    const [blob, mark] = [join(folder, '../b.csv'), join(folder, 'won')]
    writeFileSync(blob, 'b\n')
    beforePush(
      folder,
      `#!/bin/sh
[ -e ${mark} ] && exit 0
touch ${mark}
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_DIR=${folder} GIT_INDEX_FILE=${mark}.index
export GIT_AUTHOR_NAME=b GIT_AUTHOR_EMAIL=b GIT_COMMITTER_NAME=b GIT_COMMITTER_EMAIL=b
git read-tree demand
git update-index --add --cacheinfo 100644,$(git hash-object -w ${blob}),days/2026-11-19.csv
git update-ref refs/heads/demand $(git commit-tree $(git write-tree) -m other)
`,
    )
    await publish(template, { '2026-11-20': 'c\n' })
    expect(namesOn(folder)).toEqual([
      '.llmscale-demand',
      'days/2026-11-18.csv',
      'days/2026-11-19.csv',
      'days/2026-11-20.csv',
    ])
  })

  it('does not fetch what other days hold', async () => {
    const { folder, template } = bareRepository()
    const big = new Uint8Array(3_000_000).map(() => Math.floor(Math.random() * 256))
    await publish(template, { '2026-11-18': big })
    // A git before the real one notes how large our own copy is when it is about to push.
    const [tools, note] = [emptyFolder(), join(emptyFolder(), 'kilobytes')]
    const script = `#!/bin/sh\n[ "$1" = push ] && du -sk . > ${note}\nPATH=$REAL_PATH exec git "$@"\n`
    writeFileSync(join(tools, 'git'), script, { mode: 0o755 })
    vi.stubEnv('REAL_PATH', process.env['PATH'])
    vi.stubEnv('PATH', `${tools}:${process.env['PATH']}`)
    await publish(template, { '2026-11-19': 'b\n' })
    expect(Number.parseInt(readFileSync(note, 'utf8'), 10)).toBeLessThan(1000)
    expect(git(folder, 'cat-file', '-s', 'demand:days/2026-11-18.csv')).toBe('3000000')
  })

  it('leaves a branch alone that holds anything else', async () => {
    const { folder, template } = bareRepository()
    foreignBranch(folder, 'demand')
    const tip = tipOf(folder)
    const failure = await failureOf(() => publish(template, { '2026-11-20': 'a\n' }))
    expect([failure.exitCode, failure.code]).toEqual([14, 'BRANCH_NOT_OURS'])
    expect(failure.message).toContain(`branch demand of file://${folder}`)
    expect(tipOf(folder)).toBe(tip)
  })

  it('says what a repository refused, at once, and leaves nothing in temporary folders', async () => {
    const { folder, template } = bareRepository()
    beforePush(folder, '#!/bin/sh\necho the branch is protected >&2\nexit 1\n')
    const temporary = mkdtempSync(join(emptyFolder(), 'tmp-'))
    vi.stubEnv('TMPDIR', temporary)
    const failure = await failureOf(() => publish(template, { '2026-11-20': 'a\n' }))
    expect([failure.exitCode, failure.code]).toEqual([7, 'GIT_FAILED'])
    expect(failure.message).toMatch(/git push failed: .*the branch is protected/)
    expect(readdirSync(temporary)).toEqual([])
  })

  it('names a repository that is not there, and a missing git', async () => {
    const template = `git+file://${emptyFolder()}/none.git#demand:{day}.csv`
    const absent = await failureOf(() => publish(template, { '2026-11-20': 'a\n' }))
    expect([absent.exitCode, absent.code]).toEqual([7, 'GIT_FAILED'])
    expect(absent.message).toMatch(/none\.git: git ls-remote failed: .*not appear to be a git repository/)
    vi.stubEnv('PATH', emptyFolder())
    const missing = await failureOf(() => publish(template, { '2026-11-20': 'a\n' }))
    expect([missing.exitCode, missing.code]).toEqual([7, 'GIT_MISSING'])
  })

  it('is not led astray by a hook’s variables or the user’s settings', async () => {
    const { folder, template } = bareRepository()
    const settings = join(emptyFolder(), 'config')
    writeFileSync(settings, `[commit]\n  gpgSign = true\n[core]\n  hooksPath = ${folder}/nowhere\n`)
    vi.stubEnv('GIT_DIR', '/nowhere')
    vi.stubEnv('GIT_INDEX_FILE', '/nowhere')
    vi.stubEnv('GIT_CONFIG_GLOBAL', settings)
    await publish(template, { '2026-11-20': 'a\n' })
    vi.unstubAllEnvs()
    expect(namesOn(folder)).toContain('days/2026-11-20.csv')
  })
})

describe('publishFiles to a branch over https', () => {
  const token = testSecrets.GITHUB_TOKEN

  it('sends the token in a header and never says it', { timeout: 60_000 }, async () => {
    const { folder } = bareRepository()
    const { url, certificate, close } = await serveRepository(folder, token)
    const template = `git+${url}#demand:days/{day}.csv`
    vi.stubEnv('GIT_SSL_CAINFO', certificate)
    try {
      vi.stubEnv('LLMSCALE_GIT_TOKEN', token)
      await publish(template, { '2026-11-19': 'a\n' })
      await publish(template, { '2026-11-20': 'b\n' })
      expect(namesOn(folder)).toHaveLength(3)

      vi.stubEnv('LLMSCALE_GIT_TOKEN', `${token}x`)
      const refused = await failureOf(() => publish(template, { '2026-11-20': 'c\n' }))
      expect([refused.exitCode, refused.code]).toEqual([7, 'GIT_FAILED'])
      expect(refused.message).toContain('403')
      expect(refused.message).not.toContain('hunter2')
      expect(refused.message).not.toContain(Buffer.from(`x-access-token:${token}`).toString('base64'))

      // GitHub's token is not for this host.
      vi.stubEnv('LLMSCALE_GIT_TOKEN', '')
      vi.stubEnv('GITHUB_TOKEN', token)
      const without = await failureOf(() => publish(template, { '2026-11-20': 'c\n' }))
      expect(without.message).toContain('403')
      expect(without.tryThis.join()).toContain('LLMSCALE_GIT_TOKEN')
      vi.stubEnv('GITHUB_SERVER_URL', new URL(template.slice('git+'.length)).origin)
      await publish(template, { '2026-11-20': 'c\n' })
      expect(textOn(folder, 'days/2026-11-20.csv')).toBe('c')
    } finally {
      await close()
    }
  })
})
