import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerMinute } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { BadRow, FileQuality } from './data-quality.js'
import { detectStep } from './step.js'

/** Columns that a demand file may have. */
export const demandColumns = [
  'timestamp',
  'model',
  'region',
  'tenant',
  'requests',
  'input_tokens',
  'output_tokens',
] as const
type DemandColumn = (typeof demandColumns)[number]
/** Our column name → the file's. */
export type DemandColumns = { [column in DemandColumn]?: string | undefined }

export interface DemandFileOptions {
  /** CSV (also gzipped), Parquet or JSON lines; rows in any order. */
  files: string[]
  columns?: DemandColumns
  /** Regions of the environment: a file without a region column gets the only one. */
  regions: string[]
  /** Step of the history; default that of the files, or five minutes for single requests. */
  stepSeconds?: number
  /** Only steps that were over at this time are read, so that nothing is learned from what came later. */
  until?: EpochSeconds
  /** Share of bad rows, 0 … 1, above which reading refuses; default 0.01. */
  maximumBadRows?: number
}

/** Rows of all files on one grid, as they are: nothing masked, nothing filled. */
export interface DemandTable {
  start: EpochSeconds
  stepSeconds: number
  length: number
  /** In ascending order of `workloadId`. */
  workloads: TableColumns[]
  files: FileQuality[]
  findings: Warning[]
}

/** Amounts a step. NaN where an aggregated file has no row; a step without single requests holds zero. */
export interface TableColumns {
  workload: Workload
  requests: Float64Array
  inputTokens: Float64Array
  outputTokens: Float64Array
  /** Requests whose tokens are known. */
  tokenRequests: Float64Array
  /** First and last step with a row. */
  first: number
  last: number
  /** Steps with more than one row, in aggregated files. */
  duplicates: number
}

const defaultRequestStepSeconds = 5 * secondsPerMinute
const defaultMaximumBadRows = 0.01
/** More than this in one row is a mistake: the largest public services count 1e10 requests a day. */
const absurdRequests = 1e12
const absurdTokens = 1e16
const shownBadRows = 5
const withoutZone = 'timestamp has no zone'

interface SourceFile {
  path: string
  layout: FileQuality['layout']
  /** SQL that yields the used columns as text, under our names. */
  scan: string
  isText: boolean
}

/**
 * Reads and aggregates demand files with DuckDB, which is loaded here and not before.
 * Timestamps are read as text: as a timestamp type a value without zone silently takes the process's zone, and an
 * unparsable one silently becomes null.
 */
export async function readDemandFiles(options: DemandFileOptions): Promise<DemandTable> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '1GB',
    autoinstall_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    return await collect(connection, options)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function collect(connection: DuckDBConnection, options: DemandFileOptions): Promise<DemandTable> {
  await connection.run(
    `CREATE TEMP TABLE staged (aggregated BOOLEAN, why VARCHAR, model VARCHAR, region VARCHAR, tenant VARCHAR,
       step_start DOUBLE, first_at DOUBLE, last_at DOUBLE, row_count DOUBLE, requests DOUBLE, input_tokens DOUBLE,
       output_tokens DOUBLE, token_requests DOUBLE, lowest UBIGINT, highest UBIGINT)`,
  )
  const sources: SourceFile[] = []
  for (const path of options.files) sources.push(await openSource(connection, path, options))

  const qualities = new Map<SourceFile, FileQuality>()
  for (const source of sources.filter(({ layout }) => layout === 'aggregated')) {
    qualities.set(source, await stage(connection, source, 'epoch_ms(instant) / 1000'))
  }
  const aggregated = await aggregatedTimestamps(connection)
  const stepSeconds = detectStep(aggregated) ?? options.stepSeconds ?? defaultRequestStepSeconds
  const phase = aggregated.values().next().value?.[0] ?? 0
  for (const source of sources.filter(({ layout }) => layout === 'requests')) {
    const at = `floor((epoch_ms(instant) / 1000 - ${phase}) / ${stepSeconds}) * ${stepSeconds} + ${phase}`
    qualities.set(source, await stage(connection, source, at))
  }
  const files = sources.map((source) => qualities.get(source)!)
  refuseBadRows(files, options.maximumBadRows ?? defaultMaximumBadRows)

  const findings = files.filter(({ badRows }) => badRows > 0).map(describeBadRows)
  findings.push(...(await dropPartialSteps(connection, stepSeconds)))
  if (options.until !== undefined) await dropLaterSteps(connection, stepSeconds, options.until)
  const { columns, duplicateFinding } = await fillGrid(connection, stepSeconds)
  if (duplicateFinding !== undefined) findings.push(duplicateFinding)
  return {
    ...columns,
    stepSeconds,
    files,
    findings,
  }
}

async function openSource(
  connection: DuckDBConnection,
  path: string,
  options: DemandFileOptions,
): Promise<SourceFile> {
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  )
  if (!isFile) {
    throw new LlmscaleError('badData', 'FILE_MISSING', `${path}: there is no such demand file`, [
      'Name your file under metrics.files, and its columns under metrics.columns if they have other names.',
      `Write a synthetic one: llmscale metrics synth --scenario example-fleet --out ${path}`,
    ])
  }
  const literal = quote(path)
  let names: string[]
  let table: (names: string[]) => string
  const isText = !/\.(parquet|jsonl|ndjson|json)$/i.test(path)
  if (/\.parquet$/i.test(path)) {
    names = await columnNames(connection, path, `read_parquet(${literal})`)
    table = () => `read_parquet(${literal})`
  } else if (!isText) {
    const lines = `${literal}, format = 'newline_delimited', ignore_errors = true`
    names = await columnNames(connection, path, `read_json(${lines})`)
    table = (all) => `read_json(${lines}, columns = {${all.map((name) => `${quote(name)}: 'VARCHAR'`)}})`
  } else {
    const header = await readHeader(path)
    names = header.names
    table = (all) =>
      `read_csv(${literal}, columns = {${all.map((name) => `${quote(name)}: 'VARCHAR'`)}}, auto_detect = false,
        header = true, delim = ${quote(header.delimiter)}, quote = '"', escape = '"', ignore_errors = true,
        store_rejects = true, rejects_limit = 0, rejects_table = 'rejects', rejects_scan = 'reject_scans')`
  }
  const used = matchColumns(path, names, options.columns ?? {})
  if (used.region === undefined && options.regions.length !== 1) {
    throw new LlmscaleError(
      'badData',
      'REGION_UNKNOWN',
      `${path}: has no region column, and there is not exactly one region to take instead (${options.regions.join(', ') || 'none is known'})`,
      ['Map a column under metrics.columns.region, give --region, or split the environment by region.'],
    )
  }
  const text = (column: DemandColumn) =>
    used[column] === undefined ? 'NULL' : `nullif(trim(${identifier(used[column])}::VARCHAR), '')`
  const selected = demandColumns.map((column) =>
    column === 'region' && used.region === undefined
      ? `${quote(options.regions[0]!)} AS region`
      : `${text(column)} AS ${column}`,
  )
  return {
    path,
    layout: used.requests === undefined ? 'requests' : 'aggregated',
    scan: `SELECT ${selected.join(', ')} FROM ${table(names)}`,
    isText,
  }
}

async function columnNames(connection: DuckDBConnection, path: string, table: string): Promise<string[]> {
  const reader = await readable(path, () =>
    connection.runAndReadAll(`SELECT column_name FROM (DESCRIBE SELECT * FROM ${table})`),
  )
  return reader.getRows().map(([name]) => String(name))
}

/** Column names of a CSV file and the delimiter that parts them. */
async function readHeader(path: string): Promise<{ names: string[]; delimiter: string }> {
  for await (const { text } of readLines(path)) {
    const line = text.replace(/^\uFEFF/, '')
    const delimiter = [',', ';', '\t'].sort((a, b) => line.split(b).length - line.split(a).length)[0]!
    const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw unreadable(path, `two columns are named ${JSON.stringify(twice)}`)
    return { names, delimiter }
  }
  throw noRows([path])
}

/** Lines of a text file that are not blank, with their number from 1. */
async function* readLines(path: string): AsyncGenerator<{ line: number; text: string }> {
  const bytes = createReadStream(path)
  const input = path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  bytes.on('error', (cause) => input.destroy(cause))
  input.setEncoding('utf8')
  let line = 0
  let rest = ''
  try {
    for await (const chunk of input) {
      const texts = (rest + String(chunk)).split('\n')
      rest = texts.pop()!
      for (const text of texts) {
        line++
        if (text.trim() !== '') yield { line, text: text.trimEnd() }
      }
    }
  } catch (cause) {
    throw unreadable(path, (cause as Error).message)
  } finally {
    bytes.destroy()
  }
  if (rest.trim() !== '') yield { line: line + 1, text: rest.trimEnd() }
}

function matchColumns(path: string, names: string[], mapping: DemandColumns): DemandColumns {
  const used: DemandColumns = {}
  for (const column of demandColumns) {
    const name = mapping[column] ?? column
    if (names.includes(name)) used[column] = name
    else if (mapping[column] !== undefined || column === 'timestamp' || column === 'model') {
      const near = nearestName(name, names)
      throw new LlmscaleError(
        'badData',
        'COLUMN_MISSING',
        `${path}:1 has no column ${JSON.stringify(name)}; it has ${names.map((each) => JSON.stringify(each)).join(', ')}`,
        [
          `Map it: metrics.columns.${column}: ${near ?? 'NAME'} in llmscale.yaml, or --column ${column}=${near ?? 'NAME'}.`,
        ],
      )
    }
  }
  return used
}

/** SQL over a source's text columns: typed values, and why a row is bad (null for a good one). */
function checkedRows(source: SourceFile): string {
  const number = (column: DemandColumn) => `try_cast(${column} AS DOUBLE)`
  const outOfRange = (column: DemandColumn, most: number) =>
    `WHEN ${column} IS NOT NULL AND ${number(column)} IS NULL THEN '${column} is not a number'
     WHEN ${number(column)} < 0 THEN '${column} is negative'
     WHEN NOT isfinite(${number(column)}) OR ${number(column)} > ${most} THEN '${column} is above ${most}'`
  return `
    SELECT *, CASE
      WHEN timestamp IS NULL THEN 'timestamp is empty'
      WHEN NOT ends_with(timestamp, 'Z') AND NOT regexp_matches(timestamp, ':\\d{2}(\\.\\d+)?[+-]\\d{2}(:?\\d{2})?$')
        THEN CASE WHEN try_cast(timestamp AS TIMESTAMP) IS NULL THEN 'timestamp is not an ISO 8601 time'
                  ELSE '${withoutZone}' END
      WHEN try_cast(timestamp AS TIMESTAMPTZ) IS NULL THEN 'timestamp is not an ISO 8601 time'
      WHEN model IS NULL THEN 'model is empty'
      WHEN region IS NULL THEN 'region is empty'
      ${source.layout === 'aggregated' ? "WHEN requests IS NULL THEN 'requests is empty'" : ''}
      ${outOfRange('requests', absurdRequests)}
      ${outOfRange('input_tokens', absurdTokens)}
      ${outOfRange('output_tokens', absurdTokens)}
    END AS why, try_cast(timestamp AS TIMESTAMPTZ) AS instant
    FROM (${source.scan})`
}

/** Aggregates one file into `staged`, and counts and locates its bad rows. `at` is SQL of a row's step. */
async function stage(connection: DuckDBConnection, source: SourceFile, at: string): Promise<FileQuality> {
  const isAggregated = source.layout === 'aggregated'
  const good = (value: string) => `CASE WHEN why IS NULL THEN ${value} END`
  await readable(source.path, () =>
    connection.run(`
      CREATE OR REPLACE TEMP TABLE file_rows AS
      SELECT ${isAggregated} AS aggregated, why, ${good('model')} AS model, ${good('region')} AS region,
        ${good('tenant')} AS tenant, ${good(at)} AS step_start,
        min(epoch_ms(instant) / 1000) AS first_at, max(epoch_ms(instant) / 1000) AS last_at,
        count(*) AS row_count, sum(n) AS requests, sum(input) FILTER (has_tokens) AS input_tokens, sum(output) FILTER (has_tokens) AS output_tokens,
        sum(n) FILTER (has_tokens) AS token_requests,
        min(hash(n, input, output)) AS lowest, max(hash(n, input, output)) AS highest
      FROM (SELECT *, ${isAggregated ? 'try_cast(requests AS DOUBLE)' : '1.0'} AS n,
              input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS has_tokens,
              try_cast(input_tokens AS DOUBLE) AS input, try_cast(output_tokens AS DOUBLE) AS output
            FROM (${checkedRows(source)}))
      GROUP BY ALL`),
  )
  const rejected = source.isText ? await takeRejects(connection) : []
  await connection.run('INSERT INTO staged SELECT * FROM file_rows WHERE why IS NULL')
  const [rows = 0, bad = 0, zoneless = 0] = await firstRow(
    connection,
    `SELECT coalesce(sum(row_count), 0), coalesce(sum(row_count) FILTER (why IS NOT NULL), 0),
       coalesce(sum(row_count) FILTER (why = '${withoutZone}'), 0) FROM file_rows`,
  )
  if (zoneless > 0)
    throw zonelessTimestamp(source, (await locateBadRows(connection, source, rejected, true))[0])
  return {
    path: source.path,
    layout: source.layout,
    rows: rows + rejected.length,
    badRows: bad + rejected.length,
    badExamples: bad + rejected.length > 0 ? await locateBadRows(connection, source, rejected) : [],
  }
}

interface Reject {
  line: number
  why: string
}

/** Rows that are no CSV (too few or too many columns, an open quote, no UTF-8), by line. */
async function takeRejects(connection: DuckDBConnection): Promise<Reject[]> {
  const reader = await connection.runAndReadAll(
    'SELECT line::DOUBLE, lower(any_value(error_type)::VARCHAR) FROM rejects GROUP BY line ORDER BY line',
  )
  const rejected = reader.getRows().map(([line, why]) => ({ line: Number(line), why: String(why) }))
  await connection.run('DROP TABLE rejects; DROP TABLE reject_scans')
  return rejected
}

/** The first bad rows with their line. DuckDB numbers only the rows that it could split, so lines are counted again. */
async function locateBadRows(
  connection: DuckDBConnection,
  source: SourceFile,
  rejected: Reject[],
  onlyWithoutZone = false,
): Promise<BadRow[]> {
  const reader = await connection.runAndReadAll(`
    SELECT number::DOUBLE, why FROM (SELECT row_number() OVER () AS number, why FROM (${checkedRows(source)}))
    WHERE ${onlyWithoutZone ? `why = '${withoutZone}'` : 'why IS NOT NULL'} LIMIT ${shownBadRows}`)
  const unreadable = new Map(reader.getRows().map(([number, why]) => [Number(number), String(why)]))
  if (!source.isText) return [...unreadable].map(([number, why]) => ({ line: number, why, text: '' }))
  await takeRejects(connection)

  const unsplit = new Map(onlyWithoutZone ? [] : rejected.map(({ line, why }) => [line, why]))
  const skipped = new Set(rejected.map(({ line }) => line))
  const found: BadRow[] = []
  let number = -1 // the header is line 1 and no row
  for await (const { line, text } of readLines(source.path)) {
    if (!skipped.has(line)) number++
    const why = skipped.has(line) ? unsplit.get(line) : number > 0 ? unreadable.get(number) : undefined
    if (why !== undefined) found.push({ line, why, text: text.slice(0, 80) })
    const expected = Math.min(shownBadRows, unreadable.size + unsplit.size)
    if (found.length === expected) break
  }
  return found
}

function refuseBadRows(files: FileQuality[], maximumShare: number): void {
  const rows = files.reduce((sum, file) => sum + file.rows, 0)
  const bad = files.reduce((sum, file) => sum + file.badRows, 0)
  const examples = files.flatMap((file) =>
    file.badExamples.map((example) => describeBadRow(file.path, example)),
  )
  if (rows === bad)
    throw noRows(
      files.map(({ path }) => path),
      examples[0],
    )
  if (bad / rows <= maximumShare) return
  throw new LlmscaleError(
    'badData',
    'TOO_MANY_BAD_ROWS',
    `${bad} of ${rows} rows are bad (${percent(bad / rows)}), above the allowed ${percent(maximumShare)}:\n  ${examples.slice(0, shownBadRows).join('\n  ')}`,
    ['Repair the rows, or raise metrics.maximumBadRows if you can do without them.'],
  )
}

function describeBadRow(path: string, { line, why, text }: BadRow): string {
  return `${path}:${line} ${why}${text === '' ? '' : `: ${text}`}`
}

function describeBadRows(file: FileQuality): Warning {
  return {
    code: 'BAD_ROWS_DROPPED',
    message: `${file.badRows} of ${file.rows} rows were dropped: ${file.badExamples.map((example) => describeBadRow(file.path, example)).join('; ')}${file.badRows > file.badExamples.length ? '; …' : ''}`,
  }
}

/** Timestamps of aggregated rows by workload, ascending and distinct. */
async function aggregatedTimestamps(connection: DuckDBConnection): Promise<Map<string, number[]>> {
  const timestamps = new Map<string, number[]>()
  const sql = `SELECT DISTINCT model, region, tenant, step_start FROM staged WHERE aggregated ORDER BY ALL`
  for await (const chunk of chunks(connection, sql)) {
    const [models, regions, tenants, times] = chunk
    for (let row = 0; row < times!.length; row++) {
      const id = workloadId(workloadOf(models![row], regions![row], tenants![row]))
      const known = timestamps.get(id)
      if (known === undefined) timestamps.set(id, [Number(times![row])])
      else known.push(Number(times![row]))
    }
  }
  return timestamps
}

/** The last step of a log of single requests is not over, and the first may have begun before the log. */
async function dropPartialSteps(connection: DuckDBConnection, stepSeconds: number): Promise<Warning[]> {
  const [count = 0, firstStep = 0, firstAt = 0, lastStep = 0, lastAt = 0] = await firstRow(
    connection,
    `SELECT count(*), min(step_start), min(first_at), max(step_start), max(last_at) FROM staged WHERE NOT aggregated`,
  )
  if (count === 0) return []
  const findings: Warning[] = []
  const drop = async (step: number, why: string) => {
    await connection.run(`DELETE FROM staged WHERE NOT aggregated AND step_start = ${step}`)
    findings.push({
      code: 'PARTIAL_STEP',
      message: `The step ${formatInstant(step)} is left out: ${why}.`,
    })
  }
  await drop(lastStep, `the requests end within it, at ${formatInstant(Math.floor(lastAt))}`)
  if (firstAt - firstStep > stepSeconds / 10) {
    await drop(firstStep, `the requests begin within it, at ${formatInstant(Math.floor(firstAt))}`)
  }
  const [left = 0] = await firstRow(connection, 'SELECT count(*) FROM staged')
  if (left > 0) return findings
  throw new LlmscaleError(
    'badData',
    'HISTORY_TOO_SHORT',
    `the requests from ${formatInstant(Math.floor(firstAt))} to ${formatInstant(Math.floor(lastAt))} fill no whole step of ${formatDuration(stepSeconds)}`,
    ['Add files that reach further back, or give a finer step.'],
  )
}

async function dropLaterSteps(
  connection: DuckDBConnection,
  stepSeconds: number,
  until: EpochSeconds,
): Promise<void> {
  await connection.run(`DELETE FROM staged WHERE step_start + ${stepSeconds} > ${until}`)
  const [left = 0] = await firstRow(connection, 'SELECT count(*) FROM staged')
  if (left > 0) return
  throw new LlmscaleError('badData', 'HISTORY_TOO_SHORT', `no row is older than ${formatInstant(until)}`, [
    'Give a later --as-of, or files that reach further back.',
  ])
}

async function fillGrid(
  connection: DuckDBConnection,
  stepSeconds: number,
): Promise<{
  columns: Pick<DemandTable, 'start' | 'length' | 'workloads'>
  duplicateFinding: Warning | undefined
}> {
  await connection.run(`
    CREATE TEMP TABLE points AS
    SELECT model, region, tenant, step_start, bool_or(aggregated) AS aggregated, sum(row_count) AS row_count,
      sum(requests) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
      sum(token_requests) AS token_requests, min(lowest) = max(highest) AS alike
    FROM staged GROUP BY ALL;
    DROP TABLE staged`)
  const [start = 0, end = 0, duplicates = 0, differing = 0] = await firstRow(
    connection,
    `SELECT min(step_start), max(step_start), count(*) FILTER (aggregated AND row_count > 1),
       count(*) FILTER (aggregated AND row_count > 1 AND NOT alike) FROM points`,
  )
  const length = Math.round((end - start) / stepSeconds) + 1
  // Where every duplicate repeats its row, files overlap; where they differ, they are parts of one amount.
  const isOverlap = differing === 0
  const share = isOverlap ? 'CASE WHEN aggregated THEN row_count ELSE 1 END' : '1'
  const byId = new Map<string, TableColumns>()
  const sql = `SELECT model, region, tenant, (step_start - ${start}) / ${stepSeconds}, row_count, requests / ${share},
      input_tokens / ${share}, output_tokens / ${share}, coalesce(token_requests, 0) / ${share}, aggregated::DOUBLE
    FROM points`
  for await (const chunk of chunks(connection, sql)) {
    const [models, regions, tenants, steps, rows, requests, input, output, tokenRequests, aggregated] = chunk
    for (let row = 0; row < steps!.length; row++) {
      const workload = workloadOf(models![row], regions![row], tenants![row])
      const id = workloadId(workload)
      const isAggregated = aggregated![row] === 1
      let columns = byId.get(id)
      if (columns === undefined) {
        const column = () => new Float64Array(length).fill(isAggregated ? Number.NaN : 0)
        columns = {
          workload,
          requests: column(),
          inputTokens: column(),
          outputTokens: column(),
          tokenRequests: new Float64Array(length),
          first: length,
          last: -1,
          duplicates: 0,
        }
        byId.set(id, columns)
      }
      const step = Math.round(Number(steps![row]))
      columns.requests[step] = Number(requests![row])
      columns.inputTokens[step] = Number(input![row])
      columns.outputTokens[step] = Number(output![row])
      columns.tokenRequests[step] = Number(tokenRequests![row])
      columns.first = Math.min(columns.first, step)
      columns.last = Math.max(columns.last, step)
      if (isAggregated && Number(rows![row]) > 1) columns.duplicates++
    }
  }
  const ids = [...byId.keys()].sort((a, b) => (a < b ? -1 : 1))
  return {
    columns: { start, length, workloads: ids.map((id) => byId.get(id)!) },
    duplicateFinding:
      duplicates === 0
        ? undefined
        : {
            code: 'DUPLICATE_ROWS',
            message: `Steps with more than one row: ${duplicates}; ${isOverlap ? 'all repeat the same amounts and are counted once' : `${differing} of them differ, so all are added up as parts of one workload`}.`,
          },
  }
}

/** Columns of a result, chunk by chunk: rows as objects take twenty times the memory and time. */
async function* chunks(connection: DuckDBConnection, sql: string): AsyncGenerator<unknown[][]> {
  const result = await connection.stream(sql)
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return
    yield Array.from({ length: chunk.columnCount }, (_, column) => chunk.getColumnValues(column))
  }
}

async function firstRow(connection: DuckDBConnection, sql: string): Promise<number[]> {
  const reader = await connection.runAndReadAll(sql)
  return (reader.getRows()[0] ?? []).map(Number)
}

function workloadOf(model: unknown, region: unknown, tenant: unknown): Workload {
  const workload = { model: String(model), region: String(region) }
  return tenant === null ? workload : { ...workload, tenant: String(tenant) }
}

/** Turns what goes wrong below into an error that names the file. */
async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw cause instanceof LlmscaleError ? cause : unreadable(path, (cause as Error).message.split('\n')[0]!)
  }
}

function unreadable(path: string, detail: string): LlmscaleError {
  return new LlmscaleError('badData', 'FILE_UNREADABLE', `${path} cannot be read: ${detail}`, [
    'Demand files are CSV, gzipped CSV (.csv.gz), Parquet (.parquet) or JSON lines (.jsonl), in UTF-8.',
  ])
}

function noRows(paths: string[], example?: string): LlmscaleError {
  const detail = example === undefined ? '' : `; the first one: ${example}`
  return new LlmscaleError('badData', 'NO_ROWS', `${paths.join(', ')}: no row can be read${detail}`, [
    'A demand file has the columns timestamp,model[,region][,tenant],requests[,input_tokens][,output_tokens].',
  ])
}

function zonelessTimestamp(source: SourceFile, row: BadRow | undefined): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'TIMESTAMP_WITHOUT_ZONE',
    `${source.path}:${row?.line ?? 1} timestamp has no zone: ${row?.text ?? ''}`,
    ['Write UTC as 2025-03-03T00:00:00Z, or another zone as 2025-03-03T08:00:00+08:00.'],
  )
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
