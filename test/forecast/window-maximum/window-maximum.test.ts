import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maximumOf } from '../../../src/forecast/window-maximum/near-past.js'
import { rampQuantile } from '../../../src/forecast/window-maximum/recurring-ramp.js'
import {
  fitWindowMaximum,
  poolWindowMaxima,
  predictWindowMaximum,
} from '../../../src/forecast/window-maximum/window-maximum.js'
import { createRandom } from '../../../src/kit/random.js'
import { secondsPerDay } from '../../../src/kit/units.js'

const quantiles = [0.3, 0.5, 0.9, 0.95, 0.99, 0.999]
const options = { stepSeconds: 60, windowSeconds: 600, quantiles }
const day = 1440

/** A daily wave with noise, around 100 a second. */
function noisyLoad(days: number, stepSeconds = 60, seed = 1): Float64Array {
  const random = createRandom(seed)
  return Float64Array.from({ length: (days * secondsPerDay) / stepSeconds }, (_, step) => {
    const hour = (step * stepSeconds) / 3600
    return 100 * (1 + 0.5 * Math.sin((hour * Math.PI) / 12)) * Math.exp(0.1 * random.normal())
  })
}

const at = (probability: number) => quantiles.indexOf(probability)

describe('quantiles of the highest load ahead', () => {
  it('cover as often as they say', () => {
    const load = noisyLoad(9)
    const covered = quantiles.map(() => 0)
    let origins = 0
    for (let start = 7 * day; start < 9 * day; start += day) {
      const model = fitWindowMaximum(load, start, options)
      for (let now = start; now < start + day && now + 10 <= load.length; now += 5) {
        const forecast = predictWindowMaximum(model, load, now)
        const maximum = maximumOf(load, now, now + 10)
        origins++
        forecast.forEach((value, index) => {
          if (maximum <= value) covered[index]!++
        })
      }
    }
    expect(Math.abs(covered[at(0.5)]! / origins - 0.5)).toBeLessThan(0.1)
    expect(Math.abs(covered[at(0.95)]! / origins - 0.95)).toBeLessThan(0.03)
    expect(covered[at(0.999)]! / origins).toBeGreaterThan(0.985)
  })

  it('ascend, are finite and never negative on any load', () => {
    const value = fc.oneof(
      fc.constant(0),
      fc.constant(Number.NaN),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 20, maxLength: 300 }), (values) => {
        const load = Float64Array.from({ length: 600 }, (_, step) => values[step % values.length]!)
        const grid = { ...options, stepSeconds: 600 }
        const forecast = predictWindowMaximum(fitWindowMaximum(load, 590, grid), load, 600)
        if (values.every(Number.isNaN)) return expect(forecast.every(Number.isNaN)).toBe(true)
        if (forecast.every(Number.isNaN)) return
        forecast.forEach((quantile, index) => {
          expect(Number.isFinite(quantile)).toBe(true)
          expect(quantile).toBeGreaterThanOrEqual(index === 0 ? 0 : forecast[index - 1]!)
        })
      }),
      { numRuns: 15 },
    )
  })

  it('know nothing of the future', () => {
    const load = noisyLoad(6)
    const now = 5 * day + 123
    const other = load.map((value, step) => (step < now ? value : 1e6))
    const forecast = predictWindowMaximum(fitWindowMaximum(load, now, options), load, now)
    expect(predictWindowMaximum(fitWindowMaximum(other, now, options), other, now)).toEqual(forecast)
    // What came after the fit and before now is read by the forecast, not by the fit.
    expect(fitWindowMaximum(other, now, options)).toEqual(fitWindowMaximum(load, now, options))
  })

  it('are the same at any scale', () => {
    const load = noisyLoad(4)
    const large = load.map((value) => 1024 * value)
    const [one, other] = [load, large].map((values) =>
      predictWindowMaximum(fitWindowMaximum(values, 3 * day, options), values, 4 * day),
    )
    // Only the shot noise of single requests is not.
    one!.forEach((value, index) => {
      expect(Math.abs(other![index]! / 1024 / value - 1)).toBeLessThan(0.05)
    })
  })

  it.each([15, 30, 300, 600])('work on steps of %i s', (stepSeconds) => {
    const load = noisyLoad(3, stepSeconds)
    const model = fitWindowMaximum(load, load.length, { ...options, stepSeconds })
    const forecast = predictWindowMaximum(model, load, load.length)
    expect(forecast[at(0.5)]).toBeGreaterThan(80)
    expect(forecast[at(0.95)]).toBeLessThan(250)
  })

  it('are what is known where little is', () => {
    const load = noisyLoad(1).subarray(0, 40)
    const model = fitWindowMaximum(load, 40, options)
    expect(predictWindowMaximum(model, load, 40)[at(0.5)]).toBeGreaterThan(50)
    const silent = new Float64Array(3 * day)
    expect(predictWindowMaximum(fitWindowMaximum(silent, 3 * day, options), silent, 3 * day)).toEqual(
      new Float64Array(quantiles.length),
    )
    const constant = new Float64Array(3 * day).fill(7)
    for (const value of predictWindowMaximum(fitWindowMaximum(constant, 3 * day, options), constant, 3 * day))
      expect(value).toBeCloseTo(7, 3)
    const unknown = new Float64Array(day).fill(Number.NaN)
    expect([...predictWindowMaximum(fitWindowMaximum(unknown, day, options), unknown, day)]).toEqual(
      quantiles.map(() => Number.NaN),
    )
  })

  it('bridge gaps', () => {
    const load = noisyLoad(6)
    const gapped = load.map((value, step) => (step % 200 < 20 || step > 5 * day - 8 ? Number.NaN : value))
    const model = fitWindowMaximum(gapped, 5 * day, options)
    const [whole, bridged] = [load, gapped].map((values) => predictWindowMaximum(model, values, 5 * day))
    whole!.forEach((value, index) => {
      expect(bridged![index]! / value).toBeGreaterThan(0.7)
      expect(bridged![index]! / value).toBeLessThan(1.4)
    })
  })
})

describe('what a few days tell of a ramp', () => {
  const days = Float64Array.of(70, 60, 50, 40, 0, 0, 0)

  it('is their median in the middle, and the highest beyond what they can tell', () => {
    expect([0.1, 0.5, 0.5625, 0.75, 0.9, 0.99].map((q) => rampQuantile(days, q))).toEqual([
      0, 40, 45, 60, 70, 70,
    ])
    expect(rampQuantile(new Float64Array(0), 0.9)).toBe(0)
  })

  it('rises with the quantile', () => {
    const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true })
    const loads = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(loads, probability, probability, (values, a, b) => {
        const descending = Float64Array.from(values).sort().reverse()
        expect(rampQuantile(descending, Math.max(a, b))).toBeGreaterThanOrEqual(
          rampQuantile(descending, Math.min(a, b)) - 1e-9,
        )
      }),
    )
  })
})

describe('what a fleet has in common', () => {
  const fleet = [1, 2, 3].map((seed) => noisyLoad(4, 60, seed))
  const prior = poolWindowMaxima(fleet, 4 * day, options)

  it('is the forecast of a workload that has no history of its own', () => {
    const young = noisyLoad(5, 60, 9).subarray(4 * day, 4 * day + 120)
    const late = predictWindowMaximum(fitWindowMaximum(young, 120, options, prior), young, 120)
    const alone = predictWindowMaximum(fitWindowMaximum(young, 120, options), young, 120)
    const level = 120
    expect(alone[at(0.99)]).toBe(alone[at(0.5)])
    expect(late[at(0.5)]).toBeGreaterThan(level)
    expect(late[at(0.99)]).toBeGreaterThan(1.1 * late[at(0.5)]!)
    expect(late[at(0.99)]).toBeLessThan(2 * level)
  })

  it('is not bent by what is silent, unknown or larger', () => {
    const odd = [...fleet, new Float64Array(4 * day), new Float64Array(4 * day).fill(Number.NaN)]
    const larger = fleet.map((load, index) => (index === 0 ? load.map((value) => 4096 * value) : load))
    const forecast = (pooled: Float64Array[]) =>
      predictWindowMaximum(
        fitWindowMaximum(fleet[1]!, 60, options, poolWindowMaxima(pooled, 4 * day, options)),
        fleet[1]!,
        4 * day,
      )[at(0.95)]!
    expect(forecast(odd) / forecast(fleet)).toBeCloseTo(1, 1)
    expect(forecast(larger) / forecast(fleet)).toBeCloseTo(1, 1)
  })

  it('knows nothing of the future', () => {
    const other = fleet.map((load) => load.map((value, step) => (step < 3 * day ? value : 1e6)))
    expect(poolWindowMaxima(other, 3 * day, options)).toEqual(poolWindowMaxima(fleet, 3 * day, options))
  })
})

describe('a ramp at the same time of most days', () => {
  const ramped = (days: number[]) =>
    noisyLoad(8).map((value, step) => {
      const sinceEight = (step % day) - 8 * 60
      return days.includes(Math.floor(step / day)) && sinceEight >= 0 && sinceEight < 60 ? 4 * value : value
    })
  const now = 7 * day + 8 * 60 - 2
  const ahead = (load: Float64Array) =>
    predictWindowMaximum(fitWindowMaximum(load, 7 * day, options), load, now)

  it('is expected again', () => {
    const plain = ahead(ramped([]))
    const expected = ahead(ramped([2, 3, 5, 6]))
    expect(expected[at(0.5)]).toBeGreaterThan(2.5 * plain[at(0.5)]!)
    expect(expected[at(0.95)]).toBeLessThan(8 * plain[at(0.95)]!)
  })

  it('is not, after two days out of five', () => {
    const plain = ahead(ramped([]))
    expect(ahead(ramped([3, 6]))[at(0.5)]).toBeLessThan(1.5 * plain[at(0.5)]!)
  })

  it('is as high as on other days, whatever ran before it', () => {
    // Each evening a job brings 60 a second more, over a base that is another one each day.
    const nightly = (base: number) =>
      Float64Array.from({ length: 8 * day }, (_, step) => {
        const runs = step % day >= 20 * 60 && step % day < 22 * 60
        return (step < 7 * day ? 2 + 3 * (Math.floor(step / day) % 3) : base) + (runs ? 60 : 0)
      })
    for (const base of [1, 4, 12]) {
      const load = nightly(base)
      const expected = predictWindowMaximum(
        fitWindowMaximum(load, 7 * day, options),
        load,
        7 * day + 20 * 60 - 2,
      )
      expect(expected[at(0.5)]).toBeGreaterThan(0.95 * (60 + base))
      expect(expected[at(0.95)]).toBeLessThan(1.3 * (60 + base))
    }
  })

  it('out of silence is expected too', () => {
    const nightly = Float64Array.from({ length: 8 * day }, (_, step) =>
      step % day >= 8 * 60 && step % day < 9 * 60 ? 40 : 0,
    )
    const expected = ahead(nightly)
    expect(expected[at(0.5)]).toBeCloseTo(40, 0)
    const quiet = predictWindowMaximum(fitWindowMaximum(nightly, 7 * day, options), nightly, now + 6 * 60)
    expect(quiet[at(0.5)]).toBeLessThan(2)
  })
})
