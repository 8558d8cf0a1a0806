import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BacktestOptions, backtestDemand } from '../../../src/forecast/backtest/backtest.js'
import { scoreBacktest } from '../../../src/forecast/backtest/backtest-scores.js'
import { binomialShare } from '../../../src/forecast/backtest/binomial-interval.js'
import { scoredHorizons } from '../../../src/forecast/backtest/horizons.js'
import { addStep, emptySums, scoredLevels } from '../../../src/forecast/backtest/quantile-score.js'
import { compareLosses } from '../../../src/forecast/backtest/skill.js'
import { forecastDemand } from '../../../src/forecast/forecast-demand.js'
import { createRandom } from '../../../src/kit/random.js'
import { sortedQuantile } from '../../../src/kit/statistics.js'
import { secondsPerDay } from '../../../src/kit/units.js'
import type { DemandHistory } from '../../../src/metrics/demand-history.js'
import { cutHistory } from '../../../src/metrics/select-history.js'
import { demandOf, historyOf, noisyDemand } from '../history-fixture.js'

const hour = 3600
const options: BacktestOptions = {
  horizonSeconds: 48 * hour,
  everySeconds: 3 * hour,
  seed: 1,
  coldStartSeconds: 600,
}

function backtest(history: DemandHistory, changes: Partial<BacktestOptions> = {}) {
  return scoreBacktest(backtestDemand(history, { ...options, ...changes }))
}

describe('backtestDemand', () => {
  const history = historyOf([noisyDemand('chat', 24, 5), noisyDemand('code', 24, 6)])
  const scores = backtest(history, { origins: 40 })
  const scoreOf = (method: string, horizonSeconds: number) =>
    scores.pooled.scores.find((each) => each.method === method && each.horizonSeconds === horizonSeconds)!

  it('scores every method at every horizon, for each workload and all together', () => {
    expect(scores.horizons).toEqual([hour, 6 * hour, secondsPerDay, 2 * secondsPerDay])
    expect(scores.origins.count).toBe(40)
    expect(scores.workloads.map(({ workload }) => workload)).toEqual(['chat/us-east-1', 'code/us-east-1'])
    expect(scores.pooled.scores).toHaveLength(8 * 4)
    expect(scoreOf('llmscale', hour).points).toBe(2 * 40)
    // The last origins see less than their horizon come.
    expect(scoreOf('llmscale', 48 * hour).points).toBeLessThan(2 * 40 * 48)
  })

  it('finds what the process makes true: skill, ordered errors, coverage about what it says', () => {
    const own = scoreOf('llmscale', 48 * hour)
    expect(own.skill).toBeGreaterThan(0.05)
    expect(own.skillInterval!.low).toBeGreaterThan(0)
    expect(own.wape!).toBeLessThan(scoreOf('persistence', 48 * hour).wape!)
    expect(own.coverage90.share).toBeGreaterThan(0.8)
    expect(own.coverage50.share).toBeLessThan(own.coverage80.share)
    expect(own.coverage80.share).toBeLessThan(own.coverage90.share)
    expect(own.mase).toBeGreaterThan(0)
  })

  it('has no skill of a naive baseline over itself', () => {
    for (const { baseline, scores: each } of scores.workloads)
      for (const { method, skill } of each) if (method === baseline) expect(skill).toBe(0)
  })

  it('forecasts from each origin what forecastDemand says there', () => {
    const sums = backtestDemand(history, { ...options, origins: 3, horizonSeconds: 6 * hour })
    let absolute = 0
    for (const origin of sums.origins) {
      const { workloads } = forecastDemand(cutHistory(history, origin), { horizonSeconds: 6 * hour, seed: 1 })
      const first = (origin - history.start) / hour
      workloads[0]!.series.requests.point.forEach((value, lead) => {
        const actual = history.workloads[0]!.requests[first + lead]
        if (actual !== undefined) absolute += Math.abs(actual - value)
      })
    }
    const own = sums.workloads[0]!.methods[0]!.bands.reduce((sum, band) => sum + band.absolute, 0)
    expect(own / absolute).toBeCloseTo(1, 1)
  })

  it('leaves out what was not observed', () => {
    const demand = noisyDemand('chat', 20, 5)
    const last = demand.requests.length - 1
    for (const metric of ['requests', 'inputTokens', 'outputTokens'] as const)
      demand[metric][last] = Number.NaN
    demand.mask[last] = 1
    const masked = backtest(historyOf([demand]), { origins: 1, horizonSeconds: 6 * hour })
    expect(masked.pooled.scores[0]!.points + masked.pooled.scores[1]!.points).toBe(1 + 2)
    expect(Number.isFinite(masked.pooled.scores[1]!.wape)).toBe(true)
  })

  it('gives figures or nulls for demand of nothing and of 10⁹ requests', () => {
    for (const level of [0, 1e9]) {
      const flat = historyOf([demandOf('flat', new Float64Array(10 * 24).fill(level))])
      const { pooled } = backtest(flat, { origins: 4 })
      for (const score of pooled.scores) {
        expect(score.mase).toBeNull()
        if (level === 0) expect(score.wape).toBeNull()
        else expect(score.wape).toBeCloseTo(0)
      }
    }
  })

  it('counts day sums that do not overlap, and maxima over a cold start', () => {
    const tenMinutes = historyOf([noisyDemand('chat', 9, 5, 600)], 600)
    const { maximumSteps, pooled } = backtest(tenMinutes, { origins: 8 })
    expect(maximumSteps).toBe(2)
    expect(pooled.daySums.coverage90.count).toBe(1)
    expect(pooled.maxima.coverage90.count).toBe(72)
  })

  it.each([
    ['origins between steps', { everySeconds: 1000 }, 'EVERY_UNEVEN'],
    ['too little history', { everySeconds: 30 * secondsPerDay }, 'HISTORY_TOO_SHORT'],
  ])('refuses %s', (_, changes, code) => {
    expect(() => backtest(history, changes)).toThrowError(expect.objectContaining({ code }))
  })
})

describe('scores', () => {
  it('a CRPS from quantiles is that of the sample', () => {
    const random = createRandom(3)
    const sample = Float64Array.from({ length: 2000 }, () => 10 + random.normal()).sort()
    const quantiles = scoredLevels.map((level) => sortedQuantile(sample, level))
    const sums = emptySums()
    addStep(sums, 10.7, 10, quantiles)
    // CRPS of a standard normal (Gneiting and Raftery 2007) at 0.7.
    const exact = 0.7 * (2 * 0.758036 - 1) + 2 * 0.312254 - 1 / Math.sqrt(Math.PI)
    expect(sums.crps).toBeCloseTo(exact, 1)
    expect(sums.interval90).toBeCloseTo(2 * 1.645, 0)
  })

  it('days are resampled in pairs: no baseline has skill over itself, and a steady lead is sure', () => {
    const random = createRandom(5)
    const losses = Array.from({ length: 20 }, () => random.uniform() ** 4)
    expect(compareLosses(losses, losses)).toEqual({ skill: 0, skillInterval: { low: 0, high: 0 } })
    const { skill, skillInterval } = compareLosses(
      losses.map((loss) => 0.8 * loss),
      losses,
    )
    for (const value of [skill, skillInterval!.low, skillInterval!.high]) expect(value).toBeCloseTo(0.2)
    expect(compareLosses([1, 1], [2, 2]).skillInterval).toBeNull()
    expect(compareLosses([1], [0]).skill).toBeNull()
  })

  it('a horizon is scored once, and only those that steps can make', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(300, 900, 3600, 21_600),
        fc.integer({ min: 1, max: 400 }),
        (step, steps) => {
          const horizons = scoredHorizons(step * steps, step)
          expect(horizons.at(-1)).toBe(step * steps)
          expect(horizons).toEqual([...new Set(horizons)].toSorted((a, b) => a - b))
          for (const seconds of horizons) expect(seconds % step).toBe(0)
        },
      ),
    )
  })

  it('binomial intervals hold the share and narrow with the count', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 1e6 }),
        (share, count) => {
          const { low, high } = binomialShare(share, count)
          expect(low).toBeLessThanOrEqual(share + 1e-9)
          expect(high).toBeGreaterThanOrEqual(share - 1e-9)
          expect(low).toBeGreaterThanOrEqual(0)
          expect(high).toBeLessThanOrEqual(1)
          const more = binomialShare(share, 4 * count)
          expect(more.high - more.low).toBeLessThan(high - low + 1e-12)
        },
      ),
    )
    // Agresti and Coull (1998), table of Wilson intervals: 0 of 10.
    expect(binomialShare(0, 10).high).toBeCloseTo(0.278, 3)
  })
})
