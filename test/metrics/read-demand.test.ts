import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { LlmscaleError } from '../../src/kit/errors.js'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import { demandCsv } from '../../src/metrics/demand-csv.js'
import { type FileSourceOptions, fileSource } from '../../src/metrics/files/file-source.js'
import { type DemandOptions, readDemand, requireHistory } from '../../src/metrics/read-demand.js'
import { synthesizeDemand } from '../../src/metrics/scenarios.js'
import { emptyFolder } from '../run-cli.js'

const start = parseInstant('2025-03-03T00:00:00Z')!
const regions = ['eu-west-1']

function fileOf(text: string | Uint8Array, name = 'demand.csv'): string {
  const path = join(emptyFolder(), name)
  writeFileSync(path, text)
  return path
}

type Options = Partial<FileSourceOptions> & Omit<Partial<DemandOptions>, 'sources'>

const readFiles = (files: string[], { columns, maximumBadRows, ...options }: Options = {}) =>
  readDemand({
    sources: [
      {
        source: fileSource({
          files,
          regions,
          ...(columns && { columns }),
          ...(maximumBadRows !== undefined && { maximumBadRows }),
          ...options,
        }),
      },
    ],
    ...options,
  })
const read = (text: string, options: Options = {}) => readFiles([fileOf(text)], options)

async function failure(work: Promise<unknown>): Promise<LlmscaleError> {
  return work.then(
    () => expect.unreachable('should have failed'),
    (error: LlmscaleError) => error,
  )
}

/** Aggregated rows of one model, ten minutes apart. */
const rows = (amounts: (string | number)[], from = start) =>
  amounts.map((amount, index) => `${formatInstant(from + index * 600)},m,${amount}`)
const aggregated = (amounts: (string | number)[]) => `timestamp,model,requests\n${rows(amounts).join('\n')}\n`

describe('readDemand', () => {
  it('reads rows in any order, with mapped names, gzipped, as Parquet would be', async () => {
    const lines = [
      'time;llm;n',
      ...rows([1, 2, 3])
        .reverse()
        .map((row) => row.replaceAll(',', ';')),
    ]
    const { history } = await readFiles([fileOf(gzipSync(lines.join('\r\n')), 'demand.csv.gz')], {
      columns: { timestamp: 'time', model: 'llm', requests: 'n' },
    })
    expect(history).toMatchObject({ start, stepSeconds: 600, length: 3 })
    expect(history.workloads[0]!.workload).toEqual({ model: 'm', region: 'eu-west-1' })
    expect([...history.workloads[0]!.requests]).toEqual([1, 2, 3])
    expect(history.workloads[0]!.tokens).toBe('none')
  })

  it('reads JSON lines', async () => {
    const line = (minute: string, requests: number) =>
      JSON.stringify({ timestamp: `2025-03-03T00:${minute}:00Z`, model: 'm', requests })
    const { history } = await readFiles([fileOf(`${line('10', 2)}\n${line('00', 1)}\n`, 'demand.jsonl')])
    expect([...history.workloads[0]!.requests]).toEqual([1, 2])
  })

  it('gives back what a written history held', async () => {
    const written = synthesizeDemand('example-fleet', { seed: 3, days: 8, stepSeconds: 900, start })
    const { history, quality } = await read(demandCsv(written), { regions: [] })
    expect(history).toEqual(written)
    expect(quality.findings.map(({ code }) => code)).toEqual(['GAPS_MASKED'])
  })

  it('reads times of any zone as UTC, whatever the zone of the process', async () => {
    const zone = process.env['TZ']
    process.env['TZ'] = 'America/New_York'
    try {
      const { history } = await read(
        'timestamp,model,requests\n2025-03-03T05:30:00+05:30,m,1\n2025-03-03 00:10:00.000Z,m,2\n2025-03-02T19:20:00-05,m,3\n',
      )
      expect(history).toMatchObject({ start, stepSeconds: 600, length: 3 })
    } finally {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    }
  })

  it('counts single requests, leaves partial steps out, and knows that no request is a zero', async () => {
    const log = [
      '2025-03-03T00:00:01.250Z,m,100,10',
      '2025-03-03T00:04:59.999Z,m,200,20',
      '2025-03-03T00:11:00Z,m,300,30',
      '2025-03-03T00:17:00Z,m,1,1',
    ]
    const { history, quality } = await read(`timestamp,model,input_tokens,output_tokens\n${log.join('\n')}\n`)
    expect(history).toMatchObject({ start, stepSeconds: 300, length: 3 })
    const [demand] = history.workloads
    expect([...demand!.requests]).toEqual([2, 0, 1])
    expect([...demand!.inputTokens]).toEqual([300, 0, 300])
    expect([...demand!.outputTokens]).toEqual([30, 0, 30])
    expect([...demand!.mask]).toEqual([0, 0, 0])
    expect(quality.findings[0]!.message).toMatch(/00:15:00Z is left out: the requests end within it/)
  })

  it('masks rows that are missing, and at a coarser step each step that lacks one', async () => {
    const text = `timestamp,model,requests\n${rows([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).toSpliced(7, 1).join('\n')}\n`
    const fine = await read(text)
    expect([...fine.history.workloads[0]!.mask]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    expect(fine.history.workloads[0]!.requests[7]).toBeNaN()
    expect(fine.quality.workloads[0]!.masked).toMatchObject([{ points: 1, why: 'no rows' }])
    const coarse = await read(text, { stepSeconds: 3600 })
    expect(coarse.history).toMatchObject({ start, stepSeconds: 3600, length: 2 })
    expect([...coarse.history.workloads[0]!.requests]).toEqual([21, Number.NaN])
    expect([...coarse.history.workloads[0]!.mask]).toEqual([0, 1])
  })

  it('takes the own mean of tokens where some rows lack them, and the assumed one where all do', async () => {
    const lengths = () => ({ inputTokens: 50, outputTokens: 5 })
    const some = await read(
      `timestamp,model,requests,input_tokens,output_tokens\n${rows(['10,1000,100', '20,,']).join('\n')}\n`,
      { assumedLengths: lengths },
    )
    expect(some.history.workloads[0]).toMatchObject({ tokens: 'measured' })
    expect([...some.history.workloads[0]!.inputTokens]).toEqual([1000, 2000])
    expect(some.quality.findings).toMatchObject([{ code: 'TOKENS_FILLED' }])
    const none = await read(aggregated([10, 20]), { assumedLengths: lengths })
    expect(none.history.workloads[0]).toMatchObject({ tokens: 'assumed' })
    expect([...none.history.workloads[0]!.outputTokens]).toEqual([50, 100])
  })

  it('counts rows once that only repeat, and adds up those that differ', async () => {
    const header = 'timestamp,model,requests\n'
    const overlap = await read(`${header}${[...rows([5, 6, 7]), ...rows([5, 6])].join('\n')}\n`)
    expect([...overlap.history.workloads[0]!.requests]).toEqual([5, 6, 7])
    expect(overlap.quality.findings[0]!.message).toMatch(/more than one row: 2; .* counted once/)
    const parts = await read(`${header}${[...rows([5, 6, 7]), ...rows([5, 1])].join('\n')}\n`)
    expect([...parts.history.workloads[0]!.requests]).toEqual([10, 7, 7])
    expect(parts.quality.workloads[0]!.duplicates).toBe(2)
  })

  it('reads nothing of what came later', async () => {
    const { history } = await read(aggregated([1, 2, 3, 4]), { until: start + 1700 })
    expect([...history.workloads[0]!.requests]).toEqual([1, 2])
  })

  it('drops a few bad rows and names the line of each, blank and split lines counted', async () => {
    const good = rows(Array.from({ length: 400 }, () => 7))
    const lines = ['timestamp,model,requests', ...good]
    lines.splice(3, 0, '', 'short,row')
    lines[10] = lines[10]!.replace(',7', ',-7')
    lines[20] = lines[20]!.replace(',7', ',1,234')
    lines[30] = lines[30]!.replace(',7', ',1e13')
    const { history, quality } = await read(lines.join('\n'), { maximumBadRows: 0.02 })
    expect(quality.inputs[0]).toMatchObject({ rows: 401, badRows: 4 })
    expect(quality.inputs[0]!.badExamples.map(({ line, why }) => `${line} ${why}`)).toEqual([
      '5 missing columns',
      '11 requests is negative',
      '21 too many columns',
      '31 requests is above 1000000000000',
    ])
    expect(quality.findings[0]).toMatchObject({ code: 'BAD_ROWS_DROPPED' })
    expect(history.workloads[0]!.mask.reduce((sum, each) => sum + each, 0)).toBe(3)
  })
})

describe('bad input', () => {
  it.each<[string, string, string, RegExp, Options]>([
    ['an empty file', '', 'NO_ROWS', /no row can be read/, {}],
    ['a header alone', 'timestamp,model,requests\n', 'NO_ROWS', /no row can be read/, {}],
    [
      'no parsable row',
      'timestamp,model,requests\nyesterday,m,1\n',
      'NO_ROWS',
      /:2 timestamp is not an ISO 8601 time: yesterday,m,1/,
      {},
    ],
    [
      'no zone',
      'timestamp,model,requests\n2025-03-03T00:00:00Z,m,1\n2025-03-03T00:10:00,m,1\n',
      'TIMESTAMP_WITHOUT_ZONE',
      /:3 timestamp has no zone: 2025-03-03T00:10:00,m,1/,
      {},
    ],
    [
      'a date alone',
      'timestamp,model,requests\n2025-03-03,m,1\n',
      'TIMESTAMP_WITHOUT_ZONE',
      /:2 timestamp has no zone/,
      {},
    ],
    [
      'a negative count',
      aggregated([1, -2, 3]),
      'TOO_MANY_BAD_ROWS',
      /1 of 3 rows are bad \(33 %\), above the allowed 1 %:\n.*:3 requests is negative/,
      {},
    ],
    [
      'an absurd count',
      aggregated([1, 'inf', 3]),
      'TOO_MANY_BAD_ROWS',
      /:3 requests is above 1000000000000/,
      {},
    ],
    [
      'a count that is no number',
      aggregated([1, 'many', 3]),
      'TOO_MANY_BAD_ROWS',
      /:3 requests is not a number/,
      {},
    ],
    [
      'a missing column',
      'time,model,requests\n2025-03-03T00:00:00Z,m,1\n',
      'COLUMN_MISSING',
      /:1 has no column "timestamp"; it has "time", "model", "requests"/,
      {},
    ],
    [
      'a mapped column that is not there',
      aggregated([1, 2]),
      'COLUMN_MISSING',
      /no column "reqs"/,
      { columns: { requests: 'reqs' } },
    ],
    [
      'several regions and no column',
      aggregated([1, 2]),
      'REGION_UNKNOWN',
      /no region column.*\(a, b\)/,
      { regions: ['a', 'b'] },
    ],
    [
      'a step finer than the file',
      aggregated([1, 2]),
      'STEP_TOO_FINE',
      /a step of 5m cannot be made from rows 10m apart/,
      { stepSeconds: 300 },
    ],
    [
      'a log shorter than a step',
      'timestamp,model,input_tokens,output_tokens\n2025-03-03T00:01:00Z,m,5,5\n2025-03-03T00:02:00Z,m,5,5\n',
      'HISTORY_TOO_SHORT',
      /fill no whole step of 5m/,
      {},
    ],
    [
      'a count under another name',
      'timestamp,model,count\n2025-03-03T00:00:00Z,m,12\n',
      'COLUMN_MISSING',
      /has neither "requests"/,
      {},
    ],
    [
      'nothing before the time asked for',
      aggregated([1, 2]),
      'HISTORY_TOO_SHORT',
      /no row is older/,
      { until: start },
    ],
  ])('%s', async (_, text, code, message, options) => {
    const error = await failure(read(text, options))
    expect(error).toMatchObject({ reason: 'badData', code, exitCode: 6 })
    expect(error.message).toMatch(message)
    expect(error.tryThis.length).toBeGreaterThan(0)
  })

  it('a file that is missing, is a folder, or is not what its name says', async () => {
    const missing = await failure(readFiles(['/nowhere/demand.csv']))
    expect(missing).toMatchObject({ reason: 'badData', code: 'FILE_MISSING' })
    expect(missing.message).toContain('/nowhere/demand.csv')
    expect(missing.tryThis.join()).toContain('llmscale metrics synth')
    expect(await failure(readFiles([emptyFolder()]))).toMatchObject({
      code: 'FILE_MISSING',
    })
    for (const name of ['demand.csv.gz', 'demand.parquet', 'demand.jsonl']) {
      const error = await failure(readFiles([fileOf('no such thing', name)]))
      expect([error.code, error.exitCode]).toEqual([
        expect.stringMatching(/FILE_UNREADABLE|COLUMN_MISSING|NO_ROWS/),
        6,
      ])
    }
  })

  it('a history shorter than a day', async () => {
    const { history } = await read(aggregated([1, 2, 3]))
    expect(() => requireHistory(history)).toThrow(/holds 30m .* at least 1d is needed/)
    expect(requireHistory(history, 1800)).toBe(history)
  })
})
