import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/dashboard.js'
import { openReceipt } from '../../src/delivery/receipt.js'
import { writeRenewal } from '../../src/delivery/renewal-file.js'
import { createFolderStore } from '../../src/delivery/state-folder.js'
import { findTicked, setBoxes } from '../../src/review/controls.js'
import { descriptionsNote } from '../delivery/github-descriptions.js'
import { commitTo } from '../delivery/proposals.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { capacityPlan } from '../plan-fixture.js'
import { configText, projectFolder } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const plan = capacityPlan()
const now = '2026-11-03T08:00:00Z'
const config = configText().replace('metrics:', '  staging: {regions: [us-east-1]}\nmetrics:')

let gitHub: StandInHost
let cwd: string
beforeAll(async () => {
  gitHub = await startGitHubHost()
})
afterAll(() => gitHub.stop())
beforeEach(() => {
  gitHub.reset()
  cwd = projectFolder(plan, config)
  writeFileSync(join(cwd, '.gitignore'), '.llmscale/\n')
  git(cwd, 'init', '--quiet', '--initial-branch=main')
  git(cwd, 'add', '--all')
  git(cwd, '-c', 'user.name=ana', '-c', 'user.email=ana@acme.example', 'commit', '--quiet', '-m', 'plan')
  git(cwd, 'remote', 'add', 'origin', `file://${gitHub.repository}`)
  git(cwd, 'push', '--quiet', 'origin', 'main')
})

const store = () => createFolderStore(join(cwd, '.llmscale/state'))
const token = () => (gitHub.access.identity as { token: string }).token

async function run(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  gitHub.exchanges = []
  const { code, stdout, stderr } = await runCommand(['dashboard', '--as-of', now, '--json', ...args], {
    cwd,
    env: {
      GITHUB_TOKEN: token(),
      GITHUB_REPOSITORY: 'acme/fleet',
      GITHUB_API_URL: gitHub.access.apiUrl,
      LLMSCALE_ENV: 'prod',
      ...env,
    },
  })
  expect(gitHub.violations).toEqual([])
  expect(stdout + stderr).not.toContain(token())
  const { result, error } = JSON.parse(stdout)
  return { code, error, result: result as ReturnType<typeof Result.parse> }
}

describe(`llmscale dashboard, on a stand-in for GitHub${descriptionsNote}`, { timeout: 120_000 }, () => {
  it('makes one issue of all environments, and writes it no more until something changes', async () => {
    const first = await run()
    expect(Result.parse(first.result)).toMatchObject({
      environments: [
        { environment: 'prod', state: 'steady', planId: plan.planId, validUntil: '2026-11-08T00:00:00Z' },
        { environment: 'staging', state: 'unplanned', planId: null },
      ],
      issue: { number: 1, action: 'created' },
      obeyed: null,
    })
    expect(gitHub.issues).toMatchObject([{ labels: ['llmscale'], body: first.result.body }])

    expect((await run()).result.issue).toMatchObject({ number: 1, action: 'unchanged' })
    expect(gitHub.writes()).toEqual([])

    const [issue] = gitHub.issues
    const ticked = { action: 'snooze', environment: 'staging' } as const
    issue!.body = setBoxes(issue!.body, [ticked], true)
    await writeRenewal(store(), 'prod', {
      planId: plan.planId,
      renewedAt: now,
      validUntil: '2026-11-10T00:00:00Z',
    })
    const renewed = await run()
    expect(renewed.result.issue!.action).toBe('updated')
    expect(renewed.result.environments[0]).toMatchObject({ isRenewed: true, state: 'steady' })
    expect(issue!.body).toContain('2026-11-10T00:00:00Z, renewed')
    expect(findTicked(issue!.body)).toEqual([ticked])
    expect(gitHub.issues).toHaveLength(1)
  })

  it('tells of a run that went wrong, a proposal, and of people’s commits', async () => {
    commitTo(gitHub.repository, 'llmscale/prod', { 'README.md': 'x\n' })
    git(gitHub.repository, 'branch', 'llmscale/staging', 'llmscale/prod')
    for (const branch of ['llmscale/prod', 'llmscale/staging'])
      await fetch(`${gitHub.access.apiUrl}/repos/acme/fleet/pulls`, {
        method: 'POST',
        headers: { authorization: `token ${token()}` },
        body: JSON.stringify({ title: branch, body: '', head: branch, base: 'main' }),
      })
    gitHub.pulls[0]!.labels.push('llmscale:edited')
    const before = await run(['--dry-run'])
    expect(before.result.environments).toMatchObject([
      { state: 'blocked', pullRequest: { number: 1 } },
      { state: 'open', pullRequest: { number: 2 } },
    ])
    gitHub.pulls[1]!.state = 'closed'
    const receipt = await openReceipt(store(), {
      id: '20261103T070000Z-abcdef',
      environment: 'prod',
      planId: plan.planId,
      fileDigest: plan.header.fileDigest,
      by: 'ana',
      host: 'elsewhere',
      pid: 1,
      startedAt: '2026-11-03T07:00:00Z',
      toolVersion: '0.1.0',
      verdicts: [],
      steps: [
        {
          stack: 'prod.x.serving',
          step: 'serving',
          state: 'running',
          changed: {},
          outputDigest: null,
          error: null,
        },
      ],
    })
    const crashed = (await run(['--dry-run'])).result
    expect(crashed.environments).toMatchObject([
      { state: 'failed', detail: 'run 20261103T070000Z-abcdef crashed', pullRequest: { number: 1 } },
      { state: 'snoozed', pullRequest: { number: 2 } },
    ])
    await receipt.finish('failed', Date.parse(now) / 1000)
    expect((await run(['--dry-run'])).result.environments[0]!.detail).toMatch(/failed$/)
    expect(gitHub.writes()).toEqual([])
    expect(gitHub.issues).toEqual([])
  })

  it('still tells of a run that went wrong in one region after one of another region went well', async () => {
    const { region } = plan.decision.workloads[0]!
    const run1 = (id: string, stack: string, state: 'done' | 'failed') =>
      openReceipt(store(), {
        id,
        environment: 'prod',
        planId: plan.planId,
        fileDigest: plan.header.fileDigest,
        by: 'ana',
        host: 'elsewhere',
        pid: 1,
        startedAt: '2026-11-03T07:00:00Z',
        toolVersion: '0.1.0',
        verdicts: [],
        steps: [{ stack, step: 'serving', state, changed: {}, outputDigest: null, error: null }],
      }).then((receipt) => receipt.finish(state, Date.parse(now) / 1000))
    await run1('20261103T070000Z-aaaaaa', `prod.${region}.serving`, 'failed')
    await run1('20261103T071000Z-bbbbbb', 'prod.eu-west-1.serving', 'done')
    const [prod] = (await run(['--dry-run'])).result.environments
    expect(prod).toMatchObject({ state: 'failed', detail: 'run 20261103T070000Z-aaaaaa failed' })
    await run1('20261103T072000Z-cccccc', `prod.${region}.serving`, 'done')
    expect((await run(['--dry-run'])).result.environments[0]!.state).toBe('steady')
  })

  it('says of which environment nothing can be read, and why, and shows the others', async () => {
    const folder = join(cwd, 'forecasts/staging')
    mkdirSync(folder)
    writeFileSync(join(folder, 'plan.yaml'), 'planId: none\n')
    git(cwd, 'add', '--all')
    git(cwd, '-c', 'user.name=ana', '-c', 'user.email=ana@acme.example', 'commit', '--quiet', '-m', 'x')
    git(cwd, 'push', '--quiet', 'origin', 'main')
    const { code, result } = await run()
    expect(code).toBe(0)
    expect(result.environments).toMatchObject([
      { environment: 'prod', state: 'steady' },
      { environment: 'staging', state: 'unreadable', detail: expect.stringContaining('forecasts/staging') },
    ])
    expect(gitHub.issues).toHaveLength(1)
  })

  it('obeys the boxes of an event, and says so', async () => {
    const { result } = await run()
    const [issue] = gitHub.issues
    const control = { action: 'hold', environment: 'prod' } as const
    issue!.body = setBoxes(result.body, [control], true)
    const event = join(emptyFolder(), 'event.json')
    writeFileSync(
      event,
      JSON.stringify({
        action: 'edited',
        sender: { login: 'bob', type: 'User' },
        changes: { body: { from: result.body } },
        issue: { number: issue!.number, body: issue!.body, updated_at: now },
      }),
    )
    const killed = await run(['--event', event], { LLMSCALE_KILL_SWITCH: '1' })
    expect([killed.code, killed.error.code]).toEqual([9, 'KILL_SWITCH'])
    expect(gitHub.writes()).toEqual([])
    const obeyed = await run(['--event', event])
    expect(obeyed.result.obeyed).toEqual({ by: 'bob', isAllowed: true, controls: [control] })
    expect(gitHub.pulls).toMatchObject([{ branch: 'llmscale/prod.hold' }])
    expect(issue!.body).toBe(result.body)

    // GitHub lists the issue as it was before the box was unticked.
    issue!.body = setBoxes(result.body, [control], true)
    gitHub.before = (line) => {
      if (line.startsWith('PATCH')) gitHub.before = tickAgain
    }
    const tickAgain = (line: string) => {
      if (line.startsWith('GET') && line.endsWith('/issues'))
        issue!.body = setBoxes(result.body, [control], true).replace('unplanned', 'other')
    }
    await run(['--event', event])
    expect(findTicked(issue!.body)).toEqual([])
  })

  it('prints what it knows without a token, and says what it did not look at', async () => {
    const { stdout, stderr } = await runCommand(['dashboard', '--as-of', '2026-11-08T00:00:00Z'], {
      cwd,
      env: { GITHUB_TOKEN: '' },
    })
    expect(stdout).toMatch(/^prod +expired .*what is deployed stays$/m)
    expect(stderr).toContain('GITHUB_TOKEN is not set')
    expect(gitHub.exchanges).toEqual([])
  })
})
