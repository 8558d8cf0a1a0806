import { cleanText } from '../kit/foreign-text.js'

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
 * legend: the text beside it says what bars and lines are.
 */
export function formatMermaidChart({ title, categories, axis, bars, lines }: MermaidChart): string {
  const most = Math.max(1, ...bars, ...lines.flat())
  const list = (values: readonly number[]) => `[${values.map(formatValue).join(', ')}]`
  return [
    '```mermaid',
    'xychart-beta',
    `    title "${escapeMermaid(title)}"`,
    `    x-axis [${categories.map((category) => `"${escapeMermaid(category)}"`).join(', ')}]`,
    `    y-axis "${escapeMermaid(axis)}" 0 --> ${Math.ceil(most * 1.1)}`,
    `    bar ${list(bars)}`,
    ...lines.map((line) => `    line ${list(line)}`),
    '```',
  ].join('\n')
}

/**
 * Foreign text inside double quotes of a Mermaid diagram: letters, digits and the punctuation that means nothing there;
 * anything else, such as quotes, semicolons, brackets, `%%` and `#`, becomes a middle dot.
 */
export function escapeMermaid(text: string): string {
  return cleanText(text, [], 60).replace(/[^\p{L}\p{N} .,:/_+–…-]/gu, '·')
}

function formatValue(value: number): string {
  return String(Math.round(value * 100) / 100)
}
