import { stringify } from 'yaml'
import type { ClusterObject } from './cluster-object.js'

/** One object as a file of its own, so that a review shows only the objects that change. */
export interface ManifestFile {
  name: string
  text: string
}

/** First line of every file that we write. */
export const manifestHeader =
  '# Written by llmscale from the capacity plan; change llmscale.yaml, not this file.\n'

/** `nodepool.<name>.yaml`, `scaledobject.<namespace>.<name>.yaml`; the same object gives the same bytes. */
export function formatManifest(object: ClusterObject): ManifestFile {
  const { namespace, name } = object.metadata
  return {
    name: [object.kind.toLowerCase(), namespace, name, 'yaml'].filter((part) => part !== undefined).join('.'),
    text: `${manifestHeader}${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`,
  }
}
