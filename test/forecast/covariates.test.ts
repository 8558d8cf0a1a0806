import { describe, expect, it } from 'vitest'
import { forecastDemand, rollForecasts } from '../../src/forecast/forecast-demand.js'
import { worthOf } from '../../src/forecast/freshness.js'
import { createRandom } from '../../src/kit/random.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import type { Covariate, DemandHistory } from '../../src/metrics/demand-history.js'
import { cutHistory } from '../../src/metrics/select-history.js'
import { demandOf, historyOf, noisyDemand } from './history-fixture.js'

const hours = 28 * 24
const leadHours = 6
const options = { horizonSeconds: secondsPerDay, seed: 1 }

/** Something with a daily season drives demand, and shows in another quantity six hours before. */
function driven(seed: number): { requests: Float64Array; values: Float64Array } {
  const random = createRandom(seed)
  let level = 0
  const drive = Float64Array.from({ length: hours + leadHours }, () => {
    level = 0.97 * level + 0.15 * random.normal()
    return level
  })
  const season = (hour: number) => 1.5 + Math.sin((2 * Math.PI * hour) / 24)
  return {
    requests: Float64Array.from(
      { length: hours },
      (_, hour) => 1000 * season(hour) * Math.exp(0.6 * drive[hour]! + 0.08 * random.normal()),
    ),
    values: Float64Array.from(
      { length: hours },
      (_, hour) => 50 * season(hour) * Math.exp(drive[hour + leadHours]! + 0.05 * random.normal()),
    ),
  }
}

const signUps = (values: Float64Array): Covariate => ({ name: 'sign-ups', workloads: ['chat'], values })

/** Sum of absolute errors of the first six hours and of a day, from origins half a day apart. */
function errorsOf(history: DemandHistory): [number, number] {
  const rolled = rollForecasts(history, { ...options, origins: 16, everySeconds: secondsPerDay / 2 })
  const { requests } = history.workloads[0]!
  const sum = (leads: number) =>
    rolled.reduce((total, { origin, workloads }) => {
      const first = (origin - history.start) / secondsPerHour
      const came = requests.subarray(first, first + leads)
      const { point } = workloads[0]!.series.requests
      return total + came.reduce((all, amount, lead) => all + Math.abs(amount - point[lead]!), 0)
    }, 0)
  return [sum(leadHours), sum(24)]
}

const seeds = [1, 2, 3]
const histories = seeds.map((seed) => {
  const { requests, values } = driven(seed)
  return { history: historyOf([demandOf('chat', requests)]), values }
})
const without = histories.map(({ history }) => errorsOf(history))

function changeOf(covariateOf: (index: number) => Float64Array): [number, number] {
  const withIt = histories.map(({ history }, index) =>
    errorsOf({ ...history, covariates: [signUps(covariateOf(index))] }),
  )
  const ratio = (of: 0 | 1) =>
    withIt.reduce((sum, errors) => sum + errors[of], 0) / without.reduce((sum, errors) => sum + errors[of], 0)
  return [ratio(0), ratio(1)]
}

describe('a covariate', () => {
  it('that leads demand lowers the error', () => {
    const [hoursAhead, dayAhead] = changeOf((index) => histories[index]!.values)
    expect(hoursAhead).toBeLessThan(0.85)
    expect(dayAhead).toBeLessThan(0.97)
    const [{ history, values }] = histories as [(typeof histories)[0]]
    const forecast = forecastDemand({ ...history, covariates: [signUps(values)] }, options)
    expect(forecast.workloads[0]!.covariates!.map(worthOf)).toEqual(['sure'])
    expect(forecast.workloads[0]!.weights['covariate-ridge of sign-ups']).toBeGreaterThan(0)
    expect(forecast.notes).toEqual([])
  })

  it('that tells nothing hardly raises it, and is named', () => {
    const [hoursAhead, dayAhead] = changeOf((index) => driven(seeds[index]! + 100).values)
    expect(hoursAhead).toBeLessThan(1.02)
    expect(dayAhead).toBeLessThan(1.02)
    const covariates = [signUps(driven(101).values)]
    const forecast = forecastDemand({ ...histories[0]!.history, covariates }, options)
    expect(forecast.workloads[0]!.covariates!.map(worthOf)).toEqual(['none'])
    expect(forecast.notes).toEqual([
      expect.stringMatching(/^chat\/us-east-1: the covariate sign-ups is of no use, it changes errors/),
    ])
  })

  it('of other workloads, without a value, or none at all changes nothing', () => {
    const history = historyOf([noisyDemand('chat', 15, 1), noisyDemand('code', 15, 2)])
    const plain = forecastDemand(history, options)
    const { values } = driven(1)
    const unknown = new Float64Array(history.length).fill(Number.NaN)
    const covariates = [
      { ...signUps(values.subarray(0, history.length)), workloads: ['other'] },
      signUps(unknown),
    ]
    expect(forecastDemand({ ...history, covariates: [] }, options)).toEqual(plain)
    expect(forecastDemand({ ...history, covariates }, options)).toEqual(plain)
    const ofChat = forecastDemand(
      { ...history, covariates: [signUps(values.subarray(0, history.length))] },
      options,
    )
    expect(ofChat.workloads[1]).toEqual(plain.workloads[1])
    expect(ofChat.workloads[0]).not.toEqual(plain.workloads[0])
  })

  it('is read up to the origin alone, and may have gaps', () => {
    const { history, values } = histories[0]!
    const gappy = values.map((value, hour) => (hour % 50 < 5 || hour < 30 ? Number.NaN : value))
    const whole = { ...history, covariates: [signUps(gappy)] }
    const past = cutHistory(whole, history.start + 20 * secondsPerDay)
    const later = gappy.map((value, hour) => (hour < 20 * 24 ? value : 1e9))
    const other = cutHistory({ ...history, covariates: [signUps(later)] }, history.start + 20 * secondsPerDay)
    expect(forecastDemand(other, options)).toEqual(forecastDemand(past, options))
    const rolled = (covariate: Float64Array) =>
      rollForecasts(
        { ...history, covariates: [signUps(covariate)] },
        { ...options, origins: 8, everySeconds: secondsPerDay },
      )[0]
    expect(rolled(later)).toEqual(rolled(gappy))
  })
})
