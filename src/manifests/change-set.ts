/** What a run of the engine would do to one resource. */
export interface ResourceChange {
  urn: string
  /** As the engine names it: create, update, replace, delete. */
  op: string
  /** Properties that change, ascending; empty where the whole resource comes or goes. */
  paths: string[]
}

/** A preview, normalised: the same change gives the same value whatever the order of events. */
export interface ChangeSet {
  engineVersion: string
  /** Provider package → version. */
  providerVersions: Record<string, string>
  /** In ascending order of urn. */
  changes: ResourceChange[]
}

/** Type and name of a resource, e.g. `keda.sh/v1alpha1:ScaledObject` and `chat-70b-4216a7`. */
export function parseUrn(urn: string): { type: string; name: string } {
  const [, , types, name] = urn.split('::')
  const type = types?.split('$').at(-1) ?? ''
  return { type, name: name ?? '' }
}
