import { stat } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError } from '../../kit/errors.js'
import type { InputQuality } from '../data-quality.js'
import { type DemandColumn, type DemandColumns, demandColumns, matchColumns } from './demand-columns.js'
import { readable } from './file-errors.js'
import { identifier, quote } from './query.js'
import { readHeader } from './text-file.js'

/** A demand file whose format and columns are known. */
export interface SourceFile {
  path: string
  layout: InputQuality['layout']
  /** SQL that yields the used columns as text, under our names. */
  scan: string
  isText: boolean
}

/**
 * Recognises a file by its name and its columns; reads no more of it than that.
 * Throws `badData`: FILE_MISSING, FILE_UNREADABLE, NO_ROWS, COLUMN_MISSING or REGION_UNKNOWN.
 */
export async function openSource(
  connection: DuckDBConnection,
  path: string,
  options: { columns?: DemandColumns; regions: string[] },
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
