export { type Transform, transformObjects } from '../src/manifests/transform.js'
export { Autoscaler } from './autoscaler.js'
export { declareCapacity } from './capacity.js'
export { CapacityReservation } from './capacity-reservation.js'
export {
  assertChecks,
  type Checks,
  checkInputs,
  type EnvironmentInputs,
  type ProgramInputs,
} from './check-inputs.js'
export { DisruptionBudget } from './disruption-budget.js'
export { GpuPool } from './gpu-pool.js'
export { InterruptionQueue } from './interruption-queue.js'
export { InterruptionRule } from './interruption-rule.js'
export { LaunchTemplate } from './launch-template.js'
export { ModelCache } from './model-cache.js'
export { ModelServer } from './model-server.js'
export { ModelService } from './model-service.js'
export { NodeClass } from './node-class.js'
export { NodeGroup } from './node-group.js'
export { PlacementGroup } from './placement-group.js'
export { PodPriority } from './pod-priority.js'
export { createProgram } from './program.js'
export { type InputSources, readEnvironmentInputs } from './read-inputs.js'
export { declareServing, type ServingOptions } from './serving.js'
export { formatStackName, type Layer, parseStackName, type StackName } from './stack-name.js'
