import { LlmscaleError } from '../kit/errors.js'
import type { ClusterObject } from './cluster-object.js'
import { requireOwnNames } from './sole-owners.js'

/** Changes one object, or gives it back as it is. It is handed a copy, which it may change. */
export type Transform = (object: ClusterObject) => ClusterObject

/**
 * The objects as a team's program wants them. Policies run on the result: what a transform takes away is missed.
 * Throws TRANSFORM_INVALID where the result is no object or one of another kind, NAME_TOO_LONG and NAME_TAKEN.
 */
export function transformObjects(
  objects: readonly ClusterObject[],
  transform: Transform = (object) => object,
): ClusterObject[] {
  const transformed = objects.map((object) => {
    const result = transform(structuredClone(object))
    if (result?.kind === object.kind && result.metadata?.name) return result
    throw new LlmscaleError(
      'configInvalid',
      'TRANSFORM_INVALID',
      `the transform gives ${result?.kind ?? String(result)} for ${object.kind} ${object.metadata.name}; it may change an object, not its kind`,
      ['Return the object that the transform was given, changed or not.'],
    )
  })
  requireOwnNames(transformed)
  return transformed
}
