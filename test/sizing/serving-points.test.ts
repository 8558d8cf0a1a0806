import { describe, expect, it } from 'vitest'
import { predictPoint, readServingPoints } from '../../bench/serving-points.js'
import { quantile } from '../../src/kit/statistics.js'
import { idealLatency } from '../../src/sizing/latency.js'
import { errorBands } from '../../src/sizing/replica-capacity.js'

const data = process.env['LLMSCALE_TEST_DATA']

describe.skipIf(data === undefined)('predicted ÷ measured over public serving points', () => {
  const { points, leftOut } =
    data === undefined ? { points: [], leftOut: new Map() } : readServingPoints(data)
  const ratios = (of: 'itlSeconds' | 'ttftSeconds', constants?: typeof idealLatency) =>
    points.map((point) => predictPoint(point, constants)[of] / point[of])

  it('covers most points and says why the others are left out', () => {
    expect(points.length).toBeGreaterThan(1000)
    expect([...leftOut.values()].reduce((sum, count) => sum + count, points.length)).toBe(1170)
  })

  it.each(['itlSeconds', 'ttftSeconds'] as const)(
    '%s: median near 1, P90 below 2, better than a roofline',
    (of) => {
      const [median, high, roofline] = [
        quantile(ratios(of), 0.5),
        quantile(ratios(of), 0.9),
        quantile(ratios(of, idealLatency), 0.5),
      ]
      expect(median).toBeGreaterThan(0.8)
      expect(median).toBeLessThan(1.25)
      expect(high).toBeLessThan(2)
      expect(roofline).toBeLessThan(0.5)
    },
  )

  it('lies in the stated error bands for 80 % of the points', () => {
    for (const [of, band] of [
      ['itlSeconds', errorBands.itl],
      ['ttftSeconds', errorBands.ttft],
    ] as const) {
      const inside = ratios(of).filter((ratio) => 1 / ratio >= band.low && 1 / ratio <= band.high)
      expect(inside.length / points.length).toBeGreaterThan(0.8)
    }
  })
})
