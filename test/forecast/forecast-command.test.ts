import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/forecast.js'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { historyOf, noisyDemand } from './history-fixture.js'

const folder = emptyFolder()
const demandFile = join(folder, 'demand.csv')
const header = 'timestamp,model,region,tenant,metric,mean,q0.05,q0.1,q0.25,q0.5,q0.75,q0.9,q0.95,q0.99'
const horizonHours = 48
const forecast = (...args: string[]) => runCommand(['forecast', ...args], { cwd: folder })

beforeAll(() => {
  const chat = noisyDemand('chat', 16, 5)
  const code = { ...noisyDemand('code, large', 16, 6), tokens: 'none' as const }
  const history = { ...historyOf([chat, code]), start: Date.parse('2025-03-03T00:00:00Z') / 1000 }
  writeFileSync(demandFile, demandCsv(history))
})

describe('llmscale forecast', () => {
  it('prints a summary by day with its score, at most 80 columns wide', async () => {
    const { code, stdout, stderr } = await forecast('--metrics', demandFile, '--horizon', '3d')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    await expect(stdout).toMatchFileSnapshot('../golden/forecast/summary.txt')
  })

  it('writes CSV in the format of a forecast file', async () => {
    const out = join(folder, 'out/forecast.csv')
    const { code } = await forecast('--metrics', demandFile, '--horizon', '2d', '--out', out)
    expect(code).toBe(0)
    const [first, ...lines] = readFileSync(out, 'utf8').trim().split('\n')
    expect(first).toBe(header)
    // Three metrics of chat; code has no tokens.
    expect(lines.length).toBe(4 * horizonHours)
    expect(lines[0]).toMatch(/^2025-03-19T00:00:00Z,chat,us-east-1,,requests,\d/)
    expect(lines.at(-1)).toMatch(/^2025-03-20T23:00:00Z,"code, large",us-east-1,,requests,\d/)
    for (const line of lines) {
      const quantiles = line.split(',').slice(-8).map(Number)
      expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b))
    }
  })

  it('writes the same rows as Parquet', async () => {
    const [csv, parquet] = [join(folder, 'same.csv'), join(folder, 'same.parquet')]
    const runs = await Promise.all(
      [csv, parquet].map((out) => forecast('--metrics', demandFile, '--horizon', '1d', '--out', out)),
    )
    expect(runs.map(({ code }) => code)).toEqual([0, 0])
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    await connection.run("SET TimeZone = 'UTC'")
    const rows = await connection.runAndReadAll(
      `SELECT strftime(timestamp, '%Y-%m-%dT%H:%M:%SZ'), * EXCLUDE timestamp FROM read_parquet('${parquet}')`,
    )
    const written = rows.getRowsJS().map((row) => row.map((value) => value ?? '').join(','))
    const lines = readFileSync(csv, 'utf8').trim().split('\n').slice(1)
    expect(written).toEqual(lines.map((line) => line.replaceAll('"', '')))
    expect(rows.columnNames().slice(1).join(',')).toBe(header.replace('timestamp,', ''))
  })

  it('returns scores and the summary as JSON, the same each time', async () => {
    const args = ['--metrics', demandFile, '--horizon', '1d', '--seed', '3', '--json'] as const
    const [first, second] = await Promise.all([forecast(...args), forecast(...args)])
    expect(first.stdout).toBe(second.stdout)
    const { status, result } = JSON.parse(first.stdout) as { status: number; result: unknown }
    expect(status).toBe(0)
    const { workloads, seed, origin } = Result.parse(result)
    expect({ seed, origin }).toEqual({ seed: 3, origin: '2025-03-19T00:00:00Z' })
    expect(workloads.map(({ workload }) => workload)).toEqual(['chat/us-east-1', 'code, large/us-east-1'])
    expect(workloads[0]!.score!.origins).toBeGreaterThan(2)
  })

  it('reads nothing after --as-of', async () => {
    const earlier = join(folder, 'earlier.csv')
    const lines = readFileSync(demandFile, 'utf8').split('\n')
    writeFileSync(earlier, lines.filter((line, at) => at === 0 || line < '2025-03-15').join('\n'))
    const [asOf, cut] = await Promise.all([
      forecast('--metrics', demandFile, '--as-of', '2025-03-15T00:00:00Z', '--json'),
      forecast('--metrics', earlier, '--json'),
    ])
    expect(JSON.parse(asOf.stdout)).toEqual(JSON.parse(cut.stdout))
  })

  it('takes files, horizon and seed from the config', async () => {
    const project = emptyFolder()
    writeFileSync(
      join(project, 'llmscale.yaml'),
      `environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
forecast: {horizon: 1d, seed: 4}
models:
  chat: {architecture: llama-3.1-8b}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads:
  - {model: chat, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}
`,
    )
    writeFileSync(join(project, 'demand.csv'), readFileSync(demandFile))
    const { stdout } = await runCommand(['forecast', '--json'], { cwd: project })
    expect(JSON.parse(stdout)).toMatchObject({ status: 0, result: { horizonSeconds: 86_400, seed: 4 } })
  })

  it('says what a short history falls back to', async () => {
    const { code, stdout, stderr } = await forecast(
      '--metrics',
      demandFile,
      '--as-of',
      '2025-03-04T12:00:00Z',
    )
    expect(code).toBe(0)
    expect(stderr).toMatch(/1\.5 days is under two daily seasons: falls back to seasonal-naive-day/)
    expect(stdout).toMatch(/Model: seasonal-naive-day\.\nScore: none/)
  })
})

describe('bad input', () => {
  it.each([
    ['less than a day', ['--as-of', '2025-03-03T20:00:00Z'], 6, 'HISTORY_TOO_SHORT'],
    ['an output of another kind', ['--out', 'forecast.json'], 2, 'FLAG_INVALID'],
    ['a horizon below the step', ['--horizon', '10m'], 2, 'HORIZON_TOO_SHORT'],
    ['a step finer than the file', ['--step', '10m'], 6, 'STEP_TOO_FINE'],
  ])('%s', async (_, args, exitCode, errorCode) => {
    const { code, stdout } = await forecast('--metrics', demandFile, ...args, '--json')
    expect(code).toBe(exitCode)
    expect(JSON.parse(stdout)).toMatchObject({ status: exitCode, error: { code: errorCode } })
  })

  it('a folder where the file should be', async () => {
    mkdirSync(join(folder, 'taken.csv'))
    const { code, stderr } = await forecast('--metrics', demandFile, '--out', 'taken.csv')
    expect(code).toBe(14)
    expect(stderr).toMatch(/taken\.csv cannot be written/)
  })

  it('no config and no metrics', async () => {
    const { code, stderr } = await forecast()
    expect(code).toBe(3)
    expect(stderr).toMatch(/llmscale\.yaml does not exist/)
  })
})
