import type { ComponentResource } from '@pulumi/pulumi'
import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { Autoscaler } from './autoscaler.js'
import { DisruptionBudget } from './disruption-budget.js'
import { GpuPool } from './gpu-pool.js'
import { NodeClass } from './node-class.js'
import { PodPriority } from './pod-priority.js'

/** Declares what a plan puts into one region's cluster. Objects come after those that they name. */
export function declareServing(objects: readonly ClusterObject[]): void {
  const nodeClasses: ComponentResource[] = []
  for (const object of objects) {
    const { name } = object.metadata
    switch (object.kind) {
      case 'PriorityClass':
        new PodPriority(name, object)
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
