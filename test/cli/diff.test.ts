import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { Result } from '../../src/commands/diff.js'
import { openGitHubHost } from '../../src/delivery/github-host.js'
import { commitTo, seededRepository } from '../delivery/proposals.js'
import { type StandInHost, startGitHubHost } from '../delivery/stand-in-github-host.js'
import { git } from '../delivery/state-places.js'
import { asOf, config, fleetFolder, hourlyDemand, secondWorkload } from '../e2e/fleet-fixture.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const first = capacityPlan({ pools: [pool({ maximumNodes: 22 })] })
const second = capacityPlan({}, { baseline: first.planId })

function startRepository(cwd: string): void {
  git(cwd, 'init', '--quiet', '--initial-branch=main')
  git(cwd, 'config', 'user.name', 'Ana')
  git(cwd, 'config', 'user.email', 'ana@example.org')
  commit(cwd)
}

function commit(cwd: string): void {
  git(cwd, 'add', '--all')
  git(cwd, 'commit', '--quiet', '--message', 'Change')
}

async function diff(cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await runCommand(['diff', ...args, '--json'], { cwd, env })
  expect(code, stdout + stderr).toBe(0)
  return Result.parse(JSON.parse(stdout).result)
}

/** From and to, by maximum of nodes. */
const nodes = ({ pools }: z.infer<typeof Result>) =>
  pools.flatMap(({ fields }) =>
    fields.flatMap(({ field, from, to }) => (field === 'maximumNodes' ? [from, to] : [])),
  )

async function failure(cwd: string, ...args: string[]) {
  const { code, stdout } = await runCommand(['diff', '--json', ...args], { cwd })
  return { exit: code, ...JSON.parse(stdout).error } as { exit: number; code: string; message: string }
}

describe('llmscale diff of plans', { timeout: 120_000 }, () => {
  /** A plan a commit, and a third one in the work tree. */
  let cwd: string
  beforeAll(() => {
    cwd = projectFolder(first)
    startRepository(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), second)
    commit(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({ pools: [pool({ maximumNodes: 9 })] }))
  })

  it('takes commits, branches and folders, and the work tree', async () => {
    const commits = await diff(cwd, ['HEAD~1', 'main'])
    expect([commits.from?.planId, commits.to?.planId]).toEqual([first.planId, second.planId])
    expect(commits.places.from).toMatch(/^HEAD~1 \([0-9a-f]{10}\)$/)
    expect(commits.madeNow).toBeNull()
    expect(nodes(await diff(cwd, ['HEAD']))).toEqual(['20', '9'])
    expect(nodes(await diff(cwd, ['forecasts/prod', 'HEAD~1']))).toEqual(['9', '22'])
    const other = emptyFolder()
    writePlanFiles(other, first)
    // Two folders need neither a configuration nor git.
    expect(nodes(await diff(emptyFolder(), [other, join(cwd, 'forecasts/prod')]))).toEqual(['22', '9'])
    expect(nodes(await diff(join(cwd, 'forecasts'), ['HEAD', '--config', '../llmscale.yaml']))).toEqual([
      '20',
      '9',
    ])
  })

  it('takes a revision without a plan for one before the first plan', async () => {
    const fresh = projectFolder(first)
    git(fresh, 'init', '--quiet', '--initial-branch=main')
    git(fresh, 'config', 'user.name', 'Ana')
    git(fresh, 'config', 'user.email', 'ana@example.org')
    git(fresh, 'commit', '--quiet', '--allow-empty', '--message', 'Nothing')
    commit(fresh)
    expect((await diff(fresh, ['HEAD~1', 'HEAD'])).from).toBeNull()
    expect(await failure(fresh, 'HEAD', 'HEAD~1')).toMatchObject({ exit: 3, code: 'CONFIG_MISSING' })
    git(fresh, 'rm', '-r', '--quiet', 'forecasts')
    commit(fresh)
    expect(await failure(fresh, 'HEAD~1')).toMatchObject({
      exit: 6,
      code: 'PLAN_MISSING',
      message: 'the work tree has no plan of prod',
    })
  })

  it('refuses names that nothing has', async () => {
    expect(await failure(cwd, 'origin/nowhere')).toMatchObject({ exit: 2, code: 'PLAN_UNKNOWN' })
    expect(await failure(cwd, '--', '--output=x')).toMatchObject({ exit: 2, code: 'PLAN_UNKNOWN' })
    expect(await failure(cwd, 'HEAD', '--env', 'prodd')).toMatchObject({
      exit: 2,
      code: 'ENVIRONMENT_UNKNOWN',
    })
    expect(await failure(cwd, 'HEAD', '--comment')).toMatchObject({ exit: 2, code: 'PULL_REQUEST_NEEDED' })
    expect(await failure(cwd, 'HEAD', '--pull-request', '1')).toMatchObject({ exit: 2 })
  })

  it('names the line of a configuration of another time that is wrong', async () => {
    const broken = projectFolder(first, configText('regions: [us-east-1], approval: often'))
    startRepository(broken)
    const { exit, code, message } = await failure(broken, 'HEAD', 'HEAD')
    expect([exit, code]).toEqual([3, 'CONFIG_INVALID'])
    expect(message).toContain('HEAD:llmscale.yaml:3:')
  })
})

describe('llmscale diff of configurations', { timeout: 120_000 }, () => {
  let gitHub: StandInHost
  let template: string
  let cwd: string
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    gitHub = await startGitHubHost()
    template = seededRepository()
    commitTo(template, 'batch', { 'llmscale.yaml': 'environments: {}\n# with batch\n' })
    const [header, ...rows] = hourlyDemand()
    const batch = rows.map((row) => row.replace('us-east-1,', 'us-east-1,batch,'))
    const chat = rows.map((row) => row.replace('us-east-1,', 'us-east-1,,'))
    const demand = [header!.replace('region', 'region,tenant'), ...chat, ...batch]
    cwd = fleetFolder({ demand })
    startRepository(cwd)
    git(cwd, 'branch', 'batch')
    git(cwd, 'switch', '--quiet', 'batch')
    writeFileSync(join(cwd, 'llmscale.yaml'), config + secondWorkload)
    commit(cwd)
  })
  afterAll(() => gitHub.stop())
  beforeEach(async () => {
    gitHub.reset(template)
    const host = await openGitHubHost(gitHub.access)
    await host.createPullRequest({ branch: 'batch', base: 'main', title: 'Batch', body: '' })
    await host.close()
    gitHub.exchanges = []
    const event = join(emptyFolder(), 'event.json')
    writeFileSync(event, JSON.stringify({ action: 'opened', pull_request: { number: 1 } }))
    const { apiUrl, identity } = gitHub.access
    env = {
      GITHUB_API_URL: apiUrl,
      GITHUB_REPOSITORY: 'acme/fleet',
      GITHUB_TOKEN: (identity as { token: string }).token,
      GITHUB_EVENT_PATH: event,
    }
  })

  it('plans both from the same demand, comments once, and writes no file', async () => {
    const args = ['main', 'HEAD', '--as-of', asOf]
    const made = await diff(cwd, [...args, '--comment'], env)
    expect(made.madeNow).toEqual({ isSameDemand: true })
    expect(made.from).not.toBeNull()
    expect(made.workloads.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'added llama-3.1-8b/us-east-1/batch',
    ])
    expect(made.comment).toMatchObject({ pullRequest: 1, action: 'create' })
    expect(gitHub.comments).toMatchObject([{ number: 1, body: made.comment!.body }])
    expect((await diff(cwd, [...args, '--comment', '--pull-request', '1'], env)).comment?.action).toBe(
      'unchanged',
    )
    expect(git(cwd, 'status', '--porcelain')).toBe('')

    const undone = await diff(cwd, ['main', 'main~0', '--as-of', asOf, '--comment'], env)
    expect(undone.comment?.action).toBe('update')
    expect(gitHub.comments).toMatchObject([{ body: expect.stringContaining('No plan on either side') }])
    expect(gitHub.violations).toEqual([])

    const shown = await runCommand(['diff', ...args], { cwd })
    expect(shown.stdout).toMatch(/^1 workload and 1 pool change\. Cost /)
    expect(shown.stdout).toMatch(/planned now as it is before and after, from the same demand/)
  })

  it('says so where neither has a plan and the configurations say the same, and obeys the kill switch', async () => {
    const args = ['main', 'main~0', '--as-of', asOf, '--comment', '--detailed-exitcode']
    expect(await diff(cwd, args, env)).toMatchObject({
      headline: 'No plan on either side, and llmscale.yaml says the same.',
      from: null,
      to: null,
      comment: { action: 'quiet' },
    })
    const killed = await runCommand(['diff', 'main', 'HEAD', '--as-of', asOf, '--comment', '--json'], {
      cwd,
      env: { ...env, LLMSCALE_KILL_SWITCH: '1' },
    })
    expect([killed.code, JSON.parse(killed.stdout).error.code]).toEqual([9, 'KILL_SWITCH'])
    expect(gitHub.writes()).toEqual([])
  })

  it('plans with the events that each side names, though the configuration says the same', async () => {
    const folder = fleetFolder({ config: `${config}forecast: { events: events.yaml }\n` })
    const event = (multiplier: number) =>
      `events:\n  - {name: sale, kind: campaign, start: 2026-03-18T06:00:00Z, duration: 8h, multiplier: ${multiplier}}\n`
    writeFileSync(join(folder, 'events.yaml'), event(1))
    startRepository(folder)
    writeFileSync(join(folder, 'events.yaml'), event(3))
    commit(folder)
    // What the work tree says is of neither side.
    writeFileSync(join(folder, 'events.yaml'), 'events: none\n')
    const made = await diff(folder, ['HEAD~1', 'HEAD', '--as-of', asOf])
    expect(made.madeNow).toEqual({ isSameDemand: true })
    expect(made.workloads).toMatchObject([{ kind: 'changed', name: 'llama-3.1-8b/us-east-1' }])
  })
})
