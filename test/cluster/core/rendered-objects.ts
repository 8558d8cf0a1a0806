import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { ObjectReference } from '../cluster-client.js'

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
