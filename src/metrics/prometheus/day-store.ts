import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { digestText } from '../../kit/digest.js'
import type { Warning } from '../../kit/errors.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'

/** Values of one series on the steps of one day; NaN where there is none. */
export interface DaySeries {
  labels: { readonly [name: string]: string }
  values: Float64Array
}

/** Answers to range queries by day (UTC), so that the next read asks only for what is new. */
export interface DayStore {
  /** Days that are known, among those of a window. */
  load(query: StoredQuery, from: EpochSeconds, to: EpochSeconds): Promise<Map<EpochSeconds, DaySeries[]>>
  save(query: StoredQuery, days: ReadonlyMap<EpochSeconds, DaySeries[]>): Promise<void>
  close(): void
}

/** What identifies an answer: the server (with what chooses a tenant there), the expression and the step. */
interface StoredQuery {
  server: string
  query: string
  stepSeconds: number
}

const keptSeconds = 400 * secondsPerDay
const version = 1

/**
 * Opens a store in a DuckDB file, made anew where it is not there or cannot be read: it is only a cache. Undefined,
 * with a warning, while another process has it: DuckDB lets one process write.
 * https://duckdb.org/docs/stable/connect/concurrency
 */
export async function openDayStore(
  path: string,
  now: EpochSeconds,
): Promise<{ store?: DayStore; warnings: Warning[] }> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  await mkdir(dirname(path), { recursive: true })
  const open = () =>
    DuckDBInstance.create(path, { memory_limit: '512MB', autoinstall_known_extensions: 'false' })
  const warnings: Warning[] = []
  try {
    return { store: await createStore(await open(), now), warnings }
  } catch (cause) {
    const message = (cause as Error).message.split('\n')[0]!
    if (/lock/i.test(message)) {
      warnings.push({ code: 'CACHE_BUSY', message: `${path} is in use by another process; read without it` })
      return { warnings }
    }
    await rm(path, { force: true })
    await rm(`${path}.wal`, { force: true })
    warnings.push({
      code: 'CACHE_REBUILT',
      message: `${path} could not be read and is made anew: ${message}`,
    })
    return { store: await createStore(await open(), now), warnings }
  }
}

async function createStore(instance: DuckDBInstance, now: EpochSeconds): Promise<DayStore> {
  const connection = await instance.connect()
  // A blob a day and query: as rows of values the same answers take seconds to write and twenty times the space.
  await connection.run(
    `CREATE TABLE IF NOT EXISTS days_v${version} (key VARCHAR, day BIGINT, answer BLOB, PRIMARY KEY (key, day))`,
  )
  await connection.run(`DELETE FROM days_v${version} WHERE day < ${Math.floor(now - keptSeconds)}`)
  let saved: Promise<void> = Promise.resolve()
  return {
    load: (query, from, to) => load(connection, keyOf(query), from, to),
    save(query, days) {
      // One after the other: a connection has one transaction at a time.
      saved = saved.then(async () => {
        if (days.size === 0) return
        // Before the transaction: within one, a key that is deleted and added again counts as there twice.
        await connection.run(
          `DELETE FROM days_v${version} WHERE key = $1 AND day IN (${[...days.keys()].join(', ')})`,
          [keyOf(query)],
        )
        await connection.run('BEGIN')
        // INSERT with blobs as parameters takes six times as long.
        const appender = await connection.createAppender(`days_v${version}`)
        for (const [day, series] of days) {
          appender.appendVarchar(keyOf(query))
          appender.appendBigInt(BigInt(day))
          appender.appendBlob(encodeDay(series))
          appender.endRow()
        }
        appender.closeSync()
        await connection.run('COMMIT')
      })
      return saved
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function load(
  connection: DuckDBConnection,
  key: string,
  from: EpochSeconds,
  to: EpochSeconds,
): Promise<Map<EpochSeconds, DaySeries[]>> {
  const reader = await connection.runAndReadAll(
    `SELECT day, answer FROM days_v${version} WHERE key = $1 AND day >= $2 AND day < $3 ORDER BY day`,
    [key, BigInt(from), BigInt(to)],
  )
  return new Map(
    reader
      .getRows()
      .map(([day, answer]) => [Number(day), decodeDay((answer as { bytes: Uint8Array }).bytes)]),
  )
}

function keyOf({ server, query, stepSeconds }: StoredQuery): string {
  return digestText(JSON.stringify([server, query, stepSeconds]))
}

/** Length of the labels' JSON, the JSON, then the values of each series as doubles in the machine's byte order. */
function encodeDay(series: readonly DaySeries[]): Uint8Array {
  const length = series[0]?.values.length ?? 0
  const labels = Buffer.from(JSON.stringify({ length, labels: series.map((each) => each.labels) }))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(labels.length)
  const values = series.map((each) =>
    Buffer.from(each.values.buffer, each.values.byteOffset, each.values.byteLength),
  )
  return Buffer.concat([size, labels, ...values])
}

function decodeDay(bytes: Uint8Array): DaySeries[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = 4 + buffer.readUInt32LE(0)
  const { length, labels } = JSON.parse(buffer.toString('utf8', 4, end)) as {
    length: number
    labels: DaySeries['labels'][]
  }
  // A copy, since doubles must begin at a multiple of eight bytes.
  const values = new Float64Array(Uint8Array.from(buffer.subarray(end)).buffer)
  return labels.map((each, series) => ({
    labels: each,
    values: values.subarray(series * length, (series + 1) * length),
  }))
}
