import type { ObjectMeta } from './cluster-object.js'

export const managedByLabel = { 'app.kubernetes.io/managed-by': 'llmscale' }

/** Names the plan that an object was written from. */
export const planIdAnnotation = 'llmscale.dev/plan-id'

/** Metadata of every object that we write: who wrote it, and from which plan. */
export function createMetadata(name: string, planId: string, namespace?: string): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...managedByLabel },
    annotations: { [planIdAnnotation]: planId },
  }
}
