import { readFile } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { writeFileWhole } from '../delivery/files.js'
import { csvToParquet } from '../delivery/parquet.js'
import { markShard, type Shard } from '../forecast/shard.js'
import { LlmscaleError } from '../kit/errors.js'
import { quotePath } from '../metrics/files/input-file.js'
import { csvField } from '../metrics/table-csv.js'

const texts = ['model', 'region', 'tenant', 'metric']
const shardKey = 'llmscale.shard'
const isParquet = (path: string) => /\.parquet$/i.test(path)

/** Throws a usage error, FLAG_INVALID, unless a path ends as a forecast file does. */
export function requireForecastPath(path: string): void {
  if (/\.(csv|parquet)$/i.test(path)) return
  throw new LlmscaleError('usage', 'FLAG_INVALID', `--out: ${path} is neither .csv nor .parquet`, [
    `--out ${path.replace(/\.\w+$/, '')}.parquet`,
  ])
}

/**
 * Writes a forecast file, CSV or Parquet, from its CSV in parts; that of a shard says which: CSV in its last line,
 * Parquet in its metadata. Throws OUTPUT_NOT_WRITABLE.
 */
export async function writeForecastFile(path: string, csv: readonly string[], shard?: Shard): Promise<void> {
  const mark = shard && markShard(shard)
  const content = isParquet(path)
    ? await csvToParquet(csv, 'timestamp', texts, mark === undefined ? {} : { [shardKey]: mark })
    : [...csv, mark ?? '']
  await writeFileWhole(path, content)
}

/**
 * A forecast file as CSV, the bytes of which a Parquet file was made, with the last line of a shard. Throws `badData`,
 * FORECAST_UNREADABLE.
 */
export async function readForecastFile(path: string): Promise<string> {
  try {
    return isParquet(path) ? await parquetToCsv(path) : await readFile(path, 'utf8')
  } catch (cause) {
    throw new LlmscaleError(
      'badData',
      'FORECAST_UNREADABLE',
      `${path} cannot be read: ${(cause as Error).message.split('\n')[0]}`,
      ['Name files that llmscale forecast --out wrote.'],
    )
  }
}

/** Loads DuckDB. */
async function parquetToCsv(path: string): Promise<string> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const result = await connection.stream(
      `SELECT * REPLACE (strftime(timestamp, '%Y-%m-%dT%H:%M:%SZ') AS timestamp) FROM read_parquet(${quotePath(path)})`,
    )
    const lines = [result.columnNames().join(',')]
    for await (const rows of result.yieldRowsJs())
      for (const row of rows)
        lines.push(
          row.map((value) => (typeof value === 'string' ? csvField(value) : (value ?? ''))).join(','),
        )
    return `${lines.join('\n')}\n${await readMark(connection, path)}`
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Empty where the file is no shard's. */
async function readMark(connection: DuckDBConnection, path: string): Promise<string> {
  const found = await connection.runAndReadAll(
    `SELECT decode(value) FROM parquet_kv_metadata(${quotePath(path)}) WHERE decode(key) = '${shardKey}'`,
  )
  return String(found.getRows()[0]?.[0] ?? '')
}
