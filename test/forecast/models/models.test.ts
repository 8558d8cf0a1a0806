import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pointModels, pooledModels } from '../../../src/forecast/models/models.js'
import type { PointModel, Series } from '../../../src/forecast/models/point-model.js'
import { createRandom } from '../../../src/kit/random.js'

const leads = 60

function seriesOf(values: readonly number[], missing: readonly number[] = []): Series {
  const observed = new Uint8Array(values.length).fill(1)
  for (const step of missing) observed[step] = 0
  return { values: Float64Array.from(values), observed, stepsPerDay: 24 }
}

/** A daily and weekly season with noise. */
function seasonal(days: number, seed: number, noise: number, scale = 1000): Series {
  const random = createRandom(seed)
  return seriesOf(
    Array.from({ length: days * 24 }, (_, hour) => {
      const week = Math.floor(hour / 24) % 7 > 4 ? 0.6 : 1
      return scale * week * (1.5 + Math.sin((hour * Math.PI) / 12)) * Math.exp(noise * random.normal())
    }),
  )
}

/** Pooled models are fitted to the series and two others of another size. */
const models: readonly PointModel[] = [
  ...pointModels,
  ...pooledModels.map((pooled) => ({
    name: pooled.name,
    fit(series: Series, end: number) {
      const others = [7, 8].map((seed) => seasonal(series.values.length / 24, seed, 0.2, 10 ** seed))
      return pooled.fit([series, ...others], end).fit(series, end)
    },
  })),
]

describe.each(models.map((model) => [model.name, model] as const))('%s', (_name, model) => {
  it('reads nothing after the origin', () => {
    const series = seasonal(28, 1, 0.2)
    const end = 24 * 24
    const changed = { ...series, values: series.values.map((value, step) => (step < end ? value : 1e12)) }
    const forecast = (from: Series) => model.fit(from, end)!(from, end, leads)
    expect(forecast(changed)).toEqual(forecast(series))
  })

  it('is finite, never negative and no wild multiple of what was seen', () => {
    const amounts = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(
        fc.array(amounts, { minLength: 24, maxLength: 24 * 15 }),
        fc.array(fc.nat(200), { maxLength: 60 }),
        (values, missing) => {
          const series = seriesOf(values, missing)
          const point = model.fit(series, values.length)?.(series, values.length, leads)
          if (point === undefined) return
          const highest = Math.max(...values)
          expect(point.length).toBe(leads)
          for (const value of point) {
            expect(value).toBeGreaterThanOrEqual(0)
            expect(value).toBeLessThanOrEqual(3 * highest)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it.each([
    ['all zero', 0],
    ['constant', 5],
    ['a billion an hour', 1e9],
  ])('carries on what does not change: %s', (_case, amount) => {
    const series = seriesOf(new Array(24 * 21).fill(amount))
    const predict = model.fit(series, series.values.length)
    if (predict === undefined) return
    for (const value of predict(series, series.values.length, leads))
      expect(Math.abs(value - amount)).toBeLessThanOrEqual(1e-6 * amount)
  })

  it('measures in the units of the series', () => {
    const small = seasonal(28, 3, 0.2)
    const large = { ...small, values: small.values.map((value) => 1e5 * value) }
    const forecast = (series: Series) => model.fit(series, series.values.length)!(series, 28 * 24, leads)
    const [low, high] = [forecast(small), forecast(large)]
    for (const [lead, value] of low.entries()) expect(high[lead]! / 1e5 / value).toBeCloseTo(1, 2)
  })
})

describe.each(
  models
    .filter(({ name }) => /^(seasonal-ridge|fourier-ridge|pooled-trees)/.test(name))
    .map((model) => [model.name, model] as const),
)('%s', (_name, model) => {
  it('learns a season without noise', () => {
    const series = seasonal(30, 1, 0)
    const end = 28 * 24
    const point = model.fit(series, end)!(series, end, 48)
    const error = point.reduce((sum, value, lead) => sum + Math.abs(value - series.values[end + lead]!), 0)
    const total = series.values.subarray(end).reduce((sum, value) => sum + value, 0)
    expect(error / total).toBeLessThan(0.05)
  })

  it('takes a surprise of one hour for what it is', () => {
    const series = seasonal(28, 5, 0.1)
    const struck = { ...series, values: series.values.slice() }
    struck.values[400] = 60_000
    const end = 27 * 24
    const point = model.fit(struck, end)!(struck, end, 24)
    const error = point.reduce((sum, value, lead) => sum + Math.abs(value - series.values[end + lead]!), 0)
    const total = series.values.subarray(end, end + 24).reduce((sum, value) => sum + value, 0)
    expect(error / total).toBeLessThan(0.3)
  })
})

describe('analogs', () => {
  it('tells by the morning which kind of day it is', () => {
    const random = createRandom(2)
    const kinds = Array.from({ length: 40 }, () => random.uniform() < 0.4)
    // A batch day is a little busier from midnight on, and has three times as much in the evening.
    const series = seriesOf(
      kinds.flatMap((isBatch) =>
        Array.from(
          { length: 24 },
          (_, hour) => (isBatch ? (hour >= 16 ? 300 : 130) : 100) * Math.exp(0.03 * random.normal()),
        ),
      ),
    )
    const model = pointModels.find(({ name }) => name === 'analogs')!
    for (let day = 30; day < 40; day++) {
      const evening = model.fit(series, day * 24 + 12)!(series, day * 24 + 12, 12).subarray(4)
      for (const value of evening) expect(Math.abs(value / (kinds[day] ? 300 : 100) - 1)).toBeLessThan(0.35)
    }
  })
})

describe('pooled-trees', () => {
  it('learns from the fleet what one short series cannot tell', () => {
    const [pooled] = pooledModels
    // Each hour is the mirror image of the hour before, an odd habit that only the fleet shows long enough.
    const odd = (seed: number, days: number) => {
      const random = createRandom(seed)
      let state = 0
      return seriesOf(
        Array.from({ length: days * 24 }, () => {
          state = -0.9 * state + 0.1 * random.normal()
          return (30 + 10 * state) ** 2
        }),
      )
    }
    const fleet = Array.from({ length: 12 }, (_, seed) => odd(seed, 28))
    const end = 27 * 24
    const error = (model: PointModel) =>
      fleet.reduce((sum, series) => {
        const [next] = model.fit(series, end)!(series, end, 1)
        return sum + Math.abs(series.values[end]! - next!)
      }, 0)
    const transferred = pointModels.find(({ name }) => name === 'transferred-ridge')!
    expect(error(pooled!.fit(fleet, end))).toBeLessThan(0.7 * error(transferred))
  })
})
