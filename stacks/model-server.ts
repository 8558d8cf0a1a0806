import { CustomResource } from '@pulumi/kubernetes/apiextensions/index.js'
import { Deployment as DeploymentResource } from '@pulumi/kubernetes/apps/v1/deployment.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { Deployment, LeaderWorkerSet } from '../src/manifests/cluster-object.js'

/** Waves in which a rollout replaces all pods at a surge of a fifth of them or more. */
const rolloutWaves = 5

/**
 * The model servers of one workload in own mode: a Deployment, or a LeaderWorkerSet where a replica spans nodes. It
 * never sets replicas. A Deployment counts as done once its pods are ready, after five progress deadlines (in seconds,
 * from the plan's cold start) at the latest; nobody waits for a LeaderWorkerSet.
 */
export class ModelServer extends ComponentResource {
  constructor(name: string, object: Deployment | LeaderWorkerSet, options?: ComponentResourceOptions) {
    super('llmscale:serving:ModelServer', name, {}, options)
    if (object.kind === 'Deployment') {
      const wait = `${rolloutWaves * object.spec.progressDeadlineSeconds}s`
      new DeploymentResource(
        name,
        { ...object },
        { parent: this, customTimeouts: { create: wait, update: wait } },
      )
    } else new CustomResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
