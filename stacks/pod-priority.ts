import { PriorityClass as ClassResource } from '@pulumi/kubernetes/scheduling/v1/priorityClass.js'
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi'
import type { PriorityClass } from '../src/manifests/cluster-object.js'

/** A PriorityClass that pods may name; never the default of pods that name none. Higher values go first. */
export class PodPriority extends ComponentResource {
  constructor(name: string, object: PriorityClass, options?: ComponentResourceOptions) {
    super('llmscale:serving:PodPriority', name, {}, options)
    new ClassResource(name, { ...object }, { parent: this })
    this.registerOutputs()
  }
}
