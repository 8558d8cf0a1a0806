import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const folder = emptyFolder()
const run = (...args: string[]) => runCommand(['forecast', ...args], { cwd: folder })
const forecast = (...args: string[]) => run('--metrics', 'demand.csv', '--horizon', '1d', ...args)
const bytes = (name: string) => readFileSync(join(folder, name))

beforeAll(async () => {
  const models = ['chat', 'code, large', 'a "b"', 'z', 'é', 'search']
  const workloads = models.sort().map((model, index) => noisyDemand(model, 9, index))
  writeFileSync(join(folder, 'demand.csv'), demandCsv(historyOf(workloads)))
  const whole = await forecast('--out', 'whole.csv', '--threads', '1')
  expect(whole.stderr).toBe('Wrote whole.csv.\n')
})

describe('llmscale forecast in parts', () => {
  it('threads write the same bytes, and the same result', async () => {
    const [alone, threads] = await Promise.all([
      forecast('--json', '--threads', '1', '--out', 'alone.csv'),
      forecast('--json', '--threads', '3', '--out', 'threads.csv'),
    ])
    expect(threads.stdout).toBe(alone.stdout.replace('alone.csv', 'threads.csv'))
    expect(bytes('threads.csv').equals(bytes('whole.csv'))).toBe(true)
  })

  it('an expected failure in a thread is told as one', async () => {
    const { code, stdout } = await run(
      '--metrics',
      'demand.csv',
      '--threads',
      '2',
      '--horizon',
      '10m',
      '--json',
    )
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'HORIZON_TOO_SHORT' } })
  })

  it('shards joined are the forecast without shards, as CSV and as Parquet', async () => {
    const shards = ['0/2', '1/2']
    await Promise.all(
      shards.flatMap((shard) =>
        ['csv', 'parquet'].map((kind) => forecast('--shard', shard, '--out', `${shard[0]}.${kind}`)),
      ),
    )
    await forecast('--out', 'whole.parquet')
    const merged = await run('merge', '1.csv', '0.parquet', '--out', 'merged.csv', '--json')
    expect(JSON.parse(merged.stdout)).toMatchObject({
      status: 0,
      result: { file: 'merged.csv', shards: 2, workloads: 6 },
    })
    expect(bytes('merged.csv').equals(bytes('whole.csv'))).toBe(true)
    await run('merge', '0.csv', '1.parquet', '--out', 'merged.parquet')
    expect(bytes('merged.parquet').equals(bytes('whole.parquet'))).toBe(true)
  })

  it.each([
    ['a shard beyond the last', ['--shard', '2/2', '--out', 'x.csv'], 'FLAG_INVALID'],
    ['a shard that is no fraction', ['--shard', 'first', '--out', 'x.csv'], 'FLAG_INVALID'],
  ])('refuses %s', async (_, args, errorCode) => {
    const { code, stdout } = await forecast(...args, '--json')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: errorCode } })
  })

  it('refuses to join a file that is missing or no forecast', async () => {
    const missing = await run('merge', 'none.csv', '--out', 'x.csv', '--json')
    expect(JSON.parse(missing.stdout)).toMatchObject({ status: 6, error: { code: 'FORECAST_UNREADABLE' } })
    const demand = await run('merge', 'demand.csv', '--out', 'x.csv', '--json')
    expect(JSON.parse(demand.stdout)).toMatchObject({ status: 6, error: { code: 'FORECAST_UNREADABLE' } })
  })
})
