// What the live floor is worth: each workload's test week is replayed by a HorizontalPodAutoscaler tick by tick (15 s
// sync, 10 % tolerance, stabilisation 300 s, cold start), with the reactive trigger alone, over a day-ahead template,
// over the live floor and over both; replica-hours at equal lateness, relative to an oracle that knows every tick. Each
// family is tuned in hindsight; beside them the live floor as a plan sets it, untuned, and its gate, which saw the week
// before alone.
// Run: LLMSCALE_TEST_DATA=… node --import tsx bench/live.ts [traces] [cold starts, seconds] [step, seconds] [real|prototype]
// As the prototype did it: gaps of the collector are filled, and floors are minReplicas, not a trigger that is stabilised;
// the families hold floors without a trigger above them too.
import { forecastWithPast } from '../src/forecast/forecast-demand.js'
import { secondsPerDay, secondsPerHour } from '../src/kit/units.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { tickFloors } from '../src/planning/floor-template.js'
import { type FloorSettings, planFloors } from '../src/planning/floors.js'
import { type LiveSettings, raiseFloor, readForecast } from '../src/planning/live-floor.js'
import { judgeLiveFloor, liveQuantileChoices } from '../src/planning/live-gate.js'
import { createLoad, createLoadGrid, type LoadGrid } from '../src/planning/load.js'
import {
  decideFloors,
  type ReplayScore,
  replayAutoscaler,
  scoreReplay,
  spreadFloors,
} from '../src/planning/replay-live.js'
import type { ReplicaCapacity } from '../src/sizing/replica-capacity.js'
import { costAt } from './live/front.js'
import { scheduleOracle } from './live/oracle.js'
import {
  averageSteps,
  type LiveTrace,
  readLiveTraces,
  tickSeconds,
  traceNames,
  traceStart,
} from './live/traces.js'

const [
  names = 'client-66,client-105,client-73,client-56,burstgpt',
  coldStarts = '120,300,600',
  step = '60',
  mode = 'real',
] = process.argv.slice(2)
const stepSeconds = Number(step)
const isLikePrototype = mode === 'prototype'
const everySeconds = 300
const lateShare = 0.01
const hardMaximum = 64
const targets = Array.from({ length: 17 }, (_, index) => 0.2 + 0.05 * index)
const metricWindows = [15, 60]
// The prototype's floors also stood alone, without a trigger above them.
const noTrigger = isLikePrototype ? [Number.POSITIVE_INFINITY] : []
const targetsAboveFloors = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, ...noTrigger]
const quantiles = [0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99]
const factors = [0.8, 0.9, 1, 1.1]
const criticalRatios = [0.8, 0.95]
const prices = [1.5, 2, 3, 4, 6, 8, 12, 16, 24, 40, 80, 200]
/** As a plan sets it. */
const planTarget = 0.9
const planMetricSeconds = 60
const historySeconds = 600

interface Point extends ReplayScore {
  label: string
}

const cpuSeconds = (start: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}
const percent = (value: number) => `${(100 * value).toFixed(1)} %`
const began = process.cpuUsage()
const traces = readLiveTraces(names === 'all' ? traceNames : names.split(','), isLikePrototype)
console.log(
  `replica-hours at ${percent(lateShare)} late, over the oracle's (share of the gap from reactive that is closed); live steps of ${step} s, ${mode}\n` +
    `${'trace'.padEnd(11)} cold  reactive  template        live            both            prototype | untuned: late, cost against reactive as late, gap closed | gate the week before → cost against the best reactive`,
)
for (const trace of traces) {
  const past = forecastTemplates(trace)
  for (const coldStartSeconds of coldStarts.split(',').map(Number)) replayTrace(trace, past, coldStartSeconds)
}
console.log(`${cpuSeconds(began).toFixed(0)} CPU s`)

function replayTrace(trace: LiveTrace, past: PastForecasts, coldStartSeconds: number): void {
  const test = trace.load.slice(trace.from, trace.to)
  const run = (floors: Float64Array, target: number, metricSeconds: number, label = ''): Point => {
    const settings = {
      tickSeconds,
      target,
      metricSeconds,
      coldStartSeconds,
      stabilisationSeconds: 300,
      hardMaximum,
      floorsAreMinimum: isLikePrototype,
    }
    return { ...scoreReplay(test, replayAutoscaler(test, floors, settings), tickSeconds), label }
  }
  const oracle = scheduleOracle(test, prices, {
    tickSeconds,
    coldStartSeconds,
    drainSeconds: 60,
    minReplicas: 1,
  })
  const minimum = new Float64Array(test.length).fill(1)
  const reactive = targets.flatMap((target) =>
    metricWindows.map((seconds) => run(minimum, target, seconds, `${target.toFixed(2)} ${seconds}s`)),
  )
  const templates = criticalRatios.map((ratio) => templateFloors(trace, past, coldStartSeconds, ratio))
  const runAbove = (floors: Float64Array) =>
    targetsAboveFloors.flatMap((target) => metricWindows.map((seconds) => run(floors, target, seconds)))
  const template = templates.flatMap(runAbove)
  const liveFloor = decideLive(trace, coldStartSeconds)
  const live = quantiles.flatMap((quantile) =>
    factors.flatMap((factor) => runAbove(liveFloor(quantile, factor))),
  )
  const both = templates.flatMap((floors) =>
    quantiles.flatMap((quantile) => {
      const raised = liveFloor(quantile, 1).map((floor, tick) => Math.max(floor, floors[tick]!))
      return runAbove(raised)
    }),
  )
  const best = costAt(oracle, lateShare)
  const rival = costAt(reactive, lateShare)
  const compare = (points: Point[]) => {
    const cost = costAt(points, lateShare)
    if (Number.isNaN(cost)) return 'never'.padEnd(15)
    return `${(cost / best).toFixed(3)} (${share(rival, cost, best)})`.padEnd(15)
  }
  const { gate, quantile } = judgeWeekBefore(trace, coldStartSeconds)
  const plain = run(liveFloor(quantile, 1), planTarget, planMetricSeconds)
  const asLate = costAt(reactive, plain.lateShare)
  const priced = (point: Point) => point.idleReplicaHours + 20 * point.lateShare * loadHours(test)
  const cheapest = Math.min(...reactive.map(priced))
  const skill =
    gate.floorSkill === null
      ? gate.message
      : `${percent(gate.floorSkill)} [${percent(gate.low!)}, ${percent(gate.high!)}]`
  console.log(
    `${trace.name.padEnd(11)} ${String(coldStartSeconds).padStart(4)}  ${(rival / best).toFixed(3).padEnd(8)}  ${compare(template)} ${compare(live)} ${compare(both)} ` +
      `${(trace.prototype[coldStartSeconds]?.toFixed(2) ?? '–').padEnd(9)} | ${percent(plain.lateShare)}, ${(plain.replicaHours / asLate).toFixed(3)}, ${share(asLate, plain.replicaHours, costAt(oracle, plain.lateShare))}` +
      ` | ${gate.open ? 'open  ' : 'closed'} q${quantile} ${skill} → ${(priced(plain) / cheapest).toFixed(3)} of idle and late`,
  )
}

function share(from: number, cost: number, best: number): string {
  return ((from - cost) / (from - best)).toFixed(2)
}

function loadHours(load: Float64Array): number {
  return (load.reduce((sum, value) => sum + (value || 0), 0) * tickSeconds) / secondsPerHour
}

/** Floors by tick of the test week for a quantile, and a factor on the load that it is read off. */
function decideLive(trace: LiveTrace, coldStartSeconds: number) {
  const load = averageSteps(trace.load, stepSeconds / tickSeconds)
  const grid = { start: traceStart, stepSeconds }
  const settings = { ...liveSettings(coldStartSeconds), everySeconds }
  const [from, until] = [trace.from, trace.to].map((tick) => traceStart + tick * tickSeconds)
  const decisions = decideFloors(load, grid, settings, () => 1, { from: from!, until: until! })
  return (quantile: number, factor: number): Float64Array => {
    const floors = decisions.map(({ time, live }) => ({
      time,
      floor: raiseFloor(1, Math.ceil(factor * readForecast(live.quantiles, quantile).load - 1e-9), settings),
    }))
    return spreadFloors(floors, testGrid(trace), 1)
  }
}

function testGrid({ from, to }: LiveTrace): LoadGrid {
  return { start: traceStart + from * tickSeconds, tickSeconds, ticksPerStep: 1, length: to - from }
}

function liveSettings(coldStartSeconds: number): LiveSettings {
  return { coldStartSeconds, everySeconds, quantile: 0.9, maximum: hardMaximum, hardMaximum }
}

type PastForecasts = ReturnType<typeof forecastTemplates>

/** A replica carries one request a second, so that requests are replica-seconds. */
function toHistory(load: Float64Array, stepSeconds: number): DemandHistory {
  const requests = averageSteps(load, stepSeconds / tickSeconds).map((replicas) => replicas * stepSeconds)
  return {
    start: traceStart,
    stepSeconds,
    length: requests.length,
    workloads: [
      {
        workload: { model: 'trace', region: 'trace' },
        requests,
        inputTokens: requests,
        outputTokens: requests,
        tokens: 'assumed',
        mask: Uint8Array.from(requests, (count) => (Number.isNaN(count) ? 1 : 0)),
      },
    ],
  }
}

/** Forecasts at the midnight before each day of the test week. */
function forecastTemplates(trace: LiveTrace) {
  const history = toHistory(trace.load.subarray(0, trace.to), historySeconds)
  const days = Math.round(((trace.to - trace.from) * tickSeconds) / secondsPerDay)
  const { pastForecasts } = forecastWithPast(history, {
    horizonSeconds: 7 * secondsPerDay,
    seed: 1,
    origins: days,
    everySeconds: secondsPerDay,
  })
  return pastForecasts
}

function settingsFor(coldStartSeconds: number, ratio: number, grid: LoadGrid): FloorSettings {
  return {
    capacity: {
      requestsPerSecond: 1,
      replicaSecondsPerInputToken: 0,
      replicaSecondsPerOutputToken: 1,
      coldStart: { totalSeconds: coldStartSeconds },
    } as ReplicaCapacity,
    timeZone: 'UTC',
    bounds: {
      lagTicks: Math.ceil((60 + coldStartSeconds) / grid.tickSeconds),
      minReplicas: 1,
      hardMaximum,
    },
    targets: [0.7, 0.8, 0.9],
    price: { idleUsdPerReplicaHour: 1, shortfallUsdPerReplicaHour: ratio / (1 - ratio) },
    burstFactor: 1,
  }
}

/** Floors by tick of the test week as the planner makes them each day. */
function templateFloors(
  trace: LiveTrace,
  past: PastForecasts,
  coldStartSeconds: number,
  ratio: number,
): Float64Array {
  const floors = new Float64Array(trace.to - trace.from).fill(1)
  for (const forecast of past) {
    const grid = createLoadGrid(forecast.origin, forecast.stepSeconds, forecast.length, coldStartSeconds)
    const { floors: template } = planFloors(forecast, 0, settingsFor(coldStartSeconds, ratio, grid), grid)
    const first = (forecast.origin - traceStart) / tickSeconds - trace.from
    const day = { start: forecast.origin, tickSeconds, ticksPerStep: 1, length: secondsPerDay / tickSeconds }
    const { asked } = tickFloors(template, coldStartSeconds, day, 'UTC')
    for (let tick = 0; tick < asked.length; tick++)
      if (first + tick >= 0 && first + tick < floors.length) floors[first + tick] = asked[tick]!
  }
  return floors
}

/** The gate of a plan that is made on the eve of the test week, with minReplicas for a template. */
function judgeWeekBefore(trace: LiveTrace, coldStartSeconds: number) {
  const history = toHistory(trace.load.subarray(0, trace.from), stepSeconds)
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const settings = settingsFor(coldStartSeconds, 0.95, grid)
  const load = createLoad(history.workloads[0]!, settings.capacity, grid, settings.burstFactor)
  const ticks = secondsPerDay / grid.tickSeconds
  const days = Array.from({ length: 5 }, (_, back) => {
    const to = grid.length - (4 - back) * ticks
    const asked = new Float64Array(ticks).fill(1)
    return { from: to - ticks, to, floors: { asked, ready: asked }, target: 0.7 }
  })
  const live = liveSettings(coldStartSeconds)
  const quantiles = liveQuantileChoices(settings.price)
  return judgeLiveFloor({ grid, load, days }, history, 0, settings, live, quantiles, false, 1)
}
