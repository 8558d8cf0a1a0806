import type { CapacityResource } from '../src/manifests/capacity-resource.js'

/** Declares what a plan needs of AWS in one region. */
export function declareCapacity(resources: readonly CapacityResource[]): void {
  for (const { type } of resources) throw new Error(`no component declares ${type}`)
}
