import { rollForecasts } from '../../src/forecast/forecast-demand.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import type { DemandHistory } from '../../src/metrics/demand-history.js'
import { cutHistory, readTrace } from '../forecast-data.js'
import { bootstrap } from './bootstrap.js'

const pools = [
  ['BurstGPT conversation', 'burstgpt-hourly-42d.csv', 'conversation'],
  ['ServeGen models', 'servegen-demand-10min.csv.gz', undefined],
  ['ServeGen tenants', 'servegen-tenants-10min.csv.gz', undefined],
] as const
const horizons = [1, 6, 24]
const everyHours = 3
const day = 24
// The naive baseline is chosen from the second week of the training part on, when all of them have what they repeat.
const choiceHours = 8 * day
const lags = { persistence: 1, day, week: 7 * day }
type Naive = keyof typeof lags
const naives = Object.keys(lags) as Naive[]

/** A trace by the hour; NaN where any of its steps is masked. */
interface Hours {
  name: string
  actual: Float64Array
}

/** Sums over the leads of one horizon and the origins of one day of one series. */
interface Unit {
  series: number
  day: number
  own: number
  naive: number
  actual: number
}

/** Error of the product's forecast beside the best naive one. */
export interface Cell {
  pool: string
  horizon: number
  naives: string
  ownWape: number
  naiveWape: number
  /** Own over naive error, with its 95 % interval. */
  ratio: number
  interval: [number, number]
}

/**
 * Rolling-origin errors of requests over the last third of each trace, averaged over the lead times to each horizon,
 * from origins three hours apart; the naive baseline of each series and horizon is the one that was best in the
 * training part. The interval draws days anew, or series where there are many.
 */
export async function scoreTraces(): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const [pool, file, model] of pools) {
    const history = await readTrace(file, model)
    const hours = sumHours(history)
    const length = hours[0]!.actual.length
    const split = Math.floor(((length / day) * 2) / 3) * day
    const forecasts = rollHourly(history, length, split)
    for (const horizon of horizons) {
      const chosen = hours.map(({ actual }) => chooseNaive(actual, horizon, choiceHours, split))
      const units: Unit[] = []
      for (const [origin, points] of forecasts)
        for (const [series, { actual }] of hours.entries()) {
          const naive = repeat(actual, origin, lags[chosen[series]!])
          const unit: Unit = { series, day: Math.floor(origin / day), own: 0, naive: 0, actual: 0 }
          for (let lead = 0; lead < horizon && origin + lead < length; lead++) {
            const came = actual[origin + lead]!
            if (Number.isNaN(came)) continue
            unit.own += Math.abs(came - points[series]![lead]!)
            unit.naive += Math.abs(came - naive(lead))
            unit.actual += came
          }
          units.push(unit)
        }
      cells.push(cellOf(pool, horizon, chosen, units, hours.length > 10 ? 'series' : 'day'))
    }
  }
  return cells
}

function cellOf(pool: string, horizon: number, chosen: Naive[], units: Unit[], by: 'series' | 'day'): Cell {
  const groups = [...new Set(units.map((unit) => unit[by]))].map((key) =>
    units.filter((unit) => unit[by] === key),
  )
  const sum = (parts: readonly Unit[][], field: 'own' | 'naive' | 'actual') =>
    parts.reduce((total, part) => total + part.reduce((all, unit) => all + unit[field], 0), 0)
  const ratio = (parts: readonly Unit[][]) => sum(parts, 'own') / sum(parts, 'naive')
  return {
    pool,
    horizon,
    naives: naives
      .map((name) => [name, chosen.filter((each) => each === name).length] as const)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
    ownWape: sum(groups, 'own') / sum(groups, 'actual'),
    naiveWape: sum(groups, 'naive') / sum(groups, 'actual'),
    ratio: ratio(groups),
    interval: bootstrap(groups, ratio),
  }
}

function sumHours({ workloads, stepSeconds, length }: DemandHistory): Hours[] {
  const steps = secondsPerHour / stepSeconds
  return workloads.map(({ workload, requests, mask }) => ({
    name: workload.tenant ?? workload.model,
    actual: Float64Array.from({ length: Math.floor(length / steps) }, (_, hour) => {
      let sum = 0
      for (let step = hour * steps; step < (hour + 1) * steps; step++)
        sum += mask[step] === 0 ? requests[step]! : Number.NaN
      return sum
    }),
  }))
}

/** By origin in hours: the product's forecast of each workload by the hour, a day ahead. */
function rollHourly(history: DemandHistory, length: number, from: number): Map<number, Float64Array[]> {
  const steps = secondsPerHour / history.stepSeconds
  const forecasts = new Map<number, Float64Array[]>()
  // Origins of one pass lie a quarter of a day apart: two passes, the second of a history that ends three hours before.
  for (let cut = 0; cut < 6; cut += everyHours) {
    const part = cutHistory(history, (length - cut) * steps)
    const origins = Math.floor((length - cut - from) / 6)
    const options = { horizonSeconds: secondsPerDay, seed: 1, origins, everySeconds: secondsPerDay / 4 }
    for (const { origin, workloads } of rollForecasts(part, options))
      forecasts.set(
        (origin - history.start) / secondsPerHour,
        workloads.map(({ series }) =>
          Float64Array.from({ length: day }, (_, lead) =>
            series.requests.point
              .subarray(lead * steps, (lead + 1) * steps)
              .reduce((sum, amount) => sum + amount, 0),
          ),
        ),
      )
  }
  return forecasts
}

function chooseNaive(actual: Float64Array, horizon: number, from: number, to: number): Naive {
  const errors = naives.map((name) => {
    let sum = 0
    for (let origin = from; origin < to; origin += everyHours) {
      const naive = repeat(actual, origin, lags[name])
      for (let lead = 0; lead < horizon && origin + lead < to; lead++) {
        const error = Math.abs(actual[origin + lead]! - naive(lead))
        if (!Number.isNaN(error)) sum += error
      }
    }
    return sum
  })
  return naives[errors.indexOf(Math.min(...errors))]!
}

/** What came a lag before, from further back where that is masked. */
function repeat(actual: Float64Array, origin: number, lag: number): (lead: number) => number {
  return (lead) => {
    let hour = origin - lag + (lead % lag)
    while (hour >= 0 && Number.isNaN(actual[hour]!)) hour -= lag === 1 ? 1 : day
    return actual[hour] ?? 0
  }
}
