import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { ObjectReference } from '../cluster-client.js'

const golden = resolve(import.meta.dirname, '../../golden')

/** What llmscale renders, held by the tests of its rooms: folders of one cluster each, where names are unique. */
export const goldenFolders = [
  ...readdirSync(join(golden, 'manifests')).map((name) => join(golden, 'manifests', name)),
  join(golden, 'collector'),
  join(golden, 'exporter'),
  join(golden, 'own-mode'),
]

/** All objects of the YAML files below a folder, as people and Argo CD apply them. */
export function readObjects(folder: string): ObjectReference[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) =>
      parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map(
        (document) => document.toJS() as ObjectReference,
      ),
    )
}
