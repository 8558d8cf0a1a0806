import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { Result } from '../../src/commands/rollback.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const first = capacityPlan({ pools: [pool({ maximumNodes: 22 })] })
const second = capacityPlan()
const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8' })
const rollback = (cwd: string, ...args: string[]) =>
  runCommand(['rollback', '--reason', 'floors too low', ...args], { cwd })

/** A repository with a plan a commit, the last one in force. */
function repository(...plans: CapacityPlan[]): string {
  const cwd = projectFolder(plans[0]!)
  git(cwd, 'init', '--quiet')
  git(cwd, 'config', 'user.name', 'Ana')
  git(cwd, 'config', 'user.email', 'ana@example.org')
  for (const plan of plans) {
    execFileSync('rm', ['-rf', join(cwd, 'forecasts/prod/workloads')])
    writePlanFiles(join(cwd, 'forecasts/prod'), plan)
    commit(cwd)
  }
  return cwd
}

function commit(cwd: string): void {
  git(cwd, 'add', '--all')
  git(cwd, 'commit', '--quiet', '--message', 'Plan')
}

describe('llmscale rollback', { timeout: 120_000 }, () => {
  let cwd: string
  beforeEach(() => {
    cwd = repository(first, second)
  })

  it('writes the plan before and its hold, which lets it alone through', async () => {
    const { code, stdout, stderr } = await rollback(cwd, '--json')
    expect([code, stderr]).toEqual([0, ''])
    const result = Result.parse(JSON.parse(stdout).result)
    expect([result.planId, result.from]).toEqual([first.planId, second.planId])
    expect(result.header.baseline).toBe(second.planId)
    expect(result.hold).toEqual({
      reason: 'floors too low',
      by: 'Ana <ana@example.org>',
      until: result.header.validUntil,
      except: first.planId,
    })
    const [file] = readdirSync(join(cwd, 'forecasts/prod/holds'))
    expect(parse(readFileSync(join(cwd, 'forecasts/prod/holds', file!), 'utf8'))).toEqual(result.hold)
    expect(result.written).toContain(`forecasts/prod/holds/${file}`)
    expect(git(cwd, 'status', '--porcelain')).toMatch(/^ M forecasts\/prod\/plan.yaml$/m)

    const guards = await runCommand(['preview'], { cwd, env: { PATH: emptyFolder(), HOME: emptyFolder() } })
    expect(guards.stderr).toContain('The Pulumi engine (pulumi) is neither')
    commit(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({}, { validUntil: '2100-01-01T00:00:00Z' }))
    const held = await runCommand(['apply', '--dry-run'], { cwd })
    expect([held.code, held.stderr]).toEqual([9, expect.stringContaining('floors too low')])
  })

  it('goes back to a commit or a folder that is named, and writes nothing in a dry run', async () => {
    const named = await rollback(cwd, '--to', 'HEAD~1', '--dry-run')
    expect(named.code, named.stderr).toBe(0)
    expect(named.stdout).toMatch(
      `Back to plan ${first.planId.slice(0, 12)} of 2026-11-01T00:00:00Z, found in`,
    )
    expect(named.stdout).toMatch(/maximumNodes +20 +22/)
    const folder = emptyFolder()
    writePlanFiles(folder, first)
    const fromFolder = await rollback(cwd, '--to', folder, '--dry-run', '--json')
    expect(JSON.parse(fromFolder.stdout).result).toMatchObject({
      planId: first.planId,
      place: folder,
      written: [],
    })
    expect(git(cwd, 'status', '--porcelain')).toBe('')
  })

  it('tells which guard and which policy are going to refuse it, and what allows it', async () => {
    const grown = repository(
      capacityPlan({
        workloads: [workloadDecision({ hardMaximum: 10 })],
        pools: [pool({ maximumNodes: 5 })],
      }),
      second,
    )
    const { code, stderr } = await rollback(grown, '--dry-run')
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^Warning: preview and apply will refuse this plan: caps: GPUs at the hard maximum in us-east-1 fall by 75 % .* raise planning\.decreaseCap/m,
    )
    expect(stderr).toMatch(
      /will refuse this plan: step-limit: chat-70b\/us-east-1 hard maximum falls by 75 %/,
    )
    const { stdout } = await rollback(grown, '--json')
    const { warnings } = JSON.parse(stdout) as { warnings: { code: string }[] }
    expect(new Set(warnings.map((each) => each.code))).toEqual(new Set(['WOULD_BE_REFUSED']))
    expect((await rollback(repository(second, first), '--dry-run')).stderr).toBe('Nothing written.\n')
  })

  it('refuses a deletion that nobody named', async () => {
    const more = capacityPlan({ workloads: [workloadDecision(), workloadDecision({ model: 'new-8b' })] })
    const grown = repository(first, more)
    const refused = await rollback(grown)
    expect(refused.code).toBe(5)
    expect(refused.stderr).toContain('going back deletes new-8b/us-east-1')
    expect(git(grown, 'status', '--porcelain')).toBe('')
    const allowed = await rollback(grown, '--allow-delete', 'new-8b/us-east-1')
    expect(allowed.code, allowed.stderr).toBe(0)
    expect(readdirSync(join(grown, 'forecasts/prod/workloads'))).toHaveLength(1)
  })

  it('never loses what is not committed', async () => {
    writePlanFiles(join(cwd, 'forecasts/prod'), first)
    const before = git(cwd, 'diff')
    const { code, stderr } = await rollback(cwd)
    expect(code).toBe(14)
    expect(stderr).toContain('forecasts/prod/plan.yaml')
    expect(git(cwd, 'diff')).toBe(before)
    writeFileSync(join(cwd, '.git/info/exclude'), 'notes.yaml\n')
    git(cwd, 'checkout', '--quiet', '.')
    writeFileSync(join(cwd, 'forecasts/prod/notes.yaml'), 'mine')
    expect((await rollback(cwd)).stderr).toContain('notes.yaml')
  })

  it('tells of another hold that forbids the plan all the same', async () => {
    await runCommand(['hold', '--reason', 'freeze', '--name', 'freeze'], { cwd })
    commit(cwd)
    const { code, stderr } = await rollback(cwd)
    expect(code).toBe(0)
    expect(stderr).toContain('hold freeze forbids this plan too')
  })

  it('refuses without history, of another environment, and for the plan in force', async () => {
    const alone = repository(first)
    const none = await rollback(alone)
    expect([none.code, none.stderr]).toEqual([6, expect.stringContaining('has no plan before')])
    git(alone, 'clone', '--quiet', '--depth', '1', `file://${cwd}`, 'shallow')
    const shallow = await rollback(join(alone, 'shallow'))
    expect([shallow.code, shallow.stderr]).toEqual([6, expect.stringContaining('git fetch --unshallow')])
    const staging = emptyFolder()
    writePlanFiles(staging, capacityPlan({ environment: 'staging' }))
    const other = await rollback(cwd, '--to', staging)
    expect([other.code, other.stderr]).toEqual([3, expect.stringContaining('is of environment staging')])
    expect((await rollback(cwd, '--to', 'HEAD')).stderr).toContain('is in force already')
    const unknown = await rollback(cwd, '--to', '--upload-pack=x')
    expect(unknown.code).toBe(2)
    expect((await rollback(cwd, '--to', 'nowhere')).stderr).toContain('--to nowhere is neither a folder')
    expect((await rollback(cwd, '--until', '2020-01-01')).code).toBe(2)
    expect(git(cwd, 'status', '--porcelain')).toBe('')
  })
})
