import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../../src/kit/errors.js'
import { detectStep } from '../../../src/metrics/files/step.js'

const grid = (from: number, step: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index * step)

describe('detectStep', () => {
  it('is the usual difference, whatever rows are missing', () => {
    const times = grid(0, 600, 200).filter((_, index) => index % 3 !== 1 || index > 90)
    expect(detectStep(new Map([['a', times]]))).toBe(600)
  })

  it('is unknown of a single row', () => {
    expect(detectStep(new Map([['a', [0]]]))).toBeUndefined()
  })

  it.each([
    [
      'two workloads',
      new Map([
        ['a', grid(0, 600, 50)],
        ['b', grid(0, 3600, 50)],
      ]),
      /10m \(a .* and 1h \(b /,
    ],
    [
      'parts of one',
      new Map([['a', [...grid(0, 600, 50), ...grid(30_000, 3600, 50)]]]),
      /10m \(a .* and 1h \(a /,
    ],
    [
      'a row between the steps',
      new Map([['a', [...grid(0, 600, 50), 30_100]]]),
      /10m apart, but 1970-01-01T08:21:40Z of a/,
    ],
  ])('refuses mixed steps of %s and names both', (_, times, message) => {
    expect(() => detectStep(times)).toThrow(LlmscaleError)
    expect(() => detectStep(times)).toThrow(message)
  })
})
