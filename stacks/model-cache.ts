import { PersistentVolumeClaim as ClaimResource } from '@pulumi/kubernetes/core/v1/persistentVolumeClaim.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { PersistentVolumeClaim } from '../src/manifests/cluster-object.js'

/**
 * The claim that all pods of one workload in own mode keep weights in: ReadWriteMany, 500 GiB by default. What is lost
 * with it is loaded again.
 */
export class ModelCache extends ComponentResource {
  constructor(name: string, object: PersistentVolumeClaim, options?: ComponentResourceOptions) {
    super('llmscale:serving:ModelCache', name, {}, options)
    new ClaimResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
