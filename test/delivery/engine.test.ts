import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spotCap } from '../../policies/index.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { previewStack, type StackOptions, withStack } from '../../src/delivery/engine.js'
import { parseUrn } from '../../src/planning/change-set.js'
import { createProgram } from '../../stacks/program.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { projectFolder } from '../project-fixture.js'
import { emptyFolder, programArgs } from '../run-cli.js'

describe.skipIf(engineFolder === undefined)(`stacks${engineNote}`, { timeout: 180_000 }, () => {
  const before = { ...process.env }
  beforeAll(() => {
    for (const [name, value] of Object.entries(engineEnvironment)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  afterAll(() => {
    process.env = before
  })

  const options = (folder: string, plan: ReturnType<typeof capacityPlan>): StackOptions => ({
    stackName: 'prod.us-east-1.serving',
    projectFolder: folder,
    program: createProgram({
      plan,
      environment: 'prod',
      region: 'us-east-1',
      now: Date.parse('2026-11-02T00:00:00Z') / 1000,
      holds: [],
      decreaseCap: 0.3,
      layer: 'serving',
      writes: true,
      onRunner: false,
      config: parseConfig(readFileSync(join(projectFolder(plan), 'llmscale.yaml'), 'utf8'), 'llmscale.yaml'),
      policies: [spotCap(0.3)],
    }),
  })

  it('shows updates, replacements and deletions by property, and nothing where nothing changes', async () => {
    const folder = emptyFolder()
    const deployed = capacityPlan({ pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 2 })] })
    await withStack(options(folder, deployed), async ({ stack }) => stack.up())
    expect((await previewStack(options(folder, deployed))).changes).toEqual([])

    const target = { kind: 'Deployment', name: 'chat-70b', namespace: 'other' } as const
    const { changes } = await previewStack(
      options(
        folder,
        capacityPlan(
          { workloads: [workloadDecision({ target })], pools: [pool({ maximumNodes: 21 })] },
          { baseline: deployed.planId },
        ),
      ),
    )
    expect(changes.map(({ urn, op, paths }) => [op, parseUrn(urn).type.split(':').at(-1), paths])).toEqual([
      ['replace', 'ScaledObject', ['metadata.namespace']],
      ['update', 'NodePool', ['spec.limits.nodes', 'spec.limits["nvidia.com/gpu"]']],
      ['delete', 'NodePool', []],
    ])
  })

  it('the program itself refuses what the guards and policies refuse', async () => {
    const folder = emptyFolder()
    const refusals = [
      [capacityPlan({}, { validUntil: '2026-11-01T12:00:00Z' }), 'PLAN_EXPIRED'],
      [{ ...capacityPlan(), planId: 'edited' }, 'PLAN_DIGEST_MISMATCH'],
      [capacityPlan({ pools: [pool({ capacityType: 'spot' })] }), 'POLICY_VIOLATED'],
      [capacityPlan({ environment: 'staging' }), 'PLAN_OF_OTHER_ENVIRONMENT'],
    ] as const
    for (const [plan, code] of refusals)
      await expect(previewStack(options(folder, plan))).rejects.toMatchObject({ code })
  })

  it('says in a line what the engine complains about', async () => {
    process.env['LLMSCALE_PROVIDER_PLUGINS'] = emptyFolder()
    const failure = await previewStack(options(emptyFolder(), capacityPlan())).catch(
      (error: unknown) => error,
    )
    process.env['LLMSCALE_PROVIDER_PLUGINS'] = engineEnvironment['LLMSCALE_PROVIDER_PLUGINS']
    expect(failure).toMatchObject({ code: 'PLUGIN_MISSING', exitCode: 13 })
    const { message } = failure as Error
    expect(message).toMatch(/no resource plugin.*kubernetes/i)
    expect(message.split('\n').length).toBeLessThan(8)
  })

  it('an interrupt leaves no process, no work folder and no lock', async () => {
    const cwd = projectFolder(capacityPlan())
    const temporary = emptyFolder()
    const log = join(emptyFolder(), 'calls')
    const args = [...programArgs, 'preview', '--as-of', '2026-11-02T00:00:00Z']
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, TMPDIR: temporary, LLMSCALE_DOUBLE_LOG: log },
      stdio: 'ignore',
    })
    while (!existsSync(log) && child.exitCode === null) await new Promise((done) => setTimeout(done, 20))
    const { pid, parent } = JSON.parse(readFileSync(log, 'utf8').split('\n')[0]!)
    child.kill('SIGINT')
    const code = await new Promise((done) => child.on('close', done))
    expect(code).toBe(130)
    const home = join(cwd, '.llmscale/pulumi')
    expect(readdirSync(home).sort()).toEqual(['home', 'state'])
    expect(readdirSync(temporary).filter((name) => name.startsWith('automation'))).toEqual([])
    const locks = join(home, 'state/.pulumi/locks/organization/llmscale/prod.us-east-1.serving')
    expect(existsSync(locks) ? readdirSync(locks) : []).toEqual([])
    for (const process of [pid, parent]) expect(isRunning(process)).toBe(false)
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
