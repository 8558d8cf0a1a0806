import { plainWords } from './plain-words.js'

/** A chart of one value a category and series. */
export interface MermaidChart {
  title: string
  categories: readonly string[]
  /** What the values are, with their unit. */
  axis: string
  /** Drawn first, behind the lines. */
  bars: readonly number[]
  lines: readonly (readonly number[])[]
}

/**
 * A fenced `xychart-beta` (https://mermaid.js.org/syntax/xyChart.html), from zero to above the largest value. It has no
 * legend: the text beside it says what bars and lines are. Foreign text loses quotes, semicolons, brackets, `%` and `#`:
 * Mermaid has no sure way to escape them.
 */
export function formatMermaidChart({ title, categories, axis, bars, lines }: MermaidChart): string {
  const most = Math.max(1, ...bars, ...lines.flat())
  const list = (values: readonly number[]) => `[${values.map(formatValue).join(', ')}]`
  return [
    '```mermaid',
    'xychart-beta',
    `    title "${plainWords(title)}"`,
    `    x-axis [${categories.map((category) => `"${plainWords(category)}"`).join(', ')}]`,
    `    y-axis "${plainWords(axis)}" 0 --> ${Math.ceil(most * 1.1)}`,
    `    bar ${list(bars)}`,
    ...lines.map((line) => `    line ${list(line)}`),
    '```',
  ].join('\n')
}

function formatValue(value: number): string {
  return String(Math.round(value * 100) / 100)
}
