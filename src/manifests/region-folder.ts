import type { Environment } from '../config/environment.js'
import type { ClusterObject } from './cluster-object.js'
import { createKustomizeComponent } from './kustomize.js'
import { formatManifest, type ManifestFile } from './manifest-file.js'

/** The folder of one region that Argo CD or Flux watches, relative to llmscale.yaml. */
export function gitopsFolder({ gitops }: Environment, environment: string, region: string): string {
  return gitops.path.replaceAll('{environment}', environment).replaceAll('{region}', region)
}

/** What lies in a region's folder: an object a file, or a Kustomize component with their bounds. */
export function formatObjects(
  objects: readonly ClusterObject[],
  format: Environment['gitops']['format'],
): ManifestFile[] {
  if (objects.length === 0) return []
  return format === 'kustomize'
    ? createKustomizeComponent([...objects])
    : objects.map((object) => formatManifest(object))
}
