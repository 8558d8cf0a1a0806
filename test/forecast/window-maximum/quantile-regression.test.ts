import { describe, expect, it } from 'vitest'
import { fitQuantiles } from '../../../src/forecast/window-maximum/quantile-regression.js'
import { createRandom } from '../../../src/kit/random.js'

// y = 1 + 2 x + x u with u uniform: the quantile τ is 1 + (2 + τ) x.
function drawSample(rows: number) {
  const random = createRandom(3)
  const features = new Float64Array(2 * rows)
  const targets = Float64Array.from({ length: rows }, (_, row) => {
    const x = 1 + 4 * random.uniform()
    features.set([1, x], 2 * row)
    return 1 + (2 + random.uniform()) * x
  })
  return { features, targets, rows, columns: 2 }
}

describe('linear quantile regression', () => {
  it.each([0.1, 0.5, 0.9, 0.99])('finds the quantile %d', (probability) => {
    const [constant, slope] = fitQuantiles(drawSample(4000), [probability], [new Float64Array(2)], 0)[0]!
    expect(constant! + 3 * slope!).toBeCloseTo(1 + 3 * (2 + probability), 0)
    expect(Math.abs(slope! - 2 - probability)).toBeLessThan(0.1)
  })

  it('stays with the prior where the penalty is large', () => {
    const prior = Float64Array.of(0.5, 3)
    const [, slope] = fitQuantiles(drawSample(500), [0.9], [prior], 1000)[0]!
    expect(slope).toBeCloseTo(3, 2)
  })
})
