import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import type { InputFile } from './input-file.js'
import { chunks, quote } from './query.js'

/** Files on this machine, and what removes those of them that were fetched. */
export interface FoundFiles {
  files: InputFile[]
  remove(): Promise<void>
}

/**
 * Files that paths, patterns and `s3://` URLs name, each once, those of a pattern in the order of their names.
 * Throws `badData`, FILE_MISSING where one names none; and what `fetchObjects` throws.
 */
export async function findFiles(connection: DuckDBConnection, names: readonly string[]): Promise<FoundFiles> {
  const isRemote = (name: string) => name.startsWith('s3://')
  const objects = await fetchWhere(names.filter(isRemote))
  try {
    const files: InputFile[] = []
    for (const name of names) {
      if (isRemote(name)) files.push(...objects.byUrl.get(name)!)
      else files.push(...(await matchFiles(connection, name)).map((path) => ({ name: path, path })))
    }
    const once = new Map(files.map((file) => [resolve(file.path), file]))
    return { files: [...once.values()], remove: objects.remove }
  } catch (cause) {
    await objects.remove()
    throw cause
  }
}

async function fetchWhere(urls: string[]) {
  if (urls.length === 0) return { byUrl: new Map<string, InputFile[]>(), remove: async () => {} }
  const { fetchObjects } = await import('./object-store.js')
  return fetchObjects(urls)
}

/** A file that has pattern characters in its name is meant by that name. */
async function matchFiles(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  if (await isFile(pattern)) return [pattern]
  if (!/[*?[]/.test(pattern)) throw await missing(pattern, 'there is no such demand file')
  const found: string[] = []
  for await (const [paths] of chunks(connection, `SELECT file FROM glob(${quote(pattern)})`))
    found.push(...paths!.map(String))
  if (found.length === 0) throw await missing(pattern, 'no file matches')
  return found.sort()
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  )
}

const demandFile = /\.(csv|parquet|jsonl|ndjson)(\.gz|\.zst)?$/i

async function missing(path: string, what: string): Promise<LlmscaleError> {
  let folder = path
  let wanted: string
  let names: string[] | undefined
  do {
    wanted = basename(folder)
    folder = dirname(folder)
    names = await readdir(folder).catch(() => undefined)
  } while (names === undefined && folder !== dirname(folder))
  const visible = (names ?? []).filter((name) => !name.startsWith('.')).sort()
  const near = nearestName(wanted, visible) ?? visible.find((name) => demandFile.test(name))
  const holds = near === undefined ? '' : `; ${folder} has ${JSON.stringify(near)}`
  return new LlmscaleError('badData', 'FILE_MISSING', `${path}: ${what}${holds}`, [
    'Name your files under metrics.files, and their columns under metrics.columns if they have other names.',
    `Write a synthetic one: llmscale metrics synth --scenario example-fleet --out ${path}`,
  ])
}
