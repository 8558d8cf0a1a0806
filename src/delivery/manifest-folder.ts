import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ManifestFile, manifestMark } from '../manifests/manifest-file.js'
import { writeFilesWhole } from './files.js'

/**
 * Writes the objects of one region, all or none, and removes nothing. Returns the names of files there that an
 * earlier run wrote and that are no longer among them. Throws OUTPUT_NOT_WRITABLE.
 */
export async function writeManifests(folder: string, files: readonly ManifestFile[]): Promise<string[]> {
  await writeFilesWhole(new Map(files.map(({ name, text }) => [join(folder, name), text])))
  const written = new Set(files.map(({ name }) => name))
  const stale: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || written.has(entry.name) || !entry.name.endsWith('.yaml')) continue
    if ((await readFile(join(folder, entry.name), 'utf8')).startsWith(manifestMark)) stale.push(entry.name)
  }
  return stale.sort()
}
