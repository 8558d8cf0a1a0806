import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addHistograms, countUpTo, type Histogram, histogramQuantile } from '../../src/metrics/histogram.js'

const of = (buckets: [number, number][]): Histogram => ({
  upperBounds: Float64Array.from(buckets, ([bound]) => bound),
  counts: Float64Array.from(buckets, ([, count]) => count),
})

const histograms = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 100 })), {
    selector: ([bound]) => bound,
    minLength: 1,
    maxLength: 8,
  })
  .map((buckets) => of(buckets.sort((a, b) => a[0] - b[0])))

describe('histograms', () => {
  it('count linearly within a bucket', () => {
    const histogram = of([
      [10, 4],
      [30, 6],
    ])
    expect([0, 5, 10, 20, 30, 99].map((bound) => countUpTo(histogram, bound))).toEqual([0, 2, 4, 7, 10, 10])
  })

  it('give quantiles as PromQL does, and never more than the highest finite bound', () => {
    const histogram = of([
      [10, 4],
      [30, 6],
      [Number.POSITIVE_INFINITY, 10],
    ])
    expect(histogramQuantile(histogram, 0.1)).toBe(5)
    expect(histogramQuantile(histogram, 0.35)).toBe(20)
    expect(histogramQuantile(histogram, 0.99)).toBe(30)
    expect(histogramQuantile(of([[10, 0]]), 0.5)).toBeUndefined()
  })

  it('added keep every count, also with other bounds', () => {
    fc.assert(
      fc.property(fc.array(histograms, { minLength: 1, maxLength: 4 }), (all) => {
        const sum = addHistograms(all)
        const total = (each: Histogram) => each.counts.reduce((a, b) => a + b, 0)
        expect(total(sum)).toBeCloseTo(
          all.reduce((a, each) => a + total(each), 0),
          6,
        )
        for (const bound of sum.upperBounds)
          expect(countUpTo(sum, bound)).toBeCloseTo(
            all.reduce((a, each) => a + countUpTo(each, bound), 0),
            6,
          )
      }),
    )
  })

  it('have quantiles that rise with the probability and fit the counts', () => {
    fc.assert(
      fc.property(histograms, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (histogram, probability) => {
        const value = histogramQuantile(histogram, probability)
        if (value === undefined) return
        const total = histogram.counts.reduce((a, b) => a + b, 0)
        expect(countUpTo(histogram, value + 1e-9)).toBeGreaterThanOrEqual(probability * total - 1e-6)
      }),
    )
  })
})
