import { describe, expect, it } from 'vitest'
import type { PointModel, Series } from '../../../src/forecast/models/point-model.js'
import { averageAndTrend } from '../../../src/forecast/peers/average-and-trend.js'
import { hourlyProfile } from '../../../src/forecast/peers/hourly-profile.js'
import { oneStep } from '../../../src/forecast/peers/one-step.js'
import { periodicMaximum } from '../../../src/forecast/peers/periodic-maximum.js'
import { peerModels } from '../../../src/forecast/peers/rivals.js'
import { createRandom } from '../../../src/kit/random.js'

const day = 24

function seriesOf(length: number, value: (step: number) => number): Series {
  return {
    values: Float64Array.from({ length }, (_, step) => value(step)),
    observed: new Uint8Array(length).fill(1),
    stepsPerDay: day,
  }
}

function forecast(model: PointModel, series: Series, leads = 48): number[] {
  const end = series.values.length
  return [...model.fit(series, end)!(series, end, leads)]
}

const season = (step: number) => 100 + 50 * Math.sin((2 * Math.PI * step) / day)

describe('peers', () => {
  it('the hourly profile repeats a day, and with two weeks of history the week', () => {
    const daily = seriesOf(10 * day, season)
    expect(forecast(hourlyProfile, daily)).toEqual(
      Array.from({ length: 48 }, (_, lead) => expect.closeTo(season(lead), 6)),
    )
    const weekly = (step: number) => season(step) * (Math.floor(step / day) % 7 === 0 ? 0.2 : 1)
    const point = forecast(hourlyProfile, seriesOf(14 * day, weekly), 7 * day)
    expect(point).toEqual(Array.from({ length: 7 * day }, (_, lead) => expect.closeTo(weekly(lead), 6)))
  })

  it('the hourly profile was made at the last of four hours a day', () => {
    const series = seriesOf(3 * day + 5, season)
    const changed = seriesOf(3 * day + 5, (step) => (step < 3 * day ? season(step) : 999))
    expect(forecast(hourlyProfile, changed)).toEqual(forecast(hourlyProfile, series))
  })

  it('the periodic maximum takes the highest of past days, and the last value without a cycle', () => {
    const growing = seriesOf(5 * day, (step) => season(step) * (Math.floor(step / day) === 2 ? 1.5 : 1))
    const point = forecast(periodicMaximum, growing)
    expect(point[0]).toBeCloseTo(1.5 * season(0))
    expect(point[30]).toBeCloseTo(1.5 * season(30))
    const random = createRandom(1)
    const noise = seriesOf(5 * day, () => 100 * random.uniform())
    expect(new Set(forecast(periodicMaximum, noise))).toEqual(new Set([noise.values.at(-1)]))
  })

  it('one step ahead follows a trend and knows nothing of a season that is longer than its window', () => {
    const trend = seriesOf(10 * day, (step) => 10 + 2 * step)
    expect(forecast(oneStep, trend, 1)[0]).toBeCloseTo(10 + 2 * 240, 3)
    const decay = seriesOf(200, (step) => 100 + 50 * 0.9 ** step * (step % 2 === 0 ? 1 : -1))
    expect(forecast(oneStep, decay, 1)[0]).toBeCloseTo(100, 1)
  })

  it('average and trend weigh 0.7 and 0.3', () => {
    // The last three hours are 0, 30 and 60: mean 30, next on the line 90.
    const series = seriesOf(2 * day, (step) => (step < 46 ? 0 : (step - 45) * 30))
    expect(forecast(averageAndTrend, series, 1)[0]).toBeCloseTo(0.7 * 30 + 0.3 * 90)
  })

  it.each(peerModels.map((model) => [model.name, model] as const))(
    '%s reads only the past and is finite and not negative',
    (_, model) => {
      const random = createRandom(7)
      const series = seriesOf(20 * day, (step) => season(step) * random.uniform())
      const end = 15 * day + 7
      const changed = { ...series, values: series.values.map((value, step) => (step < end ? value : 1e9)) }
      const before = model.fit(series, end)!(series, end, 100)
      expect([...model.fit(changed, end)!(changed, end, 100)]).toEqual([...before])
      expect(before.every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
      for (const constant of [0, 5, 1e9]) {
        const flat = seriesOf(15 * day, () => constant)
        expect(forecast(model, flat).map((value) => Math.round(value))).toEqual(
          new Array<number>(48).fill(constant),
        )
      }
    },
  )
})
