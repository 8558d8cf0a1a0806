import { type ChangeSet, parseUrn, type ResourceChange } from '../manifests/change-set.js'
import { planIdAnnotation } from '../manifests/metadata.js'
import type { GuardVerdict } from '../planning/guards.js'

interface Table {
  columns: { header: string; align?: 'right' }[]
  rows: string[][]
}

interface PolicyVerdict {
  policy: string
  state: string
  violations: readonly { subject: string; message: string }[]
}

/** What guards and policies say, a row each. */
export function tabulateVerdicts(guards: readonly GuardVerdict[], policies: readonly PolicyVerdict[]): Table {
  const text = (state: string) => state.replace('-', ' ')
  return {
    columns: [{ header: 'check' }, { header: 'verdict' }, { header: 'because' }],
    rows: [
      ...guards.map(({ guard, state, message }) => [guard, text(state), message]),
      ...policies.map(({ policy, state, violations }) => [
        policy,
        text(state),
        violations.map(({ subject, message }) => `${subject} ${message}`).join('; '),
      ]),
    ],
  }
}

/** The changes that alter more than the note of the plan that an object comes from, deletions first. */
export function tabulateChanges({ changes }: ChangeSet): Table {
  const rank = (change: ResourceChange) => ['delete', 'replace'].indexOf(change.op) + 1 || 3
  return {
    columns: [{ header: 'change' }, { header: 'kind' }, { header: 'name' }, { header: 'properties' }],
    rows: changes
      .filter((change) => !isRelabelled(change))
      .sort((a, b) => rank(a) - rank(b))
      .map(({ op, urn, paths }) => {
        const { type, name } = parseUrn(urn)
        return [op, type.split(':').at(-1)!, name, paths.filter((path) => !isPlanId(path)).join(', ')]
      }),
  }
}

/** `1 to delete, 2 to update; 3 more only by the new plan id`. */
export function describeChanges({ changes }: ChangeSet): string {
  const relabelled = changes.filter(isRelabelled).length
  const counts = new Map<string, number>()
  for (const change of changes)
    if (!isRelabelled(change)) counts.set(change.op, (counts.get(change.op) ?? 0) + 1)
  const order = ['delete', 'replace', 'update', 'create']
  const parts = [...counts]
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([op, count]) => `${count} to ${op}`)
  const rest = relabelled === 0 ? '' : `; ${relabelled} more only by the new plan id`
  return `${parts.join(', ') || 'No change'}${rest}`
}

function isRelabelled({ op, paths }: ResourceChange): boolean {
  return op === 'update' && paths.length > 0 && paths.every(isPlanId)
}

/** The engine writes a key with dots either bare or in brackets. */
function isPlanId(path: string): boolean {
  return path.startsWith('metadata.annotations') && path.includes(planIdAnnotation)
}
