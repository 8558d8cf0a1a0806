import { describe, expect, it } from 'vitest'
import { type GpuShape, parseShape, shapeName } from '../../src/catalog/gpu-shape.js'
import { findModel } from '../../src/catalog/models.js'
import { rankShapes, type ShapesToRank } from '../../src/planning/rank-shapes.js'
import { describeRanking, tabulateRanking } from '../../src/review/size-tables.js'

const fits = '2xH100-fp8@p5.48xlarge'
const fitsDearly = '4xH100-fp8@p5.48xlarge'
const tooSmall = '1xH100-fp8@p5.48xlarge'

function wanted(shapes: string[], prices: ShapesToRank['prices'] = []): ShapesToRank {
  return {
    modelName: 'llama-3.1-70b',
    architecture: findModel('llama-3.1-70b')!.architecture,
    assumed: false,
    region: 'us-east-1',
    slo: { ttftP95Seconds: 2, itlP95Seconds: 0.05 },
    lengths: { inputTokens: 1000, outputTokens: 300, maximumInputTokens: 4000, maximumOutputTokens: 1200 },
    shapes: shapes.map((shape) => parseShape(shape) as GpuShape),
    prices,
  }
}

describe('rankShapes', () => {
  it('puts the cheapest request first, whatever the order asked, and keeps refusals apart', () => {
    for (const asked of [
      [fits, tooSmall, fitsDearly],
      [fitsDearly, fits, tooSmall],
    ]) {
      const { shapes, refused } = rankShapes(wanted(asked))
      const costs = shapes.map(({ price }) => price!.usdPerThousandRequests)
      expect(costs).toEqual([...costs].sort((a, b) => a - b))
      expect(shapes.map(({ capacity }) => shapeName(capacity.shape)).sort()).toEqual([fits, fitsDearly])
      expect(refused.map(({ name, error }) => [name, error.code])).toEqual([[tooSmall, 'MODEL_DOES_NOT_FIT']])
    }
  })

  it('prices a replica by its share of a node, and a request by the load it carries', () => {
    const { shapes } = rankShapes(
      wanted([fits], [{ instanceType: 'p5.48xlarge', capacityType: 'on-demand', usdPerHour: 80 }]),
    )
    const { capacity, price } = shapes[0]!
    expect(price).toMatchObject({ usdPerNodeHour: 80, usdPerReplicaHour: 20, provenance: 'assumed' })
    expect(price!.usdPerThousandRequests).toBeCloseTo((1000 * 20) / 3600 / capacity.requestsPerSecond, 10)
    expect(price!.usdPerMillionTokens).toBeCloseTo(price!.usdPerThousandRequests / 1.3, 10)
  })

  it('throws the refusal of the only shape, and joins those of several', () => {
    expect(() => rankShapes(wanted([tooSmall]))).toThrow(
      expect.objectContaining({ code: 'MODEL_DOES_NOT_FIT' }),
    )
    expect(() => rankShapes(wanted([tooSmall, '1xH100-bf16@p5.48xlarge']))).toThrow(
      expect.objectContaining({
        code: 'NO_SHAPE_FITS',
        message: expect.stringMatching(/fits none of 2 shapes:\n {2}.*fp8.*\n {2}.*bf16/),
      }),
    )
  })
})

describe('tables of shapes', () => {
  it('says so where no price is known', () => {
    const one = rankShapes(wanted([fits]))
    const unpriced = { ...one, shapes: one.shapes.map(({ capacity }) => ({ capacity, price: null })) }
    expect(tabulateRanking(unpriced).rows).toContainEqual(['price', 'not known', ''])
    const two = { ...unpriced, shapes: [...unpriced.shapes, ...unpriced.shapes] }
    expect(tabulateRanking(two).rows.map((row) => row.slice(5, 7))).toEqual([
      ['?', '?'],
      ['?', '?'],
    ])
    expect(describeRanking(two)).toContain('Prices unknown, all else estimated.')
  })
})
