import type { ObjectMeta } from './cluster-object.js'

export const managedByLabel = { 'app.kubernetes.io/managed-by': 'llmscale' }

/** Metadata of every object that we write: who wrote it, and from which plan. */
export function createMetadata(name: string, planId: string, namespace?: string): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...managedByLabel },
    annotations: { 'llmscale.dev/plan-id': planId },
  }
}
