export { Autoscaler } from './autoscaler.js'
export {
  assertChecks,
  type Checks,
  checkInputs,
  type EnvironmentInputs,
  type ProgramInputs,
} from './check-inputs.js'
export { DisruptionBudget } from './disruption-budget.js'
export { GpuPool } from './gpu-pool.js'
export { NodeClass } from './node-class.js'
export { PodPriority } from './pod-priority.js'
export { createProgram } from './program.js'
export { type InputSources, readEnvironmentInputs } from './read-inputs.js'
export { formatStackName, type Layer, parseStackName, type StackName } from './stack-name.js'
