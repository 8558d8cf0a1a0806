import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BodyEdit, obeyEdit, readBodyEdit } from '../../src/cli/dashboard-event.js'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { parseHold } from '../../src/planning/hold.js'
import {
  type Control,
  controlActions,
  findTicked,
  formatControl,
  setBoxes,
} from '../../src/review/controls.js'
import { descriptionsNote } from '../delivery/github-descriptions.js'
import { commitTo, day, seededRepository } from '../delivery/proposals.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { emptyFolder } from '../run-cli.js'

const environments = ['prod', 'staging'].map((name) => ({
  name,
  reviewedBranch: 'main',
  folder: `forecasts/${name}`,
}))
const boxes = environments
  .flatMap(({ name: environment }) => controlActions.map((action) => formatControl({ action, environment })))
  .join('\n')
const dashboard = `<!-- llmscale:dashboard -->\n${boxes}\n`
const pullBoxes = `${controlActions.map((action) => formatControl({ action, environment: 'prod' })).join('\n')}\n`
const hold: Control = { action: 'hold', environment: 'prod' }
const refresh: Control = { action: 'refresh', environment: 'prod' }
const snooze: Control = { action: 'snooze', environment: 'prod' }
const ticked = (controls: readonly Control[], body = dashboard) => setBoxes(body, controls, true)

let gitHub: StandInHost
let template: string
beforeAll(async () => {
  gitHub = await startGitHubHost()
  template = seededRepository()
})
afterAll(() => gitHub.stop())
beforeEach(() => {
  gitHub.reset(template)
  gitHub.issues.push({ number: 90, title: 'x', body: dashboard, labels: ['llmscale'], state: 'open' })
})

const issue = () => gitHub.issues[0]!
const noWait = async () => undefined

/** Somebody ticks boxes of the dashboard, and the workflow hears of it. */
function tick(controls: readonly Control[], change: Partial<BodyEdit> = {}) {
  const before = issue().body
  issue().body = ticked(controls, before)
  return obey({ before, after: issue().body, ...change })
}

async function obey(change: Partial<BodyEdit>) {
  const edit: BodyEdit = {
    subject: { kind: 'issue' },
    number: 90,
    editedAt: '2026-11-21T08:00:00Z',
    before: dashboard,
    after: dashboard,
    by: { login: 'bob', isPerson: true },
    ...change,
  }
  gitHub.exchanges = []
  const host = await openGitHubHost(gitHub.access, noWait)
  try {
    return await obeyEdit(host, edit, environments, day(21, 8), noWait)
  } finally {
    await host.close()
    expect(gitHub.violations).toEqual([])
  }
}

/** The open pull request of prod, as the bot made it. */
async function propose(body = pullBoxes) {
  commitTo(gitHub.repository, 'llmscale/prod', { 'forecasts/prod/plan.yaml': 'plan: 1\n' })
  const host = await openGitHubHost(gitHub.access, noWait)
  await host.createPullRequest({ branch: 'llmscale/prod', base: 'main', title: 'Raise chat', body })
  await host.close()
  return gitHub.pulls[0]!
}
const ofPull = (before: string, after: string, branch = 'llmscale/prod'): Partial<BodyEdit> => ({
  subject: { kind: 'pull request', branch },
  number: 1,
  before,
  after,
})

describe(`boxes of the dashboard, on a stand-in for GitHub${descriptionsNote}`, () => {
  it('refresh starts the workflow that plans, once, and is unticked', async () => {
    const both: Control[] = [refresh, { action: 'refresh', environment: 'staging' }]
    expect(await tick(both)).toEqual({ by: 'bob', isAllowed: true, controls: both })
    expect(gitHub.dispatches).toEqual(['plan.yml main'])
    expect(issue().body).toBe(dashboard)
    expect(gitHub.comments).toEqual([])
    expect(await obey({ after: ticked(both) }), 'the same event again').toBeUndefined()
    expect(gitHub.writes()).toEqual([])
  })

  it('hold proposes a file, which anybody can review, and never a second one', async () => {
    await tick([hold])
    const text = git(
      gitHub.repository,
      'show',
      'llmscale/prod.hold:forecasts/prod/holds/dashboard-20261121t080000z.yaml',
    )
    expect(parseHold(text, 'x')).toEqual({ reason: 'asked for in the dashboard', by: 'bob' })
    expect(git(gitHub.repository, 'diff', '--name-status', 'main', 'llmscale/prod.hold')).toBe(
      'A\tforecasts/prod/holds/dashboard-20261121t080000z.yaml',
    )
    expect(gitHub.pulls).toMatchObject([{ branch: 'llmscale/prod.hold', base: 'main', title: 'Hold prod' }])
    expect(gitHub.comments.map(({ body }) => body)).toEqual([
      expect.stringMatching(
        /^<!-- llmscale:reply .* -->\n#1 proposes the hold of `prod`: it holds once it is merged\.$/,
      ),
    ])
    await tick([hold], { editedAt: '2026-11-21T09:00:00Z' })
    expect(gitHub.pulls).toHaveLength(1)
    expect(gitHub.comments.at(-1)!.body).toContain('#1 proposes a hold of `prod` already')
    expect(issue().body).toBe(dashboard)
  })

  it('hold does not take the branch of an environment that is called so', async () => {
    const proposed = commitTo(gitHub.repository, 'llmscale/prod-hold', {
      'forecasts/prod-hold/plan.yaml': 'x\n',
    })
    await tick([hold])
    expect(gitHub.pulls).toMatchObject([{ branch: 'llmscale/prod.hold' }])
    expect(git(gitHub.repository, 'rev-parse', 'llmscale/prod-hold')).toBe(proposed)
  })

  it('hold comes again after one was merged or closed, and takes nobody’s commit away', async () => {
    await tick([hold])
    gitHub.squash(1)
    await tick([hold])
    gitHub.pulls[1]!.state = 'closed'
    await tick([hold])
    expect(gitHub.pulls.map(({ state }) => state)).toEqual(['closed', 'closed', 'open'])
    gitHub.pulls[2]!.state = 'closed'
    const theirs = commitTo(gitHub.repository, 'llmscale/prod.hold', { 'README.md': 'mine\n' })
    await tick([hold], { editedAt: '2026-11-21T10:00:00Z' })
    expect(git(gitHub.repository, 'rev-parse', 'llmscale/prod.hold')).toBe(theirs)
    expect(gitHub.comments.at(-1)!.body).toContain('has a commit of a person')
  })

  it('hold finishes what a run left half done', async () => {
    gitHub.faults.push({ on: /^POST .*\/pulls$/, times: 1, does: { status: 422 } })
    await expect(tick([hold])).rejects.toMatchObject({ code: 'GITHUB_REFUSED' })
    expect(findTicked(issue().body)).toEqual([hold])
    await obey({ after: issue().body })
    expect(gitHub.pulls).toHaveLength(1)
    expect(findTicked(issue().body)).toEqual([])
  })

  it('snooze ticks the box of the open pull request, anew where it was ticked before', async () => {
    const pull = await propose()
    await tick([snooze])
    expect(findTicked(pull.body)).toEqual([snooze])
    expect(issue().body).toBe(dashboard)
    expect(gitHub.comments).toEqual([])
    await tick([snooze])
    expect(findTicked(pull.body)).toEqual([snooze])
    expect(
      gitHub.writes().filter((line) => line.startsWith('PATCH') && line.includes('/pulls/')),
    ).toHaveLength(2)
  })

  it('snooze says where there is nothing to snooze', async () => {
    await tick([snooze])
    expect(gitHub.comments.at(-1)!.body).toContain('Nothing is proposed for `prod`')
    await propose('no box\n')
    await tick([snooze], { editedAt: '2026-11-21T09:00:00Z' })
    expect(gitHub.comments.at(-1)!.body).toContain('#1 has no box *Snooze*')
  })

  it.each([
    ['eve', true],
    ['mallory', true],
    ['ada', false],
  ])('of %s (a person: %s) are unticked, and said so once', async (login, isPerson) => {
    for (const controls of [[hold, refresh], [refresh]])
      expect(await tick(controls, { by: { login, isPerson } })).toMatchObject({ isAllowed: false })
    expect(issue().body).toBe(dashboard)
    expect(gitHub.dispatches).toEqual([])
    expect(gitHub.pulls).toEqual([])
    expect(gitHub.comments.map(({ body }) => body)).toEqual([
      `<!-- llmscale:not-allowed ${login} -->\n\`${login}\` may not write to this repository, so their boxes are unticked and not obeyed.`,
    ])
  })

  it('of the bot itself are what somebody asked of it', async () => {
    const pull = await propose()
    const before = pull.body
    await tick([snooze])
    // An edit by an App's token starts workflows like any other.
    const own = { login: 'llmscale[bot]', isPerson: false }
    expect(await obey({ ...ofPull(before, pull.body), by: own })).toBeUndefined()
    expect(findTicked(pull.body)).toEqual([snooze])
    expect(gitHub.comments).toEqual([])
  })

  it('of who is no collaborator at all are not obeyed', async () => {
    gitHub.faults.push({ on: /\/permission$/, times: 1, does: { status: 404 } })
    expect(await tick([refresh])).toMatchObject({ isAllowed: false })
  })

  it('that were ticked before, of unknown environments, or of another issue are left alone', async () => {
    const stranger: Control = { action: 'hold', environment: 'dev' }
    const other = `${dashboard}${formatControl(stranger)}\n`
    issue().body = other
    expect(await tick([stranger])).toBeUndefined()
    expect(await obey({ before: ticked([hold]), after: ticked([hold]) })).toBeUndefined()
    expect(await tick([hold], { number: 91 })).toBeUndefined()
    expect(gitHub.writes()).toEqual([])
  })

  it('that others tick meanwhile stay ticked', async () => {
    gitHub.before = (line) => {
      if (line.endsWith('/dispatches')) issue().body = ticked([hold], issue().body)
    }
    await tick([refresh])
    expect(findTicked(issue().body)).toEqual([hold])
  })
})

describe('boxes of a pull request', () => {
  it('stay ticked where `pr` reads them, and refresh plans at once', async () => {
    const pull = await propose()
    const before = pull.body
    pull.body = ticked([refresh, snooze, hold], before)
    expect(await obey(ofPull(before, pull.body))).toMatchObject({ isAllowed: true })
    expect(gitHub.dispatches).toEqual(['plan.yml main prod'])
    expect(findTicked(pull.body)).toEqual([refresh, snooze])
    expect(gitHub.pulls[1]).toMatchObject({ branch: 'llmscale/prod.hold' })
    expect(gitHub.comments).toMatchObject([{ number: 1 }])
  })

  it('are unticked where others ticked them', async () => {
    const pull = await propose()
    const before = pull.body
    pull.body = ticked([refresh, snooze], before)
    await obey({ ...ofPull(before, pull.body), by: { login: 'eve', isPerson: true } })
    expect(pull.body).toBe(before)
  })

  it('steer no other environment, and nothing from another branch', async () => {
    const other: Control = { action: 'hold', environment: 'staging' }
    const before = `${formatControl(other)}\n${formatControl(hold)}\n`
    const pull = await propose(before)
    pull.body = ticked([other], before)
    expect(await obey(ofPull(before, pull.body))).toBeUndefined()
    pull.body = ticked([hold], before)
    expect(await obey(ofPull(before, pull.body, 'mine'))).toBeUndefined()
    expect(gitHub.writes()).toEqual([])
  })
})

describe('an event file', () => {
  const read = (value: unknown) => {
    const path = join(emptyFolder(), 'event.json')
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
    return readBodyEdit(path)
  }
  const event = {
    action: 'edited',
    sender: { login: 'bob', type: 'User' },
    changes: { body: { from: 'a' } },
  }
  const subject = { number: 90, body: 'b', updated_at: '2026-11-21T08:00:00Z' }

  it('of an edited description is read', async () => {
    expect(await read({ ...event, issue: subject })).toEqual({
      subject: { kind: 'issue' },
      number: 90,
      editedAt: '2026-11-21T08:00:00Z',
      before: 'a',
      after: 'b',
      by: { login: 'bob', isPerson: true },
    })
    expect(
      await read({ ...event, pull_request: { ...subject, body: null, head: { ref: 'x' } } }),
    ).toMatchObject({
      subject: { kind: 'pull request', branch: 'x' },
      after: '',
    })
  })

  it.each([
    ['a schedule', { schedule: '1 2 * * *' }],
    ['an edited title', { ...event, changes: { title: { from: 'a' } }, issue: subject }],
    ['an opened issue', { ...event, action: 'opened', issue: subject }],
  ])('of %s asks for nothing', async (_name, value) => {
    expect(await read(value)).toBeUndefined()
  })

  it('that is none is refused', async () => {
    await expect(read('{')).rejects.toMatchObject({ code: 'EVENT_UNREADABLE' })
  })
})
