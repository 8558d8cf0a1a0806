import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/verify.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { createManifests } from '../../src/manifests/manifests.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { type StandInCluster, startCluster } from '../stand-in-kubernetes.js'

const data = process.env['LLMSCALE_TEST_DATA']
const asOf = ['--as-of', '2026-11-02T00:00:00Z']

/** A run on a machine that has neither engine nor kubeconfig, unless they are given. */
function verify(cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const home = emptyFolder()
  const nothing = {
    HOME: home,
    XDG_CACHE_HOME: home,
    KUBECONFIG: undefined,
    KUBERNETES_SERVICE_HOST: undefined,
  }
  const PATH = process.env['PATH']!.split(':')
    .filter((folder) => folder !== engineFolder)
    .join(':')
  return runCommand(['verify', ...args], { cwd, env: { ...nothing, PATH, ...env } })
}
async function verifyJson(cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await verify(cwd, [...args, '--json'], env)
  expect(stderr).toBe('')
  const { result, warnings } = JSON.parse(stdout)
  return { code, warnings: warnings as { code: string }[], ...Result.parse(result) }
}

/** Nine days of demand a row an hour, from 2026-10-24 on: one after the plan's. */
function writeDemand(cwd: string): void {
  const rows = Array.from({ length: 9 * 24 }, (_, hour) => {
    const time = new Date(Date.UTC(2026, 9, 24, hour)).toISOString()
    return `${time},chat-70b,us-east-1,${3600 + (hour % 24) * 100},${600 * 3600},${250 * 3600}`
  })
  writeFileSync(
    join(cwd, 'demand.csv'),
    `timestamp,model,region,requests,input_tokens,output_tokens\n${rows.join('\n')}\n`,
  )
}

function project(plan: CapacityPlan): string {
  const cwd = projectFolder(plan)
  writeDemand(cwd)
  return cwd
}

describe('llmscale verify', { timeout: 120_000 }, () => {
  let cluster: StandInCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(async () => {
    await cluster.stop()
  })
  const plan = capacityPlan()
  const objects = createManifests(
    plan.decision,
    'us-east-1',
    parseConfig(configText(), 'llmscale.yaml'),
  ) as unknown as StandInCluster['objects']

  it('works without cluster, engine and history, and says what it could not look at', async () => {
    const result = await verifyJson(project(plan), asOf)
    expect(result.code).toBe(0)
    expect(result.checks.map(({ place, state }) => [place, state])).toEqual([
      ['prod.us-east-1.serving', 'not-checked'],
      ['cluster of us-east-1', 'not-checked'],
      ['stacks beside the plan', 'not-checked'],
    ])
    expect(result.drifts).toEqual([])
    expect(result.score).toMatchObject({ from: '2026-11-01T00:00:00Z', until: '2026-11-02T00:00:00Z' })
    expect(result.warnings.map(({ code }) => code)).toEqual(['FORECAST_CHANGED'])
  })

  it('finds floors and bounds that somebody changed in the cluster, and objects that are gone', async () => {
    const cwd = project(plan)
    const env = { KUBECONFIG: cluster.kubeconfig }
    cluster.objects = structuredClone(objects)
    // What others set beside our fields is theirs.
    for (const { metadata, spec } of cluster.objects) {
      metadata['annotations'] = { team: 'serving' }
      spec!['pollingInterval'] = 15
    }
    const same = await verifyJson(cwd, asOf, env)
    expect(same.checks.at(-2)).toMatchObject({ place: 'cluster of us-east-1', state: 'same' })

    const scaled = cluster.objects.find(({ kind }) => kind === 'ScaledObject')!
    scaled.spec!['minReplicaCount'] = 7
    cluster.objects = [scaled]
    const { code, stdout } = await verify(cwd, [...asOf, '--detailed-exitcode'], env)
    expect(code).toBe(10)
    expect(stdout).toMatch(
      /^ScaledObject serving\/chat-70b-\w+ +spec\.minReplicaCount +2 +7 +a floor that somebody changed$/m,
    )
    expect(stdout).toMatch(/^NodePool prod-p5-48xlarge-on-demand-\w+ +present +missing$/m)
  })

  it('is unknown before anything came, and asks for a new plan after 30 days', async () => {
    const cwd = project(plan)
    const early = await verifyJson(cwd, ['--as-of', '2026-11-01T00:30:00Z'])
    expect([early.code, early.verdict, early.score]).toEqual([0, 'unknown', null])
    const late = await verifyJson(cwd, ['--as-of', '2026-12-01T00:00:00Z', '--detailed-exitcode'])
    expect([late.code, late.verdict]).toEqual([10, 'retrain'])
    expect(late.reason).toContain('data ends 2026-11-01T00:00:00Z, 30 days ago')
    writeFileSync(join(cwd, 'demand.csv'), 'timestamp,model,region,requests\n')
    const empty = await verifyJson(cwd, asOf)
    expect([empty.verdict, empty.warnings.length]).toEqual(['unknown', 1])
  })

  it('holds the plan against the one before, from git', async () => {
    const before = capacityPlan({ pools: [pool({ maximumNodes: 30 })] })
    const cwd = project(before)
    const git = (...args: string[]) => execFileSync('git', args, { cwd })
    git('init', '--quiet')
    const commit = () => {
      git('add', '--all')
      git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--message', 'Plan')
    }
    commit()
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({}, { baseline: before.planId }))
    commit()
    const known = await verifyJson(cwd, asOf)
    expect(known.warnings.map(({ code }) => code)).not.toContain('PLAN_BEFORE_UNKNOWN')
    expect(known.score!.breachShare.doNothing).toBe(known.score!.breachShare.plan)
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({}, { baseline: 'f'.repeat(64) }))
    const unknown = await verifyJson(cwd, asOf)
    expect(unknown.warnings.map(({ code }) => code)).toContain('PLAN_BEFORE_UNKNOWN')
  })
})

describe.skipIf(engineFolder === undefined)(`llmscale verify${engineNote}`, { timeout: 240_000 }, () => {
  it('tells what a stack was deployed from, by its outputs, and by its receipt without an engine', async () => {
    const cwd = project(capacityPlan())
    const cloud = { LLMSCALE_STAND_IN_CLOUD: emptyFolder(), AWS_EC2_METADATA_DISABLED: 'true' }
    const env = { ...engineEnvironment, ...cloud, KUBECONFIG: undefined }
    const none = await verifyJson(cwd, asOf, env)
    expect(none.checks[0]).toMatchObject({ state: 'drift', message: 'nothing is deployed' })
    const applied = await runCommand(['apply', ...asOf, '--yes'], { cwd, env })
    expect(applied.code, applied.stderr).toBe(0)
    const same = await verifyJson(cwd, asOf, env)
    expect(same.checks[0]).toMatchObject({ place: 'prod.us-east-1.serving', state: 'same' })
    expect(same.drifts).toEqual([])

    const next = capacityPlan({ pools: [pool({ maximumNodes: 25 })] })
    writePlanFiles(join(cwd, 'forecasts/prod'), next)
    const changed = await verifyJson(cwd, asOf, env)
    expect(changed.drifts.map(({ field, planned, found }) => [field, planned, found])).toEqual([
      ['planId', next.planId.slice(0, 12), capacityPlan().planId.slice(0, 12)],
      ['maximumNodes', '25', '20'],
    ])
    const byReceipt = await verifyJson(cwd, asOf)
    expect(byReceipt.checks[0]!.message).toMatch(/^by receipt \S+ \(done\) from plan/)
    expect(byReceipt.drifts.map(({ field }) => field)).toEqual(['planId'])
  })
})

describe.skipIf(data === undefined)('llmscale verify on real traces (needs LLMSCALE_TEST_DATA)', () => {
  const folder = emptyFolder()
  const servegen = [
    ...['--config', 'examples/servegen/llmscale.yaml'],
    ...['--metrics', `${data}/servegen-demand-10min.csv.gz`],
  ]

  it('makes the forecast of day ten again and holds it against the four days after', async () => {
    const planned = await runCommand([
      'plan',
      ...servegen,
      '--as-of',
      '2025-03-13T00:00:00Z',
      '--out',
      folder,
    ])
    expect(planned.code, planned.stderr).toBe(0)
    const args = [...servegen, '--plan', folder, '--as-of', '2025-03-17T00:00:00Z', '--detailed-exitcode']
    const result = await verifyJson('.', args)
    expect(result.code).toBe(0)
    expect(result.warnings).toEqual([])
    expect(result.score).toMatchObject({ isReproduced: true, unscored: [], until: '2025-03-17T00:00:00Z' })
    // Ten days know one weekend, and the days after hold another: errors are above the backtest's, of the naive too, but
    // not on all of four days.
    expect(result.verdict).toBe('keep')
    expect(result.reason).toMatch(/against the backtest's .*: it may be chance/)
    for (const { forecast, baseline, days } of result.score!.workloads) {
      expect(days).toHaveLength(4)
      expect(forecast.coverage90).toBeGreaterThan(0.8)
      expect(forecast.pinballLoss).toBeLessThan(1.1 * baseline.pinballLoss)
    }
    // Less than one path in twenty exceeds.
    expect(result.score!.breachShare.plan).toBeLessThan(result.score!.breachShare.p95)
  })
})
