import { escapeMarkdown } from './escape-markdown.js'

/** A table as text, for a terminal or for Markdown. */
export interface Table {
  columns: { header: string; align?: 'right'; wrap?: boolean }[]
  rows: string[][]
}

/** GitHub-flavoured Markdown; cells are text, and stay text. */
export function formatMarkdownTable({ columns, rows }: Table): string {
  return [
    ...markdownTableHead(columns),
    ...rows.map((cells) => markdownTableRow(cells.map((cell) => escapeMarkdown(cell)))),
  ].join('\n')
}

/** The two lines before the rows. */
export function markdownTableHead(columns: Table['columns']): string[] {
  return [
    markdownTableRow(columns.map((column) => column.header)),
    markdownTableRow(columns.map((column) => (column.align === 'right' ? '---:' : '---'))),
  ]
}

/** A row of cells that are Markdown already, but for the `|`. */
export function markdownTableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
