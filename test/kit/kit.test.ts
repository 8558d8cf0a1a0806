import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/kit/canonical.js'
import { dnsName, nearestName } from '../../src/kit/names.js'
import { createRandom } from '../../src/kit/random.js'
import {
  formatDuration,
  formatInstant,
  localMinuteOfWeek,
  parseDuration,
  parseInstant,
  utcOffsetSeconds,
} from '../../src/kit/time.js'

describe('durations', () => {
  it('reads what people write', () => {
    expect(parseDuration('500ms')).toBe(0.5)
    expect(parseDuration('1h30m')).toBe(5400)
    expect(parseDuration('2 s')).toBeUndefined()
    expect(parseDuration('')).toBeUndefined()
  })
  it('round-trips every whole number of milliseconds', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000_000), (ms) => {
        expect(parseDuration(formatDuration(ms / 1000))).toBeCloseTo(ms / 1000, 3)
      }),
    )
  })
})

describe('instants', () => {
  it('needs a zone', () => {
    expect(parseInstant('2025-03-03T00:00:00')).toBeUndefined()
    expect(parseInstant('2025-03-03 01:00:00+01')).toBe(parseInstant('2025-03-03T00:00:00Z'))
    expect(formatInstant(parseInstant('2025-03-03T02:00:00+02:00')!)).toBe('2025-03-03T00:00:00Z')
  })
  it('knows local time across a change of clocks', () => {
    const before = parseInstant('2025-03-30T00:59:00Z')!
    const after = parseInstant('2025-03-30T01:00:00Z')!
    expect(utcOffsetSeconds(before, 'Europe/Berlin')).toBe(3600)
    expect(utcOffsetSeconds(after, 'Europe/Berlin')).toBe(7200)
    // Sunday 03:00 local
    expect(localMinuteOfWeek(after, 7200)).toBe(6 * 1440 + 180)
  })
  it('starts the week on Monday', () => {
    expect(localMinuteOfWeek(parseInstant('2025-03-03T00:00:00Z')!, 0)).toBe(0)
    expect(localMinuteOfWeek(parseInstant('2025-03-09T23:59:00Z')!, 0)).toBe(10_079)
  })
})

describe('names', () => {
  it('are DNS labels of at most 57 characters, different for different names', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), fc.string({ maxLength: 120 }), (a, b) => {
        expect(dnsName(a)).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
        expect(dnsName(a).length).toBeLessThanOrEqual(57)
        if (a !== b) expect(dnsName(a)).not.toBe(dnsName(b))
      }),
    )
  })
  it('tells the nearest word only when one is near', () => {
    expect(nearestName('worklods', ['workloads', 'models'])).toBe('workloads')
    expect(nearestName('banana', ['workloads', 'models'])).toBeUndefined()
  })
})

describe('canonical text', () => {
  it('does not depend on the order of keys', () => {
    expect(canonicalJson({ b: 1, a: { d: undefined, c: [2, 1] } })).toBe('{"a":{"c":[2,1]},"b":1}')
  })
})

describe('random', () => {
  it('repeats itself for a seed and has the right moments', () => {
    const draw = (seed: number) => Array.from({ length: 5000 }, createRandom(seed).normal)
    expect(draw(7)).toEqual(draw(7))
    const sample = draw(7)
    const mean = sample.reduce((a, b) => a + b, 0) / sample.length
    expect(Math.abs(mean)).toBeLessThan(0.05)
    expect(sample.reduce((a, b) => a + (b - mean) ** 2, 0) / sample.length).toBeCloseTo(1, 1)
  })
})
