import { escapeMarkdown } from './escape-markdown.js'

/** A part of a body. Only its rows are unbounded, so only they are cut. */
export interface BodySection {
  /** Plain words: where it is folded, no Markdown is read in it. */
  title: string
  /** Shown when somebody asks for it. */
  isFolded?: boolean
  /** Markdown before the rows; ends with the two head lines where the rows are of a table. */
  before: readonly string[]
  /** Lines: rows of a table, items of a list. */
  rows: readonly string[]
  /** Where all of the rows can be seen; Markdown. */
  where: string
  /** Sections of less importance are cut first. */
  importance: number
}

/**
 * A body of at most so many characters: rows of the least important sections go first, then whole sections, each with a
 * line that says what is missing and where it is. `head` and `tail` are never cut, and must fit.
 */
export function fitBody(
  head: string,
  sections: readonly BodySection[],
  tail: string,
  limitCharacters: number,
): string {
  const shown = new Map<BodySection, string>(sections.map((section) => [section, renderSection(section)]))
  const render = () => {
    const left = sections.filter((section) => !shown.has(section))
    const note = left.length === 0 ? [] : [`_${noteLeftOut(left)}_`]
    return `${[head, ...shown.values(), ...note, tail].join('\n\n')}\n`
  }
  const leastFirst = [...sections].sort((a, b) => a.importance - b.importance)
  for (const section of leastFirst) {
    const excess = render().length - limitCharacters
    if (excess > 0) shown.set(section, cutRows(section, shown.get(section)!.length - excess))
  }
  for (const section of leastFirst) if (render().length > limitCharacters) shown.delete(section)
  return render()
}

function noteLeftOut(sections: readonly BodySection[]): string {
  const titles = sections.map(({ title }) => escapeMarkdown(title)).join('; ')
  return `Cut, as the body would be too long: ${titles}. See the files of this pull request.`
}

/** As many rows as a length holds. */
function cutRows(section: BodySection, mostCharacters: number): string {
  let count = section.rows.length
  let length = renderSection(section, 0).length + section.rows.reduce((sum, row) => sum + row.length + 1, 0)
  while (count > 0 && length > mostCharacters) length -= section.rows[--count]!.length + 1
  return renderSection(section, count)
}

function renderSection(
  { title, isFolded = false, before, rows, where }: BodySection,
  count = rows.length,
): string {
  const left = rows.length - count
  const note =
    left === 0 ? [] : ['', `_Cut here: ${left} of ${rows.length} rows are not shown; all are in ${where}._`]
  const text = [...before, ...rows.slice(0, count), ...note]
  return isFolded
    ? ['<details>', `<summary>${title}</summary>`, '', ...text, '', '</details>'].join('\n')
    : [`### ${escapeMarkdown(title)}`, '', ...text].join('\n')
}
