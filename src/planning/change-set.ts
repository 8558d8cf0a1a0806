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
  return `${type.split(':').at(-1)} ${name}`
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

/** `4 → 8` */
export function arrow(from: unknown, to: unknown): string {
  return `${describeValue(from)} → ${describeValue(to)}`
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
