import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/backtest.js'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const folder = emptyFolder()
const demandFile = join(folder, 'demand.csv')
const backtest = (...args: string[]) =>
  runCommand(['backtest', '--metrics', demandFile, '--origins', '16', ...args], { cwd: folder })

beforeAll(() => {
  const history = historyOf([noisyDemand('chat', 12, 5), noisyDemand('code', 12, 6)])
  writeFileSync(demandFile, demandCsv({ ...history, start: Date.parse('2025-03-03T00:00:00Z') / 1000 }))
})

describe('llmscale backtest', () => {
  it('prints tables of at most 80 columns without a config, and draws a chart', async () => {
    const chart = join(folder, 'chart.svg')
    const { code, stdout, stderr } = await backtest('--out', chart)
    expect(stderr).toBe(`Wrote ${chart}.\n`)
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toMatch(
      /16 origins every 3h, 2025-03-13T00:00:00Z … 2025-03-14T21:00:00Z\.\nEvery figure is out of sample/,
    )
    for (const method of ['llmscale', 'persistence', 'aws-hourly-profile', 'dynamo-one-step'])
      expect(stdout).toMatch(new RegExp(`^${method} +\\d`, 'm'))
    const svg = readFileSync(chart, 'utf8')
    expect(svg).toMatch(/^<svg .*<\/svg>\n$/s)
    expect(svg.match(/<polyline/g)).toHaveLength(8)
  })

  it('returns the same scores as JSON and CSV, each time', async () => {
    const [json, again, csv] = await Promise.all([
      backtest('--json'),
      backtest('--json'),
      backtest('--csv', '--horizon', '48h'),
    ])
    expect(json.stdout).toBe(again.stdout)
    const { status, result } = JSON.parse(json.stdout) as { status: number; result: unknown }
    expect(status).toBe(0)
    const { pooled, workloads, origins } = Result.parse(result).demand!
    expect(origins.count).toBe(16)
    const [header, ...rows] = csv.stdout.trim().split('\n')
    expect(header).toMatch(/^workload,method,horizon_seconds,points,mase,wape,/)
    expect(rows).toHaveLength((1 + workloads.length) * pooled.scores.length)
    const first = rows[0]!.split(',')
    expect(first.slice(0, 2)).toEqual(['"pooled"', 'llmscale'])
    expect(Number(first[5])).toBeCloseTo(pooled.scores[0]!.wape!, 5)
  })

  it('scores other steps and horizons', async () => {
    const { stdout } = await backtest('--step', '2h', '--horizon', '6h', '--every', '6h', '--json')
    const { result } = JSON.parse(stdout) as { result: unknown }
    expect(Result.parse(result)).toMatchObject({
      demand: { stepSeconds: 7200, horizons: [21_600] },
    })
  })
})

describe('llmscale backtest --target window-max', () => {
  it('scores floors of quantiles beside persistence and the template of a plan', async () => {
    const args = ['--target', 'window-max', '--cold-start', '1h', '--every', '1h']
    const [table, json] = await Promise.all([backtest(...args), backtest(...args, '--json')])
    expect(table.stdout).toMatch(/^Highest load within 2h: a cold start of 1h, forecasts every 1h\.\n/)
    expect(Math.max(...table.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    const { result } = JSON.parse(json.stdout) as { result: unknown }
    const { maxima, demand } = Result.parse(result)
    expect(demand).toBeNull()
    expect(maxima!.pooled.map(({ method }) => method)).toEqual([
      'quantile-regression',
      'persistence-ratio-4h',
      'day-ahead-template',
    ])
    const [own, persistence] = maxima!.pooled
    expect(persistence!.skill).toBe(0)
    expect(own!.coverage).toEqual(own!.coverage.toSorted((a, b) => a! - b!))
    expect(own!.origins).toBeGreaterThan(200)
  })
})

describe('bad input', () => {
  it.each([
    ['a chart of another kind', ['--out', 'chart.png'], 2, 'FLAG_INVALID'],
    ['origins between steps', ['--every', '90m'], 2, 'EVERY_UNEVEN'],
    ['a horizon below the step', ['--horizon', '10m'], 2, 'HORIZON_TOO_SHORT'],
    ['too little history', ['--as-of', '2025-03-04T20:00:00Z'], 6, 'HISTORY_TOO_SHORT'],
  ])('%s', async (_, args, exitCode, errorCode) => {
    const { code, stdout } = await backtest(...args, '--json')
    expect(code).toBe(exitCode)
    expect(JSON.parse(stdout)).toMatchObject({ status: exitCode, error: { code: errorCode } })
  })
})
