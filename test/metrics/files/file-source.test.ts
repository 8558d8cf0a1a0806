import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LlmscaleError } from '../../../src/kit/errors.js'
import { formatInstant, parseInstant } from '../../../src/kit/time.js'
import { workloadId } from '../../../src/kit/workload.js'
import type { DemandTable } from '../../../src/metrics/demand-table.js'
import { type FileSourceOptions, fileSource } from '../../../src/metrics/files/file-source.js'
import { lengthBounds } from '../../../src/metrics/files/length-buckets.js'
import { readDemand } from '../../../src/metrics/read-demand.js'
import { emptyFolder } from '../../run-cli.js'

const start = parseInstant('2025-03-03T00:00:00Z')!
const regions = ['eu-west-1']

function fileOf(content: string | Uint8Array, name = 'demand.csv', folder = emptyFolder()): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const read = (files: string[], options: Partial<FileSourceOptions> = {}, window = {}) =>
  fileSource({ files, regions, ...options }).read(window)

async function failure(work: Promise<unknown>): Promise<LlmscaleError> {
  return work.then(
    () => expect.unreachable('should have failed'),
    (error: LlmscaleError) => error,
  )
}

/** Writes Parquet, or any other format that DuckDB knows, from a query. */
async function copyTo(query: string, name: string, how = 'FORMAT parquet'): Promise<string> {
  const path = join(emptyFolder(), name)
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'; COPY (${query}) TO '${path}' (${how})`)
  connection.closeSync()
  instance.closeSync()
  return path
}

const header = 'timestamp,model,requests\n'
const rows = (...amounts: (string | number)[]) =>
  amounts.map((amount, index) => `${formatInstant(start + index * 600)},m,${amount}\n`).join('')
const requestsOf = (table: DemandTable) => [...table.workloads[0]!.requests]

describe('patterns', () => {
  it('names files in order, each once, folders below too; a name of pattern characters is taken as it is', async () => {
    const folder = emptyFolder()
    mkdirSync(join(folder, 'b/c'), { recursive: true })
    const write = (name: string, hour: number) =>
      fileOf(
        `${header}2025-03-03T0${hour}:00:00Z,m,${hour}\n2025-03-03T0${hour}:10:00Z,m,${hour}\n`,
        name,
        folder,
      )
    write('b/2.csv', 2)
    write('b/1.csv', 1)
    write('b/c/3.csv', 3)
    write('b/[12].csv', 4)
    const names = async (...files: string[]) =>
      (await read(files.map((file) => join(folder, file)))).inputs.map(({ path }) =>
        path.slice(folder.length + 1),
      )
    expect(await names('b/?.csv')).toEqual(['b/1.csv', 'b/2.csv'])
    expect(await names('b/*.csv', 'b/1.csv')).toEqual(['b/1.csv', 'b/2.csv', 'b/[12].csv'])
    expect(await names('**/*.csv')).toEqual(['b/1.csv', 'b/2.csv', 'b/[12].csv', 'b/c/3.csv'])
    expect(await names('b/[12].csv')).toEqual(['b/[12].csv'])
  })

  it('a pattern or path that names nothing names what is there', async () => {
    const folder = emptyFolder()
    fileOf(header, 'demand.csv', folder)
    for (const name of ['demnad.csv', '*.parquet', 'no/such/*.csv']) {
      const error = await failure(read([join(folder, name)]))
      expect(error).toMatchObject({ reason: 'badData', code: 'FILE_MISSING' })
      expect(error.message).toContain(`${folder} has "demand.csv"`)
    }
  })

  it('a folder without demand is not told by what else is in it', async () => {
    const folder = emptyFolder()
    for (const name of ['.git', '.gitignore', 'llmscale.yaml']) fileOf('', name, folder)
    const path = join(folder, 'demand.csv')
    expect((await failure(read([path]))).message).toBe(`${path}: there is no such demand file`)
  })

  it('the end of one file is not the end of the log', async () => {
    const folder = emptyFolder()
    const log = (minutes: number[]) =>
      `timestamp,model,input_tokens,output_tokens\n${minutes.map((minute) => `${formatInstant(start + minute * 60)},m,10,1\n`).join('')}`
    fileOf(log([0, 3, 7]), '1.csv', folder)
    fileOf(log([8, 9, 12]), '2.csv', folder)
    const table = await read([join(folder, '*.csv')])
    expect(requestsOf(table)).toEqual([2, 3])
    expect(table.findings.map(({ code }) => code)).toEqual(['PARTIAL_STEP'])
  })

  it('logs say nothing of the time before and after them', async () => {
    const log = (model: string, minutes: number[]) =>
      fileOf(
        `timestamp,model,input_tokens,output_tokens\n${minutes.map((minute) => `${formatInstant(start + minute * 60)},${model},10,1\n`).join('')}`,
      )
    const aggregated = fileOf(`${header}${rows(1, 2, 3, 4, 5, 6, 7, 8)}`)
    const table = await read([aggregated, log('x', [20, 50]), log('y', [31, 65])])
    const unknown = Number.NaN
    expect(table.workloads.map(({ workload, requests }) => [workload.model, [...requests]])).toEqual([
      ['m', [1, 2, 3, 4, 5, 6, 7, 8]],
      ['x', [unknown, unknown, 1, 0, 0, 1, unknown, unknown]],
      ['y', [unknown, unknown, 0, 1, 0, 0, unknown, unknown]],
    ])
  })

  it('files of one pattern may differ in format and columns', async () => {
    const folder = emptyFolder()
    fileOf(`${header}${rows(1, 2)}`, 'a.csv', folder)
    fileOf(`model,requests,note,timestamp\nm,3,x,2025-03-03T00:20:00Z\n`, 'b.csv', folder)
    fileOf('{"timestamp":"2025-03-03T00:30:00Z","model":"m","requests":4}\n', 'c.jsonl', folder)
    expect(requestsOf(await read([join(folder, '*')]))).toEqual([1, 2, 3, 4])
  })
})

describe('compressed files', () => {
  const whole = gzipSync(`${header}${rows(...Array.from({ length: 5000 }, (_, index) => index))}`)
  const spoil = (at: number) => {
    const bytes = Uint8Array.from(whole)
    bytes[at < 0 ? bytes.length + at : at]! ^= 0xff
    return bytes
  }

  it.each<[string, Uint8Array]>([
    ['cut in the middle', whole.subarray(0, whole.length / 2)],
    ['cut before its checksum', whole.subarray(0, -8)],
    ['cut within its checksum', whole.subarray(0, -2)],
    ['a wrong checksum', spoil(-6)],
    ['a wrong length', spoil(-1)],
    ['a changed byte', spoil(Math.floor(whole.length / 2))],
    ['no gzip at all', Buffer.from(`${header}${rows(1, 2)}`)],
    ['nothing', Buffer.alloc(0)],
  ])('gzip: %s', async (_, bytes) => {
    const path = fileOf(bytes, 'demand.csv.gz')
    const error = await failure(read([path]))
    expect(error).toMatchObject({ reason: 'badData', code: 'FILE_UNREADABLE' })
    expect(error.message).toContain(`${path} cannot be read: `)
  })

  it('gzip of several members is one file', async () => {
    const parts = [gzipSync(header + rows(1)), gzipSync('2025-03-03T00:10:00Z,m,2\n')]
    expect(requestsOf(await read([fileOf(Buffer.concat(parts), 'demand.csv.gz')]))).toEqual([1, 2])
  })

  it('Zstandard: whole, cut, and with a bad row', async () => {
    const query = `SELECT strftime(TIMESTAMP '2025-03-03' + to_minutes(10 * range), '%Y-%m-%dT%H:%M:%SZ') AS timestamp,
      'm' AS model, CASE WHEN range = 7 THEN 'many' ELSE range::VARCHAR END AS requests FROM range(20000)`
    const path = await copyTo(query, 'demand.csv.zst', 'FORMAT csv, COMPRESSION zstd')
    const table = await read([path])
    expect(table.inputs[0]).toMatchObject({ rows: 20000, badRows: 1 })
    expect(table.inputs[0]!.badExamples).toEqual([
      { line: 9, why: 'requests is not a number', text: '2025-03-03T01:10:00Z,m,many' },
    ])
    const bytes = readFileSync(path)
    for (const end of [bytes.length - 1, bytes.length / 2, 3]) {
      expect(await failure(read([fileOf(bytes.subarray(0, end), 'demand.csv.zst')]))).toMatchObject({
        code: 'FILE_UNREADABLE',
      })
    }
  })

  it('JSON lines, gzipped', async () => {
    const line = '{"timestamp":"2025-03-03T00:00:00Z","model":"m","requests":4}\n'
    expect(requestsOf(await read([fileOf(gzipSync(line), 'demand.jsonl.gz')]))).toEqual([4])
  })
})

describe('Parquet', () => {
  const times = {
    'with a zone': "TIMESTAMPTZ '2025-03-03 00:00:00Z' + to_minutes(10 * range)",
    'as text': "strftime(TIMESTAMP '2025-03-03' + to_minutes(10 * range), '%Y-%m-%dT%H:%M:%S+00:00')",
    'in seconds': `${start} + 600 * range`,
    'in milliseconds': `(${start} + 600 * range) * 1000`,
    'in microseconds': `(${start} + 600 * range) * 1000000`,
    'in nanoseconds': `(${start} + 600 * range) * 1000000000`,
    'in seconds with a fraction': `(${start} + 600 * range)::DOUBLE`,
  }
  it.each(Object.entries(times))('timestamps %s', async (_, time) => {
    const path = await copyTo(
      `SELECT ${time} AS timestamp, 'm' AS model, range + 1 AS requests FROM range(3)`,
      'd.parquet',
    )
    const table = await read([path])
    expect(table).toMatchObject({ start, stepSeconds: 600 })
    expect(requestsOf(table)).toEqual([1, 2, 3])
  })

  it.each([
    'UTINYINT',
    'INTEGER',
    'UBIGINT',
    'HUGEINT',
    'FLOAT',
    'DECIMAL(9, 2)',
    'DECIMAL(38, 0)',
    'VARCHAR',
  ])('amounts of type %s, in any codec', async (type) => {
    const path = await copyTo(
      `SELECT ${times['with a zone']} AS timestamp, 'm' AS model, 200::${type} AS input_tokens,
           CASE WHEN range < 2 THEN 55::${type} END AS output_tokens FROM range(4)`,
      'd.parquet',
      'FORMAT parquet, COMPRESSION gzip',
    )
    const { workloads } = await read([path])
    const [{ requests, inputTokens, outputTokens, tokenRequests }] = workloads as [(typeof workloads)[0]]
    expect([...requests]).toEqual([1, 0, 1, 0, 1])
    expect([...tokenRequests]).toEqual([1, 0, 1, 0, 0])
    expect([...inputTokens]).toEqual([200, 0, 200, 0, 0])
    expect([...outputTokens]).toEqual([55, 0, 55, 0, 0])
  })

  it.each([
    [
      "TIMESTAMP '2025-03-03'",
      'TIMESTAMP_WITHOUT_ZONE',
      /column "timestamp" is TIMESTAMP that is not adjusted/,
    ],
    ["TIMESTAMP_NS '2025-03-03'", 'TIMESTAMP_WITHOUT_ZONE', /timestamp has no zone/],
    ["DATE '2025-03-03'", 'TIMESTAMP_WITHOUT_ZONE', /"timestamp" is DATE/],
    ["{utc: '2025-03-03T00:00:00Z'}", 'COLUMN_UNREADABLE', /"timestamp" is STRUCT.*must be a time with zone/],
    ['7', 'NO_ROWS', /timestamp is not an ISO 8601 time/],
  ])('a timestamp %s', async (time, code, message) => {
    const error = await failure(
      read([await copyTo(`SELECT ${time} AS timestamp, 'm' AS model, 1 AS requests`, 'd.parquet')]),
    )
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })

  it('a nested amount, another schema, and a file that is cut', async () => {
    const nested = await copyTo(
      `SELECT ${times['in seconds']} AS timestamp, 'm' AS model, [1] AS requests FROM range(1)`,
      'd.parquet',
    )
    expect((await failure(read([nested]))).message).toMatch(/"requests" is .*\[\]; it must be a number/)
    const other = await copyTo("SELECT 'm' AS llm, 1 AS n", 'd.parquet')
    expect((await failure(read([other]))).message).toMatch(/no column "timestamp"; it has "llm", "n"/)
    const cut = fileOf(readFileSync(nested).subarray(0, -20), 'd.parquet')
    expect(await failure(read([cut]))).toMatchObject({ code: 'FILE_UNREADABLE' })
  })

  it('rows that are bad in a typed column', async () => {
    const path = await copyTo(
      `SELECT ${times['with a zone']} AS timestamp, 'm' AS model, CASE WHEN range = 5 THEN -1 ELSE 9 END AS input_tokens,
         CASE WHEN range = 6 THEN 'Infinity'::DOUBLE WHEN range = 8 THEN 'NaN'::DOUBLE ELSE 1 END AS output_tokens
       FROM range(1000)`,
      'd.parquet',
    )
    const [input] = (await read([path])).inputs
    expect(input).toMatchObject({ rows: 1000, badRows: 3 })
    expect(input!.badExamples.map(({ line, why }) => `${line} ${why}`)).toEqual([
      '6 input_tokens is negative',
      '7 output_tokens is above 10000000000000000',
      '9 output_tokens is above 10000000000000000',
    ])
  })
})

describe('rows', () => {
  it('labels come out as they went in', async () => {
    const labels = [
      'a "b" c',
      "x'; DROP TABLE staged; --",
      '<script>alert(1)</script>',
      'ü,;\\n{{}}',
      '{x} $1',
      '%s',
    ]
    const text = labels.map((label) => `2025-03-03T00:00:00Z,"${label.replaceAll('"', '""')}",1\n`).join('')
    const { workloads } = await read([fileOf(header + text)])
    expect(workloads.map(({ workload }) => workload.model)).toEqual([...labels].sort())
  })

  it('JSON lines that are bad are located, blank lines counted', async () => {
    const good = Array.from({ length: 300 }, (_, index) =>
      JSON.stringify({
        timestamp: formatInstant(start + index * 600),
        model: 'm',
        requests: 1,
        nested: { a: 1 },
      }),
    )
    good.splice(2, 0, '', '{"timestamp": "2025-03-03T00', '[1]')
    good[10] = good[10]!.replace('"requests":1', '"requests":"many"')
    const [input] = (await read([fileOf(good.join('\n'), 'demand.jsonl')], { maximumBadRows: 0.02 })).inputs
    expect(input!.badRows).toBe(3)
    expect(input!.badExamples.map(({ line, why }) => `${line} ${why}`)).toEqual([
      '4 is no JSON object',
      '5 is no JSON object',
      '11 requests is not a number',
    ])
  })

  it('one odd value does not change how the others are read', async () => {
    const lines = Array.from(
      { length: 400 },
      (_, index) => `${formatInstant(start + index * 60)},m,${index % 7},2`,
    )
    const text = (all: string[]) => `timestamp,model,input_tokens,output_tokens\n${all.join('\n')}\n`
    const clean = await read([fileOf(text(lines))])
    for (const odd of [
      '2025-03-03T01:00:30,m,5,5',
      '2025-03-03T01:00:30Z,m,-1,5',
      '2025-03-03T01:00:30Z,m,inf,5',
      '2025-03-03T01:00:30Z,m,nan,5',
      '2025-03-03T01:00:30Z,m,1e16.,5',
      '2025-03-03T01:00:30Z,,5,5',
      ',m,5,5',
      '2025-02-30T01:00:30Z,m,5,5',
      '2025-03-03,m,5,5',
      '2025-03-03T01:00:30Z,m,5',
    ]) {
      const work = read([fileOf(text([...lines, odd]))])
      if (/^[^Z,]+,/.test(odd)) expect(await failure(work)).toMatchObject({ code: 'TIMESTAMP_WITHOUT_ZONE' })
      else {
        const { workloads, inputs } = await work
        expect([odd, workloads, inputs[0]!.badRows]).toEqual([odd, clean.workloads, 1])
      }
    }
  })

  it('only the window that is asked for', async () => {
    const log = [0, 4, 6, 11, 16, 21]
      .map((minute) => `${formatInstant(start + minute * 60)},m,8,1\n`)
      .join('')
    const path = fileOf(`timestamp,model,input_tokens,output_tokens\n${log}`)
    const table = await read([path], {}, { from: start + 300, until: start + 1000 })
    expect(table).toMatchObject({ start: start + 300, length: 2 })
    const [input] = table.workloads[0]!.histograms!.filter(({ metric }) => metric === 'input_tokens')
    expect(input!.counts.reduce((sum, count) => sum + count, 0)).toBe(2)
    expect(input!.upperBounds[input!.counts.indexOf(2)]).toBe(8)
  })
})

interface Request {
  second: number
  model: string
  input: number
  output: number
  zone: number
}

/** What `read` should give, counted one by one. */
function countDirectly(requests: Request[], stepSeconds: number) {
  const stepOf = ({ second }: Request) => Math.floor(second / stepSeconds)
  const steps = requests.map(stepOf)
  const last = Math.max(...steps)
  const first = Math.min(...steps)
  const firstSecond = Math.min(...requests.map(({ second }) => second))
  const isPartial = firstSecond - first * stepSeconds > stepSeconds / 10
  const kept = requests.filter((each) => stepOf(each) !== last && !(isPartial && stepOf(each) === first))
  const byModel = new Map<string, Map<number, number[]>>()
  for (const request of kept) {
    const model = byModel.get(request.model) ?? new Map<number, number[]>()
    byModel.set(request.model, model)
    const [count, input, output] = model.get(stepOf(request)) ?? [0, 0, 0]
    model.set(stepOf(request), [count! + 1, input! + request.input, output! + request.output])
  }
  return { kept, byModel }
}

const zones = [0, 0, 330, -300, 60, -570]
const zoneText = (zone: number) => {
  const minutes = Math.abs(zone)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${zone < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
const instantText = (second: number, zone: number) => {
  const local = new Date(1000 * (second + 60 * zone)).toISOString().slice(0, -1)
  return zone === 0 ? `${local}Z` : `${local}${zoneText(zone)}`
}

describe('a log of requests', () => {
  const request = fc.record({
    second: fc.integer({ min: 0, max: 2 * 86400 * 1000 }).map((milliseconds) => start + milliseconds / 1000),
    model: fc.constantFrom('a', 'b "x"', "c'"),
    input: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 4_000_000 })),
    output: fc.integer({ min: 0, max: 5000 }),
    zone: fc.constantFrom(...zones),
  })

  it('split over files and zones in any way gives what counting one by one gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 30, maxLength: 200 }),
        fc.constantFrom(300, 3600),
        async (requests, stepSeconds) => {
          const folder = emptyFolder()
          const texts = [0, 1, 2].map((part) =>
            requests
              .filter((_, index) => index % 3 === part)
              .map(
                ({ second, model, input, output, zone }) =>
                  [instantText(second, zone), model, input, output] as const,
              ),
          )
          const csv = (all: (readonly (string | number)[])[]) =>
            `timestamp,model,input_tokens,output_tokens\n${all.map((row) => row.map((each) => `"${String(each).replaceAll('"', '""')}"`).join(',')).join('\n')}\n`
          fileOf(csv(texts[0]!), '0.csv', folder)
          fileOf(gzipSync(csv(texts[1]!)), '1.csv.gz', folder)
          fileOf(
            texts[2]!
              .map(([timestamp, model, input_tokens, output_tokens]) =>
                JSON.stringify({ timestamp, model, input_tokens, output_tokens }),
              )
              .join('\n'),
            '2.jsonl',
            folder,
          )
          const { kept, byModel } = countDirectly(requests, stepSeconds)
          const work = read([join(folder, '*')], {}, { stepSeconds })
          if (kept.length === 0) return void (await failure(work))
          const table = await work
          expect(table.workloads.map(({ workload }) => workload.model)).toEqual([...byModel.keys()].sort())
          for (const {
            workload,
            requests: counts,
            inputTokens,
            outputTokens,
            tokenRequests,
          } of table.workloads) {
            const steps = byModel.get(workload.model)!
            for (let at = 0; at < table.length; at++) {
              const expected = steps.get(table.start / stepSeconds + at) ?? [0, 0, 0]
              expect([counts[at], inputTokens[at], outputTokens[at]]).toEqual(expected)
              expect(tokenRequests[at]).toBe(expected[0])
            }
          }
          for (const { workload, histograms } of table.workloads) {
            for (const { day, metric, counts } of histograms!) {
              const lengths = requests
                .filter(
                  ({ model, second }) =>
                    model === workload.model && Math.floor(second / 86400) * 86400 === day,
                )
                .map((each) => (metric === 'input_tokens' ? each.input : each.output))
              const expected = new Float64Array(lengthBounds.length)
              for (const length of lengths) expected[lengthBounds.findIndex((bound) => length <= bound)]!++
              expect(counts).toEqual(expected)
            }
          }
        },
      ),
      { numRuns: 25, seed: 1 },
    )
  }, 60_000)
})

describe('silence of all logs', () => {
  const hour = 3600
  const day = 24 * hour
  /** Days of a log in files of their own, a request of `a` or `b` every minute where `isAwake`. */
  function logOf(days: number, isAwake: (second: number) => boolean): string[] {
    const folder = emptyFolder()
    const names: string[] = []
    for (let midnight = 0; midnight < days * day; midnight += day) {
      let text = ''
      for (let second = midnight; second < midnight + day; second += 60) {
        if (isAwake(second))
          text += `${formatInstant(start + second)},${second % 120 === 0 ? 'a' : 'b'},10,1\n`
      }
      if (text === '') continue
      const name = `${midnight / day}.csv`
      names.push(fileOf(`timestamp,model,input_tokens,output_tokens\n${text}`, name, folder))
    }
    return names
  }
  const isWithin = (second: number, from: number, to: number) => second >= from && second < to
  const hourOf = (second: number) => (second % day) / hour
  // The log starts on a Monday.
  const isWeekend = (second: number) => Math.floor(second / day) % 7 >= 5

  /** Steps of nothing known, by their hours since the start; the same for all workloads. */
  const unknownHours = ({ workloads, stepSeconds }: DemandTable) => {
    const [unknown, ...others] = workloads.map(({ requests }) =>
      [...requests.keys()].filter((at) => Number.isNaN(requests[at])).map((at) => (at * stepSeconds) / hour),
    )
    for (const other of others) expect(other).toEqual(unknown)
    return unknown!
  }
  const holesOf = ({ findings }: DemandTable) =>
    findings.filter(({ code }) => code === 'LOG_HOLE').map(({ message }) => message)
  const hours = (from: number, to: number) =>
    Array.from({ length: (to - from) * 12 }, (_, step) => ((from * 12 + step) * 300) / hour)

  it('a day of fourteen whose file is missing is unknown, and all else is as it was', async () => {
    const whole = await read(logOf(14, () => true))
    const files = logOf(14, (second) => !isWithin(second, 8 * day, 9 * day))
    expect(files).toHaveLength(13)
    const table = await read(files)
    expect(unknownHours(table)).toEqual(hours(8 * 24, 9 * 24))
    for (const [index, { requests, inputTokens, outputTokens }] of table.workloads.entries()) {
      const full = whole.workloads[index]!
      for (let at = 0; at < table.length; at++) {
        const isKnown = !isWithin(at * 300, 8 * day, 9 * day)
        expect(requests[at]).toBe(isKnown ? full.requests[at] : Number.NaN)
        expect(inputTokens[at]).toBe(isKnown ? full.inputTokens[at] : Number.NaN)
        expect(outputTokens[at]).toBe(isKnown ? full.outputTokens[at] : Number.NaN)
      }
    }
    expect(holesOf(table)).toEqual([
      expect.stringMatching(
        /^From 2025-03-11T00:00:00Z to 2025-03-12T00:00:00Z \(1d\) the logs hold no request/,
      ),
    ])
  })

  it('it is masked in the history, and no step of it passes for a genuine zero', async () => {
    const source = fileSource({ files: logOf(14, (second) => !isWithin(second, 8 * day, 9 * day)), regions })
    const { history, quality } = await readDemand({ sources: [{ source }] })
    for (const { mask } of history.workloads) {
      expect(mask.reduce((count, reason) => count + (reason === 0 ? 0 : 1), 0)).toBe(288)
    }
    expect(quality.workloads.map(({ suspicious }) => suspicious)).toEqual([[], []])
  })

  it('two missing days make two holes, each told', async () => {
    const isMissing = (second: number) => [3, 8].includes(Math.floor(second / day))
    const table = await read(logOf(14, (second) => !isMissing(second)))
    expect(unknownHours(table)).toEqual([...hours(3 * 24, 4 * 24), ...hours(8 * 24, 9 * 24)])
    expect(holesOf(table)).toHaveLength(2)
  })

  it.each<[string, (second: number) => boolean]>([
    ['each night', (second) => isWithin(hourOf(second), 6, 22)],
    ['each weekend', (second) => !isWeekend(second)],
    ['each night and weekend', (second) => isWithin(hourOf(second), 6, 22) && !isWeekend(second)],
    [
      'each night, an hour earlier once clocks are changed',
      (second) => isWithin(hourOf(second), ...((second < 12 * day ? [6, 22] : [5, 21]) as [number, number])),
    ],
  ])('a service that sleeps %s keeps its zeros', async (_, isAwake) => {
    const table = await read(logOf(14, isAwake))
    expect(unknownHours(table)).toEqual([])
    expect(holesOf(table)).toEqual([])
    expect(table.workloads[0]!.requests.filter((count) => count === 0).length).toBeGreaterThan(288)
  })

  it('of a missing day the hours of rest stay zero', async () => {
    const isAwake = (second: number) =>
      isWithin(hourOf(second), 8, 18) && !isWeekend(second) && Math.floor(second / day) !== 8
    const table = await read(logOf(14, isAwake))
    // The log begins with its first request, at eight.
    expect(unknownHours(table)).toEqual(hours(8 * 24, 8 * 24 + 10))
  })

  it.each([
    [60, [...hours(5 * 24 + 12, 5 * 24 + 13)]],
    [55, []],
  ])('%d minutes at noon of one day', async (minutes, unknown) => {
    const noon = 5 * day + 12 * hour
    const table = await read(logOf(14, (second) => !isWithin(second, noon, noon + minutes * 60)))
    expect(unknownHours(table)).toEqual(unknown)
    expect(table.workloads[0]!.requests[noon / 300]).toBe(unknown.length > 0 ? Number.NaN : 0)
  })

  it('a log of one day keeps its silent hours', async () => {
    const table = await read(logOf(1, (second) => !isWithin(hourOf(second), 9, 12)))
    expect(unknownHours(table)).toEqual([])
    expect([...table.workloads[0]!.requests.subarray(9 * 12, 12 * 12)]).toEqual(Array(36).fill(0))
  })

  it('silence of one workload beside others is its own', async () => {
    const isSilent = (second: number) => second % 120 === 0 && isWithin(second, 8 * day, 9 * day)
    const table = await read(logOf(14, (second) => !isSilent(second)))
    expect(unknownHours(table)).toEqual([])
    expect(table.workloads[0]!.requests[8 * 288]).toBe(0)
  })

  it('aggregated rows of the time of a hole count', async () => {
    const files = logOf(14, (second) => !isWithin(second, 8 * day, 9 * day))
    const times = Array.from({ length: 14 * 288 }, (_, step) => formatInstant(start + step * 300))
    const aggregated = fileOf(header + times.map((time) => `${time},m,7\n`).join(''))
    const later = fileOf(`${header}${formatInstant(start + 8 * day)},a,3\n`)
    const [a, b, m] = (await read([...files, aggregated, later])).workloads
    expect([...a!.requests.subarray(8 * 288 - 1, 8 * 288 + 2)]).toEqual([2, 3, Number.NaN])
    expect([...b!.requests.subarray(8 * 288 - 1, 8 * 288 + 2)]).toEqual([3, Number.NaN, Number.NaN])
    expect(m!.requests.every((count) => count === 7)).toBe(true)
  })
})

const folder = process.env['LLMSCALE_TEST_DATA']
describe.skipIf(folder === undefined)('real logs of requests', () => {
  it.each(['azure-llm-2023-requests.csv.gz', 'mooncake-conversation-requests.csv.gz'])('%s', async (name) => {
    const path = join(folder!, name)
    const lines = gunzipSync(readFileSync(path)).toString().trim().split('\n').slice(1)
    const requests = lines.map((line): Request => {
      const [timestamp, model, input, output] = line.split(',')
      return {
        second: Date.parse(timestamp!) / 1000,
        model: model!,
        input: Number(input),
        output: Number(output),
        zone: 0,
      }
    })
    const { byModel } = countDirectly(requests, 300)
    const table = await read([path])
    expect(table.inputs[0]).toMatchObject({ rows: requests.length, badRows: 0 })
    expect(table.findings[0]).toMatchObject({ code: 'PARTIAL_STEP' })
    for (const { workload, requests: counts, inputTokens, outputTokens } of table.workloads) {
      const steps = byModel.get(workload.model)!
      const found = new Map(
        [...counts.keys()]
          .map((at) => [table.start / 300 + at, [counts[at], inputTokens[at], outputTokens[at]]] as const)
          .filter(([, [count]]) => count !== 0),
      )
      expect([workloadId(workload), found]).toEqual([
        workloadId(workload),
        new Map([...steps].sort(([a], [b]) => a - b)),
      ])
    }
  })
})
