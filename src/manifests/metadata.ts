import { digestText } from '../kit/digest.js'
import type { ObjectMeta } from './cluster-object.js'

export const managedByLabel = { 'app.kubernetes.io/managed-by': 'llmscale' }

/**
 * Metadata of every object that we write. It does not name the plan: each new plan would then change every object, and
 * a review would not see the ones that really change. The stack's output names the plan.
 */
export function createMetadata(name: string, namespace?: string): ObjectMeta {
  return { name, ...(namespace === undefined ? {} : { namespace }), labels: { ...managedByLabel } }
}

/** Name of what we run for an environment; one that is too long is cut, and told apart by a digest. */
export function environmentName(prefix: string, environment: string, longest: number): string {
  const name = `${prefix}-${environment}`
  return name.length <= longest
    ? name
    : `${name.slice(0, longest - 7)}-${digestText(environment).slice(0, 6)}`
}
