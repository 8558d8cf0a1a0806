import { Provider } from '@pulumi/kubernetes/provider.js'
import { type ComponentResource, Config } from '@pulumi/pulumi'
import { LlmscaleError } from '../src/kit/errors.js'
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
  /** Context of the kubeconfig; default that of the stack's settings, else the current one. */
  context?: string
}

/**
 * Declares what a plan puts into one region's cluster. Objects come after those that they name.
 * Throws `configInvalid`, CLUSTER_AMBIGUOUS where the stack's settings name another cluster than the context.
 */
export function declareServing(
  objects: readonly ClusterObject[],
  { transform, context }: ServingOptions = {},
): void {
  assertOneCluster(context)
  const options = context === undefined ? {} : { provider: createProvider(context) }
  const nodeClasses: ComponentResource[] = []
  // What pods name must be there before them.
  const needs: ComponentResource[] = []
  for (const object of transformObjects(objects, transform)) {
    const { name, namespace } = object.metadata
    // Targets of two namespaces may have one name.
    const targetName = namespace === undefined ? name : `${namespace}/${name}`
    switch (object.kind) {
      case 'PriorityClass':
        needs.push(new PodPriority(name, object, options))
        break
      case 'PersistentVolumeClaim':
        needs.push(new ModelCache(targetName, object, options))
        break
      case 'Service':
        new ModelService(targetName, object, options)
        break
      case 'Deployment':
      case 'LeaderWorkerSet':
        new ModelServer(targetName, object, { ...options, dependsOn: [...needs] })
        break
      case 'ScaledObject':
      case 'HorizontalPodAutoscaler':
        new Autoscaler(name, object, options)
        break
      case 'PodDisruptionBudget':
        new DisruptionBudget(name, object, options)
        break
      case 'EC2NodeClass':
        nodeClasses.push(new NodeClass(name, object, options))
        break
      case 'NodePool':
        new GpuPool(name, object, { ...options, dependsOn: nodeClasses })
        break
    }
  }
}

/**
 * The file stays out of it: where it lies differs from machine to machine, and a change of it would make the provider
 * replace every object. An empty one is none: the provider then reads KUBECONFIG as kubectl does.
 */
function createProvider(context: string): Provider {
  return new Provider('cluster', { kubeconfig: '', context })
}

/**
 * Dry run, adoption and verify ask the cluster of llmscale.yaml. Settings of the stack that lead elsewhere would deploy
 * what was judged there to another one.
 */
function assertOneCluster(context: string | undefined): void {
  const settings = new Config('kubernetes')
  for (const key of ['context', 'cluster', 'kubeconfig']) {
    const value = settings.get(key)
    if (value === undefined || (key === 'context' && value === context)) continue
    // The value of a kubeconfig may be the file itself, with its tokens.
    const shown = key === 'kubeconfig' ? '' : ` (${JSON.stringify(value)})`
    const judged = context === undefined ? 'the current context' : `context ${JSON.stringify(context)}`
    throw new LlmscaleError(
      'configInvalid',
      'CLUSTER_AMBIGUOUS',
      `stacks/config sets kubernetes:${key}${shown}, but the plan is checked against ${judged} of the kubeconfig`,
      [
        `Remove kubernetes:${key}; name the cluster at environments.<env>.clusters.<region>.context in llmscale.yaml alone.`,
      ],
    )
  }
}
