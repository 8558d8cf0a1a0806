import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wrapProse } from '../../src/cli/prose.js'

describe('prose', () => {
  it('goes on below itself, further in than it began', () => {
    expect(wrapProse('Findings:\n  RISK_HIGH: raise the floor of it\n  OLD: x', 20)).toBe(
      ['Findings:', '  RISK_HIGH: raise', '    the floor of it', '  OLD: x'].join('\n'),
    )
  })

  it('is left as it is when piped', () => {
    const text = `  ${'word '.repeat(100)}`
    expect(wrapProse(text)).toBe(text)
  })

  it('keeps every word, and the width where words allow it', () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/)
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1 }),
        fc.nat(4),
        fc.integer({ min: 18, max: 60 }),
        (words, by, width) => {
          const lines = wrapProse(' '.repeat(by) + words.join(' '), width).split('\n')
          expect(lines.join(' ').split(/ +/).filter(Boolean)).toEqual(words)
          expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width)
        },
      ),
    )
  })
})
