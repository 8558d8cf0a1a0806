import { forceAnnotation } from '../planning/change-set.js'
import type { ClusterObject } from './cluster-object.js'

/** The object with an order to the provider: take over fields that another manager owns, where it would refuse. */
export function forceObject<T extends ClusterObject>(object: T): T {
  const annotations = { ...object.metadata.annotations, [forceAnnotation]: 'true' }
  return { ...object, metadata: { ...object.metadata, annotations } }
}
