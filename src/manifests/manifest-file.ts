import { stringify } from 'yaml'
import type { ClusterObject, CollectorObject } from './cluster-object.js'

/** One object as a file of its own, so that a review shows only the objects that change. */
export interface ManifestFile {
  name: string
  text: string
}

/** How the first line of every file begins that we write. */
export const manifestMark = '# Written by llmscale from '

/**
 * `nodepool.<name>.yaml`, `scaledobject.<namespace>.<name>.yaml`; the same object gives the same bytes.
 * @param origin what it is made of, as its first line says
 */
export function formatManifest(
  object: ClusterObject | CollectorObject,
  origin: 'the capacity plan' | 'metrics.collector' = 'the capacity plan',
): ManifestFile {
  const { namespace, name } = object.metadata
  return {
    name: [object.kind.toLowerCase(), namespace, name, 'yaml'].filter((part) => part !== undefined).join('.'),
    text: `${manifestMark}${origin}; change llmscale.yaml, not this file.\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`,
  }
}

/** Several files as one stream of YAML documents, for `kubectl apply -f -`. */
export function joinManifests(files: readonly ManifestFile[]): string {
  return files
    .map(({ text }) => text)
    .join('---\n')
    .trimEnd()
}
