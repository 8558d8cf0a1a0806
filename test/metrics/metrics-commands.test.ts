import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Result as CheckResult } from '../../src/commands/metrics/check.js'
import { Result as SynthResult } from '../../src/commands/metrics/synth.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

describe('llmscale metrics synth', () => {
  it('writes the same file for the same seed, also gzipped, and replaces none by itself', async () => {
    const cwd = emptyFolder()
    const synth = (...args: string[]) =>
      runCommand(['metrics', 'synth', '--scenario', 'weekly-growth', '--days', '2', ...args], { cwd })
    const written = await synth('--out', 'new/demand.csv', '--json')
    expect(written.code).toBe(0)
    const { result } = JSON.parse(written.stdout)
    expect(SynthResult.parse(result)).toMatchObject({ file: 'new/demand.csv', rows: 384, workloads: 2 })
    expect((await synth('--out', 'demand.csv.gz')).code).toBe(0)
    const text = readFileSync(join(cwd, 'new/demand.csv'), 'utf8')
    expect(gunzipSync(readFileSync(join(cwd, 'demand.csv.gz'))).toString()).toBe(text)

    const again = await synth('--seed', '2', '--out', 'new/demand.csv')
    expect([again.code, again.stdout]).toEqual([14, ''])
    expect(again.stderr).toContain('new/demand.csv exists')
    expect(readFileSync(join(cwd, 'new/demand.csv'), 'utf8')).toBe(text)
    expect((await synth('--seed', '2', '--out', 'new/demand.csv', '--force')).code).toBe(0)
    expect(readFileSync(join(cwd, 'new/demand.csv'), 'utf8')).not.toBe(text)
  })

  it.each([
    [['--out', 'demand.txt'], 2, /must end in \.csv or \.csv\.gz/],
    [['--out', 'a.csv', '--step', '7m'], 2, /7m does not divide a day/],
    [['--out', 'a.csv', '--start', 'yesterday'], 2, /"yesterday" is not a time/],
    [['--out', 'file/a.csv'], 14, /file\/a\.csv cannot be written/],
  ])('refuses %j', async (args, code, message) => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'file'), '')
    const run = await runCommand(['metrics', 'synth', ...args], { cwd })
    expect(run.code).toBe(code)
    expect(run.stderr).toMatch(message)
    expect(existsSync(join(cwd, 'a.csv'))).toBe(false)
  })
})

describe('llmscale metrics check', () => {
  /** Two weeks with a gap of missing rows, one of zeros, a duplicate and a bad row. */
  async function demandFolder(): Promise<string> {
    const cwd = emptyFolder()
    const args = ['metrics', 'synth', '--scenario', 'launch-and-gap', '--step', '1h', '--out', 'demand.csv']
    await runCommand(args, { cwd })
    const lines = readFileSync(join(cwd, 'demand.csv'), 'utf8').trimEnd().split('\n')
    for (let row = 250; row < 256; row++) lines[row] = lines[row]!.replace(/(\d+,){2}\d+$/, '0,0,0')
    lines[40] = lines[40]!.replace(/\d+$/, 'many')
    lines.push(lines[7]!)
    writeFileSync(join(cwd, 'demand.csv'), `${lines.join('\n')}\n`)
    return cwd
  }

  it('reports in 80 columns what a reader must know', async () => {
    const run = await runCommand(['metrics', 'check', 'demand.csv'], { cwd: await demandFolder() })
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(Math.max(...run.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    await expect(run.stdout).toMatchFileSnapshot('../golden/metrics/check.txt')
  })

  it('gives the same as JSON', async () => {
    const run = await runCommand(['metrics', 'check', 'demand.csv', '--json'], { cwd: await demandFolder() })
    const { status, result, warnings } = JSON.parse(run.stdout)
    expect(status).toBe(0)
    expect(CheckResult.parse(result).workloads[0]).toMatchObject({ duplicates: 1, tokens: 'measured' })
    expect(warnings.map(({ code }: { code: string }) => code)).toContain('BAD_ROWS_DROPPED')
  })

  it('maps columns and refuses a name that is not ours', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'a.csv'), 'time,model,n\n2025-03-03T00:00:00Z,m,1\n2025-03-03T01:00:00Z,m,2\n')
    const columns = ['--column', 'timestamp=time', '--column', 'requests=n']
    const mapped = await runCommand(['metrics', 'check', 'a.csv', '--region', 'here', ...columns], { cwd })
    expect(mapped.code).toBe(0)
    expect(mapped.stdout).toContain('m/here')
    const wrong = await runCommand(['metrics', 'check', 'a.csv', '--column', 'timestmp=time'], { cwd })
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--column timestamp=time')])
  })

  it('exits 6 above the share of bad rows, and 3 without files and config', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'a.csv'), 'timestamp,model,requests\n2025-03-03T00:00:00Z,m,1\n,m,2\n')
    const bad = await runCommand(['metrics', 'check', 'a.csv', '--json'], { cwd })
    expect(bad.code).toBe(6)
    expect(JSON.parse(bad.stdout)).toMatchObject({
      status: 6,
      error: { code: 'TOO_MANY_BAD_ROWS', message: expect.stringContaining('a.csv:3 timestamp is empty') },
    })
    expect((await runCommand(['metrics', 'check'], { cwd })).code).toBe(3)
  })
})
