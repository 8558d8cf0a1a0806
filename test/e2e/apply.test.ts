import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/apply.js'
import { Receipt } from '../../src/delivery/receipt.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { type CliRun, emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const asOf = '2026-11-02T00:00:00Z'
const nodeGroups = `regions: [us-east-1], nodes: {manager: managed-node-groups, amiAlias: al2023@v20260901}, clusters: {us-east-1: {name: prod, nodeRole: 'arn:aws:iam::000000000000:role/gpu', subnets: [subnet-1, subnet-2, subnet-3], zones: [us-east-1a, us-east-1b, us-east-1c]}}`

/** A project with a stand-in cloud of its own. */
function project(plan: CapacityPlan, config = configText()) {
  return openProject(projectFolder(plan, config), emptyFolder())
}

function openProject(cwd: string, cloud: string) {
  const log = join(emptyFolder(), 'calls')
  const run = (command: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
    runCommand([command, ...args], {
      cwd,
      env: {
        ...engineEnvironment,
        LLMSCALE_STAND_IN_CLOUD: cloud,
        LLMSCALE_DOUBLE_LOG: log,
        HOME: cloud,
        KUBECONFIG: undefined,
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      },
    })
  return {
    cwd,
    cloud,
    log,
    run,
    apply: (args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
      run('apply', ['--as-of', asOf, '--yes', ...args], env),
    write: (next: CapacityPlan) => writePlanFiles(join(cwd, 'forecasts/prod'), next),
    objects: () => listObjects(cloud),
    receipts: () => readReceipts(cwd),
    copy: () => openProject(copyFolder(cwd), copyFolder(cloud)),
  }
}

function copyFolder(folder: string): string {
  const copy = emptyFolder()
  cpSync(folder, copy, { recursive: true })
  return copy
}

/** `NodePool prod-p5…`, in order. */
function listObjects(cloud: string): string[] {
  return readdirSync(cloud, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) =>
      path
        .replace(/\.json$/, '')
        .split('/')
        .map(decodeURIComponent),
    )
    .map(([, type, id]) => `${type!.split(':').at(-1)} ${id}`)
    .sort()
}

function readReceipts(cwd: string): Receipt[] {
  const folder = join(cwd, '.llmscale/state/receipts/prod')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => Receipt.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
}

/** The plan after another: a change of it. */
const after = (before: CapacityPlan, decision: Partial<CapacityPlan['decision']>) =>
  capacityPlan(decision, { baseline: before.planId, origin: '2026-11-01T12:00:00Z' })

/** What the providers were asked to do, in order: `create NodeGroup`. */
function calls(log: string): string[] {
  return readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ call, preview }) => ['create', 'update', 'delete'].includes(call) && preview !== true)
    .map(({ call, urn }) => `${call} ${urn.split('::')[2].split(':').at(-1)}`)
}

describe.skipIf(engineFolder === undefined)(`llmscale apply${engineNote}`, { timeout: 600_000 }, () => {
  const first = capacityPlan()
  /** What `first` makes of a new project; tests go on with copies of it. */
  const deployed = project(first)
  let done: CliRun
  beforeAll(async () => {
    done = await deployed.apply(['--json'])
  })

  it('deploys, keeps a receipt, has nothing to do twice, and updates', async () => {
    const { cwd, apply, write, objects, receipts } = deployed.copy()
    expect([done.code, done.stderr]).toEqual([0, ''])
    const result = Result.parse(JSON.parse(done.stdout).result)
    expect(result.steps).toMatchObject([
      { stack: 'prod.us-east-1.serving', step: 'serving', state: 'done' },
      { stack: 'prod.us-east-1.serving', step: 'contract', state: 'done', changed: {} },
    ])
    expect(objects()).toEqual([
      'NodePool prod-p5-48xlarge-on-demand-e88e2a',
      'ScaledObject serving/chat-70b-4216a7',
    ])
    expect(receipts()).toMatchObject([{ planId: first.planId, state: 'done', environment: 'prod' }])
    expect(receipts()[0]?.verdicts.map(({ guard }) => guard)).toContain('approval')
    expect(readdirSync(join(cwd, '.llmscale/state/locks'))).toEqual([])

    const again = await apply()
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('No change')

    write(after(first, { pools: [pool({ maximumNodes: 30 })] }))
    const updated = await apply()
    expect(updated.stderr).not.toContain('Error')
    expect(updated.stdout).toContain('spec.limits.nodes 20 → 30')
    expect(receipts().at(-1)?.steps[0]).toMatchObject({ changed: { update: 1 } })
  })

  it('expands capacity, then changes serving, then contracts capacity, and deletes serving before it', async () => {
    const spot = pool({ capacityType: 'spot', maximumNodes: 2, weight: 40 })
    const first = capacityPlan({ pools: [pool(), spot] })
    const { log, run, apply, write, objects, receipts } = project(first, configText(nodeGroups))
    const done = await apply()
    expect(done.stderr).not.toContain('Error')
    expect(done.code).toBe(0)
    const groups = () => objects().filter((each) => each.startsWith('NodeGroup'))
    expect(groups()).toHaveLength(5) // three zones on demand, two on spot
    writeFileSync(log, '')

    const workloads = [workloadDecision({ hardMaximum: 38 })]
    write(after(first, { workloads, pools: [pool({ maximumNodes: 21 })] }))
    const unasked = await apply()
    expect(unasked.code).toBe(5)
    expect(unasked.stderr).toContain('us-east-1/p5.48xlarge/spot goes with its 2 nodes')
    const next = await apply(['--allow-delete', 'us-east-1/p5.48xlarge/spot'])
    expect(next.stderr).not.toContain('Error')
    expect(
      receipts()
        .at(-1)
        ?.steps.map(({ step, state }) => `${step} ${state}`),
    ).toEqual(['expand done', 'serving done', 'contract done', 'contract done'])
    const order = calls(log)
    expect(order.indexOf('update NodeGroup')).toBeLessThan(order.indexOf('update ScaledObject'))
    expect(order.indexOf('update ScaledObject')).toBeLessThan(order.indexOf('delete NodeGroup'))
    expect(groups()).toHaveLength(3)

    expect((await run('destroy', ['--yes', '--allow-delete', 'staging'])).code).toBe(5)
    writeFileSync(log, '')
    expect((await run('destroy', ['--yes', '--allow-delete', 'prod'])).code).toBe(0)
    expect(objects()).toEqual([])
    const gone = calls(log)
    expect(gone.lastIndexOf('delete ScaledObject')).toBeLessThan(gone.indexOf('delete NodeGroup'))
  })

  it('shrinks and removes Karpenter’s pools only when serving has moved', async () => {
    const first = capacityPlan({
      pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 2, weight: 40 })],
    })
    const { log, apply, write, objects } = project(first)
    expect((await apply()).code).toBe(0)
    writeFileSync(log, '')
    const workloads = [workloadDecision({ hardMaximum: 38 })]
    write(after(first, { workloads, pools: [pool({ maximumNodes: 19 })] }))
    const next = await apply(['--allow-delete', 'us-east-1/p5.48xlarge/spot'])
    expect(next.stderr).not.toContain('Error')
    expect(calls(log)).toEqual(['update ScaledObject', 'update NodePool', 'delete NodePool'])
    expect(objects().filter((each) => each.startsWith('NodePool'))).toHaveLength(1)
  })

  it('measures the next decrease from what really runs, after an update that failed', async () => {
    const { apply, write, receipts } = deployed.copy()
    const less = after(first, { workloads: [workloadDecision({ hardMaximum: 30 })] })
    write(less)
    expect((await apply([], { LLMSCALE_STAND_IN_FAIL: 'chat-70b' })).code).toBe(13)
    expect(receipts().at(-1)?.state).toBe('failed')
    const workloads = [workloadDecision({ hardMaximum: 26 })]
    write(capacityPlan({ workloads }, { baseline: first.planId, origin: '2026-11-01T18:00:00Z' }))
    const refused = await apply()
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('fall by 35 % (160 to 104)')])
  })

  it('records how far a failure came, and the next run reports it and goes on', async () => {
    const plan = capacityPlan()
    const { apply, objects, receipts } = project(plan)
    const failed = await apply([], { LLMSCALE_STAND_IN_FAIL: 'chat-70b' })
    expect(failed.code).toBe(13)
    expect(failed.stderr).toContain('the stand-in refuses to change')
    expect(receipts()).toMatchObject([
      { state: 'failed', steps: [{ state: 'failed' }, { state: 'pending' }] },
    ])
    const next = await apply()
    expect(next.code).toBe(0)
    expect(next.stderr).toMatch(/Warning: run \S+ of plan \w+ by .* failed; left: serving of prod\.us-east-1/)
    expect(objects()).toHaveLength(2)
    expect(receipts().at(-1)?.state).toBe('done')
  })

  it('refuses what was not reviewed; a dry run of what was prints every verdict and deploys nothing', async () => {
    const plan = capacityPlan()
    const { cwd, run, apply, objects, receipts } = project(plan)
    expect((await run('preview', ['--as-of', asOf, '--write'])).code).toBe(0)
    const path = join(cwd, 'forecasts/prod/changes.json')
    const reviewed = JSON.parse(readFileSync(path, 'utf8'))
    expect(reviewed).toMatchObject({ planId: plan.planId })
    const stack = reviewed.stacks['prod.us-east-1.serving']

    const fewer = { ...stack, changes: stack.changes.slice(1) }
    writeFileSync(path, JSON.stringify({ ...reviewed, stacks: { 'prod.us-east-1.serving': fewer } }))
    const more = await apply()
    expect(more.code).toBe(12)
    expect(more.stderr).toMatch(/create (NodePool|ScaledObject) \S+ was not reviewed/)

    const other = stack.changes.map((change: object) => ({ ...change, digest: 'f'.repeat(64) }))
    writeFileSync(
      path,
      JSON.stringify({ ...reviewed, stacks: { 'prod.us-east-1.serving': { ...stack, changes: other } } }),
    )
    expect((await apply()).stderr).toContain('was reviewed with other properties')

    writeFileSync(path, JSON.stringify(reviewed))
    const { code, stdout } = await apply(['--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^changes +passed +\d+ changes, all reviewed/m)
    for (const guard of ['kill-switch', 'approval', 'expiry', 'baseline', 'cluster', 'quota'])
      expect(stdout).toMatch(new RegExp(`^${guard}(, \\S+)* +(passed|not checked)`, 'm'))
    expect([objects(), receipts()]).toEqual([[], []])
  })

  it('an older plan, and one that follows another than the deployed, are refused', async () => {
    const { apply, write } = deployed.copy()
    const pools = [pool({ maximumNodes: 21 })]
    write(capacityPlan({ pools }, { baseline: first.planId, origin: '2026-10-31T00:00:00Z' }))
    const older = await apply()
    expect([older.code, older.stderr]).toEqual([4, expect.stringContaining('newer than this one')])
    write(capacityPlan({ pools }, { baseline: 'f'.repeat(64), origin: '2026-11-01T12:00:00Z' }))
    const other = await apply()
    expect([other.code, other.stderr]).toEqual([
      12,
      expect.stringContaining('this plan was made as a change of plan ffffffffffff'),
    ])
    expect(other.stdout).toMatch(/^baseline +refused +plan [0-9a-f]{12} is deployed; this plan was made as/m)
    expect(other.stdout).toContain('Stack prod.us-east-1.serving: not previewed, as it is refused.')
  })
})

describe('llmscale apply', () => {
  const refusals: [string, (folder: string) => void, NodeJS.ProcessEnv, number, string][] = [
    [
      'under the kill switch',
      () => undefined,
      { LLMSCALE_KILL_SWITCH: '1' },
      9,
      'LLMSCALE_KILL_SWITCH is set',
    ],
    [
      'on a runner with a local backend',
      () => undefined,
      { GITHUB_ACTIONS: 'true' },
      3,
      'state on a runner dies',
    ],
    [
      'under a hold',
      (folder) => {
        mkdirSync(join(folder, 'forecasts/prod/holds'))
        writeFileSync(join(folder, 'forecasts/prod/holds/a.yaml'), 'reason: incident 7\nby: ana\n')
      },
      {},
      9,
      'held by ana',
    ],
    [
      'that was edited by hand',
      (folder) => {
        const path = join(folder, 'forecasts/prod/plan.yaml')
        writeFileSync(path, readFileSync(path, 'utf8').replace('2026-11-08', '2030-11-08'))
      },
      {},
      12,
      'header.fileDigest',
    ],
  ]
  it.each(refusals)('refuses a plan %s', async (_name, prepare, env, code, message) => {
    const { cwd, apply, receipts } = project(capacityPlan())
    prepare(cwd)
    const refused = await apply([], env)
    expect([refused.code, refused.stderr]).toEqual([code, expect.stringContaining(message)])
    expect(receipts()).toEqual([])
  })

  it('refuses what a policy forbids, and a region that the plan does not have', async () => {
    const spot = pool({ maximumNodes: 20, capacityType: 'spot' })
    const { apply } = project(capacityPlan({ pools: [pool(), spot] }))
    const forbidden = await apply()
    expect([forbidden.code, forbidden.stderr]).toEqual([5, expect.stringContaining('may be 50 % spot')])
    const elsewhere = await apply(['--region', 'eu-north-1'])
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining('it has us-east-1')])
  })

  it('asks before it deploys what nobody reviewed, and stops where nobody can answer', async () => {
    const { run } = project(capacityPlan({ environment: 'staging' }))
    const { code, stderr } = await run('apply', ['--as-of', asOf])
    expect([code, stderr]).toEqual([3, expect.stringContaining('the plan is of environment staging')])
  })

  it('goes by the clock where the backend is shared', async () => {
    const config = configText(
      'regions: [us-east-1], backend: "s3://bucket", approval: git, budget: {usdPerDay: 5000}',
    )
    const { code, stderr } = await project(capacityPlan(), config).apply()
    expect([code, stderr]).toEqual([2, expect.stringContaining('--as-of is for the local backend alone')])
  })

  it('leaves the cluster to Argo CD or Flux where they deliver, and wants the folder as the plan gives it', async () => {
    const config = configText('regions: [us-east-1], delivery: gitops')
    const { cwd, run } = project(capacityPlan(), config)
    const stale = await run('preview', ['--as-of', asOf])
    expect([stale.code, stale.stderr]).toEqual([
      12,
      expect.stringMatching(/scaledobject\..*\.yaml is missing/),
    ])
    expect((await run('render')).code).toBe(0)
    const fine = await run('preview', ['--as-of', asOf])
    expect([fine.code, fine.stderr]).toEqual([0, expect.stringMatching(/^Next: commit the plan/)])
    expect(fine.stdout).toContain('manifests/prod/us-east-1 is as the plan gives it')
    expect(fine.stdout).toContain('Argo CD or Flux applies it')
    expect(existsSync(join(cwd, '.llmscale/pulumi'))).toBe(false)
    const file = readdirSync(join(cwd, 'manifests/prod/us-east-1'))[0]!
    writeFileSync(
      join(cwd, 'manifests/prod/us-east-1', file),
      '# Written by llmscale from the capacity plan\n',
    )
    expect((await run('preview', ['--as-of', asOf])).stderr).toContain('is different')
  })
})
