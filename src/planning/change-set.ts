import { z } from 'zod'

/** A value before and after; undefined where it was not or will not be. Secrets are masked. */
const ValueChange = z.strictObject({ from: z.exactOptional(z.unknown()), to: z.exactOptional(z.unknown()) })

/** What a run of the engine would do to one resource. */
export const ResourceChange = z.strictObject({
  urn: z.string(),
  op: z.string().describe('As the engine names it: create, update, replace, delete, import.'),
  paths: z
    .array(z.string())
    .describe('Properties that change, ascending; empty where the whole resource comes or goes.'),
  values: z.record(z.string(), ValueChange).describe('Of each path: from and to; secrets are masked.'),
  digest: z
    .string()
    .nullable()
    .describe('SHA-256 of the inputs of a resource that is made anew; null for other changes.'),
  scales: z
    .exactOptional(z.string())
    .describe('Target of an autoscaler that goes or is replaced, as <namespace>/<name>.'),
})
export type ResourceChange = z.infer<typeof ResourceChange>

/**
 * An order to the Kubernetes provider that `apply --adopt` adds and no review sees: it says how an object is written,
 * not what is in it.
 */
export const forceAnnotation = 'pulumi.com/patchForce'

/** A preview, normalised: the same change gives the same value whatever the order of events and the folder. */
export const ChangeSet = z.strictObject({
  engineVersion: z.string(),
  providerVersions: z.record(z.string(), z.string()).describe('Provider package: version.'),
  changes: z.array(ResourceChange).describe('In ascending order of urn.'),
})
export type ChangeSet = z.infer<typeof ChangeSet>

/** Type and name of a resource, e.g. `keda.sh/v1alpha1:ScaledObject` and `chat-70b-4216a7`. */
export function parseUrn(urn: string): { type: string; name: string } {
  const [, , types, name] = urn.split('::')
  const type = types?.split('$').at(-1) ?? ''
  return { type, name: name ?? '' }
}

/** `ScaledObject chat-70b-4216a7` */
function describeResource(urn: string): string {
  const { type, name } = parseUrn(urn)
  return nameResource(type, name)
}

/**
 * What of a fresh change set was not in the reviewed one, a line each; empty where the fresh one is a subset. A change
 * was reviewed where the same operation on the same resource was, with each path going to the same value.
 */
export function findUnreviewed(fresh: ChangeSet, reviewed: ChangeSet): string[] {
  const known = new Map(reviewed.changes.map((change) => [change.urn, change]))
  return fresh.changes.flatMap((change) => {
    const before = known.get(change.urn)
    const what = `${change.op} ${describeResource(change.urn)}`
    if (before === undefined) return [`${what} was not reviewed`]
    if (before.op !== change.op) return [`${what} was reviewed as ${before.op}`]
    if (before.digest !== change.digest) return [`${what} was reviewed with other properties`]
    return change.paths.flatMap((path) => {
      const { from, to } = change.values[path] ?? {}
      if (!before.paths.includes(path)) return [`${what}: ${path} ${arrow(from, to)} was not reviewed`]
      const reviewedTo = before.values[path]?.to
      if (JSON.stringify(reviewedTo) === JSON.stringify(to)) return []
      return [
        `${what}: ${path} ${arrow(from, to)} was reviewed as ${arrow(before.values[path]?.from, reviewedTo)}`,
      ]
    })
  })
}

/** Inputs of the resources of a stack; by their names as `nameResource` gives them. */
export type Resources = ReadonlyMap<string, unknown>

/** As a change set names a resource: the last part of its type, e.g. `keda.sh/v1alpha1:ScaledObject`, and its name. */
export function nameResource(type: string, name: string): string {
  return `${type.split(':').at(-1)} ${name}`
}

/**
 * The part of a change set that the decision in force would bring too: all but what comes of the new decision alone. What
 * is made anew counts as it was reviewed where the new decision makes it otherwise.
 * @param inForce what either decision declares, under the same configuration
 */
export function withoutDecision(
  fresh: ChangeSet,
  reviewed: ChangeSet,
  inForce: Resources,
  next: Resources,
): ChangeSet {
  const known = new Map(reviewed.changes.map(({ urn, digest }) => [urn, digest]))
  const changes = fresh.changes.flatMap((change) => {
    const name = describeResource(change.urn)
    if (inForce.has(name) !== next.has(name)) return []
    const [before, after] = [inForce.get(name), next.get(name)]
    const isSame = (path: string) =>
      JSON.stringify(readPath(before, path)) === JSON.stringify(readPath(after, path))
    const paths = change.paths.filter(isSame)
    if (paths.length === 0 && change.paths.length > 0) return []
    const digest = isSame('') ? change.digest : (known.get(change.urn) ?? null)
    return [{ ...change, paths, digest }]
  })
  return { ...fresh, changes }
}

/** What inputs have at a path as the engine writes it, `spec.triggers[0].metadata["a.b"]`; all of them at none. */
export function readPath(inputs: unknown, path: string): unknown {
  let value = inputs
  for (const key of parsePath(path)) value = (value as Record<string, unknown> | null | undefined)?.[key]
  return value
}

function parsePath(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, plain]) => quoted?.replaceAll('\\"', '"') ?? index ?? plain!,
  )
}

/** `4 → 8` */
export function arrow(from: unknown, to: unknown): string {
  return `${describeValue(from)} → ${describeValue(to)}`
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
