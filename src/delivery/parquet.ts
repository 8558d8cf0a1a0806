import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTemporaryFolder } from '../kit/temporary-folder.js'
import { quotePath } from '../metrics/files/input-file.js'
import { quote } from '../metrics/files/query.js'

/** A header has a few short names. */
const longestHeaderBytes = 65_536

/**
 * The same table in Parquet: `time` as a timestamp in UTC, `texts` as text, every other column a number; an empty
 * field is null. The CSV, whole or in parts, goes through a file and never stands in memory at once. Loads DuckDB.
 * @param metadata kept in the file beside the table
 */
export async function csvToParquet(
  csv: string | Iterable<string>,
  time: string,
  texts: readonly string[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const folder = createTemporaryFolder('parquet')
  const [source, target] = [join(folder.path, 'table.csv'), join(folder.path, 'table.parquet')]
  try {
    await writeFile(source, csv)
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const instance = await DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      memory_limit: '600MB',
    })
    const connection = await instance.connect()
    try {
      const typeOf = (name: string) =>
        name === time ? 'TIMESTAMPTZ' : texts.includes(name) ? 'VARCHAR' : 'DOUBLE'
      const columns = (await readNames(source)).map((name) => `${quote(name)}: '${typeOf(name)}'`).join(', ')
      const kept = Object.entries(metadata).map(([key, value]) => `${quote(key)}: ${quote(value)}`)
      await connection.run("SET TimeZone = 'UTC'")
      await connection.run(
        `COPY (SELECT * FROM read_csv(${quotePath(source)}, header = true, auto_detect = false, delim = ',', quote = '"', columns = {${columns}}))
         TO ${quote(target)} (FORMAT parquet, COMPRESSION zstd${kept.length > 0 ? `, KV_METADATA {${kept.join(', ')}}` : ''})`,
      )
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
    return await readFile(target)
  } finally {
    await folder.remove()
  }
}

/** The names of the columns of a CSV of ours, which need no quotes. */
async function readNames(path: string): Promise<string[]> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestHeaderBytes), 0, longestHeaderBytes, 0)
    return buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0]!.split(',')
  } finally {
    await file.close()
  }
}
