import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/plan.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const start = Date.parse('2026-11-01T00:00:00Z')
const days = 8

/** A folder with a configuration and hourly demand that never changes. */
function project(): string {
  const cwd = emptyFolder()
  writeFileSync(join(cwd, 'llmscale.yaml'), configText())
  const rows = Array.from({ length: days * 24 }, (_, hour) => {
    const time = new Date(start + hour * 3_600_000).toISOString()
    return `${time},chat-70b,us-east-1,3600,2000000,800000`
  })
  const header = 'timestamp,model,region,requests,input_tokens,output_tokens'
  writeFileSync(join(cwd, 'demand.csv'), `${[header, ...rows].join('\n')}\n`)
  return cwd
}

describe('llmscale plan', () => {
  it('writes no tenant’s name, not even that of a row that cannot be read', { timeout: 60_000 }, async () => {
    const cwd = project()
    const path = join(cwd, 'demand.csv')
    const [header, ...rows] = readFileSync(path, 'utf8').trim().split('\n')
    const bad = '2026-11-05T00:00:00Z,chat-70b,us-east-1,Globex Bank,minus,1,1'
    const lines = rows.map((row) => row.replace('us-east-1,', 'us-east-1,,'))
    writeFileSync(path, [header!.replace('region', 'region,tenant'), ...lines, bad].join('\n'))
    const { code, stdout, stderr } = await runCommand(['plan', '--as-of', '2026-11-09'], { cwd })
    expect(code, stderr).toBe(0)
    const plan = readFileSync(join(cwd, 'forecasts/prod/plan.yaml'), 'utf8')
    expect(plan).toContain('demand.csv:194 requests is not a number')
    expect(plan + stdout + stderr).not.toContain('Globex')
  })

  it('leaves a plan whose decision stands, and renews it before it ends', { timeout: 120_000 }, async () => {
    const cwd = project()
    const plan = async (asOf: string, ...args: string[]) => {
      const { code, stdout, stderr } = await runCommand(['plan', '--as-of', asOf, ...args], { cwd })
      expect(code, stderr).toBe(0)
      return { stdout, stderr, file: readFileSync(join(cwd, 'forecasts/prod/plan.yaml'), 'utf8') }
    }
    const first = await plan('2026-11-09')
    expect(first.stdout).not.toContain('stands')
    const next = await plan('2026-11-10')
    expect(next.stdout).toMatch(
      /^The plan of 2026-11-09T00:00:00Z stands, valid until 2026-11-16T00:00:00Z\.$/m,
    )
    expect(next.stderr).toContain('Nothing written.')
    expect(next.file).toBe(first.file)

    const last = await plan('2026-11-15', '--json')
    const { renewed, changed, written, header } = Result.parse(JSON.parse(last.stdout).result)
    expect([renewed, changed, written.length]).toEqual([true, false, 2])
    expect(header).toMatchObject({ baseline: null, validUntil: '2026-11-22T00:00:00Z' })
    const again = await plan('2026-11-15')
    expect(again.file).toBe(last.file)
    expect(again.stdout).toContain('The plan of 2026-11-15T00:00:00Z stands, valid until 2026-11-22')
  })
})
