import { type ChangeSet, parseUrn, type ResourceChange } from '../manifests/change-set.js'
import type { GuardVerdict } from '../planning/guards.js'
import type { Table } from './table.js'

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

/** A row for each object that changes, deletions first. */
export function tabulateChanges({ changes }: ChangeSet): Table {
  const rank = (change: ResourceChange) => ['delete', 'replace'].indexOf(change.op) + 1 || 3
  return {
    columns: [{ header: 'change' }, { header: 'kind' }, { header: 'name' }, { header: 'properties' }],
    rows: [...changes]
      .sort((a, b) => rank(a) - rank(b))
      .map(({ op, urn, paths }) => {
        const { type, name } = parseUrn(urn)
        return [op, type.split(':').at(-1)!, name, paths.join(', ')]
      }),
  }
}

/** `1 to delete, 2 to update`; deletions first. */
export function describeChanges({ changes }: ChangeSet): string {
  const order = ['delete', 'replace', 'update', 'create']
  const parts = order.map((op) => ({ op, count: changes.filter((change) => change.op === op).length }))
  const told = parts.filter(({ count }) => count > 0).map(({ op, count }) => `${count} to ${op}`)
  return told.join(', ') || 'No change'
}
