import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError } from '../../kit/errors.js'
import type { InputQuality } from '../data-quality.js'
import { type DemandColumn, type DemandColumns, demandColumns, matchColumns } from './demand-columns.js'
import { readable, zonelessTimestamp } from './file-errors.js'
import { type InputFile, quotePath } from './input-file.js'
import { identifier, quote } from './query.js'
import { readFields, readHeader } from './text-file.js'
import { requireWholeZstd } from './whole-file.js'

/** A demand file whose format and columns are known. */
export interface SourceFile extends InputFile {
  layout: InputQuality['layout']
  format: 'csv' | 'jsonl' | 'parquet'
  used: DemandColumns
  /** Region and model of rows where no column names them. */
  region: string
  model: string
  /** Its rows name tenants that people may not see: no text of them is told. */
  hidesRows: boolean
  /** SQL that yields the used columns as text, under our names. */
  texts: string
  /**
   * SQL that yields them as values in a tenth of the time: `instant`, null where the careful way must judge it,
   * numbers of any type, names as they are. Undefined where text must be judged row by row.
   */
  values: string | undefined
}

const numberColumns: ReadonlySet<DemandColumn> = new Set(['requests', 'input_tokens', 'output_tokens'])

/**
 * Recognises a file by its name and its columns; reads no more of it than that.
 * Throws `badData`: FILE_UNREADABLE, NO_ROWS, COLUMN_MISSING, COLUMN_UNREADABLE, REGION_UNKNOWN or
 * TIMESTAMP_WITHOUT_ZONE.
 */
export async function openSource(
  connection: DuckDBConnection,
  file: InputFile,
  options: {
    columns?: DemandColumns
    regions: string[]
    model?: string | undefined
    hidesTenants?: boolean | undefined
  },
): Promise<SourceFile> {
  await requireWholeZstd(file)
  const format = formatOf(file.path)
  const describe = { csv: describeCsv, jsonl: describeJsonLines, parquet: describeParquet }[format]
  const { names, texts, values } = await describe(connection, file)
  const used = matchColumns(file.name, names, options.columns ?? {}, options.model === undefined)
  if (used.region === undefined && options.regions.length !== 1) {
    throw new LlmscaleError(
      'badData',
      'REGION_UNKNOWN',
      `${file.name}: has no region column, and there is not exactly one region to take instead (${options.regions.join(', ') || 'none is known'})`,
      ['Map a column under metrics.columns.region, give --region, or split the environment by region.'],
    )
  }
  const columns = { used, region: options.regions[0] ?? '', model: options.model ?? '' }
  return {
    ...file,
    layout: used.requests === undefined ? 'requests' : 'aggregated',
    format,
    ...columns,
    hidesRows: options.hidesTenants === true && used.tenant !== undefined,
    texts: texts(columns),
    values: values(columns),
  }
}

type UsedColumns = Pick<SourceFile, 'used' | 'region' | 'model'>

/** What a format needs to make the two scans of `SourceFile`. */
interface Description {
  names: string[]
  texts(columns: UsedColumns): string
  values(columns: UsedColumns): string | undefined
}

function formatOf(path: string): SourceFile['format'] {
  if (/\.parquet$/i.test(path)) return 'parquet'
  return /\.(jsonl|ndjson|json)(\.gz|\.zst)?$/i.test(path) ? 'jsonl' : 'csv'
}

async function describeCsv(connection: DuckDBConnection, file: InputFile): Promise<Description> {
  const { names, delimiter } = await readHeader(connection, file)
  const table = (typeOf: (name: string) => string) =>
    `read_csv(${quotePath(file.path)}, columns = {${names.map((name) => `${quote(name)}: '${typeOf(name)}'`)}},
       auto_detect = false, header = true, delim = ${quote(delimiter)}, quote = '"', escape = '"',
       ignore_errors = true, store_rejects = true, rejects_limit = 0, rejects_table = 'rejects',
       rejects_scan = 'reject_scans')`
  return {
    names,
    texts: (columns) =>
      selectTexts(
        columns,
        table(() => 'VARCHAR'),
      ),
    values: (columns) => {
      const numbers = new Set([...numberColumns].map((column) => columns.used[column]))
      return selectValues(
        columns,
        table((name) => (numbers.has(name) ? 'DOUBLE' : 'VARCHAR')),
      )
    },
  }
}

async function describeJsonLines(connection: DuckDBConnection, file: InputFile): Promise<Description> {
  const names = await readFields(connection, file)
  const table = `read_json(${quotePath(file.path)}, format = 'newline_delimited', ignore_errors = true,
    columns = {${names.map((name) => `${quote(name)}: 'VARCHAR'`)}})`
  return { names, texts: (columns) => selectTexts(columns, table), values: () => undefined }
}

async function describeParquet(connection: DuckDBConnection, file: InputFile): Promise<Description> {
  const table = `read_parquet(${quotePath(file.path)})`
  const reader = await readable(file, () =>
    connection.runAndReadAll(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${table})`),
  )
  const types = new Map(reader.getRows().map(([name, type]) => [String(name), String(type)]))
  const typeOf = (name: string | undefined) => types.get(name ?? '') ?? 'VARCHAR'
  return {
    names: [...types.keys()],
    texts: (columns) => {
      for (const column of demandColumns) requireType(file, column, columns.used[column], typeOf)
      const { timestamp } = columns.used
      return selectTexts(columns, table, isNumber(typeOf(timestamp)) ? epochText(timestamp!) : undefined)
    },
    values: (columns) => {
      const named = [...numberColumns].filter((column) => columns.used[column] !== undefined)
      if (named.some((column) => !isNumber(typeOf(columns.used[column])))) return undefined
      const { timestamp } = columns.used
      const type = typeOf(timestamp)
      const instant = isNumber(type) ? epochInstant(timestamp!) : identifier(timestamp!)
      const number = (name: string) =>
        `${identifier(name)}::${isShortInteger(typeOf(name)) ? 'BIGINT' : 'DOUBLE'}`
      return selectValues(columns, table, type === 'VARCHAR' ? undefined : instant, number)
    },
  }
}

function isNumber(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type)
}

function isShortInteger(type: string): boolean {
  return /^((U?(TINY|SMALL)|BIG)INT|U?INTEGER)$/.test(type)
}

function requireType(
  file: InputFile,
  column: DemandColumn,
  name: string | undefined,
  typeOf: (name: string) => string,
): void {
  if (name === undefined) return
  const type = typeOf(name)
  const shown = `column ${JSON.stringify(name)} is ${type}`
  if (column === 'timestamp' && /^(TIMESTAMP(_S|_MS|_NS)?|DATE)$/.test(type)) {
    throw zonelessTimestamp(file, 1, `${shown} that is not adjusted to UTC`)
  }
  const isTime = column === 'timestamp' && type === 'TIMESTAMP WITH TIME ZONE'
  const isPlain = type === 'VARCHAR' || type.startsWith('ENUM') || isNumber(type)
  if (isTime || isPlain) return
  const wanted =
    column === 'timestamp'
      ? 'a time with zone, text or epoch'
      : numberColumns.has(column)
        ? 'a number'
        : 'text'
  throw new LlmscaleError('badData', 'COLUMN_UNREADABLE', `${file.name}: ${shown}; it must be ${wanted}`, [
    `Write the value into a column of its own and map it: --column ${column}=NAME.`,
  ])
}

/** Seconds, milliseconds, microseconds or nanoseconds since the epoch: by magnitude, right from 1973 to 5138. */
function epochInstant(name: string): string {
  const value = `${identifier(name)}::DOUBLE`
  return `CASE WHEN ${value} >= 1e17 THEN make_timestamptz((${identifier(name)} / 1000)::BIGINT)
    WHEN ${value} >= 1e14 THEN make_timestamptz(${identifier(name)}::BIGINT)
    WHEN ${value} >= 1e11 THEN make_timestamptz((${value} * 1e3)::BIGINT)
    WHEN ${value} >= 1e8 THEN make_timestamptz((${value} * 1e6)::BIGINT) END`
}

function epochText(name: string): string {
  return `coalesce((${epochInstant(name)})::VARCHAR, ${identifier(name)}::VARCHAR)`
}

function selectTexts({ used, region, model }: UsedColumns, table: string, timestamp?: string): string {
  const text = (column: DemandColumn) => {
    if (column === 'region' && used.region === undefined) return quote(region)
    if (column === 'model' && used.model === undefined) return quote(model)
    if (column === 'timestamp' && timestamp !== undefined) return timestamp
    return used[column] === undefined ? 'NULL' : `nullif(trim(${identifier(used[column])}::VARCHAR), '')`
  }
  return `SELECT ${demandColumns.map((column) => `${text(column)} AS ${column}`).join(', ')} FROM ${table}`
}

function selectValues(
  { used, region, model }: UsedColumns,
  table: string,
  instant?: string,
  number?: (name: string) => string,
): string {
  const value = (column: DemandColumn) => {
    if (column === 'region' && used.region === undefined) return quote(region)
    if (column === 'model' && used.model === undefined) return quote(model)
    if (used[column] === undefined) return `NULL::${numberColumns.has(column) ? 'DOUBLE' : 'VARCHAR'}`
    const name = identifier(used[column])
    return numberColumns.has(column) ? (number?.(used[column]) ?? name) : `${name}::VARCHAR`
  }
  const rest = demandColumns.filter((column) => column !== 'timestamp')
  return `SELECT ${instant ?? instantOfText(identifier(used.timestamp!))} AS instant,
    ${rest.map((column) => `${value(column)} AS ${column}`).join(', ')} FROM ${table}`
}

/**
 * The instant of the usual forms 2025-03-03T00:00:00Z and …+00:00, null for all others. Looked at from the end,
 * for a regular expression takes longer than all the rest.
 */
function instantOfText(text: string): string {
  return `CASE WHEN ends_with(${text}, 'Z') OR (length(${text}) >= 22 AND ${text}[-6] IN ('+', '-') AND ${text}[-3] = ':')
    THEN try_cast(${text} AS TIMESTAMPTZ) END`
}
