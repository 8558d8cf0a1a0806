import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { Autoscaler } from './autoscaler.js'
import { GpuPool } from './gpu-pool.js'

/** Declares what a plan puts into one region's cluster. */
export function declareServing(objects: readonly ClusterObject[]): void {
  for (const object of objects) {
    switch (object.kind) {
      case 'ScaledObject':
        new Autoscaler(object.metadata.name, object)
        break
      case 'NodePool':
        new GpuPool(object.metadata.name, object)
        break
    }
  }
}
