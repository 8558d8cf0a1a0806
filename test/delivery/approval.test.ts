import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ApprovalInputs, checkApproval } from '../../src/delivery/approval.js'
import { emptyFolder } from '../run-cli.js'
import { type StandInPullRequest, startGitHub } from './stand-in-github.js'
import { bareRepository, git } from './state-places.js'

const paths = ['llmscale.yaml', 'forecasts/prod', 'stacks/config']

function write(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** Commits all that lies in a work tree, and gives the commit. */
function commit(work: string, message = 'change'): string {
  git(work, 'add', '--all')
  git(work, '-c', 'user.name=ada', '-c', 'user.email=ada@acme.example', 'commit', '--quiet', '-m', message)
  return git(work, 'rev-parse', 'HEAD')
}

/** A repository with a project on `main`, pushed to a bare one. */
function project(): { work: string; repository: string } {
  const repository = bareRepository()
  const work = emptyFolder()
  git(work, 'init', '--quiet', '--initial-branch=main', '.')
  git(work, 'remote', 'add', 'origin', `file://${repository}`)
  write(work, {
    'llmscale.yaml': 'environments: {}\n',
    'README.md': 'fleet\n',
    'forecasts/prod/plan.yaml': 'plan: 1\n',
    'forecasts/prod/workloads/chat.us-east-1.yaml': 'floor: 2\n',
    'forecasts/staging/plan.yaml': 'plan: 7\n',
  })
  commit(work)
  git(work, 'push', '--quiet', 'origin', 'main')
  return { work, repository }
}

const check = (projectFolder: string, change: Partial<ApprovalInputs> = {}) =>
  checkApproval({
    approval: 'git',
    reviewedBranch: 'main',
    projectFolder,
    paths,
    backend: 's3://state',
    wait: async () => undefined,
    ...change,
  })

describe('approval none', () => {
  it.each([undefined, 'file:///srv/state'])('is enough with the local backend %s', async (backend) => {
    const verdict = await check('/nowhere', { approval: 'none', backend })
    expect([verdict.guard, verdict.state]).toEqual(['approval', 'passed'])
    expect(verdict.message).toContain('nobody reviewed it')
  })

  it('is refused with another backend', async () => {
    const verdict = await check('/nowhere', { approval: 'none', backend: 'https://api.pulumi.com' })
    expect([verdict.state, verdict.reason, verdict.code]).toEqual([
      'refused',
      'approvalMissing',
      'APPROVAL_MISSING',
    ])
    expect(verdict.message).toContain('https://api.pulumi.com')
  })
})

describe('approval git', () => {
  it('passes where all files are as on the reviewed branch', async () => {
    const { work } = project()
    const verdict = await check(work)
    expect(verdict.message).toMatch(/^3 files are as on origin\/main \([0-9a-f]{10}\)$/)
    expect(verdict.state).toBe('passed')
  })

  it('asks nothing of files of other environments', async () => {
    const { work } = project()
    write(work, { 'README.md': 'changed\n', 'forecasts/staging/plan.yaml': 'plan: 8\n' })
    expect((await check(work)).state).toBe('passed')
  })

  const plan = 'forecasts/prod/plan.yaml'
  it.each<[string, (work: string) => void, string]>([
    ['is changed', (work) => write(work, { [plan]: 'plan: 2\n' }), `${plan} (not committed)`],
    [
      'is staged',
      (work) => {
        write(work, { [plan]: 'plan: 2\n' })
        git(work, 'add', plan)
      },
      `${plan} (not committed)`,
    ],
    [
      'is committed but not pushed',
      (work) => {
        write(work, { [plan]: 'plan: 2\n' })
        commit(work)
      },
      `${plan} (differs)`,
    ],
    [
      'is hidden from git status',
      (work) => {
        git(work, 'update-index', '--assume-unchanged', plan)
        write(work, { [plan]: 'plan: 2\n' })
      },
      `${plan} (differs)`,
    ],
    ['is missing', (work) => rmSync(join(work, plan)), `${plan} (not committed)`],
    [
      'is new',
      (work) => write(work, { 'forecasts/prod/holds/a.yaml': 'reason: x\n' }),
      'forecasts/prod/holds/a.yaml (not committed)',
    ],
    [
      'is new and ignored',
      (work) => {
        write(work, { 'stacks/config/Pulumi.prod.yaml': 'config: {}\n' })
        writeFileSync(join(work, '.git/info/exclude'), '*.yaml\n')
      },
      'stacks/config/Pulumi.prod.yaml (not on origin/main)',
    ],
  ])('names a file that %s', async (_what, change, named) => {
    const { work } = project()
    change(work)
    const verdict = await check(work)
    expect([verdict.state, verdict.reason, verdict.code]).toEqual([
      'refused',
      'approvalMissing',
      'FILES_NOT_REVIEWED',
    ])
    expect(verdict.message).toMatch(/^not as reviewed on origin\/main \([0-9a-f]{10}\): /)
    expect(verdict.message).toContain(`: ${named}`)
  })

  it('names a link that was committed', async () => {
    const { work } = project()
    symlinkSync('/etc/hostname', join(work, 'forecasts/prod/link.yaml'))
    commit(work)
    git(work, 'push', '--quiet', 'origin', 'main')
    expect((await check(work)).message).toContain('forecasts/prod/link.yaml (a link)')
  })

  it('looks at the branch as it is at the remote now', async () => {
    const { work, repository } = project()
    const other = emptyFolder()
    git(other, 'clone', '--quiet', `file://${repository}`, '.')
    write(other, { [plan]: 'plan: 2\n' })
    commit(other)
    git(other, 'push', '--quiet', 'origin', 'HEAD:main')
    expect((await check(work)).message).toContain(`${plan} (differs)`)
    git(work, 'merge', '--quiet', '--ff-only', 'origin/main')
    expect((await check(work)).state).toBe('passed')
  })

  it('finds the project below the top of its repository, and in a shallow clone', async () => {
    const { work, repository } = project()
    mkdirSync(join(work, 'fleet'))
    git(work, 'mv', 'llmscale.yaml', 'forecasts', 'fleet/')
    commit(work)
    git(work, 'push', '--quiet', 'origin', 'main')
    const shallow = emptyFolder()
    git(shallow, 'clone', '--quiet', '--depth=1', `file://${repository}`, '.')
    expect((await check(join(shallow, 'fleet'))).state).toBe('passed')
    write(shallow, { 'fleet/llmscale.yaml': 'environments: {prod: {}}\n' })
    expect((await check(join(shallow, 'fleet'))).message).toMatch(/: llmscale\.yaml \(not committed\)$/)
  })

  it('refuses what it cannot compare with the branch as of now', async () => {
    const { work } = project()
    git(work, 'remote', 'set-url', 'origin', 'file:///nowhere/fleet.git')
    const verdict = await check(work)
    expect([verdict.state, verdict.code]).toEqual(['refused', 'APPROVAL_UNKNOWN'])
    expect(verdict.message).toMatch(/^file:\/\/\/nowhere\/fleet\.git: git fetch failed/)
  })

  it('takes the branch as last fetched for a local backend, and says so', async () => {
    const { work } = project()
    git(work, 'remote', 'set-url', 'origin', 'file:///nowhere/fleet.git')
    const verdict = await check(work, { backend: undefined })
    expect(verdict.state).toBe('passed')
    expect(verdict.message).toMatch(
      /; as last fetched, because file:\/\/\/nowhere\/fleet\.git: git fetch failed/,
    )
  })

  it('takes the local branch where there is no remote, and says so', async () => {
    const { work } = project()
    git(work, 'remote', 'remove', 'origin')
    const verdict = await check(work)
    expect(verdict.state).toBe('passed')
    expect(verdict.message).toMatch(/3 files are as on main .*no remote named origin/)
  })

  it.each<[string, (work: string) => Partial<ApprovalInputs>, RegExp]>([
    [
      'a branch that is not at the remote',
      () => ({ reviewedBranch: 'release' }),
      /remote ref refs\/heads\/release/,
    ],
    ['a folder without git', () => ({ projectFolder: emptyFolder() }), /not a git repository/],
  ])('refuses %s', async (_what, change, message) => {
    const { work } = project()
    const verdict = await check(work, change(work))
    expect([verdict.state, verdict.code]).toEqual(['refused', 'APPROVAL_UNKNOWN'])
    expect(verdict.message).toMatch(message)
  })

  it('takes absolute paths, and refuses what lies outside the repository', async () => {
    const { work } = project()
    const absolute = paths.map((path) => join(work, path))
    expect((await check(work, { paths: absolute })).state).toBe('passed')
    write(work, { 'llmscale.yaml': 'environments: {prod: {}}\n' })
    expect((await check(work, { paths: absolute })).message).toContain('llmscale.yaml (not committed)')
    for (const outside of ['../elsewhere/plan', '/elsewhere/plan', '..']) {
      const verdict = await check(work, { paths: [outside, ...paths] })
      expect([verdict.state, verdict.code]).toEqual(['refused', 'FILES_NOT_REVIEWED'])
      expect(verdict.message).toContain(`${outside} is not in the repository`)
    }
  })

  it('refuses an environment of which nothing was reviewed', async () => {
    const { work } = project()
    const verdict = await check(work, { paths: ['forecasts/none'] })
    expect([verdict.state, verdict.code]).toEqual(['refused', 'APPROVAL_MISSING'])
    expect(verdict.message).toContain('origin/main has none of forecasts/none')
  })
})

describe('approval github, on a stand-in for GitHub', () => {
  let gitHub: Awaited<ReturnType<typeof startGitHub>>
  beforeAll(async () => {
    gitHub = await startGitHub()
  })
  afterAll(() => gitHub.stop())
  let work: string
  beforeEach(() => {
    const made = project()
    work = made.work
    gitHub.serve(made.repository)
    for (const [name, value] of Object.entries(gitHub.environment)) vi.stubEnv(name, value)
    // What the project began with was reviewed too.
    const head = git(work, 'rev-parse', 'HEAD')
    gitHub.pullRequests.push(pullRequest(1, head, [head]))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  /** One of ada that bob approved. */
  function pullRequest(
    number: number,
    head: string,
    brought: string[],
    change: Partial<StandInPullRequest> = {},
  ): StandInPullRequest {
    const reviews = [{ login: 'bob', state: 'APPROVED', commit: head }]
    return { number, head, brought, reviews, commits: [{ sha: head, login: 'ada' }], ...change }
  }

  /** A branch with a new plan, merged to main by GitHub's three ways. */
  function merge(way: 'merge' | 'squash' | 'rebase', change: Partial<StandInPullRequest> = {}): string {
    git(work, 'switch', '--quiet', '--create', 'proposal')
    write(work, { 'forecasts/prod/plan.yaml': 'plan: 2\n' })
    const head = commit(work)
    git(work, 'push', '--quiet', 'origin', 'proposal')
    git(work, 'switch', '--quiet', 'main')
    write(work, { 'README.md': `meanwhile ${way}\n` })
    commit(work)
    const by = ['-c', 'user.name=ada', '-c', 'user.email=ada@acme.example']
    if (way === 'merge') git(work, ...by, 'merge', '--quiet', '--no-ff', '-m', 'merged', 'proposal')
    if (way === 'squash') {
      git(work, 'merge', '--quiet', '--squash', 'proposal')
      commit(work, 'squashed')
    }
    if (way === 'rebase') git(work, ...by, 'cherry-pick', 'proposal')
    git(work, 'push', '--quiet', 'origin', 'main')
    const tip = git(work, 'rev-parse', 'HEAD')
    gitHub.pullRequests.push(pullRequest(2, head, [head, tip], change))
    return head
  }
  const github = (change: Partial<ApprovalInputs> = {}) => check(work, { approval: 'github', ...change })

  it.each(['merge', 'squash', 'rebase'] as const)('passes what was approved and came by %s', async (way) => {
    merge(way)
    const verdict = await github()
    expect(verdict.message).toMatch(
      /^3 files are as on origin\/main \(.*; approved: llmscale\.yaml by bob in #1, forecasts\/prod by bob in #2, stacks\/config never was there$/,
    )
    expect(verdict.state).toBe('passed')
  })

  it.each<[string, (head: string) => Partial<StandInPullRequest>, RegExp]>([
    [
      'nobody approved',
      () => ({ reviews: [] }),
      /#2 has no approving review of its last commit [0-9a-f]{10}$/,
    ],
    [
      'was approved before its last commit',
      () => ({ reviews: [{ login: 'bob', state: 'APPROVED', commit: 'f'.repeat(40) }] }),
      /no approving review of its last commit .*; bob approved an earlier commit/,
    ],
    [
      'was approved, which was dismissed',
      (commit) => ({ reviews: [{ login: 'bob', state: 'DISMISSED', commit }] }),
      /no approving review/,
    ],
    [
      'was approved and then refused by the same person',
      (commit) => ({
        reviews: [
          { login: 'bob', state: 'APPROVED', commit },
          { login: 'bob', state: 'CHANGES_REQUESTED', commit },
          { login: 'bob', state: 'COMMENTED', commit },
        ],
      }),
      /no approving review/,
    ],
    [
      'only a bot approved',
      (commit) => ({ reviews: [{ login: 'ci[bot]', state: 'APPROVED', commit, type: 'Bot' }] }),
      /no approving review/,
    ],
    [
      'was approved by one of its authors',
      (sha) => ({ opener: 'llmscale[bot]', commits: [{ sha, login: 'bob' }] }),
      /#2 was approved only by bob, who wrote it/,
    ],
    ['was approved by who opened it', () => ({ opener: 'bob' }), /only by bob, who wrote it/],
    [
      'has commits of somebody unknown',
      (sha) => ({ commits: [{ sha, login: null, email: 'bob@home.example' }] }),
      /GitHub does not know whose commit [0-9a-f]{10} is/,
    ],
    [
      'was approved by somebody who may not write',
      (commit) => ({ reviews: [{ login: 'eve', state: 'APPROVED', commit }] }),
      /only by eve, who may not write to the repository/,
    ],
    ['is not merged', () => ({ isMerged: false }), /which came to main without a pull request/],
    ['was merged to another branch', () => ({ base: 'next' }), /which came to main without a pull request/],
  ])('refuses what %s', async (_what, change, message) => {
    const head = merge('squash')
    Object.assign(gitHub.pullRequests[1]!, change(head))
    const verdict = await github()
    expect([verdict.state, verdict.reason, verdict.code]).toEqual([
      'refused',
      'approvalMissing',
      'APPROVAL_MISSING',
    ])
    expect(verdict.message).toMatch(message)
    expect(verdict.message).toContain('forecasts/prod')
  })

  it('takes the commits of the bot, whose address belongs to nobody, and every page of reviews', async () => {
    const head = merge('squash')
    const comments = Array.from({ length: 130 }, () => ({ login: 'eve', state: 'COMMENTED', commit: head }))
    Object.assign(gitHub.pullRequests[1]!, {
      opener: 'llmscale[bot]',
      commits: [{ sha: head, login: null, email: 'llmscale@localhost' }],
      reviews: [...comments, { login: 'bob', state: 'APPROVED', commit: head }],
    })
    expect(await github()).toMatchObject({ state: 'passed' })
  })

  it('refuses a merge that has other files than were approved', async () => {
    const head = merge('squash')
    write(work, { 'forecasts/prod/workloads/chat.us-east-1.yaml': 'floor: 9\n' })
    const tip = commit(work)
    git(work, 'push', '--quiet', 'origin', 'main')
    gitHub.pullRequests.push(pullRequest(3, head, [tip]))
    expect((await github()).message).toBe(
      'forecasts/prod: pull request #3 was approved with another forecasts/prod/workloads/chat.us-east-1.yaml than was merged',
    )
  })

  it.each([
    'llmscale.yaml',
    'policies/spot.ts',
    'stacks/config/Pulumi.prod.yaml',
    '.github/workflows/apply.yml',
    'Pulumi.yaml',
    '.npmrc',
    'package-lock.json',
  ])('refuses a plan that came together with %s', async (rule) => {
    const head = merge('squash')
    const data = Array.from({ length: 120 }, (_, index) => `forecasts/prod/workloads/${index}.yaml`)
    Object.assign(gitHub.pullRequests[1]!, pullRequest(2, head, gitHub.pullRequests[1]!.brought))
    gitHub.pullRequests[1]!.files = [...data, rule]
    expect((await github()).message).toBe(
      `forecasts/prod: pull request #2 changes rules (${rule}) together with the plan that they judge; merge them apart`,
    )
  })

  it('refuses a direct push to llmscale.yaml, whatever was approved beside it', async () => {
    merge('merge')
    write(work, { 'llmscale.yaml': 'environments: {prod: {}}\n' })
    const tip = commit(work)
    git(work, 'push', '--quiet', 'origin', 'main')
    expect((await github()).message).toBe(
      `llmscale.yaml was last changed by commit ${tip.slice(0, 10)}, which came to main without a pull request`,
    )
  })

  it('refuses the removal of a folder that nobody approved', async () => {
    write(work, { 'stacks/config/Pulumi.prod.yaml': 'config: {}\n' })
    const added = commit(work)
    gitHub.pullRequests.push(pullRequest(2, added, [added]))
    rmSync(join(work, 'stacks'), { recursive: true })
    commit(work)
    git(work, 'push', '--quiet', 'origin', 'main')
    expect((await github()).message).toMatch(
      /^stacks\/config was last changed by commit .* without a pull request/,
    )
  })

  it('looks at the work tree first', async () => {
    write(work, { 'forecasts/prod/plan.yaml': 'plan: 2\n' })
    expect((await github()).code).toBe('FILES_NOT_REVIEWED')
    expect(gitHub.asked).toEqual([])
  })

  it.each<[number, Record<string, string>, RegExp]>([
    [401, {}, /does not accept GITHUB_TOKEN \(401\)/],
    [403, {}, /may not read commits of acme\/fleet \(403: .*contents: read/],
    [
      403,
      { 'x-ratelimit-remaining': '0' },
      /may ask no more|lets this token ask no more for now \(403\), 5 times/,
    ],
    [404, {}, /does not have these commits of acme\/fleet.*check GITHUB_REPOSITORY/],
    [429, { 'retry-after': '1' }, /ask no more for now \(429\), 5 times/],
    [503, {}, /does not answer, 5 times/],
  ])('explains %d with %j without the token', async (status, headers, message) => {
    gitHub.failures = { status, headers, times: 100 }
    const verdict = await github()
    expect([verdict.state, verdict.reason, verdict.code]).toEqual([
      'refused',
      'approvalMissing',
      'APPROVAL_UNKNOWN',
    ])
    expect(verdict.message).toMatch(message)
    expect(verdict.message).not.toContain('hunter2')
  })

  it('asks again where GitHub fails for a moment', async () => {
    gitHub.failures = { status: 502, times: 2 }
    expect((await github()).state).toBe('passed')
  })

  it('explains a token that is wrong or missing, a server that is away and one that is not GitHub', async () => {
    vi.stubEnv('GITHUB_TOKEN', 'ghs_wrong')
    expect((await github()).message).toMatch(/^GitHub does not accept GITHUB_TOKEN/)
    vi.stubEnv('GITHUB_TOKEN', '')
    expect((await github()).message).toMatch(/^GITHUB_TOKEN is not set/)
    vi.stubEnv('GITHUB_TOKEN', 'ghs_wrong')
    vi.stubEnv('GITHUB_REPOSITORY', '')
    expect((await github()).message).toMatch(/^GITHUB_REPOSITORY is not set/)
    vi.stubEnv('GITHUB_REPOSITORY', 'acme/fleet')
    vi.stubEnv('GITHUB_API_URL', 'http://127.0.0.1:9')
    expect((await github()).message).toMatch(/^GitHub \(http:\/\/127\.0\.0\.1:9\) does not answer, 5 times/)
    gitHub.failures = { status: 200, times: 1 }
    vi.stubEnv('GITHUB_API_URL', gitHub.environment['GITHUB_API_URL'])
    expect((await github()).message).toMatch(/does not answer as GitHub does about commits/)
  })
})
