import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onInterrupt } from '../kit/interrupt.js'

/**
 * The same table in Parquet: `time` as a timestamp in UTC, `texts` as text, every other column a number; an empty
 * field is null. Loads DuckDB.
 */
export async function csvToParquet(csv: string, time: string, texts: readonly string[]): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'llmscale-parquet-'))
  const [source, target] = [join(folder, 'table.csv'), join(folder, 'table.parquet')]
  const remove = () => rm(folder, { recursive: true, force: true })
  const done = onInterrupt(remove)
  try {
    await writeFile(source, csv)
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' })
    const connection = await instance.connect()
    try {
      const header = csv.slice(0, csv.indexOf('\n')).split(',')
      const typeOf = (name: string) =>
        name === time ? 'TIMESTAMPTZ' : texts.includes(name) ? 'VARCHAR' : 'DOUBLE'
      const columns = header.map((name) => `"${name}": '${typeOf(name)}'`).join(', ')
      await connection.run("SET TimeZone = 'UTC'")
      await connection.run(
        `COPY (SELECT * FROM read_csv('${source}', header = true, auto_detect = false, delim = ',', quote = '"', columns = {${columns}}))
         TO '${target}' (FORMAT parquet, COMPRESSION zstd)`,
      )
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
    return await readFile(target)
  } finally {
    await remove()
    done()
  }
}
