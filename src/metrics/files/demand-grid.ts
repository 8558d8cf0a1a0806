import type { DuckDBConnection } from '@duckdb/node-api'
import type { Warning } from '../../kit/errors.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import { type DemandTable, inOrder, type TableColumns } from '../demand-table.js'
import type { DayHistogram } from '../histogram.js'
import { bucketOf, lengthBounds } from './length-buckets.js'
import { chunks, firstRow } from './query.js'
import { workloadOf } from './staged-rows.js'

/** Puts the staged rows of all files on one grid; rows of the same workload and step become one. Drops `staged`. */
export async function fillGrid(
  connection: DuckDBConnection,
  stepSeconds: number,
): Promise<{
  grid: Pick<DemandTable, 'start' | 'length' | 'workloads'>
  duplicateFinding: Warning | undefined
}> {
  // Rows carry a number instead of three names, which would be made into text again for each of them.
  await connection.run(`
    CREATE TEMP TABLE workloads AS
    SELECT row_number() OVER () - 1 AS workload, * FROM (SELECT DISTINCT model, region, tenant FROM staged);
    CREATE TEMP TABLE points AS
    SELECT workload::DOUBLE AS workload, step_start, bool_or(aggregated) AS aggregated, sum(row_count) AS row_count,
      sum(requests) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
      sum(token_requests) AS token_requests, min(lowest) = max(highest) AS alike
    FROM staged JOIN workloads ON staged.model = workloads.model AND staged.region = workloads.region
      AND staged.tenant IS NOT DISTINCT FROM workloads.tenant
    GROUP BY ALL;
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
  const workloads = await readWorkloads(connection)
  const all: TableColumns[] = []
  const sql = `SELECT workload, (step_start - ${start}) / ${stepSeconds}, row_count, requests / ${share},
      input_tokens / ${share}, output_tokens / ${share}, coalesce(token_requests, 0) / ${share}, aggregated::DOUBLE
    FROM points`
  for await (const chunk of chunks(connection, sql)) {
    const [numbers, steps, rows, requests, input, output, tokenRequests, aggregated] = chunk
    for (let row = 0; row < steps!.length; row++) {
      const number = Number(numbers![row])
      const isAggregated = aggregated![row] === 1
      all[number] ??= emptyColumns(workloads[number]!, length, isAggregated ? Number.NaN : 0)
      const columns = all[number]
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
  const histograms = await dayHistograms(connection)
  for (const columns of all) {
    const ofWorkload = histograms.get(workloadId(columns.workload))
    if (ofWorkload !== undefined) columns.histograms = ofWorkload
  }
  return {
    grid: { start, length, workloads: inOrder(all) },
    duplicateFinding:
      duplicates === 0
        ? undefined
        : {
            code: 'DUPLICATE_ROWS',
            message: `Steps with more than one row: ${duplicates}; ${isOverlap ? 'all repeat the same amounts and are counted once' : `${differing} of them differ, so all are added up as parts of one workload`}.`,
          },
  }
}

async function readWorkloads(connection: DuckDBConnection): Promise<Workload[]> {
  const reader = await connection.runAndReadAll(
    'SELECT model, region, tenant FROM workloads ORDER BY workload',
  )
  return reader.getRows().map(([model, region, tenant]) => workloadOf(model, region, tenant))
}

function emptyColumns(workload: Workload, length: number, unknown: number): TableColumns {
  const column = () => new Float64Array(length).fill(unknown)
  return {
    workload,
    requests: column(),
    inputTokens: column(),
    outputTokens: column(),
    tokenRequests: new Float64Array(length),
    first: length,
    last: -1,
    duplicates: 0,
  }
}

/** Histograms of lengths by workload, in the order of days. */
async function dayHistograms(connection: DuckDBConnection): Promise<Map<string, DayHistogram[]>> {
  const byId = new Map<string, DayHistogram[]>()
  const sql = `SELECT model, region, tenant, day, input_exponent IS NOT NULL,
      coalesce(input_exponent, output_exponent), sum(row_count)
    FROM staged_lengths GROUP BY ALL ORDER BY ALL`
  for await (const chunk of chunks(connection, sql)) {
    const [models, regions, tenants, days, areInputs, exponents, counts] = chunk
    for (let row = 0; row < counts!.length; row++) {
      const id = workloadId(workloadOf(models![row], regions![row], tenants![row]))
      const histograms = byId.get(id) ?? []
      byId.set(id, histograms)
      const day = Number(days![row])
      const metric = areInputs![row] === true ? 'input_tokens' : 'output_tokens'
      let histogram = histograms.at(-1)
      if (histogram?.day !== day || histogram.metric !== metric) {
        histogram = { metric, day, upperBounds: lengthBounds, counts: new Float64Array(lengthBounds.length) }
        histograms.push(histogram)
      }
      histogram.counts[bucketOf(Number(exponents![row]))]! += Number(counts![row])
    }
  }
  return byId
}
