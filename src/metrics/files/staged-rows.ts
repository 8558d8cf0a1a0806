import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import type { InputQuality } from '../data-quality.js'
import type { DemandWindow } from '../demand-source.js'
import { locateBadRows, takeRejects, withoutZone } from './bad-rows.js'
import { zonelessTimestamp } from './file-errors.js'
import { groupRows, oddGroups, type Steps, textRows, valueRows } from './group-rows.js'
import { chunks, firstRow } from './query.js'
import { settled } from './settled.js'
import type { SourceFile } from './source-file.js'
import { requireWholeGzip } from './whole-file.js'

/**
 * Aggregates one file into `staged`, under a number of its own, and counts and locates its bad rows. A file is read by
 * its values, and once more by its texts if anything in it is odd.
 * Throws `badData`: FILE_UNREADABLE, or TIMESTAMP_WITHOUT_ZONE at the first timestamp that has none.
 */
export async function stageFile(
  connection: DuckDBConnection,
  source: SourceFile,
  steps: Steps,
  file: number,
): Promise<InputQuality> {
  const [, quality] = await settled([requireWholeGzip(source), groupFile(connection, source, steps, file)])
  return quality
}

async function groupFile(
  connection: DuckDBConnection,
  source: SourceFile,
  steps: Steps,
  file: number,
): Promise<InputQuality> {
  const quality = { path: source.name, layout: source.layout, badRows: 0, badExamples: [] }
  const ofFile = `FROM staged WHERE file = ${file}`
  if (source.values !== undefined) {
    await groupRows(connection, source, valueRows(source, source.values), steps, file)
    const rejected = source.format === 'csv' ? await takeRejects(connection) : []
    const [rows = 0, odd = 0] = await firstRow(
      connection,
      `SELECT coalesce(sum(row_count) FILTER (is_step), 0), count(*) FILTER (${oddGroups}) ${ofFile}`,
    )
    if (odd === 0 && rejected.length === 0) return { ...quality, rows }
    await connection.run(`DELETE ${ofFile}`)
  }
  await groupRows(connection, source, textRows(source), steps, file)
  const rejected = source.format === 'csv' ? await takeRejects(connection) : []
  const [rows = 0, bad = 0, zoneless = 0] = await firstRow(
    connection,
    `SELECT coalesce(sum(row_count), 0), coalesce(sum(row_count) FILTER (why IS NOT NULL), 0),
       coalesce(sum(row_count) FILTER (why = '${withoutZone}'), 0) ${ofFile} AND is_step`,
  )
  if (zoneless > 0) {
    const [first] = await locateBadRows(connection, source, rejected, true)
    throw zonelessTimestamp(source, first?.line ?? 1, first?.text ?? '')
  }
  await connection.run(`DELETE ${ofFile} AND why IS NOT NULL`)
  const badRows = bad + rejected.length
  return {
    ...quality,
    rows: rows + rejected.length,
    badRows,
    badExamples: badRows > 0 ? await locateBadRows(connection, source, rejected) : [],
  }
}

/** Timestamps of aggregated rows by workload, ascending and distinct. */
export async function aggregatedTimestamps(connection: DuckDBConnection): Promise<Map<string, number[]>> {
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

/**
 * The last step of a log of single requests is not over, and the first may have begun before the log.
 * Throws `badData`, HISTORY_TOO_SHORT where no other is left.
 */
export async function dropPartialSteps(
  connection: DuckDBConnection,
  stepSeconds: number,
): Promise<Warning[]> {
  const [count = 0, firstStep = 0, firstAt = 0, lastStep = 0, lastAt = 0] = await firstRow(
    connection,
    `SELECT count(step_start), min(step_start), min(first_at), max(step_start), max(last_at)
     FROM staged WHERE NOT aggregated AND is_step`,
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
  const [left = 0] = await firstRow(connection, 'SELECT count(step_start) FROM staged')
  if (left > 0) return findings
  throw new LlmscaleError(
    'badData',
    'HISTORY_TOO_SHORT',
    `the requests from ${formatInstant(Math.floor(firstAt))} to ${formatInstant(Math.floor(lastAt))} fill no whole step of ${formatDuration(stepSeconds)}`,
    ['Add files that reach further back, or give a finer step.'],
  )
}

/** Drops steps outside a window; throws `badData`, HISTORY_TOO_SHORT where none is left. */
export async function dropOtherSteps(
  connection: DuckDBConnection,
  stepSeconds: number,
  { from, until }: DemandWindow,
): Promise<void> {
  const left = async () => (await firstRow(connection, 'SELECT count(step_start) FROM staged'))[0] ?? 0
  const drop = async (outside: string, message: string, tryThis: string) => {
    await connection.run(`DELETE FROM staged WHERE ${outside}`)
    if ((await left()) === 0) throw new LlmscaleError('badData', 'HISTORY_TOO_SHORT', message, [tryThis])
  }
  if (until !== undefined) {
    await drop(
      `step_start + ${stepSeconds} > ${until}`,
      `no row is older than ${formatInstant(until)}`,
      'Give a later --as-of, or files that reach further back.',
    )
  }
  if (from !== undefined) {
    await drop(
      `step_start < ${from}`,
      `no row is as young as ${formatInstant(from)}`,
      'Add files that are newer, or ask for an earlier time.',
    )
  }
}

/** The workload that three columns of a row name; tenant may be null. */
export function workloadOf(model: unknown, region: unknown, tenant: unknown): Workload {
  const workload = { model: String(model), region: String(region) }
  return tenant === null ? workload : { ...workload, tenant: String(tenant) }
}
