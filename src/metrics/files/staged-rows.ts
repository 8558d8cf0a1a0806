import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import type { EpochSeconds } from '../../kit/units.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import { checkedRows, locateBadRows, takeRejects, withoutZone, zonelessTimestamp } from './bad-rows.js'
import type { InputQuality } from '../data-quality.js'
import { readable } from './file-errors.js'
import { chunks, firstRow } from './query.js'
import type { SourceFile } from './source-file.js'

/** Makes the table `staged`, which gets one row for each file, workload and step. */
export async function createStage(connection: DuckDBConnection): Promise<void> {
  await connection.run(
    `CREATE TEMP TABLE staged (aggregated BOOLEAN, why VARCHAR, model VARCHAR, region VARCHAR, tenant VARCHAR,
       step_start DOUBLE, first_at DOUBLE, last_at DOUBLE, row_count DOUBLE, requests DOUBLE, input_tokens DOUBLE,
       output_tokens DOUBLE, token_requests DOUBLE, lowest UBIGINT, highest UBIGINT)`,
  )
}

/**
 * Aggregates one file into `staged`, and counts and locates its bad rows. `at` is SQL of a row's step.
 * Throws `badData`: FILE_UNREADABLE, or TIMESTAMP_WITHOUT_ZONE at the first timestamp that has none.
 */
export async function stageFile(
  connection: DuckDBConnection,
  source: SourceFile,
  at: string,
): Promise<InputQuality> {
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

/** Drops steps that were not over at a time; throws `badData`, HISTORY_TOO_SHORT where none is left. */
export async function dropLaterSteps(
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

/** The workload that three columns of a row name; tenant may be null. */
export function workloadOf(model: unknown, region: unknown, tenant: unknown): Workload {
  const workload = { model: String(model), region: String(region) }
  return tenant === null ? workload : { ...workload, tenant: String(tenant) }
}
