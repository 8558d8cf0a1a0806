import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { Result } from '../../src/commands/destroy.js'
import { Result as Verified } from '../../src/commands/verify.js'
import { Receipt } from '../../src/delivery/receipt.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder, programArgs } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const asOf = '2026-11-02T00:00:00Z'
const applyArgs = ['apply', '--as-of', asOf, '--yes']
const destroyArgs = ['destroy', '--yes', '--allow-delete', 'prod']
const nodeGroups = `regions: [us-east-1], nodes: {manager: managed-node-groups, amiAlias: al2023@v20260901}, clusters: {us-east-1: {name: prod, nodeRole: 'arn:aws:iam::000000000000:role/gpu', subnets: [subnet-1, subnet-2, subnet-3], zones: [us-east-1a, us-east-1b, us-east-1c]}}`

/** llmscale.yaml with a second region and its own model. */
const europeanConfig = configText(
  'regions: [us-east-1, eu-west-1]',
  '  - {model: chat-eu, regions: [eu-west-1], target: {kind: Deployment, name: chat-eu, namespace: serving}, slo: {ttftP95: 2s}}\n',
).replace('models: {', 'models: {chat-eu: {architecture: llama-3.1-70b}, ')

/** A project with a stand-in cloud of its own. */
function project(plan: CapacityPlan, config = configText()) {
  const cwd = projectFolder(plan, config)
  const cloud = emptyFolder()
  const env: NodeJS.ProcessEnv = {
    ...engineEnvironment,
    LLMSCALE_STAND_IN_CLOUD: cloud,
    HOME: cloud,
    KUBECONFIG: undefined,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const objects = () =>
    readdirSync(cloud, { recursive: true, encoding: 'utf8' })
      .filter((path) => /^(aws|kubernetes)\/.*\.json$/.test(path))
      .map((path) =>
        path
          .replace(/\.json$/, '')
          .split('/')
          .map(decodeURIComponent),
      )
      .map(([, type, id]) => `${type!.split(':').at(-1)} ${id}`)
      .sort()
  return {
    cwd,
    objects,
    write: (next: CapacityPlan) => {
      rmSync(join(cwd, 'forecasts'), { recursive: true })
      writePlanFiles(join(cwd, 'forecasts/prod'), next)
    },
    run: (args: string[], more: NodeJS.ProcessEnv = {}) =>
      runCommand(args, { cwd, env: { ...env, ...more } }),
    /** Runs it until the cloud is as wanted, and kills it with its engine; each change takes 20 s. */
    kill: async (args: string[], isThere: () => boolean) => {
      const child = spawn(process.execPath, [...programArgs, ...args], {
        cwd,
        env: { ...process.env, ...env, LLMSCALE_STAND_IN_DELAY_MS: '20000' },
        detached: true,
        stdio: 'ignore',
      })
      const ended = once(child, 'exit')
      try {
        await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: 120_000, interval: 100 })
      } finally {
        process.kill(-child.pid!, 'SIGKILL')
        await ended
        killProcesses(cloud)
      }
    },
    hold: (text: string) => {
      mkdirSync(join(cwd, 'forecasts/prod/holds'), { recursive: true })
      writeFileSync(join(cwd, 'forecasts/prod/holds/a.yaml'), text)
    },
    receipts: () => {
      const folder = join(cwd, '.llmscale/state/receipts/prod')
      return readdirSync(folder)
        .sort()
        .map((name) => Receipt.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
    },
    engineLocks: () => {
      const folder = join(cwd, '.llmscale/pulumi/state/.pulumi/locks')
      if (!existsSync(folder)) return []
      return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('.json'),
      )
    },
  }
}

/** The engine and the stand-ins of a cloud, which are in groups of their own; on Linux alone. */
function killProcesses(cloud: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      if (variables.includes(`LLMSCALE_STAND_IN_CLOUD=${cloud}`)) process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended, or is another user's.
    }
}

describe.skipIf(engineFolder === undefined)(`llmscale destroy${engineNote}`, { timeout: 400_000 }, () => {
  it('shows what goes, asks, needs the review that apply needs, and says what it did', async () => {
    const plan = capacityPlan()
    const { cwd, run, hold, objects, receipts } = project(plan)
    const wrong = await run([...destroyArgs, '--region', 'us-east-2'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--region us-east-1')])
    hold(`reason: went back\nby: ana\nexcept: ${plan.planId}\n`)
    expect((await run(applyArgs)).code).toBe(0)
    const held = await run(destroyArgs)
    expect([held.code, held.stderr]).toEqual([9, expect.stringContaining('held by ana')])

    hold('reason: over\nby: ana\nuntil: 2020-01-01T00:00:00Z\n')
    writeFileSync(join(cwd, 'llmscale.yaml'), configText('regions: [us-east-1], approval: git'))
    const unreviewed = await run(destroyArgs)
    expect([unreviewed.code, unreviewed.stderr]).toEqual([8, expect.stringContaining('not a git repository')])

    writeFileSync(join(cwd, 'llmscale.yaml'), configText())
    const dry = await run(['destroy', '--allow-delete', 'prod', '--dry-run', '--json'])
    const { stacks } = Result.parse(JSON.parse(dry.stdout).result)
    expect(stacks).toMatchObject([{ stack: 'prod.us-east-1.serving', isOrphan: false, keeps: [] }])
    expect(stacks[0]?.deletes).toHaveLength(2)
    const asked = await run(['destroy', '--allow-delete', 'prod'])
    expect([asked.code, asked.stdout]).toEqual([
      8,
      expect.stringMatching(/^prod\.us-east-1\.serving +delete +ScaledObject +chat-70b-/m),
    ])
    expect(asked.stderr).toContain('Add --yes, if all of it may go.')
    expect(objects()).toHaveLength(2)

    const gone = await run(destroyArgs)
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringMatching(/\n2 resources of prod deleted\.\n$/)])
    expect(objects()).toEqual([])
    const { verdicts, steps } = receipts().at(-1)!
    expect(verdicts.find(({ guard }) => guard === 'approval')?.message).toContain('nobody reviewed it')
    expect(steps).toMatchObject([{ step: 'destroy', state: 'done', changed: { delete: 2 } }])
  })

  it('deletes what a region left that is no longer in the plan, and every other command names it', async () => {
    const european = workloadDecision({ model: 'chat-eu', region: 'eu-west-1' })
    const both = capacityPlan({
      workloads: [workloadDecision(), european],
      pools: [pool(), pool({ region: 'eu-west-1', maximumNodes: 20 })],
    })
    const { cwd, run, write, objects } = project(both, europeanConfig)
    const scaled = () => objects().filter((each) => each.startsWith('ScaledObject'))
    const applied = await run(applyArgs)
    expect([applied.code, applied.stdout]).toEqual([0, expect.stringContaining('runs in prod: 4 created.')])
    write(capacityPlan({}, { baseline: both.planId, origin: '2026-11-01T12:00:00Z' }))
    writeFileSync(join(cwd, 'llmscale.yaml'), configText())

    const orphan = 'prod.eu-west-1.serving'
    const previewed = await run(['preview', '--as-of', asOf])
    expect([previewed.code, previewed.stderr]).toEqual([
      0,
      expect.stringContaining(`Warning: stack ${orphan} is no longer in the plan`),
    ])
    const next = await run(applyArgs)
    expect([next.code, next.stderr]).toEqual([0, expect.stringContaining(`stack ${orphan}`)])
    const verified = await run(['verify', '--as-of', asOf, '--json'])
    const { drifts, checks } = Verified.parse(JSON.parse(verified.stdout).result)
    expect(drifts).toMatchObject([{ object: orphan, planned: 'missing', found: 'present' }])
    expect(checks.at(-1)?.message).toContain('llmscale destroy --orphans --allow-delete prod')
    expect(scaled()).toHaveLength(2)

    const inEurope = [...destroyArgs, '--region', 'eu-west-1']
    const failed = await run(inEurope, { LLMSCALE_STAND_IN_FAIL: 'chat-eu' })
    expect([failed.code, failed.stdout]).toEqual([13, expect.stringMatching(/^destroy +prod\S+ +failed/m)])
    const done = await run(inEurope)
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringMatching(/Warning: run .* failed; left: destroy of prod\.eu-west-1/),
    ])
    expect(scaled()).toEqual([expect.stringContaining('chat-70b')])
    const none = await run([...destroyArgs, '--orphans'])
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('every stack of prod is in the plan'),
    ])
  })

  it('deletes what an apply was creating when it was killed', async () => {
    const { run, kill, objects, receipts, engineLocks } = project(capacityPlan())
    await kill(applyArgs, () => objects().length > 0)
    expect(engineLocks()).toHaveLength(1)
    const { code, stderr } = await run(destroyArgs)
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Warning: run .* crashed; left: serving/)])
    expect([objects(), engineLocks()]).toEqual([[], []])
    expect(receipts().map(({ state }) => state)).toEqual(['crashed', 'done'])
  })
})

describe.skipIf(engineFolder === undefined)(`a hold in the middle of an apply${engineNote}`, () => {
  it('stops it before its next step', { timeout: 300_000 }, async () => {
    const { run, hold, objects, receipts } = project(capacityPlan(), configText(nodeGroups))
    const applied = run(applyArgs, { LLMSCALE_STAND_IN_DELAY_MS: '3000' })
    await vi.waitFor(() => expect(objects()).not.toEqual([]), { timeout: 120_000, interval: 100 })
    hold('reason: incident 7\nby: ana\n')
    const { code, stderr } = await applied
    expect([code, stderr]).toEqual([9, expect.stringContaining('held by ana')])
    expect(objects().filter((each) => each.startsWith('ScaledObject'))).toEqual([])
    expect(
      receipts()
        .at(-1)
        ?.steps.map(({ step, state }) => `${step} ${state}`),
    ).toEqual(['expand done', 'serving failed', 'contract pending', 'contract pending'])
  })
})
