import { printable } from '../kit/printable.js'
import { terminalWidth, wrapWords } from './prose.js'

export interface Column {
  header: string
  align?: 'right'
  /** Text that must not be cut goes on in further lines. */
  wrap?: boolean
}

const gap = '  '
const narrowestText = 8
const narrowestWrapped = 30

/**
 * A plain table: header, rule, rows; columns two spaces apart. Where it is wider than `width` characters the widest
 * text columns are shortened in the middle, where names differ least; numbers are never cut, and a column that wraps
 * takes what is left.
 * Default width: the terminal's, and no limit when piped, so that nothing is lost to `grep`.
 */
export function formatTable(columns: Column[], texts: string[][], width = terminalWidth()): string {
  // A line end in a name must not begin a row.
  const rows = texts.map((row) => row.map((cell) => printable(cell).replace(/[\n\r\t]/g, ' ')))
  const widths = columns.map((column, index) =>
    rows.reduce((widest, row) => Math.max(widest, row[index]?.length ?? 0), column.header.length),
  )
  const excess = wrapColumn(columns, widths, width)
  shrinkTextColumns(columns, widths, excess)
  const line = (cells: string[]) =>
    columns
      .map((column, index) => {
        const cell = shortenMiddle(cells[index] ?? '', widths[index]!)
        return column.align === 'right' ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)
      })
      .join(gap)
      .trimEnd()
  return [
    line(columns.map((column) => column.header)),
    widths.map((columnWidth) => '-'.repeat(columnWidth)).join(gap),
    ...rows.flatMap((row) => splitCells(columns, row, widths).map(line)),
  ].join('\n')
}

/** A column that wraps gives way first; returns by how much the table is still too wide. */
function wrapColumn(columns: Column[], widths: number[], width: number): number {
  const excess = widths.reduce((sum, columnWidth) => sum + columnWidth + gap.length, -gap.length) - width
  const index = columns.findIndex(({ wrap }) => wrap)
  if (index < 0 || excess <= 0) return excess
  const narrower = Math.max(Math.min(widths[index]!, narrowestWrapped), widths[index]! - excess)
  const gained = widths[index]! - narrower
  widths[index] = narrower
  return excess - gained
}

/** The lines of a row: one, but where a cell wraps. */
function splitCells(columns: Column[], row: string[], widths: number[]): string[][] {
  const cells = columns.map(({ wrap }, index) =>
    wrap ? wrapWords(row[index] ?? '', widths[index]!) : [row[index] ?? ''],
  )
  const height = Math.max(...cells.map(({ length }) => length))
  return Array.from({ length: height }, (_line, at) => cells.map((lines) => lines[at] ?? ''))
}

/**
 * Takes the excess from the widest text column, one character at a time, down to a readable rest; from the first, which
 * names the row, only when no other is left.
 */
function shrinkTextColumns(columns: Column[], widths: number[], excess: number): void {
  for (let rest = excess; rest > 0; rest--) {
    let widest = -1
    for (const [index, column] of columns.entries()) {
      const canShrink = index > 0 && column.align !== 'right' && widths[index]! > narrowestText
      if (canShrink && (widest < 0 || widths[index]! > widths[widest]!)) widest = index
    }
    if (widest < 0) widest = 0
    if (widths[widest]! <= narrowestText) return
    widths[widest]! -= 1
  }
}

function shortenMiddle(text: string, width: number): string {
  if (text.length <= width) return text
  const head = Math.ceil((width - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`
}
