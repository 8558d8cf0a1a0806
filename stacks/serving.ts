import type { ComponentResource } from '@pulumi/pulumi'
import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { type Transform, transformObjects } from '../src/manifests/transform.js'
import { Autoscaler } from './autoscaler.js'
import { DisruptionBudget } from './disruption-budget.js'
import { GpuPool } from './gpu-pool.js'
import { ModelCache } from './model-cache.js'
import { ModelServer } from './model-server.js'
import { ModelService } from './model-service.js'
import { NodeClass } from './node-class.js'
import { PodPriority } from './pod-priority.js'

export interface ServingOptions {
  /** Changes objects before they are declared; what it takes away no policy of this call sees. */
  transform?: Transform
}

/** Declares what a plan puts into one region's cluster. Objects come after those that they name. */
export function declareServing(objects: readonly ClusterObject[], { transform }: ServingOptions = {}): void {
  const nodeClasses: ComponentResource[] = []
  // What pods name must be there before them.
  const needs: ComponentResource[] = []
  for (const object of transformObjects(objects, transform)) {
    const { name, namespace } = object.metadata
    // Targets of two namespaces may have one name.
    const targetName = namespace === undefined ? name : `${namespace}/${name}`
    switch (object.kind) {
      case 'PriorityClass':
        needs.push(new PodPriority(name, object))
        break
      case 'PersistentVolumeClaim':
        needs.push(new ModelCache(targetName, object))
        break
      case 'Service':
        new ModelService(targetName, object)
        break
      case 'Deployment':
      case 'LeaderWorkerSet':
        new ModelServer(targetName, object, { dependsOn: [...needs] })
        break
      case 'ScaledObject':
      case 'HorizontalPodAutoscaler':
        new Autoscaler(name, object)
        break
      case 'PodDisruptionBudget':
        new DisruptionBudget(name, object)
        break
      case 'EC2NodeClass':
        nodeClasses.push(new NodeClass(name, object))
        break
      case 'NodePool':
        new GpuPool(name, object, { dependsOn: nodeClasses })
        break
    }
  }
}
