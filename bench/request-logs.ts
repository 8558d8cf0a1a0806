// CPU seconds and peak memory of five million requests as 5-minute demand with length histograms, beside the bare
// DuckDB query that an expert would write without any check; each in a process of its own, in turns in one run.
// Usage: node --import tsx bench/request-logs.ts [rows]
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { quantile } from '../src/kit/statistics.js'
import { fileSource } from '../src/metrics/files/file-source.js'
import { runAlone } from './own-process.js'

const rounds = 5
const formats = ['csv', 'csv.gz', 'parquet'] as const
type Format = (typeof formats)[number]
const ways = ['bare', 'llmscale'] as const
type Way = (typeof ways)[number]

/** Thirty days of six models with log-normal lengths, always the same; in the temporary folder, once. */
async function makeLogs(rows: number): Promise<(format: Format) => string> {
  const folder = join(tmpdir(), 'llmscale-bench')
  mkdirSync(folder, { recursive: true })
  const pathOf = (format: Format) => join(folder, `requests-${rows}.${format}`)
  const missing = formats.filter((format) => !existsSync(pathOf(format)))
  if (missing.length === 0) return pathOf
  const connection = await (await DuckDBInstance.create()).connect()
  const normal = 'sqrt(-2 * ln(random() + 1e-12)) * cos(2 * pi() * random())'
  await connection.run(`
    SET TimeZone = 'UTC'; SET threads = 1; SELECT setseed(0.5);
    CREATE TABLE requests AS
    SELECT make_timestamptz(1740960000000000 + 1000 * ((range + random()) * ${2_592_000_000 / rows})::BIGINT) AS timestamp,
      'model-' || floor(6 * random())::INTEGER AS model,
      greatest(1, exp(6.5 + 1.2 * ${normal}))::INTEGER AS input_tokens,
      greatest(1, exp(5 + ${normal}))::INTEGER AS output_tokens
    FROM range(${rows})`)
  const text = `SELECT strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%gZ') AS timestamp, * EXCLUDE timestamp FROM requests`
  for (const format of missing) {
    const part = `${pathOf(format)}.part`
    const [what, how] = {
      csv: [text, 'FORMAT csv, HEADER'],
      'csv.gz': [text, 'FORMAT csv, HEADER, COMPRESSION gzip'],
      parquet: ['FROM requests', 'FORMAT parquet, COMPRESSION zstd'],
    }[format] as [string, string]
    await connection.run(`COPY (${what}) TO '${part}' (${how})`)
    renameSync(part, pathOf(format))
  }
  return pathOf
}

/** Typed columns, one scan, and nothing that looks whether it is right. */
async function runBare(path: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '600MB' })
  const connection = await instance.connect()
  const table = path.endsWith('.parquet')
    ? `read_parquet('${path}')`
    : `read_csv('${path}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns =
        {timestamp: 'TIMESTAMPTZ', model: 'VARCHAR', input_tokens: 'BIGINT', output_tokens: 'BIGINT'})`
  const exponent = (column: string) => `ceil(4 * log2(greatest(${column}, 1)))::UTINYINT`
  await connection.run("SET TimeZone = 'UTC'")
  const result = await connection.stream(`
    SELECT model, step, day, input_bucket, output_bucket, count(*), sum(input_tokens), sum(output_tokens)
    FROM (SELECT *, epoch_ms(timestamp) // 300000 AS step, epoch_ms(timestamp) // 86400000 AS day,
            ${exponent('input_tokens')} AS input_bucket, ${exponent('output_tokens')} AS output_bucket FROM ${table})
    GROUP BY GROUPING SETS ((model, step), (model, day, input_bucket), (model, day, output_bucket))`)
  let requests = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return requests
    const columns = Array.from({ length: chunk.columnCount }, (_, column) => chunk.getColumnValues(column))
    columns[1]!.forEach((step, row) => {
      if (step !== null) requests += Number(columns[5]![row])
    })
  }
}

async function runLlmscale(path: string): Promise<number> {
  const { workloads } = await fileSource({ files: [path], regions: ['eu-west-1'] }).read({})
  return workloads.reduce((sum, { requests }) => sum + requests.reduce((all, each) => all + each, 0), 0)
}

interface Measured {
  requests: number
  cpuSeconds: number
  peakMegabytes: number
}

async function report(way: Way, path: string): Promise<void> {
  const before = process.cpuUsage()
  const requests = await { bare: runBare, llmscale: runLlmscale }[way](path)
  const { user, system } = process.cpuUsage(before)
  const measured: Measured = {
    requests,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  }
  console.log(JSON.stringify(measured))
}

async function compare(rows: number): Promise<void> {
  const pathOf = await makeLogs(rows)
  console.log(`${rows} requests, median of ${rounds} rounds, node ${process.version}`)
  for (const format of formats) {
    const measured: Record<Way, Measured[]> = { bare: [], llmscale: [] }
    for (let round = 0; round < rounds; round++)
      for (const way of ways) measured[way].push(await runAlone<Measured>(way, pathOf(format)))
    const cpu = (way: Way) =>
      quantile(
        measured[way].map(({ cpuSeconds }) => cpuSeconds),
        0.5,
      )
    for (const way of ways) {
      const peak = Math.max(...measured[way].map(({ peakMegabytes }) => peakMegabytes))
      console.log(
        `${format.padEnd(8)} ${way.padEnd(9)} ${cpu(way).toFixed(2)} CPU s  ${(cpu(way) / cpu('bare')).toFixed(2)} × bare  peak ${peak.toFixed(0)} MB  ${measured[way][0]!.requests} requests`,
      )
    }
  }
}

const [way, path] = process.argv.slice(2)
if (path !== undefined) await report(way as Way, path)
else await compare(Number(way ?? 5_000_000))
