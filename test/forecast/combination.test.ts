import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { combine, shareWeights, weighModels } from '../../src/forecast/combination.js'
import type { Series } from '../../src/forecast/models/point-model.js'
import { persistence, seasonalNaiveDay } from '../../src/forecast/models/seasonal-naive.js'
import { createOriginGrid } from '../../src/forecast/origin-grid.js'
import { rollMember, singleMember } from '../../src/forecast/rolling-origin.js'
import { createRandom } from '../../src/kit/random.js'

const everyLead = [Number.POSITIVE_INFINITY]

function seriesOf(values: Float64Array): Series {
  return { values, observed: new Uint8Array(values.length).fill(1), stepsPerDay: 24 }
}

/** A daily season around a level that wanders slowly: the last hour tells most of the next, yesterday of later ones. */
function wanderingSeason(days: number): Series {
  const random = createRandom(3)
  let level = 0
  return seriesOf(
    Float64Array.from({ length: 24 * days }, (_, hour) => {
      level += 40 * random.normal()
      return 2000 + level + 300 * Math.sin((hour * Math.PI) / 12)
    }),
  )
}

describe('weighModels', () => {
  it('trusts other models for the first hour than for the rest of the day', () => {
    const series = wanderingSeason(28)
    const end = series.values.length
    const grid = createOriginGrid(end, [end], 24, 24, 0)
    const members = [persistence, seasonalNaiveDay].map((model) =>
      rollMember(singleMember(model), series, grid),
    )
    const { shares } = weighModels(members, series, grid).at(-1)!
    expect(shares[0]![0]).toBeGreaterThan(0.7)
    expect(shares[2]![0]).toBeLessThan(shares[0]![0]! - 0.2)
    for (const band of shares) expect(band.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
  })

  it('weighs all alike before anything was observed', () => {
    const series = wanderingSeason(28)
    const grid = createOriginGrid(series.values.length, [series.values.length], 24, 24, 0)
    const members = [persistence, seasonalNaiveDay].map((model) =>
      rollMember(singleMember(model), series, grid),
    )
    expect(shareWeights(weighModels(members, series, grid)[0]!)).toEqual([0.5, 0.5])
  })
})

describe('combine', () => {
  const points = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 })

  it('lies within what the models say, whatever their order', () => {
    fc.assert(
      fc.property(points, fc.array(fc.double({ min: 0.01, max: 1, noNaN: true })), (values, given) => {
        const raw = values.map((_, index) => given[index] ?? 0.5)
        const total = raw.reduce((sum, weight) => sum + weight, 0)
        const weighted = values.map((value, index) => ({ value, weight: raw[index]! / total }))
        const run = (parts: typeof weighted) =>
          combine(
            parts.map(({ value }) => Float64Array.of(value)),
            { ends: everyLead, shares: [Float64Array.from(parts, ({ weight }) => weight)] },
          )[0]!
        const combined = run(weighted)
        expect(combined).toBeGreaterThanOrEqual(Math.min(...values))
        expect(combined).toBeLessThanOrEqual(Math.max(...values))
        expect(run([...weighted].reverse())).toBeCloseTo(combined, 6)
      }),
    )
  })

  it('takes no notice of how far one model goes astray', () => {
    const run = (astray: number) =>
      combine(
        [10, 11, 12, astray].map((value) => Float64Array.of(value)),
        { ends: everyLead, shares: [new Float64Array(4).fill(0.25)] },
      )[0]
    expect(run(1e9)).toBe(run(13))
  })

  it('changes weights where a band ends', () => {
    const shares = [Float64Array.of(1, 0), Float64Array.of(0, 1)]
    const forecasts = [new Float64Array(4).fill(1), new Float64Array(4).fill(2)]
    expect([...combine(forecasts, { ends: [2, everyLead[0]!], shares })]).toEqual([1, 1, 2, 2])
  })
})
