import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import type { BadRow, InputQuality } from '../data-quality.js'
import type { DemandColumn } from './demand-columns.js'
import { noRows } from './file-errors.js'
import type { SourceFile } from './source-file.js'
import { fieldsOf, readLines } from './text-file.js'

/** More than this in one row is a mistake: the largest public services count 1e10 requests a day. */
export const absurdRequests = 1e12
export const absurdTokens = 1e16
const shownBadRows = 5
/** Why a row is bad whose timestamp has no zone. */
export const withoutZone = 'timestamp has no zone'

/** SQL over a source's text columns: typed values, and why a row is bad (null for a good one). */
export function checkedRows(source: SourceFile): string {
  const number = (column: DemandColumn) => `try_cast(${column} AS DOUBLE)`
  const outOfRange = (column: DemandColumn, most: number) =>
    `WHEN ${column} IS NOT NULL AND ${number(column)} IS NULL THEN '${column} is not a number'
     WHEN ${number(column)} < 0 THEN '${column} is negative'
     WHEN NOT isfinite(${number(column)}) OR ${number(column)} > ${most} THEN '${column} is above ${most}'`
  return `
    SELECT *, CASE
      WHEN timestamp IS NULL THEN 'timestamp is empty'
      WHEN NOT ends_with(timestamp, 'Z') AND NOT regexp_matches(timestamp, ':\\d{2}(\\.\\d+)? ?[+-]\\d{2}(:?\\d{2})?$')
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
    FROM (${source.texts})`
}

interface Reject {
  line: number
  why: string
}

/** Rows that are no CSV (too few or too many columns, an open quote, no UTF-8), by line. */
export async function takeRejects(connection: DuckDBConnection): Promise<Reject[]> {
  const reader = await connection.runAndReadAll(
    'SELECT line::DOUBLE, lower(any_value(error_type)::VARCHAR) FROM rejects GROUP BY line ORDER BY line',
  )
  const rejected = reader.getRows().map(([line, why]) => ({ line: Number(line), why: String(why) }))
  await connection.run('DROP TABLE rejects; DROP TABLE reject_scans')
  return rejected
}

/** The first bad rows with their line. DuckDB numbers only the rows that it could split, so lines are counted again. */
export async function locateBadRows(
  connection: DuckDBConnection,
  source: SourceFile,
  rejected: Reject[],
  onlyWithoutZone = false,
): Promise<BadRow[]> {
  const reader = await connection.runAndReadAll(`
    SELECT number::DOUBLE, why FROM (SELECT row_number() OVER () AS number, why FROM (${checkedRows(source)}))
    WHERE ${onlyWithoutZone ? `why = '${withoutZone}'` : 'why IS NOT NULL'} LIMIT ${shownBadRows}`)
  const unreadable = new Map(reader.getRows().map(([number, why]) => [Number(number), String(why)]))
  if (source.format === 'parquet')
    return [...unreadable].map(([number, why]) => ({ line: number, why, text: '' }))
  if (source.format === 'csv') await takeRejects(connection)

  const unsplit = new Map(onlyWithoutZone ? [] : rejected.map(({ line, why }) => [line, why]))
  const skipped = new Set(rejected.map(({ line }) => line))
  const expected = Math.min(shownBadRows, unreadable.size + unsplit.size)
  const found: BadRow[] = []
  let number = source.format === 'csv' ? -1 : 0 // the header is line 1 and no row
  for await (const { line, text } of readLines(connection, source)) {
    if (!skipped.has(line)) number++
    const why = skipped.has(line) ? unsplit.get(line) : number > 0 ? unreadable.get(number) : undefined
    if (why === undefined) continue
    const isRecord = source.format === 'csv' || fieldsOf(text).length > 0
    found.push({
      line,
      why: isRecord ? why : 'is no JSON object',
      text: source.hidesRows ? '' : text.slice(0, 80),
    })
    if (found.length === expected) break
  }
  return found
}

/** Throws `badData`: NO_ROWS where no row is good, TOO_MANY_BAD_ROWS above the allowed share of all files together. */
export function refuseBadRows(files: InputQuality[], maximumShare: number): void {
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

/** The warning of a file whose bad rows are left out, without their texts: it goes into plans, and a row may name a tenant. */
export function describeBadRows(file: InputQuality): Warning {
  return {
    code: 'BAD_ROWS_DROPPED',
    message: `${file.badRows} of ${file.rows} rows were dropped: ${file.badExamples.map((example) => describeBadRow(file.path, { ...example, text: '' })).join('; ')}${file.badRows > file.badExamples.length ? '; …' : ''}`,
  }
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}
