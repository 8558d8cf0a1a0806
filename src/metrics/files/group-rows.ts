import type { DuckDBConnection } from '@duckdb/node-api'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { DemandWindow } from '../demand-source.js'
import { absurdRequests, absurdTokens, checkedRows } from './bad-rows.js'
import { readable } from './file-errors.js'
import { exponentOf, lengthExponent } from './length-buckets.js'
import { quote } from './query.js'
import type { SourceFile } from './source-file.js'

/** How the rows of a file become steps. */
export interface Steps {
  /** Step of single requests; aggregated rows keep their time. */
  stepSeconds: number
  /** A time at which a step begins. */
  phase: EpochSeconds
  /** Lengths are counted of requests of steps in this window only. */
  window: DemandWindow
}

/** Makes the table `staged` that `groupRows` fills. */
export async function createStage(connection: DuckDBConnection): Promise<void> {
  await connection.run(`
    CREATE TEMP TABLE staged (file INTEGER, aggregated BOOLEAN, why VARCHAR, model VARCHAR, region VARCHAR,
      tenant VARCHAR, is_step BOOLEAN, step_start DOUBLE, day DOUBLE, input_exponent DOUBLE, output_exponent DOUBLE,
      first_at DOUBLE, last_at DOUBLE, row_count DOUBLE, requests DOUBLE, input_tokens DOUBLE, output_tokens DOUBLE,
      token_requests DOUBLE, lowest UBIGINT, highest UBIGINT)`)
}

/**
 * One scan of a file into `staged`, under the file's number: a row for each workload and step (`is_step`), and of
 * single requests one for each workload, day and length. `why` is not null in groups of bad rows.
 *
 * Written for speed: no key that is the same in all rows, no CASE and no FILTER where arithmetic does the same (a sum
 * with `0 *` the other is null where one of both is).
 */
export async function groupRows(
  connection: DuckDBConnection,
  source: SourceFile,
  rows: string,
  { stepSeconds, phase, window }: Steps,
  file: number,
): Promise<void> {
  const isAggregated = source.layout === 'aggregated'
  const { used } = source
  const step = floorTo(stepSeconds, phase)
  const day = floorTo(secondsPerDay, 0)
  const keys = ['why', 'model', ...(['region', 'tenant'] as const).filter((key) => used[key] !== undefined)]
  const sets = isAggregated ? [['step']] : [['step'], ['day', 'input_exponent'], ['day', 'output_exponent']]
  const lengths = isAggregated
    ? 'NULL::BIGINT AS day, NULL::DOUBLE AS input_exponent, NULL::DOUBLE AS output_exponent'
    : 'day, input_exponent, output_exponent'
  const name = (key: string) => `nullif(trim(${key}), '')`
  const fingerprint = (least: string) =>
    isAggregated ? `${least}(hash(requests, input_tokens, output_tokens))` : 'NULL::UBIGINT'
  await readable(source, () =>
    connection.run(`
      INSERT INTO staged
      SELECT ${file}, ${isAggregated}, why, ${name('model')} AS model,
        ${used.region === undefined ? quote(source.region) : name('region')} AS region,
        ${used.tenant === undefined ? 'NULL::VARCHAR' : name('tenant')} AS tenant,
        is_step, ${isAggregated ? 'step / 1000' : step.start('step')} AS step_start,
        ${day.start('day')} AS day, input_exponent, output_exponent, first_at, last_at,
        row_count, requests, input_tokens, output_tokens, token_requests, lowest, highest
      FROM (
        SELECT ${keys.join(', ')}, step, ${lengths}, grouping(step) = 0 AS is_step,
          min(at_ms) / 1000 AS first_at, max(at_ms) / 1000 AS last_at, count(*) AS row_count,
          ${isAggregated ? 'sum(requests)' : 'count(*)'} AS requests,
          sum(input_tokens + 0 * output_tokens) AS input_tokens,
          sum(output_tokens + 0 * input_tokens) AS output_tokens,
          ${isAggregated ? 'sum(requests + 0 * (input_tokens + output_tokens))' : 'count(input_tokens + output_tokens)'} AS token_requests,
          ${fingerprint('min')} AS lowest, ${fingerprint('max')} AS highest
        FROM (SELECT *, ${isAggregated ? 'at_ms' : step.index('at_ms')} AS step,
                ${inWindow(window, stepSeconds, phase, day.index('at_ms'))} AS day,
                ${lengthExponent('input_tokens')} AS input_exponent,
                ${lengthExponent('output_tokens')} AS output_exponent
              FROM (${rows}))
        GROUP BY GROUPING SETS (${sets.map((set) => `(${[...keys, ...set].join(', ')})`).join(', ')}))`),
  )
}

/** SQL of the number of a span of time that a time in milliseconds lies in, and of the second at which the span begins. */
function floorTo(spanSeconds: number, phase: EpochSeconds) {
  // The integer division of SQL cuts towards zero: from the year 1 on nothing is below it.
  const earlierSeconds = Math.ceil(6.3e10 / spanSeconds) * spanSeconds - phase
  return {
    index: (atMs: string) => `(${atMs} + ${1000 * earlierSeconds}) // ${1000 * spanSeconds}`,
    start: (index: string) => `(${index} * ${spanSeconds} - ${earlierSeconds})::DOUBLE`,
  }
}

function inWindow({ from, until }: DemandWindow, stepSeconds: number, phase: EpochSeconds, value: string) {
  const atStep = (time: EpochSeconds, round: (steps: number) => number) =>
    1000 * (round((time - phase) / stepSeconds) * stepSeconds + phase)
  const conditions = [
    ...(from === undefined ? [] : [`at_ms >= ${atStep(from, Math.ceil)}`]),
    ...(until === undefined ? [] : [`at_ms < ${atStep(until, Math.floor)}`]),
  ]
  return conditions.length === 0 ? value : `CASE WHEN ${conditions.join(' AND ')} THEN ${value} END`
}

/**
 * Rows by value; `why` is true where the texts must be judged. Of single requests that is asked of each row only as
 * far as their groups do not show it: see `oddGroups`.
 */
export function valueRows({ layout }: SourceFile, values: string): string {
  const odd =
    layout === 'requests'
      ? 'input_tokens < 0 OR output_tokens < 0'
      : `(requests IS NULL OR NOT requests BETWEEN 0 AND ${absurdRequests}
          OR NOT input_tokens BETWEEN 0 AND ${absurdTokens} OR NOT output_tokens BETWEEN 0 AND ${absurdTokens}) IS TRUE`
  return `SELECT nullif(${odd}, false) AS why, model, region, tenant, epoch_ms(instant) AS at_ms,
    requests, input_tokens, output_tokens FROM (${values})`
}

/** SQL of the groups of `valueRows` that hold a row whose text must be judged: NaN is above all numbers. */
export const oddGroups = `why IS NOT NULL OR model IS NULL OR region IS NULL OR is_step AND step_start IS NULL
  OR input_exponent >= ${exponentOf(absurdTokens)} OR output_exponent >= ${exponentOf(absurdTokens)}`

/** Rows by text; `why` says what is wrong with a bad one, of which nothing else is kept. */
export function textRows(source: SourceFile): string {
  const good = (value: string, name: string) => `CASE WHEN why IS NULL THEN ${value} END AS ${name}`
  const names = ['model', 'region', 'tenant'].map((name) => good(name, name))
  const numbers = ['requests', 'input_tokens', 'output_tokens'].map((name) =>
    good(`try_cast(${name} AS DOUBLE)`, name),
  )
  return `SELECT why, ${names.join(', ')}, ${good('epoch_ms(instant)', 'at_ms')}, ${numbers.join(', ')}
    FROM (${checkedRows(source)})`
}
