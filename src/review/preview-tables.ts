import { arrow, type ChangeSet, parseUrn, type ResourceChange } from '../planning/change-set.js'
import { type GuardVerdict, sortVerdicts } from '../planning/guards.js'
import type { Table } from './table.js'

interface PolicyVerdict {
  policy: string
  state: string
  /** Why it was not checked. */
  reason?: string
  violations: readonly { subject: string; message: string }[]
}

/** What guards and policies say of one stack. */
export interface StackVerdicts {
  stack: string
  guards: readonly GuardVerdict[]
  policies: readonly PolicyVerdict[]
}

/** What guards and policies say, a row each; what they say of all stacks alike, once. */
export function tabulateVerdicts(stacks: readonly StackVerdicts[]): Table {
  const said = new Map<string, Row>()
  for (const { stack, guards, policies } of stacks) {
    const rows = [
      ...sortVerdicts(guards).map(({ guard, state, message }) => ({
        check: guard as string,
        state,
        message,
      })),
      ...policies
        .filter(({ state }) => state !== 'passed')
        .map(({ policy, state, reason, violations }) => ({
          check: policy,
          state,
          message: reason ?? violations.map(({ subject, message }) => `${subject} ${message}`).join('; '),
        })),
      ...tellPassed(policies),
    ]
    for (const row of rows) {
      const key = [row.check, row.state, row.message].join('\n')
      const entry = said.get(key) ?? { ...row, stacks: [] }
      entry.stacks.push(stack)
      said.set(key, entry)
    }
  }
  const everywhere = (which: readonly string[]) => new Set(which).size === stacks.length
  const order = [...new Set([...said.values()].map(({ check }) => check))]
  const rows = [...said.values()].sort((a, b) => order.indexOf(a.check) - order.indexOf(b.check))
  return {
    columns: [{ header: 'check' }, { header: 'verdict' }, { header: 'because', wrap: true }],
    rows: mergeUnchecked(rows).map(({ check, state, message, stacks: which }) => [
      check,
      state.replace('-', ' '),
      everywhere(which) ? message : `${[...new Set(which)].join(', ')}: ${message}`,
    ]),
  }
}

interface Row {
  check: string
  state: string
  message: string
  stacks: string[]
}

/** Checks that were left out for one reason, in one row. */
function mergeUnchecked(rows: readonly Row[]): Row[] {
  const reasonOf = ({ state, message, stacks }: Row) =>
    state === 'not-checked' ? [message, ...stacks].join('\n') : undefined
  return rows.flatMap((row, index) => {
    const reason = reasonOf(row)
    if (reason === undefined) return [row]
    if (rows.findIndex((each) => reasonOf(each) === reason) !== index) return []
    const checks = rows.filter((each) => reasonOf(each) === reason).map(({ check }) => check)
    return [{ ...row, check: [...new Set(checks)].join(', ') }]
  })
}

/** Policies that nothing breaks, in one row. */
function tellPassed(policies: readonly PolicyVerdict[]) {
  const names = policies.filter(({ state }) => state === 'passed').map(({ policy }) => policy)
  return names.length === 0 ? [] : [{ check: 'policies', state: 'passed', message: names.join(', ') }]
}

/** A row for each object that changes, deletions first. */
export function tabulateChanges({ changes }: Pick<ChangeSet, 'changes'>): Table {
  const rank = (change: ResourceChange) => ['delete', 'replace'].indexOf(change.op) + 1 || 3
  return {
    columns: [
      { header: 'change' },
      { header: 'kind' },
      { header: 'name' },
      { header: 'properties', wrap: true },
    ],
    rows: [...changes]
      .sort((a, b) => rank(a) - rank(b))
      .map(({ op, urn, paths, values }) => {
        const { type, name } = parseUrn(urn)
        return [
          op,
          type.split(':').at(-1)!,
          name,
          paths.map((path) => describePath(path, values[path])).join('; '),
        ]
      }),
  }
}

/** `1 to delete, 2 to update`; deletions first. */
export function describeChanges({ changes }: Pick<ChangeSet, 'changes'>): string {
  const order = ['delete', 'replace', 'update', 'create']
  const parts = order.map((op) => ({ op, count: changes.filter((change) => change.op === op).length }))
  const told = parts.filter(({ count }) => count > 0).map(({ op, count }) => `${count} to ${op}`)
  return told.join(', ') || 'No change'
}

/** Longer values are told by their path alone. */
const longestValue = 60

/** `spec.maxReplicaCount 20 → 40` */
function describePath(path: string, { from, to }: ResourceChange['values'][string] = {}): string {
  const told = arrow(from, to)
  const isKnown = from !== undefined || to !== undefined
  return isKnown && told.length <= longestValue ? `${path} ${told}` : path
}
