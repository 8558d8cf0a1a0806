import type { DuckDBConnection } from '@duckdb/node-api'
import type { Warning } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import type { EpochSeconds } from '../../kit/units.js'
import { type DemandTable, inOrder, type TableColumns } from '../demand-table.js'
import type { Run } from '../gaps.js'
import type { DayHistogram } from '../histogram.js'
import { bucketOf, lengthBounds } from './length-buckets.js'
import { findLogHoles } from './log-holes.js'
import { chunks, firstRow } from './query.js'
import { workloadOf } from './staged-rows.js'

/** Puts the staged rows of all files on one grid; rows of the same workload and step become one. */
export async function fillGrid(
  connection: DuckDBConnection,
  stepSeconds: number,
): Promise<{
  grid: Pick<DemandTable, 'start' | 'length' | 'workloads'>
  findings: Warning[]
}> {
  const [start = 0, end = 0] = await firstRow(
    connection,
    'SELECT min(step_start), max(step_start) FROM staged',
  )
  const length = Math.round((end - start) / stepSeconds) + 1
  // Rows carry a number instead of three names, which would be made into text again for each of them.
  await connection.run(`
    CREATE TEMP TABLE workloads AS
    SELECT row_number() OVER () - 1 AS workload, * FROM (SELECT DISTINCT model, region, tenant FROM staged WHERE is_step);
    CREATE TEMP TABLE points AS
    SELECT workload, round((step_start - ${start}) / ${stepSeconds}) AS step, bool_or(aggregated) AS aggregated,
      bool_or(NOT aggregated) AS logged, sum(row_count) AS row_count, sum(requests) AS requests, sum(input_tokens) AS input_tokens,
      sum(output_tokens) AS output_tokens, sum(token_requests) AS token_requests, min(lowest) = max(highest) AS alike
    FROM staged JOIN workloads ON ${sameWorkload}
    WHERE is_step GROUP BY ALL`)
  const [duplicates = 0, differing = 0] = await firstRow(
    connection,
    `SELECT count(*), count(*) FILTER (NOT alike) FROM points WHERE aggregated AND row_count > 1`,
  )
  // Where every duplicate repeats its row, files overlap; where they differ, they are parts of one amount.
  const isOverlap = differing === 0
  const logged = await readLogged(connection, length)
  const found = findLogHoles(logged.requests, start + logged.from * stepSeconds, stepSeconds)
  const holes = found.map(({ from, to }) => ({ from: logged.from + from, to: logged.from + to }))
  const workloads = await createColumns(connection, length, logged, holes)
  await fillColumns(connection, workloads, length, isOverlap)
  await addHistograms(connection, workloads)
  const findings = holes.map(({ from, to }) =>
    describeHole(start + from * stepSeconds, start + to * stepSeconds),
  )
  if (duplicates > 0) {
    findings.push({
      code: 'DUPLICATE_ROWS',
      message: `Steps with more than one row: ${duplicates}; ${isOverlap ? 'all repeat the same amounts and are counted once' : `${differing} of them differ, so all are added up as parts of one workload`}.`,
    })
  }
  return { grid: { start, length, workloads: inOrder(workloads) }, findings }
}

function describeHole(from: EpochSeconds, to: EpochSeconds): Warning {
  return {
    code: 'LOG_HOLE',
    message: `From ${formatInstant(from)} to ${formatInstant(to)} (${formatDuration(to - from)}) the logs hold no request of any workload, which is unusual at this time of day: taken as a part that is missing, not as zeros.`,
  }
}

const sameWorkload = `staged.model = workloads.model AND staged.region = workloads.region
  AND staged.tenant IS NOT DISTINCT FROM workloads.tenant`

/** Requests of all logs together, by step: from the first step with a row, `from`, to the last. */
async function readLogged(
  connection: DuckDBConnection,
  length: number,
): Promise<{ from: number; requests: Float64Array }> {
  const requests = new Float64Array(length)
  let from = length
  let to = 0
  const sql = 'SELECT step, sum(requests) FROM points WHERE logged GROUP BY step'
  for await (const [steps, amounts] of chunks(connection, sql)) {
    for (let row = 0; row < steps!.length; row++) {
      const step = Number(steps![row])
      requests[step] = Number(amounts![row])
      from = Math.min(from, step)
      to = Math.max(to, step + 1)
    }
  }
  return { from, requests: requests.subarray(from, to) }
}

/**
 * Columns by the number of their workload, without amounts yet. Logs say that nothing came between their first and last
 * request where no row is, but in holes; aggregated files say nothing where none is.
 */
async function createColumns(
  connection: DuckDBConnection,
  length: number,
  logged: { from: number; requests: Float64Array },
  holes: Run[],
): Promise<TableColumns[]> {
  const reader = await connection.runAndReadAll(`
    SELECT any_value(model), any_value(region), any_value(tenant), bool_or(logged), min(step), max(step),
      (count(*) FILTER (aggregated AND row_count > 1))::DOUBLE
    FROM points JOIN workloads USING (workload) GROUP BY workload ORDER BY workload`)
  return reader.getRows().map(([model, region, tenant, isLogged, first, last, duplicates]) => {
    const column = () => {
      const amounts = new Float64Array(length).fill(Number.NaN)
      if (isLogged !== true) return amounts
      amounts.fill(0, logged.from, logged.from + logged.requests.length)
      for (const { from, to } of holes) amounts.fill(Number.NaN, from, to)
      return amounts
    }
    return {
      workload: workloadOf(model, region, tenant),
      requests: column(),
      inputTokens: column(),
      outputTokens: column(),
      tokenRequests: new Float64Array(length),
      first: Number(first),
      last: Number(last),
      duplicates: Number(duplicates),
    }
  })
}

async function fillColumns(
  connection: DuckDBConnection,
  workloads: TableColumns[],
  length: number,
  isOverlap: boolean,
): Promise<void> {
  const share = isOverlap ? 'CASE WHEN aggregated THEN row_count ELSE 1 END' : '1'
  const sql = `SELECT workload * ${length} + step, requests / ${share}, coalesce(input_tokens, 0) / ${share},
      coalesce(output_tokens, 0) / ${share}, coalesce(token_requests, 0) / ${share} FROM points`
  for await (const [slots, requests, input, output, tokenRequests] of chunks(connection, sql)) {
    for (let row = 0; row < slots!.length; row++) {
      const slot = Number(slots![row])
      const step = slot % length
      const columns = workloads[(slot - step) / length]!
      columns.requests[step] = Number(requests![row])
      columns.inputTokens[step] = Number(input![row])
      columns.outputTokens[step] = Number(output![row])
      columns.tokenRequests[step] = Number(tokenRequests![row])
    }
  }
}

/** Histograms of lengths, in the order of days. */
async function addHistograms(connection: DuckDBConnection, workloads: TableColumns[]): Promise<void> {
  const sql = `SELECT workload::DOUBLE, day, (input_exponent IS NOT NULL)::DOUBLE AS is_input,
      coalesce(input_exponent, output_exponent), sum(row_count)
    FROM staged JOIN workloads ON ${sameWorkload}
    WHERE NOT is_step AND day IS NOT NULL AND coalesce(input_exponent, output_exponent) IS NOT NULL
    GROUP BY ALL ORDER BY day, is_input DESC`
  const byKey = new Map<string, DayHistogram>()
  for await (const [numbers, days, areInputs, exponents, counts] of chunks(connection, sql)) {
    for (let row = 0; row < counts!.length; row++) {
      const key = `${numbers![row]} ${days![row]} ${areInputs![row]}`
      let histogram = byKey.get(key)
      if (histogram === undefined) {
        histogram = {
          metric: areInputs![row] === 1 ? 'input_tokens' : 'output_tokens',
          day: Number(days![row]),
          upperBounds: lengthBounds,
          counts: new Float64Array(lengthBounds.length),
        }
        byKey.set(key, histogram)
        const columns = workloads[Number(numbers![row])]!
        columns.histograms ??= []
        columns.histograms.push(histogram)
      }
      histogram.counts[bucketOf(Number(exponents![row]))]! += Number(counts![row])
    }
  }
}
