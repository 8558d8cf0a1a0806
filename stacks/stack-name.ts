import { LlmscaleError } from '../src/kit/errors.js'

/** What a stack deploys: `capacity` is of AWS, `serving` is of the cluster. */
export const layers = ['capacity', 'serving'] as const
export type Layer = (typeof layers)[number]

export interface StackName {
  environment: string
  region: string
  layer: Layer
}

/** `prod.us-east-1.serving` */
export function formatStackName({ environment, region, layer }: StackName): string {
  return `${environment}.${region}.${layer}`
}

/** Throws STACK_UNKNOWN for a name of another form. */
export function parseStackName(name: string): StackName {
  const read = readStackName(name)
  if (read !== undefined) return read
  throw new LlmscaleError(
    'configInvalid',
    'STACK_UNKNOWN',
    `stack ${JSON.stringify(name)} is not <environment>.<region>.<layer>, with layer ${layers.join(' or ')}`,
  )
}

/** Undefined for a name of another form. */
export function readStackName(name: string): StackName | undefined {
  const [environment, region, layer, ...rest] = name.split('.')
  const known = layers.find((each) => each === layer)
  if (!environment || !region || known === undefined || rest.length > 0) return undefined
  return { environment, region, layer: known }
}
