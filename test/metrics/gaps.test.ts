import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../src/kit/random.js'
import { findGaps, type Run } from '../../src/metrics/gaps.js'

const stepSeconds = 900
const perDay = 96

function drawPoisson(mean: number, random: Random): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()))
  let count = 0
  for (let product = random.uniform(); product > Math.exp(-mean); product *= random.uniform()) count++
  return count
}

/** Counts with a daily wave and slow noise. */
function wave(options: { days: number; peak: number; seed: number; deviation?: number }): Float64Array {
  const random = createRandom(options.seed)
  let noise = 0
  return Float64Array.from({ length: options.days * perDay }, (_, step) => {
    noise = 0.9 * noise + 0.44 * (options.deviation ?? 0.1) * random.normal()
    const season = 0.2 + 0.8 * (0.5 - 0.5 * Math.cos((2 * Math.PI * step) / perDay))
    return drawPoisson(options.peak * season * Math.exp(noise), random)
  })
}

const steps = (runs: Run[]) =>
  runs.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index))

describe('findGaps', () => {
  it('finds an interval that was written as zeros, with the steps of which it took a part', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(10_000),
          peak: fc.constantFrom(300, 5000, 1e6),
          from: fc.integer({ min: 1, max: 13 * perDay }),
          length: fc.integer({ min: 2, max: 30 }),
          rest: fc.double({ min: 0, max: 0.04, noNaN: true }),
        }),
        ({ seed, peak, from, length, rest }) => {
          const values = wave({ days: 14, peak, seed })
          values.fill(0, from, from + length)
          const partial = from + length
          values[partial] = Math.floor(values[partial]! * rest)
          const found = steps(findGaps(values, stepSeconds))
          expect(found).toEqual(expect.arrayContaining(steps([{ from, to: partial + 1 }])))
          expect(found.length).toBeLessThanOrEqual(length + 1 + values.length * 0.02)
        },
      ),
      { numRuns: 60, seed: 11 },
    )
  })

  it('leaves genuine zeros of small counts alone', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.constantFrom(1, 3, 8, 20), (seed, peak) => {
        const values = wave({ days: 28, peak, seed, deviation: 0.5 })
        expect(findGaps(values, stepSeconds)).toEqual([])
      }),
      { numRuns: 40, seed: 12 },
    )
  })

  it('leaves bursts alone, which are silent most of the time', () => {
    const random = createRandom(3)
    let busy = false
    const values = Float64Array.from({ length: 28 * perDay }, () => {
      if (random.uniform() < 0.06) busy = !busy
      return busy ? Math.round(2000 * Math.exp(random.normal())) : 0
    })
    expect(findGaps(values, stepSeconds)).toEqual([])
  })

  it.each([
    [
      'closed at night and at the weekend',
      (day: number, hour: number) => day % 7 < 5 && hour >= 7 && hour < 19,
    ],
    ['a nightly batch', (_: number, hour: number) => hour < 2],
    ['a launch', (day: number) => day >= 14],
    ['a retirement', (day: number) => day < 20],
  ])('leaves %s alone', (_, isOpen) => {
    const busy = wave({ days: 28, peak: 5000, seed: 4 })
    const values = busy.map((value, step) =>
      isOpen(Math.floor(step / perDay), (step % perDay) / 4) ? value : 0,
    )
    expect(findGaps(values, stepSeconds)).toEqual([])
  })

  it('masks a gap at the end of a series, where the next days are not known', () => {
    const values = wave({ days: 14, peak: 5000, seed: 5 })
    values.fill(0, values.length - 10)
    expect(findGaps(values, stepSeconds)).toEqual([{ from: values.length - 10, to: values.length }])
  })

  it('takes missing points neither for zeros nor for parts of a run', () => {
    const values = wave({ days: 14, peak: 5000, seed: 6 })
    values.fill(Number.NaN, 500, 520)
    expect(findGaps(values, stepSeconds)).toEqual([])
  })

  it('judges nothing by a history of a few points', () => {
    for (const values of [[], [0], [0, 0, 0], [5, 0, 7]]) {
      expect(findGaps(Float64Array.from(values), stepSeconds)).toEqual([])
    }
  })
})
