import { describe, expect, it } from 'vitest'
import { dataFolder, readM4, readTrace } from '../../bench/forecast-data.js'
import { measureCoverage } from '../../bench/interval-coverage.js'
import {
  combineSeries,
  coverage,
  forecastSeries,
  mean,
  meanAbsoluteScaledError,
} from '../../bench/m4-scores.js'
import { forecastDemand } from '../../src/forecast/forecast-demand.js'
import { seasonalNaiveDay } from '../../src/forecast/models/seasonal-naive.js'
import { seasonalRidge } from '../../src/forecast/models/seasonal-ridge.js'
import { secondsPerDay } from '../../src/kit/units.js'

// Figures on public traces; bench/forecast-m4.ts and bench/forecast-coverage.ts print them with more beside.
const onRealData = it.skipIf(dataFolder === undefined)

describe('M4 Hourly', () => {
  onRealData('the ridge is at 0.85 MASE or better, a third below the seasonal naive', () => {
    const all = readM4()
    const error = (model: typeof seasonalRidge) =>
      mean(all.map((series) => meanAbsoluteScaledError(series, forecastSeries(model, series))))
    expect(all.length).toBe(207)
    expect(error(seasonalRidge)).toBeLessThan(0.8)
    expect(error(seasonalRidge)).toBeLessThan(0.67 * error(seasonalNaiveDay))
  })

  onRealData('the combination is no worse and its 90 % interval holds', () => {
    const some = readM4().filter((_, index) => index % 6 === 0)
    const forecasts = some.map(combineSeries)
    const errors = some.map((series, index) =>
      meanAbsoluteScaledError(series, forecasts[index]!.workloads[0]!.series.requests.point),
    )
    const alone = some.map((series) => meanAbsoluteScaledError(series, forecastSeries(seasonalRidge, series)))
    expect(mean(errors)).toBeLessThan(1.02 * mean(alone))
    const covered = mean(some.map((series, index) => coverage(series, forecasts[index]!)))
    expect(covered).toBeGreaterThan(0.85)
    expect(covered).toBeLessThan(0.95)
  })
})

describe('ServeGen', () => {
  onRealData.each([1, 7])(
    '%i days ahead the 90 %% interval of the sum of both models holds',
    async (horizonDays) => {
      const result = measureCoverage(await readTrace('servegen-demand-10min.csv.gz'), horizonDays)
      expect(result.origins).toBeGreaterThan(10)
      expect(result.sum).toBeGreaterThan(0.8)
      expect(result.sum).toBeLessThan(0.97)
      // Adding quantiles of the parts claims a wider interval than the sum has.
      expect(result.addedWidth).toBeGreaterThan(1.05 * result.sumWidth)
      expect(result.added).toBeGreaterThan(result.sum)
      for (const { steps } of result.parts) expect(steps).toBeGreaterThan(0.8)
    },
  )
})

describe('BurstGPT', () => {
  onRealData('a service with seasons is forecast with skill and right intervals', async () => {
    const history = await readTrace('burstgpt-hourly-42d.csv', 'conversation')
    const result = measureCoverage(history, 1)
    expect(result.sum).toBeGreaterThan(0.85)
    expect(result.sum).toBeLessThan(0.97)
    const { score } = forecastDemand(history, { horizonSeconds: secondsPerDay, seed: 1 }).workloads[0]!
    expect(score!.forecastSkill).toBeGreaterThan(0.1)
  })
})
