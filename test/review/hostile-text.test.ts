import fc from 'fast-check'
import { marked } from 'marked'
import { describe, expect, it } from 'vitest'
import { escapeMarkdown, escapeName } from '../../src/review/escape-markdown.js'
import { formatMarkdownTable, markdownTableHead, markdownTableRow } from '../../src/review/table.js'
import { hostileNames } from './pull-request-fixture.js'

// What the renderer makes of foreign text, in each place where a body has some.

const marks = fc.constantFrom(
  ...[
    '|',
    '`',
    '``',
    '\\',
    '\n',
    '\r',
    '<',
    '>',
    '<b>',
    '</details>',
    '<!--',
    '-->',
    '&lt;',
    '&#64;',
    '@octocat',
    '#12',
  ],
  ...[
    'GH-3',
    'https://evil.example',
    'www.evil.example',
    'a@b.example',
    '[x](y)',
    '![x](y)',
    '**',
    '__',
    '~~',
    '~',
    '- ',
  ],
  ...[
    '1. ',
    '# ',
    '---',
    '$x$',
    ':tada:',
    '7d3f0a1c9b8e',
    '[^1]',
    '\u202e',
    '\u200b',
    '\t',
    ' ',
    'word',
    'mailto:a',
  ],
)
const foreign = fc.oneof(
  fc.array(marks, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(...hostileNames),
)
const places: Record<string, (text: string) => string> = {
  'a table': (text) =>
    formatMarkdownTable({ columns: [{ header: 'a' }, { header: 'b' }], rows: [[text, text]] }),
  'a name in a table': (text) =>
    [
      ...markdownTableHead([{ header: 'a' }, { header: 'b' }]),
      markdownTableRow([escapeName(text), 'x']),
    ].join('\n'),
  'a list': (text) => `- by ${escapeMarkdown(text)}: ${escapeMarkdown(text)}`,
  'a bold headline': (text) => `**Raises ${escapeMarkdown(text)}.**`,
  'a name in a list': (text) => `- ${escapeName(text)}: words`,
}

function elementsOf(markdown: string): string[] {
  return (marked.parse(markdown, { gfm: true, async: false }).match(/<\/?[a-z][^>]*>/gi) ?? []).filter(
    (element) => !/^<\/?code>$/.test(element),
  )
}

describe('foreign text', () => {
  it.each(Object.entries(places))('makes no element in %s', (_place, write) => {
    const expected = elementsOf(write('word'))
    fc.assert(
      fc.property(foreign, (text) => {
        expect(elementsOf(write(text))).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('mentions nobody, refers to nothing and links nothing', () => {
    fc.assert(
      fc.property(foreign, (text) => {
        const shown = escapeMarkdown(text).replaceAll('&#8203;', '\u200b').replace(/\\(.)/g, '$1')
        expect(shown).not.toMatch(/@\w|#\d|\bGH-\d|:\/\/|www\.|[0-9a-f]{7}/i)
      }),
    )
  })
})
