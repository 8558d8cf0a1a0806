/** A table as text, for a terminal or for Markdown. */
export interface Table {
  columns: { header: string; align?: 'right'; wrap?: boolean }[]
  rows: string[][]
}

/** GitHub-flavoured Markdown. */
export function formatMarkdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    line(columns.map((column) => column.header)),
    line(columns.map((column) => (column.align === 'right' ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n')
}
