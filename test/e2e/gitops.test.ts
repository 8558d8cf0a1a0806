import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const asOf = '2026-11-02T00:00:00Z'
const config = configText('regions: [us-east-1], delivery: gitops')
const delivered = capacityPlan()
const smaller = capacityPlan({
  workloads: [workloadDecision({ hardMaximum: 8, floors: { minReplicas: 2, windows: [], exceptions: [] } })],
  pools: [pool({ maximumNodes: 4 })],
})

const run = (cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(args, { cwd, env: { KUBECONFIG: undefined, HOME: emptyFolder(), ...env } })
const preview = (cwd: string, args: string[] = [], env?: NodeJS.ProcessEnv) =>
  run(cwd, ['preview', '--as-of', asOf, ...args], env)

/** A clone whose `origin/main` has the plan that is delivered, and whose work tree has another, rendered. */
async function pullRequest(plan = smaller): Promise<string> {
  const cwd = projectFolder(delivered, config)
  const git = (...args: string[]) => execFileSync('git', args, { cwd })
  git('init', '--quiet', '--initial-branch', 'main')
  git('config', 'user.name', 'Ana')
  git('config', 'user.email', 'ana@example.org')
  git('add', '.')
  git('commit', '--quiet', '--message', 'Plan')
  const origin = emptyFolder()
  execFileSync('git', ['clone', '--quiet', '--bare', cwd, origin])
  git('remote', 'add', 'origin', origin)
  git('fetch', '--quiet', 'origin')
  writePlanFiles(join(cwd, 'forecasts/prod'), plan)
  expect((await run(cwd, ['render'])).code).toBe(0)
  return cwd
}

describe('the check before a merge that Argo CD or Flux delivers', () => {
  let cwd: string
  beforeAll(async () => {
    cwd = await pullRequest()
  })

  it('holds a plan against the one on the reviewed branch', async () => {
    const { code, stderr } = await preview(cwd)
    expect([code, stderr]).toEqual([5, expect.stringMatching(/fall by \d.*more than the cap of 30 %/)])
    expect(stderr).toMatch(/Compared with plan [0-9a-f]{12} \(origin\/main, [0-9a-f]{10}\)/)
    writePlanFiles(join(cwd, 'baseline'), smaller)
    expect((await preview(cwd, ['--baseline', 'baseline'])).code).toBe(0)
  })

  it('refuses a plan that is expired or held, and all under the kill switch', async () => {
    expect((await run(cwd, ['preview', '--as-of', '2026-12-01T00:00:00Z'])).code).toBe(4)
    expect((await preview(cwd, [], { LLMSCALE_KILL_SWITCH: '1' })).code).toBe(9)
    const held = await pullRequest(delivered)
    expect((await preview(held)).code).toBe(0)
    const hold = { by: 'ana', reason: 'incident' }
    mkdirSync(join(held, 'forecasts/prod/holds'))
    writeFileSync(join(held, 'forecasts/prod/holds/one.yaml'), stringify(hold))
    expect(await preview(held)).toMatchObject({ code: 9, stderr: expect.stringContaining('incident') })
  })

  it('passes nothing where the reviewed branch is not known', async () => {
    execFileSync('git', ['update-ref', '-d', 'refs/remotes/origin/main'], { cwd })
    const { code, stderr } = await preview(cwd)
    expect([code, stderr]).toEqual([12, expect.stringContaining('git knows no origin/main')])
    expect(stderr).toContain('git fetch origin main')
    const outside = projectFolder(delivered, config)
    expect((await run(outside, ['render'])).code).toBe(0)
    expect((await preview(outside)).code).toBe(0)
    expect((await preview(outside, [], { GITHUB_ACTIONS: 'true' })).code).not.toBe(0)
  })
})
