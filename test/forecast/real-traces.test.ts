import { describe, expect, it } from 'vitest'
import { dataFolder, readM4, readTrace } from '../../bench/forecast-data.js'
import { type Coverage, measureCoverage, sumCoverage } from '../../bench/interval-coverage.js'
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

// Figures on public traces; bench/forecast.ts and bench/forecast-coverage.ts print them with more beside.
const onRealData = it.skipIf(dataFolder === undefined)

describe('M4 Hourly', () => {
  onRealData('the ridge is at 0.8 MASE or better, a third below the seasonal naive', () => {
    const all = readM4()
    const error = (model: typeof seasonalRidge) =>
      mean(all.map((series) => meanAbsoluteScaledError(series, forecastSeries(model, series))))
    expect(all.length).toBe(207)
    expect(error(seasonalRidge)).toBeLessThan(0.8)
    expect(error(seasonalRidge)).toBeLessThan(0.67 * error(seasonalNaiveDay))
  })

  onRealData('the combination is a twentieth better and its 90 % interval holds', () => {
    const some = readM4().filter((_, index) => index % 6 === 0)
    const forecasts = some.map(combineSeries)
    const errors = some.map((series, index) =>
      meanAbsoluteScaledError(series, forecasts[index]!.workloads[0]!.series.requests.point),
    )
    const alone = some.map((series) => meanAbsoluteScaledError(series, forecastSeries(seasonalRidge, series)))
    expect(mean(errors)).toBeLessThan(0.95 * mean(alone))
    const covered = mean(some.map((series, index) => coverage(series, forecasts[index]!)))
    expect(covered).toBeGreaterThan(0.85)
    expect(covered).toBeLessThan(0.95)
  })
})

describe('ServeGen', () => {
  onRealData.each([1, 7])(
    '%i days ahead the 90 %% intervals of tenants, of their days and of all together hold',
    async (horizonDays) => {
      const all = measureCoverage(await readTrace('servegen-tenants-10min.csv.gz'), {
        horizonDays,
        fromDay: 10,
        toDay: 14,
        everySeconds: secondsPerDay,
      })
      const { hours, days } = sumCoverage(all.slice(0, -1))
      expect(hours.value).toBeGreaterThan(0.8)
      expect(hours.value).toBeLessThan(0.97)
      expect(days.value).toBeGreaterThan(0.7)
      expect(all.at(-1)!.hours.value).toBeGreaterThan(0.75)
    },
  )
})

describe('BurstGPT', () => {
  onRealData('a service with seasons is forecast with skill and right intervals', async () => {
    const history = await readTrace('burstgpt-hourly-42d.csv', 'conversation')
    const [{ hours, days }] = measureCoverage(history, {
      horizonDays: 1,
      fromDay: 10,
      toDay: 42,
      everySeconds: secondsPerDay,
    }) as [Coverage]
    expect(hours.value).toBeGreaterThan(0.86)
    expect(hours.value).toBeLessThan(0.94)
    expect(days.value).toBeGreaterThan(0.82)
    const { score } = forecastDemand(history, { horizonSeconds: secondsPerDay, seed: 1 }).workloads[0]!
    expect(score!.forecastSkill).toBeGreaterThan(0.1)
  })
})
