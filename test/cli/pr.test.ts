import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { Proposed as Result } from '../../src/commands/pr.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { sealPlan } from '../../src/planning/plan-file.js'
import { formatReviewedChanges } from '../../src/planning/reviewed-changes.js'
import { parseHiddenKey } from '../../src/review/hidden-key.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8' }).trim()
const inForce = capacityPlan()
const asOf = ['--as-of', '2026-11-02T00:00:00Z']
/** More replicas over the plan in force, made a day later. */
const grown = capacityPlan(
  { workloads: [workloadDecision({ hardMaximum: 40 })], pools: [pool({ maximumNodes: 30 })] },
  { baseline: inForce.planId, origin: '2026-11-02T00:00:00Z', validUntil: '2026-11-09T00:00:00Z' },
)
const noGitHub = { GITHUB_TOKEN: '', LLMSCALE_GITHUB_APP_ID: '', GITHUB_ACTIONS: '' }

/** A clone whose `origin/main` has a plan, or none. */
function clone(plan: CapacityPlan | undefined): { cwd: string; remote: string } {
  const remote = emptyFolder()
  git(remote, 'init', '--quiet', '--bare', '--initial-branch=main')
  const cwd = projectFolder(plan ?? grown)
  if (plan === undefined) rmSync(join(cwd, 'forecasts'), { recursive: true })
  git(cwd, 'init', '--quiet', '--initial-branch=main')
  git(cwd, 'config', 'user.name', 'Ana')
  git(cwd, 'config', 'user.email', 'ana@example.org')
  git(cwd, 'remote', 'add', 'origin', remote)
  writeFileSync(join(cwd, '.gitignore'), '.llmscale/\n')
  publish(cwd)
  return { cwd, remote }
}

function publish(cwd: string): void {
  git(cwd, 'add', '--all')
  git(cwd, 'commit', '--quiet', '--message', 'Change')
  git(cwd, 'push', '--quiet', 'origin', 'HEAD:main')
  git(cwd, 'fetch', '--quiet', 'origin')
}

async function propose(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await runCommand(['pr', ...asOf, ...args, '--json'], {
    cwd,
    env: noGitHub,
  })
  const { status, result, error, warnings } = JSON.parse(stdout)
  expect([code, stderr]).toEqual([status, ''])
  return error === undefined ? { result: Result.parse(result), warnings } : { error, code }
}

describe('llmscale pr', { timeout: 120_000 }, () => {
  let cwd: string
  let remote: string
  beforeEach(() => {
    ;({ cwd, remote } = clone(inForce))
    writePlanFiles(join(cwd, 'forecasts/prod'), grown)
  })

  it('prints what it would propose, and writes nothing', async () => {
    const { code, stdout, stderr } = await runCommand(['pr', ...asOf, '--dry-run'], { cwd, env: noGitHub })
    expect(code, stderr).toBe(0)
    const [title, , ...body] = stdout.split('\n')
    expect(title).toMatch(/^# Capacity of prod/)
    expect(parseHiddenKey(body.join('\n'))).toMatchObject({
      environment: 'prod',
      planId: grown.planId,
      base: git(cwd, 'rev-parse', 'origin/main'),
    })
    expect(stderr).toContain('llmscale preview --write')
    expect(git(remote, 'branch', '--list', 'llmscale/*')).toBe('')
  })

  it('pushes one commit with the plan alone, once, from a work tree that is dirty and detached', async () => {
    git(cwd, 'checkout', '--quiet', '--detach')
    writeFileSync(join(cwd, 'notes.txt'), 'mine\n')
    writeFileSync(join(cwd, 'llmscale.yaml'), `${readFileSync(join(cwd, 'llmscale.yaml'), 'utf8')}# mine\n`)
    const before = git(cwd, 'status', '--porcelain')
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'create', branch: 'llmscale/prod', pullRequest: null })
    expect(git(remote, 'rev-parse', 'llmscale/prod')).toBe(result!.commit)
    expect(git(remote, 'rev-parse', 'llmscale/prod^')).toBe(git(remote, 'rev-parse', 'main'))
    const changed = git(remote, 'diff', '--name-only', 'main', 'llmscale/prod').split('\n')
    expect(changed.filter((path) => !path.startsWith('forecasts/prod/'))).toEqual([])
    expect(git(cwd, 'status', '--porcelain')).toBe(before)

    const again = await propose(cwd, '--git-only')
    expect(again.result).toMatchObject({ action: 'unchanged', commit: null })
    expect(git(remote, 'rev-parse', 'llmscale/prod')).toBe(result!.commit)
  })

  it('renews the plan in force where the decision is the same, and an apply takes that', async () => {
    const renewed = capacityPlan(
      {},
      { baseline: null, origin: '2026-11-02T00:00:00Z', validUntil: '2026-11-09T12:00:00Z' },
    )
    writePlanFiles(join(cwd, 'forecasts/prod'), renewed)
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'unchanged', renewedUntil: '2026-11-09T12:00:00Z' })
    const again = await propose(cwd, '--git-only')
    expect(again.result!.renewedUntil).toBeNull()

    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    const late = ['preview', '--as-of', '2026-11-09T06:00:00Z', '--json']
    const withoutEngine = { ...noGitHub, PATH: emptyFolder(), HOME: emptyFolder() }
    const taken = await runCommand(late, { cwd, env: withoutEngine })
    expect(JSON.parse(taken.stdout).error.code).toBe('ENGINE_MISSING')
    const later = ['preview', '--as-of', '2026-11-09T18:00:00Z', '--json']
    const expired = await runCommand(later, { cwd, env: noGitHub })
    expect([expired.code, JSON.parse(expired.stdout).error.code]).toEqual([4, 'PLAN_EXPIRED'])
  })

  /** As previews write it: what an apply of a plan would change. */
  const changesTo = (...values: string[]) => changesOf(inForce.planId, { 'spec.pollingInterval': values })

  function changesOf(planId: string, values: Record<string, string[]>): string {
    const urn = 'urn:pulumi:prod.us-east-1.serving::llmscale::keda.sh/v1alpha1:ScaledObject::chat-70b-4216a7'
    const changes = Object.entries(values).flatMap(([path, tos]) =>
      tos.map((to) => ({
        urn,
        op: 'update',
        paths: [path],
        values: { [path]: { from: '30', to } },
        digest: null,
      })),
    )
    return formatReviewedChanges({
      apiVersion: 'llmscale/v1alpha1',
      kind: 'ReviewedChanges',
      planId,
      allowDelete: [],
      allowPurchase: [],
      stacks: {
        'prod.us-east-1.serving': {
          engineVersion: '3.246.0',
          providerVersions: {},
          deployedPlanId: inForce.planId,
          changes,
        },
      },
    })
  }

  it('proposes what the same decision would deploy otherwise, and only that', async () => {
    const file = join(cwd, 'forecasts/prod/changes.json')
    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    writeFileSync(file, changesTo('15'))
    publish(cwd)
    // Applied by now: there is less to change than was reviewed.
    writeFileSync(file, changesTo())
    expect((await propose(cwd, '--git-only')).result!.action).toBe('unchanged')

    writeFileSync(file, changesTo('5'))
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({
      action: 'create',
      title: 'Capacity of prod: the same decision, deployed otherwise',
      because: expect.stringContaining('pollingInterval 30 → 5 was reviewed as'),
    })
    expect(git(remote, 'diff', '--name-only', 'main', 'llmscale/prod')).toBe('forecasts/prod/changes.json')
    expect((await propose(cwd, '--git-only')).result!.action).toBe('unchanged')
  })

  /** A little more than the plan in force, which a forecast of the next day may say: not worth a review. */
  const hardlyMore = capacityPlan(
    { workloads: [workloadDecision({ hardMaximum: 31 })] },
    { baseline: inForce.planId, origin: '2026-11-02T00:00:00Z', validUntil: '2026-11-07T00:00:00Z' },
  )
  const moved = sealPlan({
    ...hardlyMore,
    reports: hardlyMore.reports.map((report) => ({
      ...report,
      shortfallUsdPerDay: { plan: 5, doNothing: 5 },
    })),
  })

  it('proposes what comes beside a decision that has hardly changed, and only then', async () => {
    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    writePlanFiles(join(cwd, 'forecasts/prod'), moved)
    const file = join(cwd, 'forecasts/prod/changes.json')
    writeFileSync(file, changesOf(moved.planId, { 'spec.maxReplicaCount': ['31'] }))
    expect((await propose(cwd, '--git-only')).result!.action).toBe('quiet')
    writeFileSync(
      file,
      changesOf(moved.planId, { 'spec.maxReplicaCount': ['31'], 'spec.pollingInterval': ['5'] }),
    )
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'create', planId: moved.planId })
    expect(result!.because).toMatch(/^beside the decision, update ScaledObject \S+ was not reviewed; /)
  })

  it('proposes the change to Argo CD or Flux though the decision has hardly changed', async () => {
    writePlanFiles(join(cwd, 'forecasts/prod'), moved)
    expect((await propose(cwd, '--git-only')).result!.action).toBe('quiet')
    writeFileSync(join(cwd, 'llmscale.yaml'), configText('regions: [us-east-1], delivery: gitops'))
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'create', because: expect.stringContaining('manifests/prod/') })
  })

  it('is quiet where only floors move what Argo CD or Flux apply', async () => {
    writeFileSync(join(cwd, 'llmscale.yaml'), configText('regions: [us-east-1], delivery: gitops'))
    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    expect((await runCommand(['render'], { cwd })).code).toBe(0)
    publish(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), moved)
    expect((await propose(cwd, '--git-only')).result!.action).toBe('quiet')
  })

  it('proposes what Argo CD or Flux would deploy otherwise of the same decision', async () => {
    const settings = 'regions: [us-east-1], delivery: gitops'
    writeFileSync(join(cwd, 'llmscale.yaml'), configText(settings))
    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    expect((await runCommand(['render'], { cwd })).code).toBe(0)
    publish(cwd)
    expect((await propose(cwd, '--git-only')).result!.action).toBe('unchanged')
    writeFileSync(join(cwd, 'llmscale.yaml'), configText(`${settings}, autoscaler: hpa`))
    publish(cwd)
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'create', because: expect.stringContaining('manifests/prod/') })
    expect(git(remote, 'diff', '--name-only', 'main', 'llmscale/prod')).toMatch(/horizontalpodautoscaler/)
  })

  it('proposes nothing under a hold, which stays', async () => {
    const hold = join(cwd, 'forecasts/prod/holds/freeze.yaml')
    mkdirSync(join(cwd, 'forecasts/prod/holds'))
    writeFileSync(hold, 'reason: launch week\nby: Ana\n')
    git(cwd, 'add', hold)
    git(cwd, 'commit', '--quiet', '--message', 'Hold', '--', hold)
    git(cwd, 'push', '--quiet', 'origin', 'HEAD:main')
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({ action: 'quiet', because: expect.stringContaining('launch week') })
    expect(existsSync(hold)).toBe(true)
  })

  it('proposes a rollback with its hold on a branch of its own', async () => {
    publish(cwd)
    const back = await runCommand(
      ['rollback', '--reason', 'late replicas', '--until', '2100-01-01T00:00:00Z'],
      {
        cwd,
      },
    )
    expect(back.code, back.stderr).toBe(0)
    const { result } = await propose(cwd, '--git-only')
    expect(result).toMatchObject({
      action: 'create',
      branch: 'llmscale/prod.rollback',
      planId: inForce.planId,
    })
    expect(result!.body).not.toContain('**Score**')
    expect(git(remote, 'diff', '--name-only', '--diff-filter=A', 'main', 'llmscale/prod.rollback')).toMatch(
      /^forecasts\/prod\/holds\/rollback-\S+\.yaml$/,
    )
  })

  it('brings what Argo CD or Flux apply, and takes away what they no longer should', async () => {
    const stale = 'manifests/prod/us-east-1/scaledobject-old-0a1b2c.yaml'
    const config = configText('regions: [us-east-1], delivery: gitops')
    writeFileSync(join(cwd, 'llmscale.yaml'), config)
    git(cwd, 'checkout', '--quiet', '--', 'forecasts')
    expect((await runCommand(['render'], { cwd })).code).toBe(0)
    const rendered = readdirSync(join(cwd, 'manifests/prod/us-east-1'))
    const [mark] = readFileSync(join(cwd, 'manifests/prod/us-east-1', rendered[0]!), 'utf8').split('\n')
    writeFileSync(join(cwd, stale), `${mark}\nkind: ScaledObject\n`)
    publish(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), grown)
    const { result } = await propose(cwd, '--git-only')
    expect(result!.action).toBe('create')
    const changed = git(remote, 'diff', '--name-status', 'main', 'llmscale/prod').split('\n')
    expect(changed).toContain(`D\t${stale}`)
    expect(changed).toContainEqual(expect.stringMatching(/^M\tmanifests\/prod\/us-east-1\/nodepool\..*yaml$/))
    expect(git(cwd, 'status', '--porcelain', '--', 'manifests')).toBe('')
  })

  it('refuses a plan that was made over another one than is in force', async () => {
    const other = capacityPlan({ workloads: [workloadDecision({ hardMaximum: 31 })] })
    writePlanFiles(join(cwd, 'forecasts/prod'), other)
    publish(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), grown)
    expect(await propose(cwd, '--git-only')).toMatchObject({
      code: 4,
      error: { code: 'PLAN_OLDER_THAN_BASE', tryThis: [expect.stringContaining('git checkout origin/main')] },
    })
  })

  it.each([
    ['the kill switch', { LLMSCALE_KILL_SWITCH: '1' }, ['--git-only'], 9, 'KILL_SWITCH'],
    ['no token', {}, [], 2, 'GITHUB_NOT_SET'],
  ])('writes nothing under %s', async (_name, env, args, code, error) => {
    const run = await runCommand(['pr', ...asOf, ...args, '--json'], { cwd, env: { ...noGitHub, ...env } })
    expect([run.code, JSON.parse(run.stdout).error.code]).toEqual([code, error])
    expect(git(remote, 'branch', '--list', 'llmscale/*')).toBe('')
  })

  it('says what to do without a remote', async () => {
    git(cwd, 'remote', 'remove', 'origin')
    const { error } = await propose(cwd, '--git-only')
    expect(error).toMatchObject({ tryThis: [expect.stringContaining('git '), expect.anything()] })
  })
})
