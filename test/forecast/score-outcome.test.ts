import { describe, expect, it } from 'vitest'
import { forecastDemand } from '../../src/forecast/forecast-demand.js'
import { seasonalNaiveWeek } from '../../src/forecast/models/seasonal-naive.js'
import { forecastNaively } from '../../src/forecast/naive-forecast.js'
import { pathQuantiles } from '../../src/forecast/sample-path.js'
import { scoreOutcome } from '../../src/forecast/score-outcome.js'
import { cutHistory } from '../../src/metrics/select-history.js'
import { historyOf, noisyDemand } from './history-fixture.js'

const whole = historyOf([noisyDemand('chat', 42, 3)])
const origin = 35 * 24
const before = cutHistory(whole, whole.start + origin * 3600)
const options = { horizonSeconds: 7 * 86_400, seed: 5 }
const forecast = forecastDemand(before, options)
const { point } = forecast.workloads[0]!.series.requests
const came = whole.workloads[0]!.requests.subarray(origin)

describe('the score of what came', () => {
  it('is the definition of each figure', () => {
    const median = pathQuantiles(forecast, 0, 'requests', [0.5]).quantiles[0]!
    const perfect = scoreOutcome(forecast, 0, point, 0, 24)
    expect(perfect).toMatchObject({ steps: 24, wape: 0 })
    const doubled = scoreOutcome(
      forecast,
      0,
      point.map((value) => value * 2),
      0,
      24,
    )
    expect(doubled.wape).toBeCloseTo(0.5, 12)
    expect(scoreOutcome(forecast, 0, median, 0, 24)).toMatchObject({ coverage80: 1, coverage90: 1 })
    const far = scoreOutcome(
      forecast,
      0,
      point.map(() => 1e9),
      0,
      24,
    )
    expect(far).toMatchObject({ coverage80: 0, coverage90: 0 })
    // Far above all quantiles each loses its probability times the distance.
    expect(far.pinballLoss / 1e9).toBeCloseTo((0.05 + 0.1 + 0.25 + 0.5 + 0.75 + 0.9 + 0.95 + 0.99) / 8, 3)
  })

  it('leaves out what was not observed and what was not forecast', () => {
    const holed = came.map((value, lead) => (lead < 12 ? Number.NaN : value))
    expect(scoreOutcome(forecast, 0, holed, 0, 24)).toEqual(scoreOutcome(forecast, 0, came, 12, 24))
    expect(scoreOutcome(forecast, 0, came, 0, 1000).steps).toBe(7 * 24)
    const nothing = scoreOutcome(forecast, 0, new Float64Array(24).fill(Number.NaN), 0, 24)
    expect(nothing).toEqual({ steps: 0, wape: null, pinballLoss: 0, coverage80: 0, coverage90: 0 })
  })

  it('has a rival on the same terms: the naive forecast with a spread of its own errors', () => {
    const naive = forecastNaively(before, 0, 'seasonal-naive-week', options)
    const { requests } = before.workloads[0]!
    const week = { values: requests, observed: new Uint8Array(), stepsPerDay: 24 }
    expect(naive.workloads[0]!.series.requests.point).toEqual(
      seasonalNaiveWeek.fit(week, origin)!(week, origin, forecast.length),
    )
    expect(naive.blocks).toEqual(forecast.blocks)
    const rival = scoreOutcome(naive, 0, came, 0, forecast.length)
    expect(rival.steps).toBe(7 * 24)
    expect(rival.coverage90).toBeGreaterThan(0.7)
    // A point alone would lose half of its mean error: the spread makes the rival better than that.
    const meanError = (rival.wape! * came.reduce((sum, value) => sum + value, 0)) / came.length
    expect(rival.pinballLoss).toBeLessThan(meanError / 2)
    const unknown = forecastNaively(before, 0, 'prophet', { ...options, horizonSeconds: 86_400 })
    expect(unknown.workloads[0]!.series.requests.point).toEqual(requests.slice(-24))
  })
})
