import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeForecasts, type ShardFile } from '../../src/forecast/merge-forecasts.js'
import { listShard, markShard, type Shard, shardOf } from '../../src/forecast/shard.js'
import { type Workload, workloadId } from '../../src/kit/workload.js'
import { csvField } from '../../src/metrics/table-csv.js'
import { historyOf, noisyDemand } from './history-fixture.js'

const header = 'timestamp,model,region,tenant,metric,mean\n'

/** A forecast file of workloads, without a forecast: rows of two times. */
function fileOf(
  path: string,
  workloads: readonly Workload[],
  shard?: Shard,
  last = '2025-03-04T00:00:00Z',
): ShardFile {
  const rows = workloads.flatMap(({ model, region, tenant = '' }) =>
    ['2025-03-03T00:00:00Z', last].map(
      (time) => `${[time, ...[model, region, tenant].map(csvField)].join(',')},requests,1\n`,
    ),
  )
  return { path, text: header + rows.join('') + (shard === undefined ? '' : markShard(shard)) }
}

const name = fc.string({
  minLength: 1,
  maxLength: 6,
  unit: fc.constantFrom('a', 'b', '"', ',', '\n', 'é', ' '),
})
const fleet = fc
  .uniqueArray(fc.record({ model: name, region: name, tenant: name }), {
    minLength: 1,
    maxLength: 12,
    selector: workloadId,
  })
  .map((workloads) => workloads.sort((a, b) => (workloadId(a) < workloadId(b) ? -1 : 1)))

describe('mergeForecasts', () => {
  it('joins any split by shards into the whole, whatever the order and the names', () => {
    fc.assert(
      fc.property(fleet, fc.integer({ min: 1, max: 4 }), (workloads, of) => {
        const files = Array.from({ length: of }, (_, index) =>
          fileOf(
            `${index}.csv`,
            workloads.filter((workload) => shardOf(workload, of) === index),
            { index, of },
          ),
        )
        expect(mergeForecasts(files.reverse()).join('')).toBe(fileOf('whole.csv', workloads).text)
      }),
    )
  })

  const workloads = Array.from({ length: 20 }, (_, index) => ({ model: `m${index}`, region: 'r' }))
  const shards = [0, 1, 2].map((index) =>
    fileOf(
      `${index}.csv`,
      workloads.filter((workload) => shardOf(workload, 3) === index),
      { index, of: 3 },
    ),
  ) as [ShardFile, ShardFile, ShardFile]

  it('names what is missing, though no shard has more than one workload', () => {
    const [first] = workloads
    const index = shardOf(first!, 3)
    const files = [
      fileOf('one.csv', [first!], { index, of: 3 }),
      fileOf('two.csv', [], { index: (index + 1) % 3, of: 3 }),
    ]
    expect(() => mergeForecasts(files)).toThrowError(`no file is shard ${(index + 2) % 3}/3`)
  })

  it.each([
    ['a shard too few', shards.slice(1), 'SHARDS_INCOMPLETE'],
    ['the same shard twice', [shards[0], shards[1], shards[1]], 'SHARDS_INCOMPLETE'],
    ['shards of two runs', [shards[0], fileOf('1.csv', [], { index: 1, of: 2 })], 'SHARDS_INCOMPLETE'],
    ['a workload of another shard', [fileOf('0.csv', workloads, { index: 0, of: 3 })], 'SHARDS_INCOMPLETE'],
    ['no workload at all', [fileOf('0.csv', [], { index: 0, of: 1 })], 'SHARDS_INCOMPLETE'],
    ['a file of no shard', [fileOf('0.csv', workloads)], 'SHARD_UNKNOWN'],
    ['a file that is cut off', [{ path: '0.csv', text: shards[0].text.slice(0, -3) }], 'SHARD_UNKNOWN'],
    [
      'another horizon',
      [
        shards[0],
        shards[1],
        fileOf(
          '2.csv',
          workloads.filter((workload) => shardOf(workload, 3) === 2),
          { index: 2, of: 3 },
          '2025-03-05T00:00:00Z',
        ),
      ],
      'SHARDS_DIFFER',
    ],
    ['another file', [{ path: '0.csv', text: 'timestamp,model,requests\n' }], 'FORECAST_UNREADABLE'],
    ['a broken row', [{ path: '0.csv', text: `${header}2025,"a\n# shard 0/1\n` }], 'FORECAST_UNREADABLE'],
  ])('refuses %s', (_, files, code) => {
    expect(() => mergeForecasts(files)).toThrowError(expect.objectContaining({ code }))
  })
})

describe('listShard', () => {
  it('puts each workload into one shard', () => {
    const history = historyOf(['a', 'b', 'c', 'd', 'e'].map((model) => noisyDemand(model, 2, 1)))
    const parts = [0, 1, 2].flatMap((index) => listShard(history, { index, of: 3 }))
    expect(parts.sort()).toEqual(history.workloads.map(({ workload }) => workloadId(workload)))
  })
})
