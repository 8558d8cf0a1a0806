import type { PulumiFn } from '@pulumi/pulumi/automation/index.js'
import type { ClusterObject } from '../src/manifests/cluster-object.js'
import { createManifests } from '../src/manifests/manifests.js'
import { Autoscaler } from './autoscaler.js'
import { assertChecks, checkInputs, type ProgramInputs } from './check-inputs.js'
import { GpuPool } from './gpu-pool.js'

/**
 * The Pulumi program of one `serving` stack. It guards itself: before it declares a resource it runs the offline
 * guards and the policies, and throws, so that a plain `pulumi up` refuses what `llmscale apply` would refuse.
 */
export function createProgram(inputs: ProgramInputs): PulumiFn {
  return async () => {
    assertChecks(checkInputs(inputs))
    for (const object of createManifests(inputs.plan.decision, inputs.region)) declare(object)
    return { planId: inputs.plan.planId }
  }
}

function declare(object: ClusterObject): void {
  switch (object.kind) {
    case 'ScaledObject':
      new Autoscaler(object.metadata.name, object)
      return
    case 'NodePool':
      new GpuPool(object.metadata.name, object)
      return
  }
}
