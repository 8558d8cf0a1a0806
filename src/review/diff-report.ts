import { formatChange, formatShare, formatUsd } from '../kit/format.js'
import { type Change, isEmptyDiff, type PlanDiff } from '../planning/diff-plans.js'
import { escapeMarkdown } from './escape-markdown.js'
import { formatMarkdownTable, type Table } from './table.js'

/** One sentence with deletions first, then what changes and what it costs. */
export function describeDiff(diff: PlanDiff): string {
  if (isEmptyDiff(diff)) return 'No change: both plans decide the same.'
  const deletions = diff.deletions.length > 0 ? `DELETES ${diff.deletions.join(', ')}. ` : ''
  const others = diff.others.length > 0 ? `, with ${diff.others.map(({ name }) => name).join(', ')}` : ''
  const count = (changes: readonly Change[], noun: string) =>
    `${changes.length} ${noun}${changes.length === 1 ? '' : 's'}`
  return `${deletions}${count(diff.workloads, 'workload')} and ${count(diff.pools, 'pool')} change${others}. ${describeMoney(diff)}`
}

function describeMoney({ from, to }: PlanDiff): string {
  const after = `${formatUsd(to.usdPerDay.p50)} USD a day (80 %: ${formatUsd(to.usdPerDay.p10)}–${formatUsd(to.usdPerDay.p90)})`
  const risk = `requests at risk ${formatShare(from === null ? to.breachRisk.doNothing : from.breachRisk.plan)} → ${formatShare(to.breachRisk.plan)}`
  if (from === null) return `Cost ${after}; ${risk} (estimated).`
  const change = from.usdPerDay.p50 > 0 ? `, ${formatChange(to.usdPerDay.p50 / from.usdPerDay.p50 - 1)}` : ''
  return `Cost ${formatUsd(from.usdPerDay.p50)} → ${after}${change}; ${risk} (estimated).`
}

const mark = { removed: '-', added: '+', changed: '~' } as const

/** Bounds, cost and risk of each workload that changes, before → after; removed ones first. */
export function tabulateWorkloadChanges(diff: PlanDiff): Table {
  return {
    columns: [
      { header: '' },
      { header: 'Workload' },
      { header: 'Floors', align: 'right' },
      { header: 'Max', align: 'right' },
      { header: 'USD/day', align: 'right' },
      { header: 'At risk', align: 'right' },
    ],
    rows: diff.workloads.map((change) => [
      mark[change.kind],
      change.name,
      fieldArrow(change, 'floors'),
      fieldArrow(change, 'hardMaximum'),
      arrow(change.usdPerDay.from, change.usdPerDay.to, formatUsd),
      arrow(change.breachRisk.from, change.breachRisk.to, formatShare),
    ]),
  }
}

function tabulatePoolChanges(diff: PlanDiff): Table {
  return {
    columns: [{ header: '' }, { header: 'Pool' }, { header: 'Max nodes', align: 'right' }],
    rows: diff.pools.map((change) => [mark[change.kind], change.name, fieldArrow(change, 'maximumNodes')]),
  }
}

/** Every field of what stays but changes, and of overrides, commitments and routing. */
export function tabulateFieldChanges(diff: PlanDiff): Table {
  return {
    columns: [{ header: 'Name' }, { header: 'Field' }, { header: 'From' }, { header: 'To' }],
    rows: [...diff.workloads.filter(isChanged), ...diff.pools.filter(isChanged), ...diff.others].flatMap(
      (change) => change.fields.map(({ field, from, to }) => [change.name, field, from ?? '', to ?? '']),
    ),
  }
}

/** The tables of a diff that have rows, in reading order. */
export function tabulateDiff(diff: PlanDiff): Table[] {
  const tables = [tabulateWorkloadChanges(diff), tabulatePoolChanges(diff), tabulateFieldChanges(diff)]
  return tables.filter((table) => table.rows.length > 0)
}

/** Deletions stand first: a cut hides none but the last of very many. */
export const mostHeadline = 2000

/** The diff as GitHub-flavoured Markdown; names stay text. */
export function formatDiffMarkdown(diff: PlanDiff): string {
  return `${[`**${escapeMarkdown(describeDiff(diff), mostHeadline)}**`, ...tabulateDiff(diff).map(formatMarkdownTable)].join('\n\n')}\n`
}

function isChanged({ kind }: Change): boolean {
  return kind === 'changed'
}

function fieldArrow(change: Change, field: string): string {
  const found = change.fields.find((each) => each.field === field)
  return found === undefined ? '=' : arrow(found.from, found.to, (text) => text)
}

/** `2 → 5`, and one side alone for what is added or removed. */
function arrow<T>(from: T | null, to: T | null, format: (value: T) => string): string {
  if (from === null || to === null) return from === null ? (to === null ? '' : format(to)) : format(from)
  const [before, after] = [format(from), format(to)]
  return before === after ? before : `${before} → ${after}`
}
