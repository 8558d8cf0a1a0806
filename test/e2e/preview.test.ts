import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/preview.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const asOf = ['--as-of', '2026-11-02T00:00:00Z']
const preview = (cwd: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['preview', ...asOf, ...args], { cwd, env: { ...engineEnvironment, ...env } })

function writeHold(cwd: string, text: string): void {
  mkdirSync(join(cwd, 'forecasts/prod/holds'))
  writeFileSync(join(cwd, 'forecasts/prod/holds/incident.yaml'), text)
}

describe.skipIf(engineFolder === undefined)(`llmscale preview${engineNote}`, { timeout: 180_000 }, () => {
  it('prints verdicts and the changes of a first deployment, twice the same', async () => {
    const cwd = projectFolder(capacityPlan())
    const first = await preview(cwd)
    expect(first.stderr).toMatch(/^Next: llmscale apply, or llmscale preview --write/)
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(/Stack prod\.us-east-1\.serving/)
    expect(first.stdout).toMatch(/^expiry +passed +valid until 2026-11-08T00:00:00Z$/m)
    expect(first.stdout).toMatch(
      /^caps, step-limit, pool-deletion, price-jump +not checked +there is no plan in force/m,
    )
    expect(first.stdout).toMatch(/^policies +passed +spot-cap, /m)
    expect(first.stdout).toMatch(/^create +ScaledObject +chat-70b-/m)
    expect(first.stdout).toContain('2 to create (engine 3.246.0, kubernetes 4.34.2).')
    expect((await preview(cwd)).stdout).toBe(first.stdout)
    expect(readdirSync(join(cwd, '.llmscale/pulumi')).sort()).toEqual(['home', 'state'])
  })

  it('gives the same as JSON of the published form', async () => {
    const { code, stdout, stderr } = await preview(projectFolder(capacityPlan()), ['--json'])
    expect([code, stderr]).toEqual([0, ''])
    const { status, result } = JSON.parse(stdout)
    expect(status).toBe(0)
    const { stacks } = Result.parse(result)
    expect(stacks[0]?.changes.map(({ op, paths }) => [op, paths])).toEqual([
      ['create', []],
      ['create', []],
    ])
  })

  it('refuses an expired plan before the engine starts', async () => {
    const cwd = projectFolder(capacityPlan({}, { validUntil: '2026-11-01T12:00:00Z' }))
    const { code, stdout, stderr } = await preview(cwd)
    expect(code).toBe(4)
    expect(stdout).toMatch(/^expiry +refused +the plan was valid until 2026-11-01T12:00:00Z/m)
    expect(stderr).toMatch(/^Error: the plan was valid until/)
    expect(readdirSync(cwd)).not.toContain('.llmscale')
  })

  it('writes what is to be reviewed under a hold, which stops the apply', async () => {
    const cwd = projectFolder(capacityPlan())
    writeHold(cwd, 'reason: incident 7\nby: ana\n')
    const { code, stdout, stderr } = await preview(cwd, ['--write'])
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(
      /^hold +not checked +held by ana until its file is removed: incident 7 \(an apply/m,
    )
    expect(readdirSync(join(cwd, 'forecasts/prod'))).toContain('changes.json')
    const apply = await runCommand(['apply', '--dry-run', ...asOf], { cwd, env: engineEnvironment })
    expect([apply.code, apply.stderr]).toEqual([9, expect.stringContaining('held by ana')])
  })

  it('refuses more spot than the config allows', async () => {
    const pools = [pool({ maximumNodes: 1 }), pool({ maximumNodes: 1, capacityType: 'spot' })]
    const { code, stderr } = await preview(projectFolder(capacityPlan({ pools })), ['--json'])
    expect([code, stderr]).toEqual([5, ''])
  })

  it('refuses too large a decrease against the plan in force', async () => {
    const baseline = emptyFolder()
    writePlanFiles(baseline, capacityPlan({ pools: [pool({ maximumNodes: 60 })] }))
    const { code, stderr } = await preview(projectFolder(capacityPlan()), ['--baseline', baseline])
    expect(code).toBe(5)
    expect(stderr).toContain('GPUs of the pool limits in us-east-1 fall by 66.7 % (480 to 160)')
  })
})

describe('llmscale preview', () => {
  it('refuses a plan file that was edited by hand', async () => {
    const cwd = projectFolder(capacityPlan())
    const path = join(cwd, 'forecasts/prod/plan.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replace('2026-11-08T00:00:00Z', '2030-11-08T00:00:00Z'))
    const { code, stderr } = await preview(cwd)
    expect(code).toBe(12)
    expect(stderr).toContain('forecasts/prod/plan.yaml header.fileDigest')
  })

  it('refuses under a hold that cannot be read', async () => {
    const cwd = projectFolder(capacityPlan())
    writeHold(cwd, 'reason: incident 7\n')
    const unreadable = await preview(cwd)
    expect(unreadable.code).toBe(9)
    expect(unreadable.stderr).toContain('holds/incident.yaml by:')
  })

  it('says how to get an engine where there is none', async () => {
    const nowhere = emptyFolder()
    const env = { PATH: nowhere, HOME: nowhere, XDG_CACHE_HOME: nowhere }
    const { code, stderr } = await preview(projectFolder(capacityPlan()), [], env)
    expect(code).toBe(13)
    expect(stderr).toContain('The Pulumi engine (pulumi) is neither on PATH nor in the cache.')
    expect(stderr).toContain('get.pulumi.com')
    expect(stderr).toContain('npm run engine')
  })

  it('refuses the local backend on a runner', async () => {
    const { code, stderr } = await preview(projectFolder(capacityPlan()), [], { GITHUB_ACTIONS: 'true' })
    expect(code).toBe(3)
    expect(stderr).toContain('state on a runner dies with it')
  })
})
