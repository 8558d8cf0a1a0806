import { chmod, mkdir, rm, stat } from 'node:fs/promises'
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
 * Opens a store in a DuckDB file, made anew where it cannot be read: it is only a cache, and no fault of it ends a
 * read. Undefined where it cannot be used: another process has it (DuckDB lets one process write), or the folder
 * cannot be written. What is wrong, now or later, is added to `warnings`. The file is for its owner alone: it holds
 * names of tenants as the server has them.
 * https://duckdb.org/docs/stable/connect/concurrency
 */
export async function openDayStore(
  path: string,
  now: EpochSeconds,
): Promise<{ store?: DayStore; warnings: Warning[] }> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const open = async () => {
    const settings = { memory_limit: '512MB', autoinstall_known_extensions: 'false' }
    const store = await createStore(await DuckDBInstance.create(path, settings), now)
    await chmod(path, 0o600)
    return store
  }
  const warnings: Warning[] = []
  const warn = (code: string, what: string, cause: unknown) =>
    warnings.push({ code, message: `${path} ${what}: ${(cause as Error).message.split('\n')[0]}` })
  try {
    await mkdir(dirname(path), { recursive: true })
    return {
      store: forgiveFaults(await open(), (cause) => warn('CACHE_FAILED', 'is not used any more', cause)),
      warnings,
    }
  } catch (cause) {
    if ((cause as Error).message.includes('Could not set lock')) {
      warnings.push({ code: 'CACHE_BUSY', message: `${path} is in use by another process; read without it` })
      return { warnings }
    }
    try {
      for (const file of [path, `${path}.wal`]) if (await isFile(file)) await rm(file)
      const store = await open()
      warn('CACHE_REBUILT', 'could not be read and is made anew', cause)
      return { store, warnings }
    } catch (second) {
      warn('CACHE_FAILED', 'cannot be used; read without it', second)
      return { warnings }
    }
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  )
}

/** A store that after its first fault knows nothing and keeps nothing. */
function forgiveFaults(store: DayStore, report: (cause: unknown) => void): DayStore {
  let isBroken = false
  const attempt = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    if (isBroken) return otherwise
    try {
      return await work()
    } catch (cause) {
      if (!isBroken) report(cause)
      isBroken = true
      return otherwise
    }
  }
  return {
    load: (query, from, to) => attempt(() => store.load(query, from, to), new Map()),
    save: (query, days) => attempt(() => store.save(query, days), undefined),
    close: () => store.close(),
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
