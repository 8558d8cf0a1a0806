import type { EngineEvent } from '@pulumi/pulumi/automation/index.js'
import { digestValue } from '../kit/digest.js'
import { maskSecrets } from '../kit/secret-forms.js'
import { type ChangeSet, forceAnnotation, type ResourceChange, readPath } from '../planning/change-set.js'

/** Steps of a replacement that its `replace` step already stands for. */
const partialSteps = ['create-replacement', 'delete-replaced', 'discard-replaced']
/** The change set in a preview's events, which come in another order every time. */
export function createChangeSet(events: readonly EngineEvent[], engineVersion: string): ChangeSet {
  const changes = new Map<string, ResourceChange>()
  const providerVersions: Record<string, string> = {}
  for (const { resourcePreEvent } of events) {
    if (resourcePreEvent === undefined) continue
    const { op, urn, type, provider, detailedDiff, diffs, old, new: next } = resourcePreEvent.metadata
    Object.assign(providerVersions, parseProvider(provider), readProviderVersion(type, next?.inputs))
    // Providers, components and the stack itself exist in the engine's state alone.
    if (type.startsWith('pulumi:') || provider === '') continue
    // A preview that reads first what is there tells of that too.
    if (op === 'same' || op === 'refresh' || partialSteps.includes(op)) continue
    const [before, after] = [withoutForce(old?.inputs ?? {}), withoutForce(next?.inputs ?? {})]
    // The engine writes null where it knows of none.
    const told = Object.keys(detailedDiff ?? {}).concat(detailedDiff ? [] : (diffs ?? []))
    const paths = [...new Set(told)].filter((path) => !isForce(path, before, after)).sort()
    if (op === 'update' && told.length > 0 && paths.length === 0) continue
    // Whole, not by path: what a value is may be said by the name beside it.
    const [from, to] = [maskSecrets(before), maskSecrets(after)]
    changes.set(urn, {
      urn,
      op,
      paths,
      values: Object.fromEntries(paths.map((path) => [path, readValues(path, from, to)])),
      digest: op === 'create' || op === 'replace' ? digestValue(to) : null,
      ...(op === 'delete' || op === 'replace' ? readScaled(before) : {}),
    })
  }
  return {
    engineVersion,
    providerVersions,
    changes: [...changes.values()].sort((a, b) => (a.urn < b.urn ? -1 : 1)),
  }
}

/** `urn:…::pulumi:providers:kubernetes::default_4_34_2::id` → `{kubernetes: '4.34.2'}`. */
function parseProvider(reference: string): Record<string, string> {
  const [, name, version] = /::pulumi:providers:([^:]+)::default_(\d+_\d+_\d+)/.exec(reference) ?? []
  return name === undefined || version === undefined ? {} : { [name]: version.replaceAll('_', '.') }
}

/** A provider that a program declares itself has its version among its inputs. */
function readProviderVersion(
  type: string,
  inputs: Record<string, unknown> | undefined,
): Record<string, string> {
  const [, name] = /^pulumi:providers:(.+)$/.exec(type) ?? []
  const version = inputs?.['version']
  return name === undefined || typeof version !== 'string' ? {} : { [name]: version }
}

interface Inputs {
  metadata?: { namespace?: string; annotations?: Record<string, string> }
  spec?: { scaleTargetRef?: { name?: string } }
}

/** A team may have named its autoscaler as it likes: by its target people know whose it is. */
function readScaled({ metadata, spec }: Inputs): Pick<ResourceChange, 'scales'> {
  const { name } = spec?.scaleTargetRef ?? {}
  return name === undefined ? {} : { scales: `${metadata?.namespace ?? 'default'}/${name}` }
}

function withoutForce(inputs: Inputs): Inputs {
  const { annotations, ...metadata } = inputs.metadata ?? {}
  if (annotations?.[forceAnnotation] === undefined) return inputs
  const { [forceAnnotation]: _force, ...others } = annotations
  return {
    ...inputs,
    metadata: { ...metadata, ...(Object.keys(others).length > 0 && { annotations: others }) },
  }
}

/** Whether a path differs by the order to force alone. */
function isForce(path: string, before: Inputs, after: Inputs): boolean {
  if (!path.startsWith('metadata.annotations')) return false
  return JSON.stringify(readPath(before, path)) === JSON.stringify(readPath(after, path))
}

function readValues(path: string, before: unknown, after: unknown): ResourceChange['values'][string] {
  const [from, to] = [before, after].map((inputs) => readPath(inputs, path))
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
