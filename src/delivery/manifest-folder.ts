import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ManifestFile, manifestMark } from '../manifests/manifest-file.js'
import { notWritable, writeFilesWhole } from './files.js'

/** A file of a folder that is not as the plan gives it. */
export interface ManifestDifference {
  name: string
  /** `stale` is one that an earlier run wrote and that the plan no longer has. */
  state: 'missing' | 'different' | 'stale'
}

/**
 * Writes the objects of one region, all or none, and removes nothing. Returns the names of files there that an
 * earlier run wrote and that are no longer among them.
 * Throws OUTPUT_NOT_WRITABLE, also for a file of the same name that somebody else wrote.
 */
export async function writeManifests(folder: string, files: readonly ManifestFile[]): Promise<string[]> {
  const there = await readFolder(folder)
  const foreign = files.find(({ name }) => there.get(name)?.startsWith(manifestMark) === false)
  if (foreign !== undefined) throw notWritable(join(folder, foreign.name), 'it was not written by llmscale')
  await writeFilesWhole(new Map(files.map(({ name, text }) => [join(folder, name), text])))
  return findStale(there, files)
}

/** How a folder differs from what `writeManifests` would leave there; writes nothing. */
export async function compareManifests(
  folder: string,
  files: readonly ManifestFile[],
): Promise<ManifestDifference[]> {
  const there = await readFolder(folder)
  return [
    ...files
      .filter(({ name, text }) => there.get(name) !== text)
      .map(({ name }) => ({ name, state: there.has(name) ? ('different' as const) : ('missing' as const) })),
    ...findStale(there, files).map((name) => ({ name, state: 'stale' as const })),
  ]
}

function findStale(there: ReadonlyMap<string, string>, files: readonly ManifestFile[]): string[] {
  const written = new Set(files.map(({ name }) => name))
  return [...there]
    .filter(([name, text]) => !written.has(name) && text.startsWith(manifestMark))
    .map(([name]) => name)
    .sort()
}

/** Texts of the YAML files of a folder, by name; empty where there is no folder. */
async function readFolder(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
    if (entry.isFile() && entry.name.endsWith('.yaml'))
      texts.set(entry.name, await readFile(join(folder, entry.name), 'utf8'))
  return texts
}
