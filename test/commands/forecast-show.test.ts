import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/forecast/show.js'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const folder = emptyFolder()
const show = (...args: string[]) =>
  runCommand(['forecast', 'show', ...args, '--metrics', 'demand.csv'], { cwd: folder })

beforeAll(() => {
  const history = historyOf([noisyDemand('chat', 12, 5), noisyDemand('code', 12, 6)])
  writeFileSync(
    join(folder, 'demand.csv'),
    demandCsv({ ...history, start: Date.parse('2025-03-03T00:00:00Z') / 1000 }),
  )
})

describe('llmscale forecast show', () => {
  it('draws a workload, without colour, and writes the chart', async () => {
    const { code, stdout } = await show('code', '--horizon', '3d', '--out', 'code.svg')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^code\/us-east-1: requests per second, mean of each 3h\n/)
    expect(stdout).not.toContain('\x1b')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(readFileSync(join(folder, 'code.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s)
  })

  it('gives the same figures as JSON', async () => {
    const { stdout } = await show('chat/us-east-1', '--horizon', '1d', '--past', '2d', '--json')
    const { result } = JSON.parse(stdout) as { result: unknown }
    const { past, median, bands, origin } = Result.parse(result)
    expect([past.length, median.length, bands.length]).toEqual([48, 24, 3])
    expect(origin).toBe('2025-03-15T00:00:00Z')
  })

  it('names the workloads there are', async () => {
    const { code, stderr } = await show('chta')
    expect(code).toBe(2)
    expect(stderr).toMatch(/"chta" is not in the demand; it has chat\/us-east-1, code\/us-east-1/)
    expect(stderr).toMatch(/llmscale forecast show chat/)
  })
})
