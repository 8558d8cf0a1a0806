import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHiddenKey, hashBody, parseHiddenKey } from '../../src/review/hidden-key.js'

const key = {
  environment: 'prod',
  planId: 'a6'.repeat(32),
  validAt: '2026-11-01T00:00:00Z',
  expiresAt: '2026-11-08T00:00:00Z',
  base: '7d3f'.repeat(10),
}
const line = formatHiddenKey(key)
const body = `${line}\n\n**Raises** floors ⚠\n\n- Made on commit \`${key.base.slice(0, 12)}\`\n- [ ] refresh\n`

describe('the hidden key', () => {
  it('is read back as it was written, also with the line ends of a browser', () => {
    expect(parseHiddenKey(body)).toEqual(key)
    expect(parseHiddenKey(body.replaceAll('\n', '\r\n'))).toEqual(key)
  })

  it.each([
    ['no key', 'Hello'],
    ['a key further down', `Hello\n${line}`],
    ['a word before it', `x${line}`],
    ['a word behind it', `${line} x`],
    ['a shorter plan id', line.replace('a6a6', '')],
    ['no base', line.replace(/ base=\w+/, '')],
    ['a day that no calendar has', line.replace('2026-11-08', '2026-13-08')],
    ['another version', line.replace('v1', 'v2')],
  ])('is not read from %s', (_what, text) => {
    expect(parseHiddenKey(text)).toBeUndefined()
  })

  it('is not read where one character of it is gone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: line.length - 1 }), (at) => {
        const broken = parseHiddenKey(`${line.slice(0, at)}${line.slice(at + 1)}`)
        // A shorter environment, or a time without a digit of its fraction, is a key as well, but another one.
        expect(broken).not.toEqual(key)
      }),
    )
  })
})

describe('the hash of a body', () => {
  it.each([
    ['line ends', body.replaceAll('\n', '\r\n')],
    [
      'white space',
      body.replaceAll(' ', '  ').replace('\n\n', '\n\n\n').replace('<!--  ', '<!-- ').replace(/^.*$/m, line),
    ],
    ['a ticked box', body.replace('[ ]', '[x]')],
    [
      'the base',
      body.replaceAll('7d3f'.repeat(10), '9b1c'.repeat(10)).replace('7d3f7d3f7d3f', '9b1c9b1c9b1c'),
    ],
    ['the look of an emoji', body.replace('⚠', '⚠\uFE0F')],
  ])('does not change with %s', (_what, other) => {
    expect(hashBody(other)).toBe(hashBody(body))
  })

  it('changes with a word, and with the plan', () => {
    expect(hashBody(body.replace('Raises', 'Lowers'))).not.toBe(hashBody(body))
    expect(hashBody(body.replaceAll('a6', 'b7'))).not.toBe(hashBody(body))
  })
})
