export { Autoscaler } from './autoscaler.js'
export {
  assertChecks,
  type Checks,
  checkInputs,
  type EnvironmentInputs,
  type ProgramInputs,
} from './check-inputs.js'
export { GpuPool } from './gpu-pool.js'
export { createProgram } from './program.js'
export { type InputSources, readEnvironmentInputs } from './read-inputs.js'
export { formatStackName, type Layer, parseStackName, type StackName } from './stack-name.js'
