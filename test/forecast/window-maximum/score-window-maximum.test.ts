import { describe, expect, it } from 'vitest'
import { dataFolder, readTrace } from '../../../bench/forecast-data.js'
import {
  dayAheadTemplate,
  persistenceWithMargin,
} from '../../../src/forecast/window-maximum/naive-maximum.js'
import { maximumOf } from '../../../src/forecast/window-maximum/near-past.js'
import {
  poolMaximumDays,
  scoreWindowMaximum,
} from '../../../src/forecast/window-maximum/score-window-maximum.js'
import {
  maximumRegression,
  type WindowMaximumMethod,
} from '../../../src/forecast/window-maximum/window-maximum.js'

const options = { stepSeconds: 60, coldStartSeconds: 300, everySeconds: 300, quantiles: [0.5, 0.95] }
const day = 1440
const load = Float64Array.from({ length: 3 * day }, (_, step) => 10 + (step % 7))

const clairvoyant: WindowMaximumMethod = {
  name: 'clairvoyant',
  fit: (values) => (now) => new Float64Array(2).fill(maximumOf(values, now, now + 10)),
}

/** A forecast that is always the same. */
const constant = (low: number, high: number): WindowMaximumMethod => ({
  name: 'constant',
  fit: () => () => Float64Array.of(low, high),
})

describe('the score of window maxima', () => {
  it('of who knows them is without loss', () => {
    const days = scoreWindowMaximum(clairvoyant, load, day, 3 * day, options)
    const score = poolMaximumDays(days)
    expect(days).toHaveLength(2)
    expect(score.origins).toBe(2 * 288 - 1)
    expect(score.pinball).toEqual([0, 0])
    expect(score.coverage).toEqual([1, 1])
    expect(score.lateShare).toEqual([0, 0])
  })

  it('weighs what is above and below a quantile', () => {
    // Every window of ten steps holds the largest value, 16; the mean of the load is 13.
    const score = poolMaximumDays(scoreWindowMaximum(constant(6, 17), load, day, 2 * day, options))
    expect(score.pinball[0]).toBeCloseTo((0.5 * 10) / 16)
    expect(score.pinball[1]).toBeCloseTo((0.05 * 1) / 16)
    expect(score.coverage).toEqual([0, 1])
    expect(score.lateShare[0]).toBeCloseTo(7 / 13, 2)
    expect(score.idleShare[1]).toBeCloseTo(4 / 13, 2)
  })

  it('leaves out windows that were not observed whole', () => {
    const gapped = load.map((value, step) => (step === day + 700 ? Number.NaN : value))
    const score = poolMaximumDays(scoreWindowMaximum(clairvoyant, gapped, day, 2 * day, options))
    expect(score.origins).toBe(288 - 2)
  })
})

describe('naive maxima', () => {
  it.each(['ratio', 'difference'] as const)('persistence knows the margin of the past, as a %s', (margin) => {
    const days = scoreWindowMaximum(persistenceWithMargin(margin, 4), load, 2 * day, 3 * day, options)
    const score = poolMaximumDays(days)
    expect(score.coverage[1]).toBeGreaterThan(0.9)
    expect(score.pinball[1]).toBeLessThan(0.01)
  })

  it('the template is the same window of the days before', () => {
    const daily = Float64Array.from({ length: 3 * day }, (_, step) => (step % day === 600 ? 50 : 10))
    const predict = dayAheadTemplate.fit(daily, 2 * day, { ...options, windowSeconds: 600 })
    expect([...predict(2 * day + 595)]).toEqual([50, 50])
    expect([...predict(2 * day + 300)]).toEqual([10, 10])
  })
})

describe('ServeGen', () => {
  // bench/window-maximum.ts measures on arrivals drawn inside these 10-minute steps, and the larger clients.
  it.skipIf(dataFolder === undefined)('the regression is well below persistence with a margin', async () => {
    const history = await readTrace('servegen-demand-10min.csv.gz', 'm-large')
    const requests = history.workloads[0]!.requests
    const rolling = {
      stepSeconds: 600,
      coldStartSeconds: 600,
      everySeconds: 600,
      quantiles: [0.5, 0.9, 0.95],
    }
    const [own, naive] = [maximumRegression, persistenceWithMargin('ratio', 4)].map((method) =>
      poolMaximumDays(scoreWindowMaximum(method, requests, 7 * 144, 14 * 144, rolling)),
    )
    const loss = (pinball: number[]) => pinball.reduce((sum, value) => sum + value, 0)
    expect(loss(own!.pinball)).toBeLessThan(0.9 * loss(naive!.pinball))
    expect(Math.abs(own!.coverage[2]! - 0.95)).toBeLessThan(0.04)
  })
})
