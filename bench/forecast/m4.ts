import { combine, combineAsked, combinePast, weighModels } from '../../src/forecast/combination.js'
import type { DemandForecast } from '../../src/forecast/demand-forecast.js'
import { forecastDemand } from '../../src/forecast/forecast-demand.js'
import { createGridSeries } from '../../src/forecast/grid-series.js'
import { pointModels, pooledModels } from '../../src/forecast/models/models.js'
import type { PointModel, PooledModel, Series } from '../../src/forecast/models/point-model.js'
import { pooledRidge, transferredRidge } from '../../src/forecast/models/pooled-ridge.js'
import { pooledTrees } from '../../src/forecast/models/pooled-trees.js'
import { createOriginGrid } from '../../src/forecast/origin-grid.js'
import { learnRowErrors, spreadPoint } from '../../src/forecast/point-spread.js'
import { type Member, poolMember, rollMember, singleMember } from '../../src/forecast/rolling-origin.js'
import { limit, pathQuantiles } from '../../src/forecast/sample-path.js'
import { sortedQuantile } from '../../src/kit/statistics.js'
import { secondsPerHour } from '../../src/kit/units.js'
import type { WorkloadDemand } from '../../src/metrics/demand-history.js'
import { type M4Series, readM4 } from '../forecast-data.js'
import { bootstrap } from './bootstrap.js'
import { forecastWithStatsForecast } from './statsforecast.js'

const day = 24
const horizon = 48
const pastCells = 2000

/** Point forecasts of all series by one method. */
interface Method {
  name: string
  points: Float64Array[]
  /** What all of them took; undefined where it says nothing. */
  cpuSeconds?: number
}

/** A method's error over all series. */
interface MethodScore {
  name: string
  mase: number
  maseInterval: [number, number]
  /** In percent, 0 … 200. */
  smape: number
  cpuMilliseconds: number | undefined
}

/** How wide and how right intervals are. */
interface IntervalScore {
  name: string
  coverage90: number
  /** Mean scaled interval score of the 95 % interval. */
  msis95: number
}

export interface M4Scores {
  series: number
  methods: MethodScore[]
  /** MASE of the first method less that of the second, drawn in pairs. */
  differences: { name: string; difference: number; interval: [number, number] }[]
  intervals: IntervalScore[]
}

/** The shared half of M4 Hourly, 48 hours ahead: models, combinations and StatsForecast in one run. */
export function scoreM4(): M4Scores {
  const all = readM4().sort((a, b) => a.train.length - b.train.length)
  // Series of one length are a fleet: they end together.
  const fleets = [...new Set(all.map(({ train }) => train.length))].map((length) =>
    all.filter(({ train }) => train.length === length),
  )
  const alone = all.map((series) => [series])
  const peers = scorePeers(all)
  const products = [
    combineUnscored(names.strict, alone, ownMembers),
    combineUnscored(names.unscored, fleets, allMembers),
    forecastFleets(names.single, alone),
    forecastFleets(names.fleet, fleets),
  ]
  const methods: Method[] = [
    ...peers,
    { name: 'their median', points: all.map((_, index) => medianOf(peers, index)) },
    ...pointModels.map((model) => fitAll(model.name, [all], () => model)),
    ...[pooledRidge, pooledTrees].map((pooled) => fitAll(pooled.name, fleets, learnFleet(pooled))),
    measure('all models of a series once, their median', () => all.map(medianOnce)),
    ...products,
  ]
  const errors = new Map(
    methods.map(({ name, points }) => [
      name,
      all.map((series, index) => scaledError(series, points[index]!)),
    ]),
  )
  const pairs = [
    [names.strict, 'MSTL+AutoETS'],
    [names.single, 'MSTL+AutoETS'],
    [names.fleet, 'MSTL+AutoETS'],
    [names.fleet, names.single],
  ] as const
  return {
    series: all.length,
    methods: methods.map(({ name, points, cpuSeconds }) => ({
      name,
      mase: mean(errors.get(name)!),
      maseInterval: bootstrap(errors.get(name)!, mean),
      smape: mean(all.map(({ test }, index) => symmetricError(test, points[index]!))),
      cpuMilliseconds: cpuSeconds === undefined ? undefined : (1000 * cpuSeconds) / all.length,
    })),
    differences: pairs.map(([first, second]) => {
      const differences = errors.get(first)!.map((error, index) => error - errors.get(second)![index]!)
      return {
        name: `${first} less ${second}`,
        difference: mean(differences),
        interval: bootstrap(differences, mean),
      }
    }),
    intervals: products.map(({ name, intervals }) => ({ name, ...scoreIntervals(all, intervals) })),
  }
}

const names = {
  /** Without the coefficients that M4's training parts taught, and without the fleet. */
  strict: 'combination, a series by itself, no score',
  single: 'combination, a fleet of one, score',
  unscored: 'combination, whole fleet, no score',
  fleet: 'combination, whole fleet, score',
}

function measure(name: string, forecast: () => Float64Array[]): Method {
  const started = process.cpuUsage()
  const points = forecast()
  const { user, system } = process.cpuUsage(started)
  return { name, points, cpuSeconds: (user + system) / 1e6 }
}

function scorePeers(all: readonly M4Series[]): Method[] {
  const peers = forecastWithStatsForecast(
    all.map(({ train }) => train),
    horizon,
  )
  return Object.entries(peers).map(([name, { points, cpu_seconds }]) => ({
    name,
    points: points.map((point) => Float64Array.from(point)),
    cpuSeconds: cpu_seconds,
  }))
}

function seriesOf({ train }: M4Series): Series {
  return { values: train, observed: new Uint8Array(train.length).fill(1), stepsPerDay: day }
}

function learnFleet(pooled: PooledModel): (fleet: readonly M4Series[]) => PointModel {
  return (fleet) => pooled.fit(fleet.map(seriesOf), fleet[0]!.train.length)
}

function fitAll(
  name: string,
  fleets: readonly M4Series[][],
  learn: (fleet: readonly M4Series[]) => PointModel,
): Method {
  return measure(name, () =>
    fleets.flatMap((fleet) => {
      const model = learn(fleet)
      return fleet.map((series) => fitOnce(model, series))
    }),
  )
}

function fitOnce(model: PointModel, series: M4Series): Float64Array {
  const { length } = series.train
  return model.fit(seriesOf(series), length)!(seriesOf(series), length, horizon)
}

function medianOnce(series: M4Series): Float64Array {
  const forecasts = pointModels
    .filter(({ name }) => !/naive|persistence/.test(name))
    .map((model) => fitOnce(model, series))
  return equalMedian(forecasts)
}

function medianOf(methods: readonly Method[], index: number): Float64Array {
  return equalMedian(methods.map(({ points }) => points[index]!))
}

function equalMedian(forecasts: readonly Float64Array[]): Float64Array {
  const shares = [new Float64Array(forecasts.length).fill(1 / forecasts.length)]
  return combine(forecasts, { ends: [horizon], shares })
}

/** 90 % and 95 % bounds by hour. */
type Bounds = [low95: Float64Array, low90: Float64Array, high90: Float64Array, high95: Float64Array]

const levels = [0.025, 0.05, 0.95, 0.975]

/** A method whose forecasts have intervals. */
type IntervalMethod = Method & { intervals: Bounds[] }

/** Members that know one series only. */
function ownMembers(): Member[] {
  return pointModels.filter((model) => model !== transferredRidge).map(singleMember)
}

function allMembers(fleet: readonly Series[]): Member[] {
  return [...pointModels.map(singleMember), ...pooledModels.map((model) => poolMember(model, fleet))]
}

/** Combinations as the product weighs and spreads them, without their score. */
function combineUnscored(
  name: string,
  fleets: readonly (readonly M4Series[])[],
  membersOf: (fleet: readonly Series[]) => Member[],
): IntervalMethod {
  const intervals: Bounds[] = []
  const method = measure(name, () =>
    fleets.flatMap((fleet) => {
      const { length } = fleet[0]!.train
      const grid = createOriginGrid(length, [length], horizon, day, 0)
      const row = grid.origins.length - 1
      const all = fleet.map((one) => createGridSeries(seriesOf(one), grid))
      const members = membersOf(all)
      return all.map((series) => {
        const rolled = members.map((member) => rollMember(member, series, grid))
        const weights = weighModels(rolled, series, grid)
        const point = combineAsked(rolled, weights).get(row)!
        const errors = learnRowErrors(combinePast(rolled, weights[row]!), series, grid, row, true, pastCells)
        const { center, quantiles, spread, ceiling } = spreadPoint(point, errors, series, grid, row)
        intervals.push(
          levels.map((level) => {
            const quantile = sortedQuantile(quantiles, level)
            return center.map((amount, lead) => limit(amount, quantile * spread[lead]!, ceiling))
          }) as Bounds,
        )
        return point
      })
    }),
  )
  return { ...method, intervals }
}

/** As the product forecasts, with paths. */
function forecastFleets(name: string, fleets: readonly (readonly M4Series[])[]): IntervalMethod {
  const intervals: Bounds[] = []
  const method = measure(name, () =>
    fleets.flatMap((fleet) => {
      const forecast = forecastFleet(fleet)
      return forecast.workloads.map(({ series }, index) => {
        const { quantiles } = pathQuantiles(forecast, index, 'requests', levels)
        intervals.push(quantiles as Bounds)
        return series.requests.point
      })
    }),
  )
  return { ...method, intervals }
}

function forecastFleet(fleet: readonly M4Series[]): DemandForecast {
  const { length } = fleet[0]!.train
  const zeros = new Float64Array(length)
  const workloads = fleet.map(
    ({ train }, index): WorkloadDemand => ({
      workload: { model: `m4-${index}`, region: 'm4' },
      requests: train,
      inputTokens: zeros,
      outputTokens: zeros,
      tokens: 'none',
      mask: new Uint8Array(length),
    }),
  )
  const history = { start: 0, stepSeconds: secondsPerHour, length, workloads }
  return forecastDemand(history, { horizonSeconds: horizon * secondsPerHour, seed: 1 })
}

/** Mean |y(t) − y(t − 24)| of the training part: M4's unit of error. */
function scaleOf({ train }: M4Series): number {
  let sum = 0
  for (let hour = day; hour < train.length; hour++) sum += Math.abs(train[hour]! - train[hour - day]!)
  return sum / (train.length - day)
}

function scaledError(series: M4Series, point: Float64Array): number {
  return mean(Array.from(series.test, (actual, hour) => Math.abs(actual - point[hour]!))) / scaleOf(series)
}

function symmetricError(test: Float64Array, point: Float64Array): number {
  return mean(
    Array.from(test, (actual, hour) => {
      const sum = Math.abs(actual) + Math.abs(point[hour]!)
      return sum === 0 ? 0 : (200 * Math.abs(actual - point[hour]!)) / sum
    }),
  )
}

function scoreIntervals(all: readonly M4Series[], intervals: readonly Bounds[]): Omit<IntervalScore, 'name'> {
  const covered = all.map(({ test }, index) => {
    const [, low, high] = intervals[index]!
    return mean(Array.from(test, (actual, hour) => (actual >= low[hour]! && actual <= high[hour]! ? 1 : 0)))
  })
  const scores = all.map((series, index) => {
    const [low, , , high] = intervals[index]!
    const widths = Array.from(series.test, (actual, hour) => {
      const outside = Math.max(low[hour]! - actual, actual - high[hour]!, 0)
      return high[hour]! - low[hour]! + (2 / 0.05) * outside
    })
    return mean(widths) / scaleOf(series)
  })
  return { coverage90: mean(covered), msis95: mean(scores) }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
