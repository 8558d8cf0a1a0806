import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DemandForecast, forecastQuantiles } from '../../src/forecast/demand-forecast.js'
import { forecastDemand, rollForecasts } from '../../src/forecast/forecast-demand.js'
import { pathQuantiles, samplePath, slotPath } from '../../src/forecast/sample-path.js'
import { createRandom } from '../../src/kit/random.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { type DemandHistory, demandMetrics, type WorkloadDemand } from '../../src/metrics/demand-history.js'
import { cutHistory } from '../../src/metrics/select-history.js'
import { demandOf, historyOf, noisyDemand } from './history-fixture.js'

const options = { horizonSeconds: 2 * secondsPerDay, seed: 7 }

/** Bursts, silence and any level: amounts that no model expects. */
const wildRequests = (days: number) =>
  fc
    .array(fc.oneof(fc.constantFrom(0, 0, 5e-324, 5e-16, 32), fc.double({ min: 0, max: 1e6, noNaN: true })), {
      minLength: days * 24,
      maxLength: days * 24,
    })
    .map((amounts) => Float64Array.from(amounts))

function pathsOf(forecast: DemandForecast, workload: number): Float64Array[] {
  return Array.from(
    { length: forecast.pathCount },
    (_, path) => samplePath(forecast, workload, path).requests,
  )
}

describe('paths', () => {
  it('are finite, never negative, and the same at each call', () => {
    fc.assert(
      fc.property(wildRequests(9), (requests) => {
        const forecast = forecastDemand(historyOf([demandOf('a', requests)]), options)
        for (let path = 0; path < forecast.pathCount; path += 9) {
          const drawn = samplePath(forecast, 0, path)
          for (const metric of demandMetrics)
            expect(drawn[metric].every((amount) => Number.isFinite(amount) && amount >= 0)).toBe(true)
          expect(samplePath(forecast, 0, path)).toEqual(drawn)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('are joint: a path of twice the demand is twice the path', () => {
    const one = noisyDemand('a', 12, 1)
    const history = historyOf([
      one,
      demandOf(
        'b',
        one.requests.map((amount) => 2 * amount),
      ),
    ])
    const forecast = forecastDemand(history, options)
    for (let path = 0; path < forecast.pathCount; path++) {
      const single = samplePath(forecast, 0, path)
      const twice = samplePath(forecast, 1, path)
      // Models whose forecasts are equal but for rounding may change places in the weighted median.
      for (const [lead, amount] of single.requests.entries())
        expect(twice.requests[lead]! / amount).toBeCloseTo(2, 2)
    }
  })

  it('keep tokens with their requests', () => {
    const forecast = forecastDemand(historyOf([noisyDemand('a', 12, 2)]), options)
    for (let path = 0; path < forecast.pathCount; path += 7) {
      const { requests, outputTokens } = samplePath(forecast, 0, path)
      requests.forEach((amount, lead) => {
        expect(Math.abs(outputTokens[lead]! - 200 * amount)).toBeLessThan(1e-4 * 200 * (amount + 1))
      })
    }
  })

  it('differ by seed', () => {
    const history = historyOf([noisyDemand('a', 12, 3)])
    const [first, second] = [1, 2].map((seed) =>
      samplePath(forecastDemand(history, { ...options, seed }), 0, 0),
    )
    expect(first).not.toEqual(second)
  })

  it('give the same decisions for the same inputs', () => {
    const history = historyOf([noisyDemand('a', 12, 3), noisyDemand('b', 12, 4)])
    expect(forecastDemand(history, options)).toEqual(forecastDemand(history, options))
  })
})

describe('quantiles', () => {
  it('rise with their probability and bracket the paths', () => {
    fc.assert(
      fc.property(wildRequests(8), (requests) => {
        const forecast = forecastDemand(historyOf([demandOf('a', requests)]), options)
        const { quantiles, mean } = pathQuantiles(forecast, 0, 'requests')
        const paths = pathsOf(forecast, 0)
        for (let lead = 0; lead < forecast.length; lead++) {
          const atLead = paths.map((path) => path[lead]!)
          for (let i = 1; i < forecastQuantiles.length; i++)
            expect(quantiles[i]![lead]).toBeGreaterThanOrEqual(quantiles[i - 1]![lead]!)
          expect(quantiles[0]![lead]).toBeGreaterThanOrEqual(Math.min(...atLead))
          expect(mean[lead]).toBeCloseTo(atLead.reduce((sum, amount) => sum + amount, 0) / atLead.length, 3)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('cover nine of ten points of a stationary season', () => {
    const history = historyOf([noisyDemand('a', 42, 11)])
    const [forecast] = rollForecasts(history, { ...options, origins: 1, everySeconds: secondsPerDay })
    expect(forecast!.workloads[0]!.score!.coverage90).toBeGreaterThan(0.85)
    expect(forecast!.workloads[0]!.score!.coverage90).toBeLessThan(0.97)
  })
})

describe('the point forecast', () => {
  it('of a perfectly periodic series is exact, without spread', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 24, maxLength: 24 }),
        fc.integer({ min: 3, max: 16 }),
        (day, days) => {
          const requests = Float64Array.from({ length: days * 24 }, (_, hour) => day[hour % 24]!)
          const forecast = forecastDemand(historyOf([demandOf('a', requests)]), options)
          const { quantiles } = pathQuantiles(forecast, 0, 'requests', [0.05, 0.95])
          for (let lead = 0; lead < forecast.length; lead++) {
            expect(forecast.workloads[0]!.series.requests.point[lead]).toBeCloseTo(day[lead % 24]!, 6)
            expect(quantiles[1]![lead]! - quantiles[0]![lead]!).toBeCloseTo(0, 3)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('follows a week that repeats', () => {
    const requests = Float64Array.from({ length: 28 * 24 }, (_, hour) => {
      const weekend = Math.floor(hour / 24) % 7 >= 5
      return (weekend ? 100 : 1000) * (1.5 + Math.sin((hour * Math.PI) / 12))
    })
    const { workloads } = forecastDemand(historyOf([demandOf('a', requests)]), {
      ...options,
      horizonSeconds: 7 * secondsPerDay,
    })
    workloads[0]!.series.requests.point.forEach((amount, lead) => {
      expect(amount).toBeCloseTo(requests[lead]!, -1)
    })
  })

  it('grows in proportion to demand', () => {
    const one = noisyDemand('a', 15, 5)
    const scaled = demandOf(
      'a',
      one.requests.map((amount) => 1024 * amount),
    )
    const [small, large] = [one, scaled].map(
      (demand) => forecastDemand(historyOf([demand]), options).workloads[0]!.series.requests.point,
    )
    small!.forEach((amount, lead) => {
      expect(large![lead]! / amount).toBeCloseTo(1024, 3)
    })
  })
})

describe('nothing leaks from after an origin', () => {
  const history = historyOf([noisyDemand('a', 16, 21, 1800), noisyDemand('b', 16, 22, 1800)], 1800)
  const rolled = { ...options, origins: 12, everySeconds: secondsPerDay }
  /** All that can be read off a forecast. */
  const contents = (forecast: DemandForecast) => ({
    ...forecast,
    workloads: forecast.workloads.map(({ series, ...rest }, index) => ({
      ...rest,
      points: demandMetrics.map((metric) => series[metric].point),
      paths: Array.from({ length: forecast.pathCount }, (_, path) => samplePath(forecast, index, path)),
    })),
  })

  it('an earlier forecast is the one that would have been made then', () => {
    const forecasts = rollForecasts(history, rolled)
    expect(forecasts.length).toBe(12)
    for (const forecast of forecasts)
      expect(contents(forecast)).toEqual(
        contents(forecastDemand(cutHistory(history, forecast.origin), options)),
      )
  })

  it('changing later demand changes nothing', () => {
    const cut = 10 * 48
    const change = (values: Float64Array) =>
      values.map((amount, step) => (step < cut ? amount : 1e6 - amount))
    const changed: DemandHistory = {
      ...history,
      workloads: history.workloads.map((demand) => ({
        ...demand,
        requests: change(demand.requests),
        inputTokens: change(demand.inputTokens),
        outputTokens: change(demand.outputTokens),
      })),
    }
    const until = (all: DemandForecast[]) =>
      all.filter(({ origin }) => origin <= history.start + 10 * secondsPerDay).map(contents)
    const before = until(rollForecasts(history, rolled))
    expect(before.length).toBeGreaterThan(4)
    expect(until(rollForecasts(changed, rolled))).toEqual(before)
  })
})

describe('masked points', () => {
  const masked = (demand: WorkloadDemand, fill: (step: number) => number): WorkloadDemand => {
    const hidden = (step: number) => step % 31 === 5 || (step > 150 && step < 190)
    const hide = (values: Float64Array) => values.map((amount, step) => (hidden(step) ? fill(step) : amount))
    return {
      ...demand,
      requests: hide(demand.requests),
      inputTokens: hide(demand.inputTokens),
      outputTokens: hide(demand.outputTokens),
      mask: demand.mask.map((_, step) => (hidden(step) ? 1 : 0)),
    }
  }

  it('do not matter, whatever stands in them', () => {
    const demand = noisyDemand('a', 14, 31)
    const nothing = forecastDemand(historyOf([masked(demand, () => Number.NaN)]), options)
    const anything = forecastDemand(historyOf([masked(demand, (step) => 1e9 * step)]), options)
    expect(anything).toEqual(nothing)
  })

  it('hardly move the forecast', () => {
    const demand = noisyDemand('a', 14, 31)
    const whole = forecastDemand(historyOf([demand]), options).workloads[0]!
    const gaps = forecastDemand(historyOf([masked(demand, () => Number.NaN)]), options).workloads[0]!
    const total = (point: Float64Array) => point.reduce((sum, amount) => sum + amount, 0)
    expect(total(gaps.series.requests.point) / total(whole.series.requests.point)).toBeCloseTo(1, 1)
  })

  it('before a workload existed leave it the spread of its own days', () => {
    const demand = noisyDemand('a', 21, 33)
    const launched = { ...demand, mask: demand.mask.map((_, step) => (step < 12 * 24 ? 1 : 0)) }
    const forecast = forecastDemand(historyOf([launched]), options)
    const paths = pathsOf(forecast, 0)
    const atNoon = new Set(paths.map((path) => path[12]))
    expect(atNoon.size).toBeGreaterThan(10)
  })
})

describe('short histories', () => {
  const forecastOf = (days: number) => forecastDemand(historyOf([noisyDemand('a', days, 41)]), options)

  it('under a day are refused', () => {
    expect(() => forecastOf(23 / 24)).toThrow(/at least a day/)
  })

  it('under two days repeat the day, say so and claim no interval', () => {
    const forecast = forecastOf(1.5)
    expect(forecast.notes).toEqual([
      'The history of 1.5 days is under two daily seasons: falls back to seasonal-naive-day, without intervals.',
    ])
    expect(forecast.workloads[0]).toMatchObject({ model: 'seasonal-naive-day' })
    expect(forecast.workloads[0]!.score).toBeUndefined()
    expect(samplePath(forecast, 0, 3).requests).toEqual(forecast.workloads[0]!.series.requests.point)
  })

  it('under a week say that nothing weekly is known', () => {
    expect(forecastOf(4).notes[0]).toMatch(/under a week/)
    expect(new Set(pathsOf(forecastOf(4), 0).map((path) => path[5])).size).toBeGreaterThan(2)
  })

  it('of two weeks need no note and have a score', () => {
    const forecast = forecastOf(14)
    expect(forecast.notes).toEqual([])
    expect(forecast.workloads[0]!.score!.origins).toBeGreaterThan(2)
  })
})

describe('steps', () => {
  it.each([300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400])('of %i s work', (stepSeconds) => {
    const history = historyOf([noisyDemand('a', 15, 51, stepSeconds)], stepSeconds)
    const forecast = forecastDemand(history, options)
    expect(forecast.length).toBe((2 * secondsPerDay) / stepSeconds)
    const { point } = forecast.workloads[0]!.series.requests
    expect(point.every((amount) => Number.isFinite(amount) && amount > 0)).toBe(true)
  })

  it('that do not divide a day are refused', () => {
    expect(() => forecastDemand(historyOf([noisyDemand('a', 15, 51)], 7 * 60 * 60), options)).toThrow(
      /does not divide a day/,
    )
  })

  it('longer than the horizon are refused', () => {
    expect(() =>
      forecastDemand(historyOf([noisyDemand('a', 15, 51)]), { ...options, horizonSeconds: 600 }),
    ).toThrow(/shorter than the step/)
  })
})

describe('demand that is hard to forecast', () => {
  const steady = (change: (amount: number, hour: number) => number) => {
    const { requests } = noisyDemand('a', 21, 71)
    return demandOf('a', requests.map(change))
  }
  const forecastOf = (demand: WorkloadDemand) => forecastDemand(historyOf([demand]), options)
  const totalOf = (values: Float64Array) => values.reduce((sum, amount) => sum + amount, 0)

  it('constant: stays, without spread', () => {
    const forecast = forecastOf(steady(() => 700))
    for (const path of pathsOf(forecast, 0)) for (const amount of path) expect(amount).toBeCloseTo(700, 3)
  })

  it('nothing at all: stays nothing', () => {
    const forecast = forecastOf(steady(() => 0))
    for (const path of pathsOf(forecast, 0)) expect(totalOf(path)).toBe(0)
  })

  it('10⁹ a step: the same as thousands of it', () => {
    const small = forecastOf(steady((amount) => amount)).workloads[0]!.series.requests.point
    const large = forecastOf(steady((amount) => 1e6 * amount)).workloads[0]!.series.requests.point
    expect(totalOf(large) / totalOf(small) / 1e6).toBeCloseTo(1, 3)
  })

  it('a step change yesterday: followed, with a wider spread than before', () => {
    const changed = (factor: number) =>
      forecastOf(steady((amount, hour) => (hour >= 20 * 24 ? factor * amount : amount)))
    const [before, after] = [changed(1), changed(3)]
    const width = (forecast: DemandForecast) => {
      const { quantiles } = pathQuantiles(forecast, 0, 'requests', [0.05, 0.95])
      return totalOf(quantiles[1]!) - totalOf(quantiles[0]!)
    }
    const point = (forecast: DemandForecast) => totalOf(forecast.workloads[0]!.series.requests.point)
    expect(point(after)).toBeGreaterThan(1.3 * point(before))
    expect(point(after)).toBeLessThan(4 * point(before))
    expect(width(after)).toBeGreaterThan(width(before))
  })

  it('many gaps, NaN or infinite: learned from the rest', () => {
    const holed = steady((amount, hour) =>
      hour % 3 === 0 ? amount : hour % 3 === 1 ? Number.NaN : Number.POSITIVE_INFINITY,
    )
    const forecast = forecastOf(holed)
    const point = totalOf(forecast.workloads[0]!.series.requests.point)
    expect(
      point / totalOf(forecastOf(steady((amount) => amount)).workloads[0]!.series.requests.point),
    ).toBeCloseTo(1, 0)
    for (const path of pathsOf(forecast, 0))
      expect(path.every((amount) => Number.isFinite(amount) && amount >= 0)).toBe(true)
  })

  it('pure noise: a naive model that was surely better stands in, and a note says so', () => {
    const random = createRandom(5)
    const seen = new Set<boolean>()
    for (let trial = 0; trial < 8; trial++) {
      const forecast = forecastOf(steady(() => (random.uniform() < 0.05 ? 1e4 * random.uniform() : 0)))
      const { model, score } = forecast.workloads[0]!
      const isStandIn = model !== 'combination'
      seen.add(isStandIn)
      if (isStandIn) {
        expect(model).toBe(score!.baseline)
        expect(score!.forecastSkill).toBeLessThan(0)
      }
      expect(forecast.notes.some((note) => note.includes('no skill over'))).toBe(isStandIn)
    }
    expect(seen).toEqual(new Set([true, false]))
  })
})

describe('weeks ahead', () => {
  it('eight weeks of it go on, with days spread wider than those of the first week', () => {
    const forecast = forecastDemand(historyOf([noisyDemand('a', 42, 81)]), {
      ...options,
      horizonSeconds: 56 * secondsPerDay,
    })
    const days = (from: number) =>
      pathsOf(forecast, 0).map((path) =>
        path.subarray(from * 24, (from + 7) * 24).reduce((sum, amount) => sum + amount, 0),
      )
    const width = (values: number[]) => Math.max(...values) - Math.min(...values)
    expect(forecast.length).toBe(56 * 24)
    expect(width(days(49))).toBeGreaterThan(width(days(0)))
  })
})

describe('steps of minutes', () => {
  it('add up to the hours that they share out, on every path', () => {
    const forecast = forecastDemand(historyOf([noisyDemand('a', 15, 91, 600)], 600), options)
    for (let path = 0; path < forecast.pathCount; path += 9) {
      const { requests } = samplePath(forecast, 0, path)
      const hourly = slotPath(forecast, 0, 'requests', path)
      expect(hourly.length).toBe(48)
      for (const [hour, amount] of hourly.entries()) {
        const sum = requests.subarray(6 * hour, 6 * hour + 6).reduce((total, step) => total + step, 0)
        expect(sum / amount).toBeCloseTo(1, 9)
      }
    }
  })
})

describe('models', () => {
  it('that do badly on a workload fade out', () => {
    const random = noisyDemand('a', 28, 61)
    const weekend = demandOf(
      'b',
      random.requests.map((amount, hour) => (Math.floor(hour / 24) % 7 >= 5 ? amount / 20 : amount)),
    )
    const [daily, weekly] = forecastDemand(historyOf([random, weekend]), options).workloads
    expect(weekly!.weights['seasonal-naive-week']).toBeGreaterThan(3 * weekly!.weights['seasonal-naive-day']!)
    expect(daily!.weights['seasonal-ridge']).toBeGreaterThan(daily!.weights['seasonal-naive-week']!)
    for (const { weights } of [daily!, weekly!])
      expect(Object.values(weights).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9)
  })

  it('beat the best naive one on a noisy season', () => {
    const forecast = forecastDemand(historyOf([noisyDemand('a', 28, 62)]), options)
    expect(forecast.workloads[0]!.score!.forecastSkill).toBeGreaterThan(0.05)
  })
})
