import type { CapacityPlan } from '../planning/capacity-plan.js'
import { type ReviewedChanges, reviewedChangesFile } from '../planning/reviewed-changes.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { describeChanges, type StackVerdicts, tabulateChanges, tabulateVerdicts } from './preview-tables.js'
import { markdownTableHead, markdownTableRow } from './table.js'

/** All that an apply may do, folded away; deletions of each stack first. */
export function writeChangeSet(plan: CapacityPlan, changes: ReviewedChanges | undefined): BodySection {
  const where = `\`${reviewedChangesFile}\``
  const section = { isFolded: true, importance: 1, where }
  if (changes === undefined || changes.planId !== plan.planId) {
    const why =
      changes === undefined ? 'no preview was made of this plan' : 'the preview in it is of another plan'
    return {
      ...section,
      title: 'Change set: not known',
      before: [`An apply refuses this plan: ${why}. Make one with \`llmscale preview --write\`.`],
      rows: [],
    }
  }
  const stacks = Object.entries(changes.stacks)
  const all = stacks.flatMap(([, stack]) => stack.changes)
  const columns = [{ header: 'Stack' }, ...tabulateChanges({ changes: [] }).columns]
  return {
    ...section,
    title: `Change set: ${describeChanges({ changes: all })} in ${stacks.length} stack${stacks.length === 1 ? '' : 's'}`,
    before: [
      ...allowed('Deletions allowed by name', changes.allowDelete),
      ...allowed('Purchases allowed by name', changes.allowPurchase),
      ...markdownTableHead(columns),
    ],
    rows: stacks.flatMap(([name, stack]) =>
      tabulateChanges(stack).rows.map(([op, ...cells]) =>
        markdownTableRow([
          escapeName(name),
          op === 'delete' || op === 'replace' ? `**${op}**` : op!,
          ...cells.map((cell) => escapeMarkdown(cell)),
        ]),
      ),
    ),
  }
}

function allowed(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${what}: ${names.map(escapeName).join(', ')}.`, '']
}

/** What was refused or not checked for all to see, the rest folded away. */
export function writeVerdicts(stacks: readonly StackVerdicts[]): BodySection[] {
  const { columns, rows } = tabulateVerdicts(stacks)
  const head = markdownTableHead(columns)
  const line = (cells: readonly string[]) => markdownTableRow(cells.map((cell) => escapeMarkdown(cell, 400)))
  const section = { where: '`llmscale preview`' }
  const [bad, passed] = [
    rows.filter(([, verdict]) => verdict !== 'passed'),
    rows.filter(([, verdict]) => verdict === 'passed'),
  ]
  if (rows.length === 0)
    return [
      {
        ...section,
        title: 'Guards and policies',
        importance: 9,
        before: ['None was checked yet.'],
        rows: [],
      },
    ]
  return [
    {
      ...section,
      title: 'Guards and policies',
      importance: 9,
      before: bad.length === 0 ? ['All passed.'] : head,
      rows: bad.map(line),
    },
    {
      ...section,
      title: `${passed.length} passed`,
      isFolded: true,
      importance: 2,
      before: head,
      rows: passed.map(line),
    },
  ].filter(({ title }) => title !== '0 passed')
}
