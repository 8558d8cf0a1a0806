import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { GitHost } from '../../src/delivery/git-host.js'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { type Proposal, proposeChange } from '../../src/delivery/propose-change.js'
import type { EpochSeconds } from '../../src/kit/units.js'
import { emptyFolder } from '../run-cli.js'
import { descriptionsNote } from './github-descriptions.js'
import { commitTo, day, makeProposal, planId, seededRepository, worth } from './proposals.js'
import { type StandInHost, startGitHubHost } from './stand-in-github-host.js'
import { git } from './state-places.js'

const noWait = async () => undefined

let gitHub: StandInHost
let base: string
let template: string
beforeAll(async () => {
  gitHub = await startGitHubHost()
  template = seededRepository()
})
afterAll(() => gitHub.stop())
beforeEach(() => {
  gitHub.reset(template)
  base = git(template, 'rev-parse', 'main')
})

/** One run of the bot, on the commit that the base is at; checks that GitHub would take all of it. */
async function propose(
  number: number,
  change: Partial<Proposal> = {},
  now: EpochSeconds = day(10 + (number % 10), 5),
) {
  gitHub.exchanges = []
  const host = await openGitHubHost(gitHub.access, noWait)
  try {
    return await proposeChange(host, makeProposal(number, base, change), now, noWait)
  } finally {
    await host.close()
    expect(gitHub.violations).toEqual([])
  }
}

/** A tree of entries as `git ls-tree -r` lists them. */
function treeOf(repository: string, entries: readonly string[]): string {
  const env = { ...process.env, GIT_INDEX_FILE: join(emptyFolder(), 'index') }
  const options = { cwd: repository, env, encoding: 'utf8' as const }
  execFileSync('git', ['update-index', '--index-info'], { ...options, input: `${entries.join('\n')}\n` })
  return execFileSync('git', ['write-tree'], options).trim()
}

const branchLog = () => git(gitHub.repository, 'log', '--format=%an %s', 'main..llmscale/prod').split('\n')
const branchText = (path: string) => git(gitHub.repository, 'show', `llmscale/prod:${path}`)
const pull = () => gitHub.pulls.at(-1)!

describe(`a proposal, on a stand-in for GitHub${descriptionsNote}`, () => {
  it('is one commit, one pull request, with labels and reviewers', async () => {
    const outcome = await propose(1)
    expect(outcome).toMatchObject({
      action: 'create',
      because: 'gains 100 USD',
      pullRequest: { number: 1 },
      warnings: [],
    })
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 1'])
    const changed = git(gitHub.repository, 'diff', '--name-status', 'main', 'llmscale/prod').split('\n')
    expect(changed).toEqual([
      'A\tforecasts/prod/changes.json',
      'A\tforecasts/prod/charts/chat.us-east-1.svg',
      'M\tforecasts/prod/plan.yaml',
      'M\tforecasts/prod/workloads/chat.us-east-1.yaml',
      'D\tforecasts/prod/workloads/old.us-east-1.yaml',
    ])
    expect(gitHub.pulls).toMatchObject([
      {
        title: 'Raise chat to 1',
        body: makeProposal(1, base).body,
        labels: ['llmscale', 'capacity'],
        reviewers: ['bob'],
      },
    ])
  })

  it('writes nothing where the decision is proposed already, whatever the hour', async () => {
    await propose(1)
    const outcome = await propose(1, {}, day(12))
    expect(outcome).toMatchObject({ action: 'unchanged', pullRequest: { number: 1 } })
    expect(gitHub.writes()).toEqual([])
    expect(gitHub.exchanges.length).toBeLessThanOrEqual(10)
  })

  it('refreshes to a new decision on the base as it is now, in one commit', async () => {
    await propose(1)
    base = commitTo(gitHub.repository, 'main', { 'README.md': 'more\n' })
    expect(await propose(2)).toMatchObject({ action: 'refresh', because: 'the decision has changed' })
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 2'])
    expect(branchText('README.md')).toBe('more')
    expect(gitHub.pulls).toHaveLength(1)
    expect(pull()).toMatchObject({ title: 'Raise chat to 2', reviewers: ['bob'] })
    expect(pull().labels).toEqual(['llmscale', 'capacity'])
  })

  it('leaves a pull request of the same branch for another one alone', async () => {
    await propose(1)
    const theirs = { number: 9, title: 'To release', body: 'mine', base: 'release', author: 'ada' }
    gitHub.pulls.push({ ...pull(), ...theirs, labels: [] })
    expect(await propose(2)).toMatchObject({ action: 'refresh', pullRequest: { number: 1 } })
    expect(gitHub.pulls[0]!.title).toBe('Raise chat to 2')
    expect(pull()).toMatchObject(theirs)
  })

  it('leaves labels as people set them', async () => {
    await propose(1)
    pull().labels = ['urgent']
    await propose(2)
    expect(pull().labels).toEqual(['urgent'])
  })

  it('makes the same decision anew where the base changed below it, or it may soon end', async () => {
    await propose(1)
    expect((await propose(1, {}, day(17))).action).toBe('unchanged')
    const later = { plan: { ...makeProposal(1, base).plan, validAt: day(17), expiresAt: day(24) } }
    expect((await propose(1, later, day(17))).because).toBe(
      'the proposed plan may soon not be applied any more',
    )
    base = commitTo(gitHub.repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 3\n' })
    expect((await propose(1, later, day(17))).because).toBe('the base has changed below it')
    expect(branchLog()).toHaveLength(1)
  })

  it('makes the same decision anew where an apply would do something else by now', async () => {
    await propose(1)
    pull().reviews.push({ login: 'bob', state: 'APPROVED', type: 'User' })
    const files = new Map(makeProposal(1, base).files).set('forecasts/prod/changes.json', '{"other":1}\n')
    expect((await propose(1, { files })).because).toBe('an apply would change something else by now')
    expect(branchText('forecasts/prod/changes.json')).toBe('{"other":1}')
    expect(gitHub.comments).toHaveLength(1)
    expect((await propose(1, { files })).action).toBe('unchanged')
    expect(gitHub.writes()).toEqual([])
  })

  it('never writes over a newer one', async () => {
    await propose(5)
    expect((await propose(4)).action).toBe('newerExists')
    expect(gitHub.writes()).toEqual([])
  })

  it('stops at a person’s commit, says so once, and takes over when asked', async () => {
    await propose(1)
    commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 99\n' })
    expect(await propose(2)).toMatchObject({
      action: 'edited',
      because: 'ada made the last commit of the branch',
    })
    expect(pull().labels).toContain('llmscale:edited')
    expect(gitHub.comments).toHaveLength(1)
    expect(gitHub.comments[0]!.body).toMatch(/To hand it back, tick \*Refresh\*/)
    expect((await propose(3)).action).toBe('edited')
    expect(gitHub.writes()).toEqual([])
    expect(branchText('forecasts/prod/plan.yaml')).toBe('plan: 99')
    pull().body = pull().body.replace('[ ]', '[x]')
    expect(await propose(3)).toMatchObject({ action: 'refresh', because: 'somebody asked for it' })
    expect(branchText('forecasts/prod/plan.yaml')).toBe('plan: 3')
    expect(pull().labels).not.toContain('llmscale:edited')
  })

  /** Merges a branch into the proposal, as *Update branch* does, or with a change of one's own. */
  function mergeInto(other: string, change?: Record<string, string>): void {
    const by = ['-c', 'user.name=GitHub', '-c', 'user.email=noreply@github.com']
    const { repository } = gitHub
    let tree = git(repository, 'merge-tree', '--write-tree', 'llmscale/prod', other)
    if (change !== undefined) {
      const scratch = commitTo(repository, 'scratch', change)
      const entries = git(repository, 'ls-tree', '-r', tree).split('\n')
      const others = entries.filter((line) => !Object.keys(change).includes(line.split('\t')[1]!))
      const own = git(repository, 'ls-tree', '-r', scratch).split('\n')
      tree = treeOf(repository, [...others, ...own])
    }
    const commit = ['commit-tree', tree, '-p', 'llmscale/prod', '-p', other, '-m', 'Merge']
    git(repository, 'update-ref', 'refs/heads/llmscale/prod', git(repository, ...by, ...commit))
  }

  it('goes on over merges of the base, which are no change of a person', async () => {
    await propose(1)
    for (const text of ['more\n', 'still more\n']) {
      base = commitTo(gitHub.repository, 'main', { 'README.md': text })
      mergeInto('main')
    }
    expect((await propose(1)).action).toBe('unchanged')
    expect(gitHub.writes()).toEqual([])
    expect((await propose(2)).action).toBe('refresh')
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 2'])
    expect(pull().labels).not.toContain('llmscale:edited')
  })

  it.each([
    ['of the plan', 'main', { 'forecasts/prod/plan.yaml': 'plan: 99\n' }],
    ['of another file', 'main', { 'llmscale.yaml': 'environments: {x: {}}\n' }],
    ['of another branch', 'theirs', undefined],
  ])('stops at a merge with a person’s change %s', async (_what, other, change) => {
    await propose(1)
    base = commitTo(gitHub.repository, 'main', { 'README.md': 'more\n' })
    git(gitHub.repository, 'branch', 'theirs', 'main')
    commitTo(gitHub.repository, 'theirs', { 'notes.md': 'mine\n' })
    mergeInto(other, change)
    expect((await propose(2)).action).toBe('edited')
    expect(pull().labels).toContain('llmscale:edited')
  })

  it('stops at its own commit that a person amended', async () => {
    await propose(1)
    const amended = git(
      gitHub.repository,
      'commit-tree',
      'main^{tree}',
      '-p',
      'main',
      '-m',
      git(gitHub.repository, 'show', '-s', '--format=%B', 'llmscale/prod'),
    )
    git(gitHub.repository, 'update-ref', 'refs/heads/llmscale/prod', amended)
    expect((await propose(2)).action).toBe('edited')
  })

  it('takes a closed pull request as a snooze until the plan differs materially', async () => {
    await propose(1)
    pull().state = 'closed'
    expect(await propose(1)).toMatchObject({
      action: 'snoozed',
      because: '#1 with the same decision was closed',
    })
    expect((await propose(2)).because).toBe('#1 was closed, and this differs little: chat 1 → 2')
    expect(gitHub.writes()).toEqual([])
    expect(await propose(12)).toMatchObject({ action: 'create', pullRequest: { number: 2 } })
    expect(gitHub.pulls).toHaveLength(2)
  })

  it('goes on after a pull request with a person’s commit was closed, but not over what came later', async () => {
    await propose(1)
    commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 2\n' })
    expect((await propose(2)).action).toBe('edited')
    pull().state = 'closed'
    expect((await propose(3)).because).toBe('#1 was closed, and this differs little: chat 2 → 3')
    commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 4\n' })
    expect((await propose(15)).action).toBe('edited')
    git(gitHub.repository, 'update-ref', 'refs/heads/llmscale/prod', pull().head)
    expect((await propose(15)).action).toBe('create')
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 15'])
  })

  it('takes a closed one for a snooze, whatever became of its description', async () => {
    await propose(1)
    Object.assign(pull(), { state: 'closed', body: 'no' })
    expect((await propose(1)).action).toBe('snoozed')
    expect((await propose(2)).action).toBe('snoozed')
    expect((await propose(12)).action).toBe('create')
  })

  it('proposes again after a merge, over what the merge left of the branch', async () => {
    await propose(1)
    commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 99\n' })
    base = gitHub.squash(1)
    expect(await propose(2, { basePlanId: planId(99) })).toMatchObject({
      action: 'create',
      pullRequest: { number: 2 },
    })
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 2'])
  })

  it('snoozes for a day when asked', async () => {
    await propose(1)
    pull().body = pull().body.replace(/\[ \](?= <!-- llmscale:control snooze)/, '[x]')
    pull().editedAt = '2026-11-12T04:00:00Z'
    expect((await propose(2, {}, day(12, 5))).because).toBe('until 2026-11-13T04:00:00Z, as somebody asked')
    expect(gitHub.writes()).toEqual([])
    expect((await propose(2, {}, day(13, 5))).action).toBe('refresh')
    expect(pull().body).not.toContain('[x]')
  })

  it('is quiet about what is not material', async () => {
    const little = { materiality: worth(false, 'gains 3 USD') }
    expect(await propose(1, little)).toMatchObject({
      action: 'quiet',
      because: 'not worth a review: gains 3 USD',
    })
    expect(gitHub.writes()).toEqual([])
  })

  it('refreshes what a person reviewed only materially, and says what changed, once', async () => {
    await propose(1)
    pull().reviews.push({ login: 'github-actions[bot]', state: 'COMMENTED', type: 'Bot' })
    expect((await propose(2)).action).toBe('refresh')
    pull().reviews.push({ login: 'bob', state: 'APPROVED', type: 'User' })
    expect(await propose(3)).toMatchObject({
      action: 'quiet',
      because: 'reviewed, and this differs little: chat 2 → 3',
    })
    expect(gitHub.writes()).toEqual([])
    gitHub.faults = [{ on: /^PATCH .*pulls/, times: 1, does: { status: 409 } }]
    await expect(propose(19)).rejects.toMatchObject({ code: 'GITHUB_REFUSED' })
    await propose(19)
    expect(gitHub.comments.map(({ body }) => body)).toEqual([
      `<!-- llmscale:changed ${planId(19)} -->\nChanged since your review: chat 2 → 19.`,
    ])
    expect(pull().title).toBe('Raise chat to 19')
  })

  it('closes what the base has already, and does not take that for a snooze', async () => {
    await propose(1)
    base = commitTo(gitHub.repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 1\n' })
    const inForce = { basePlanId: planId(1), materiality: worth(false, 'in force') }
    expect((await propose(1, inForce)).action).toBe('obsolete')
    expect(pull().state).toBe('closed')
    expect(gitHub.comments).toHaveLength(1)
    expect((await propose(1, inForce)).action).toBe('unchanged')
    expect(gitHub.writes()).toEqual([])
    expect((await propose(2, { basePlanId: planId(1) })).action).toBe('create')
  })

  it('leaves open what changes how the decision on the base is deployed, until the base has it', async () => {
    base = commitTo(gitHub.repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 1\n' })
    const inForce = { basePlanId: planId(1) }
    const quiet = { ...inForce, materiality: worth(false, 'in force') }
    expect((await propose(1, inForce)).action).toBe('create')
    expect((await propose(1, quiet)).action).toBe('unchanged')
    expect(gitHub.writes()).toEqual([])
    base = commitTo(gitHub.repository, 'main', { 'forecasts/prod/changes.json': '{"plan":1}\n' })
    expect((await propose(1, quiet)).action).toBe('obsolete')
  })

  it('closes how the decision on the base was to be deployed, once nothing is left of that', async () => {
    const folder = 'manifests/prod/us-east-1'
    const gitops = (manifests: Record<string, string | null>, isMaterial: boolean) => ({
      basePlanId: planId(1),
      materiality: worth(isMaterial, 'as Argo CD finds it'),
      manifestFolders: [folder],
      files: new Map(Object.entries(manifests).map(([name, text]) => [`${folder}/${name}`, text])),
    })
    base = commitTo(gitHub.repository, 'main', {
      'forecasts/prod/plan.yaml': 'plan: 1\n',
      [`${folder}/a.yaml`]: 'kind: A\n',
    })
    const changed = gitops({ 'a.yaml': 'kind: A2\n', 'b.yaml': 'kind: B\n' }, true)
    expect((await propose(1, changed)).action).toBe('create')
    expect((await propose(1, changed)).action).toBe('unchanged')
    const otherwise = gitops({ 'a.yaml': 'kind: A2\n', 'c.yaml': 'kind: C\n' }, true)
    expect(await propose(1, otherwise)).toMatchObject({
      action: 'refresh',
      because: 'an apply would change something else by now',
    })
    expect((await propose(1, gitops({ 'a.yaml': 'kind: A\n' }, false))).action).toBe('obsolete')
  })

  it('closes what needs no review any more, unless a person has reviewed it', async () => {
    await propose(1)
    expect((await propose(2, { materiality: worth(false, 'gains 60 USD') })).action).toBe('refresh')
    const needless = { materiality: worth(false, 'gains 3 USD', { isNeedless: true }) }
    pull().reviews.push({ login: 'bob', state: 'APPROVED', type: 'User' })
    expect((await propose(3, needless)).action).toBe('quiet')
    pull().reviews.length = 0
    expect(await propose(3, needless)).toMatchObject({
      action: 'obsolete',
      because: 'not worth a review any more: gains 3 USD',
    })
    expect((await propose(13)).action).toBe('create')
  })

  it('leaves a pull request as it is under a hold', async () => {
    await propose(1)
    await propose(1)
    const held = { materiality: worth(false, 'held by ada', { isHeld: true, isNeedless: true }) }
    expect(await propose(2, held)).toMatchObject({ action: 'quiet', because: 'held by ada' })
    expect(gitHub.writes()).toEqual([])
  })

  it('mends a description that a person broke', async () => {
    await propose(1)
    pull().body = 'what is this?'
    expect((await propose(1)).action).toBe('refresh')
    expect(pull().body).toBe(makeProposal(1, base).body)
  })

  it('goes on without reviewers that GitHub does not take', async () => {
    const outcome = await propose(1, { reviewers: ['nobody'] })
    expect(outcome.warnings).toMatchObject([{ code: 'REVIEWERS_NOT_ASKED' }])
    expect(pull().body).toBe(makeProposal(1, base).body)
  })

  it.each([
    'llmscale.yaml',
    'forecasts/staging/plan.yaml',
    'forecasts/prod/holds/freeze.yaml',
    'forecasts/prod/workloads/../../../llmscale.yaml',
    'forecasts/prod/plan.yaml/x',
    '.github/workflows/apply.yml',
    'stacks/config/Pulumi.prod.yaml',
  ])('never writes or removes %s', async (path) => {
    for (const content of ['x', null])
      await expect(propose(1, { files: new Map([[path, content]]) })).rejects.toThrow(path)
    expect(gitHub.writes()).toEqual([])
  })

  it('brings the hold of a revert, and removes none', async () => {
    const holdFile = 'forecasts/prod/holds/revert-1.yaml'
    await propose(1, { files: new Map([[holdFile, 'reason: outcome was bad\n']]), holdFile })
    expect(branchText(holdFile)).toBe('reason: outcome was bad')
    expect(branchText('forecasts/prod/holds/freeze.yaml')).toContain('freeze')
    await expect(propose(2, { files: new Map([[holdFile, null]]), holdFile })).rejects.toThrow(
      'holds/revert-1',
    )
  })

  it('refuses a plan that is older than the base, and takes one whose base changed elsewhere', async () => {
    const before = base
    commitTo(gitHub.repository, 'main', { 'forecasts/staging/plan.yaml': 'plan: 8\n' })
    expect((await propose(1)).action).toBe('create')
    commitTo(gitHub.repository, 'main', { 'forecasts/prod/plan.yaml': 'plan: 9\n' })
    base = before
    await expect(propose(2)).rejects.toMatchObject({ code: 'PLAN_OLDER_THAN_BASE', reason: 'planStale' })
    expect(gitHub.writes()).toEqual([])
  })
})

describe('runs at the same time', () => {
  /** Both runs wait for each other at the first request that a pattern names. */
  function meetAt(pattern: RegExp): void {
    let waiting: (() => void)[] = []
    let met = 0
    gitHub.before = (line) => {
      if (met >= 2 || !pattern.test(line)) return undefined
      met++
      return new Promise((go) => {
        waiting.push(go)
        // Where the other run never comes here, this one goes on.
        setTimeout(go, 2000)
        if (waiting.length < 2) return
        for (const each of waiting) each()
        waiting = []
      })
    }
  }
  async function both(first: number, second: number) {
    const hosts: GitHost[] = await Promise.all([1, 2].map(() => openGitHubHost(gitHub.access, noWait)))
    try {
      return await Promise.all(
        [first, second].map((number, index) =>
          proposeChange(hosts[index]!, makeProposal(number, base), day(19, 5), noWait),
        ),
      )
    } finally {
      for (const host of hosts) await host.close()
      expect(gitHub.violations).toEqual([])
    }
  }

  it.each([/git\/trees$/, /POST .*git\/refs/, /POST .*pulls$/, /POST .*labels/, /PATCH/])(
    'with one plan make one pull request (both at %s)',
    async (pattern) => {
      meetAt(pattern)
      await both(1, 1)
      expect(gitHub.pulls).toHaveLength(1)
      expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 1'])
      expect(pull()).toMatchObject({ body: makeProposal(1, base).body, labels: ['llmscale', 'capacity'] })
    },
  )

  it.each([/POST .*git\/refs/, /POST .*pulls$/])(
    'with two plans end with the later one (both at %s)',
    async (pattern) => {
      meetAt(pattern)
      await both(1, 2)
      await propose(2)
      expect(gitHub.pulls).toHaveLength(1)
      expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 2'])
      expect(pull().body).toBe(makeProposal(2, base).body)
    },
  )

  it('refresh by compare-and-swap: the later plan stays', async () => {
    await propose(1)
    meetAt(/graphql/)
    const outcomes = await both(2, 3)
    expect(outcomes.map(({ action }) => action).sort()).toEqual(
      expect.arrayContaining([expect.stringMatching(/refresh|newerExists/)]),
    )
    await propose(3)
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 3'])
    expect(pull()).toMatchObject({ title: 'Raise chat to 3', body: makeProposal(3, base).body })
  })

  it('never lose a commit that a person pushes meanwhile', async () => {
    await propose(1)
    let isPushed = false
    gitHub.before = (line) => {
      if (isPushed || !/graphql/.test(line)) return
      isPushed = true
      commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 99\n' })
    }
    expect((await propose(2)).action).toBe('edited')
    expect(branchText('forecasts/prod/plan.yaml')).toBe('plan: 99')
  })
})

describe('a run that breaks off anywhere', () => {
  const requests = [
    /POST .*git\/trees/,
    /POST .*git\/commits/,
    /POST .*git\/refs/,
    /POST .*pulls$/,
    /POST .*labels/,
    /POST .*requested_reviewers/,
    /PATCH .*pulls/,
  ]
  const cuts = requests.flatMap((on) => [[on, 'cut'] as const, [on, 'cut after'] as const])

  it.each(cuts)('and loses one answer at %s (%s) goes on', async (on, does) => {
    gitHub.faults = [{ on, times: 1, does }]
    expect((await propose(1)).action).toBe('create')
    expect(gitHub.pulls).toHaveLength(1)
    expect(pull()).toMatchObject({
      body: makeProposal(1, base).body,
      labels: ['llmscale', 'capacity'],
      reviewers: ['bob'],
    })
  })

  it.each(cuts)('for good at %s (%s) is finished by the next, with nothing doubled', async (on, does) => {
    gitHub.faults = [{ on, times: 5, does }]
    await propose(1).catch((error) => expect(error.code).toBe('GITHUB_UNAVAILABLE'))
    gitHub.faults = []
    await propose(1)
    expect(gitHub.pulls).toHaveLength(1)
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 1'])
    expect(pull()).toMatchObject({
      body: makeProposal(1, base).body,
      labels: ['llmscale', 'capacity'],
      reviewers: ['bob'],
    })
    await propose(1)
    expect(gitHub.writes()).toEqual([])
  })

  it.each(['cut', 'cut after'] as const)('at the move of the branch (%s) is finished', async (does) => {
    await propose(1)
    gitHub.faults = [{ on: /graphql/, times: 1, does }]
    expect((await propose(2)).action).toBe('refresh')
    gitHub.faults = [{ on: /graphql/, times: 5, does }]
    await propose(3).catch((error) => expect(error.code).toBe('GITHUB_UNAVAILABLE'))
    gitHub.faults = []
    await propose(3)
    expect(branchLog()).toEqual(['llmscale[bot] Raise chat to 3'])
    expect(pull().title).toBe('Raise chat to 3')
  })
})
