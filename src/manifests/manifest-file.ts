import { stringify } from 'yaml'
import type { ClusterObject, CollectorObject, ExporterObject, ForecastJobObject } from './cluster-object.js'

/** One object as a file of its own, so that a review shows only the objects that change. */
export interface ManifestFile {
  name: string
  text: string
}

/** How the first line of every file begins that we write. */
export const manifestMark = '# Written by llmscale from '

/** What a file is made of, as its first line says. */
type Origin = 'the capacity plan' | 'metrics.collector' | 'live' | 'llmscale forecast job'

type AnyObject = ClusterObject | CollectorObject | ExporterObject | ForecastJobObject

/** The same object gives the same bytes. */
export function formatManifest(object: AnyObject, origin: Origin = 'the capacity plan'): ManifestFile {
  return { name: manifestName(object), text: formatYaml(object, origin) }
}

/** `nodepool.<name>.yaml`, `scaledobject.<namespace>.<name>.yaml`. */
export function manifestName({ kind, metadata }: AnyObject): string {
  const { namespace, name } = metadata
  return [kind.toLowerCase(), namespace, name, 'yaml'].filter((part) => part !== undefined).join('.')
}

/** A value as YAML under a first line that says where it comes from. */
export function formatYaml(value: object, origin: Origin = 'the capacity plan'): string {
  return `${manifestMark}${origin}; change llmscale.yaml, not this file.\n${stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

/** Several files as one stream of YAML documents, for `kubectl apply -f -`. */
export function joinManifests(files: readonly ManifestFile[]): string {
  return files
    .map(({ text }) => text)
    .join('---\n')
    .trimEnd()
}
