import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/hold.js'
import { capacityPlan } from '../plan-fixture.js'
import { projectFolder } from '../project-fixture.js'
import { runCommand } from '../run-command.js'

const hold = (cwd: string, args: string[]) => runCommand(['hold', ...args], { cwd })
const incident = ['--reason', 'incident 7: gateway', '--by', 'ana', '--name', 'incident-7']

describe('llmscale hold', () => {
  it('writes a file that stops the plan, lists it, and removes it after showing it', async () => {
    const cwd = projectFolder(capacityPlan())
    const path = 'forecasts/prod/holds/incident-7.yaml'
    const written = await hold(cwd, [...incident, '--until', '2100-01-01'])
    expect([written.code, written.stdout]).toEqual([0, `${path}\n`])
    expect(readFileSync(join(cwd, path), 'utf8')).toBe(
      'reason: "incident 7: gateway"\nby: ana\nuntil: 2100-01-01T00:00:00Z\n',
    )
    const apply = await runCommand(['apply', '--dry-run', '--as-of', '2026-11-02T00:00:00Z'], { cwd })
    expect(apply.code).toBe(9)
    expect(apply.stderr).toContain('held by ana until 2100-01-01T00:00:00Z: incident 7: gateway')

    const listed = await hold(cwd, ['--list', '--json'])
    expect(Result.parse(JSON.parse(listed.stdout).result).holds).toEqual([
      {
        name: 'incident-7',
        file: path,
        state: 'in force',
        reason: 'incident 7: gateway',
        by: 'ana',
        until: '2100-01-01T00:00:00Z',
        except: null,
      },
    ])
    const removed = await hold(cwd, ['--remove', 'incident-7'])
    expect(removed.code).toBe(0)
    expect(removed.stdout).toContain('reason: "incident 7: gateway"\nby: ana')
    expect(existsSync(join(cwd, path))).toBe(false)
    expect((await hold(cwd, [])).stdout).toBe('No holds.\n')
  })

  it('names the file after the reason and takes who from git', async () => {
    const cwd = projectFolder(capacityPlan())
    execFileSync('git', ['init', '--quiet'], { cwd })
    execFileSync('git', ['config', 'user.name', 'Ana'], { cwd })
    execFileSync('git', ['config', 'user.email', 'ana@example.org'], { cwd })
    const { code, stdout } = await hold(cwd, ['--reason', 'Gateway retries!'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^forecasts\/prod\/holds\/gateway-retries-[0-9a-f]{6}\.yaml$/m)
    expect(readFileSync(join(cwd, stdout.trim()), 'utf8')).toBe(
      'reason: Gateway retries!\nby: Ana <ana@example.org>\n',
    )
  })

  it('tells of holds that have ended, and of files that hold because nobody can read them', async () => {
    const cwd = projectFolder(capacityPlan())
    await hold(cwd, incident)
    const folder = join(cwd, 'forecasts/prod/holds')
    writeFileSync(join(folder, 'ended.yaml'), 'reason: x\nby: y\nuntil: 2020-01-01T00:00:00Z\n')
    writeFileSync(join(folder, 'torn.yaml'), 'reason: [')
    const { stdout } = await hold(cwd, ['--list'])
    expect(stdout).toMatch(/^ended +ended +y +2020-01-01T00:00:00Z +x$/m)
    expect(stdout).toMatch(/^incident-7 +in force +ana +until removed +incident 7: gateway$/m)
    expect(stdout).toMatch(/^torn +unreadable .*holds until it is mended or removed$/m)
  })

  it.each([
    [['--reason', ' '], '--reason: " " is not a text'],
    [['--reason', 'x', '--by', ''], '--by: "" is not a text'],
    [['--reason', 'x', '--until', '2020-01-01'], '--until: "2020-01-01T00:00:00Z" is not in the future'],
    [['--reason', 'x', '--name', '../plan'], '--name: "../plan" is not a file name'],
    [['--remove', 'incident-8'], 'has no hold "incident-8"; it has incident-7'],
    [incident, 'incident-7.yaml exists already, and a hold is never overwritten'],
  ])('refuses %j', async (args, message) => {
    const cwd = projectFolder(capacityPlan())
    await hold(cwd, incident)
    const before = readFileSync(join(cwd, 'forecasts/prod/holds/incident-7.yaml'), 'utf8')
    const { code, stderr } = await hold(cwd, args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(readFileSync(join(cwd, 'forecasts/prod/holds/incident-7.yaml'), 'utf8')).toBe(before)
  })
})
