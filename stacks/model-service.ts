import { Service as ServiceResource } from '@pulumi/kubernetes/core/v1/service.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { Service } from '../src/manifests/cluster-object.js'

/** Where clients reach the model servers of one workload in own mode: a Service of type ClusterIP, port 8000 by default. */
export class ModelService extends ComponentResource {
  constructor(name: string, object: Service, options?: ComponentResourceOptions) {
    super('llmscale:serving:ModelService', name, {}, options)
    // Pulumi would wait for ready pods, which come only with the server.
    const metadata = { ...object.metadata, annotations: { 'pulumi.com/skipAwait': 'true' } }
    new ServiceResource(name, { ...object, metadata }, { parent: this })
    this.registerOutputs()
  }
}
