import { formatChange, formatShare, formatUsd } from '../kit/format.js'
import { type Change, isEmptyDiff, type PlanDiff } from '../planning/diff-plans.js'
import { formatMarkdownTable, type Table } from './table.js'

/** One sentence with deletions first, then what changes and what it costs. */
export function describeDiff(diff: PlanDiff): string {
  if (isEmptyDiff(diff)) return 'No change: both plans decide the same.'
  const deletions = diff.deletions.length > 0 ? `DELETES ${diff.deletions.join(', ')}. ` : ''
  const count = (changes: readonly Change[], noun: string) =>
    `${changes.length} ${noun}${changes.length === 1 ? '' : 's'}`
  return `${deletions}${count(diff.workloads, 'workload')} and ${count(diff.pools, 'pool')} change. ${describeMoney(diff)}`
}

function describeMoney({ from, to }: PlanDiff): string {
  const after = `${formatUsd(to.usdPerDay.p50)} USD a day (80 %: ${formatUsd(to.usdPerDay.p10)}–${formatUsd(to.usdPerDay.p90)})`
  const risk = `requests at risk ${formatShare(from === null ? to.breachRisk.doNothing : from.breachRisk.plan)} → ${formatShare(to.breachRisk.plan)}`
  if (from === null) return `Cost ${after}; ${risk} (estimated).`
  const change = from.usdPerDay.p50 > 0 ? `, ${formatChange(to.usdPerDay.p50 / from.usdPerDay.p50 - 1)}` : ''
  return `Cost ${formatUsd(from.usdPerDay.p50)} → ${after}${change}; ${risk} (estimated).`
}

/** One row for each field that changes; removed things first. */
export function tabulateDiff(diff: PlanDiff): Table {
  const mark = { removed: '-', added: '+', changed: '~' } as const
  return {
    columns: [{ header: '' }, { header: 'Name' }, { header: 'Field' }, { header: 'From' }, { header: 'To' }],
    rows: [...diff.workloads, ...diff.pools].flatMap((change) =>
      change.fields.map(({ field, from, to }) => [
        mark[change.kind],
        change.name,
        field,
        from ?? '',
        to ?? '',
      ]),
    ),
  }
}

/** The diff as GitHub-flavoured Markdown. */
export function formatDiffMarkdown(diff: PlanDiff): string {
  const table = isEmptyDiff(diff) ? '' : `\n${formatMarkdownTable(tabulateDiff(diff))}\n`
  return `**${describeDiff(diff)}**\n${table}`
}
