import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { csvToParquet } from '../../src/delivery/parquet.js'
import { quotePath } from '../../src/metrics/files/input-file.js'
import { emptyFolder } from '../run-cli.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function rowsOf(parquet: Uint8Array): Promise<unknown[][]> {
  const path = join(emptyFolder(), 'a.parquet')
  writeFileSync(path, parquet)
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(
    `SELECT epoch(timestamp), model, requests FROM read_parquet(${quotePath(path)})`,
  )
  connection.closeSync()
  instance.closeSync()
  return reader.getRows()
}

describe('csvToParquet', () => {
  const parts = [
    'timestamp,mod',
    'el,requests\n1970-01-01T00:00:05Z,"a,b",1.5\n',
    '1970-01-01T00:00:10Z,c,\n',
  ]
  const rows = [
    [5, 'a,b', 1.5],
    [10, 'c', null],
  ]

  it('takes a text, whole or in parts', async () => {
    expect(await rowsOf(await csvToParquet(parts.join(''), 'timestamp', ['model']))).toEqual(rows)
    expect(await rowsOf(await csvToParquet(parts.values(), 'timestamp', ['model']))).toEqual(rows)
  })

  it('works in a folder of any name, and leaves nothing there, also where it fails', async () => {
    const folder = join(emptyFolder(), "o'[1]*")
    mkdirSync(folder)
    vi.stubEnv('TMPDIR', folder)
    expect(await rowsOf(await csvToParquet(parts, 'timestamp', ['model']))).toEqual(rows)
    await expect(csvToParquet('requests\nmany\n', 'timestamp', [])).rejects.toThrow()
    expect(readdirSync(folder).filter((name) => name.startsWith('llmscale-parquet-'))).toEqual([])
  })
})
