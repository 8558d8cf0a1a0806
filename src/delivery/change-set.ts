import type { EngineEvent } from '@pulumi/pulumi/automation/index.js'
import type { ChangeSet, ResourceChange } from '../manifests/change-set.js'

/** Steps of a replacement that its `replace` step already stands for. */
const partialSteps = ['create-replacement', 'delete-replaced', 'discard-replaced']

/** The change set in a preview's events, which come in another order every time. */
export function createChangeSet(events: readonly EngineEvent[], engineVersion: string): ChangeSet {
  const changes = new Map<string, ResourceChange>()
  const providerVersions: Record<string, string> = {}
  for (const { resourcePreEvent } of events) {
    if (resourcePreEvent === undefined) continue
    const { op, urn, type, provider, detailedDiff, diffs } = resourcePreEvent.metadata
    Object.assign(providerVersions, parseProvider(provider))
    // Providers, components and the stack itself exist in the engine's state alone.
    if (type.startsWith('pulumi:') || provider === '') continue
    if (op === 'same' || partialSteps.includes(op)) continue
    changes.set(urn, {
      urn,
      op,
      paths: Object.keys(detailedDiff ?? {})
        .concat(detailedDiff ? [] : (diffs ?? []))
        .sort(),
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
