// Quantiles of the highest load within a cold start and five minutes, beside persistence with a calibrated margin and
// the day-ahead template: pinball loss, coverage, and what the floors that the quantiles imply are late and idle.
// ServeGen's arrivals are drawn inside each 10-minute row as the clients file fits them; days 7 to 13, re-fitted daily.
// Run: LLMSCALE_TEST_DATA=… node --import tsx bench/window-maximum.ts [m-large|m-mid] [clients] [cold starts, seconds]
import { dayAheadTemplate, persistenceWithMargin } from '../src/forecast/window-maximum/naive-maximum.js'
import {
  type MaximumDay,
  poolMaximumDays,
  scoreWindowMaximum,
} from '../src/forecast/window-maximum/score-window-maximum.js'
import {
  fitWindowMaximum,
  pooledMaximumRegression,
  poolWindowMaxima,
  predictWindowMaximum,
} from '../src/forecast/window-maximum/window-maximum.js'
import { createRandom } from '../src/kit/random.js'
import { sortedQuantile } from '../src/kit/statistics.js'
import { secondsPerDay } from '../src/kit/units.js'
import { type ArrivalTrace, drawArrivals } from './client-arrivals.js'

const [model = 'm-large', clients = '11', coldStarts = '120,300,600'] = process.argv.slice(2)
if (model !== 'm-large' && model !== 'm-mid') throw new Error(`${model}: m-large or m-mid`)
const quantiles = [0.5, 0.9, 0.95, 0.99]
const headline = quantiles.indexOf(0.95)
const everySeconds = 300
const stepSeconds = 30
const day = secondsPerDay / stepSeconds
const persistence = persistenceWithMargin('ratio', 4)
// Harder rivals than the one of the target: other forms of it, of which the best in hindsight counts.
const persistences = [
  persistence,
  persistenceWithMargin('ratio', 24),
  persistenceWithMargin('difference', 4),
  persistenceWithMargin('difference', 24),
]

const cpuSeconds = (start: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}
const percent = (value: number) => `${(100 * value).toFixed(1)} %`
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const loss = (days: readonly MaximumDay[]) => sum(poolMaximumDays(days).pinball)
const geometricMean = (values: readonly number[]) => Math.exp(sum(values.map(Math.log)) / values.length)

/** Days by method. */
type Scores = MaximumDay[][]

const drawing = process.cpuUsage()
const traces = drawArrivals(model, stepSeconds, Number(clients), 1)
console.log(`${model}: ${traces.length} traces, drawn in ${cpuSeconds(drawing).toFixed(0)} CPU s`)
const fleet = traces.map(({ load }) => load)
const methods = [pooledMaximumRegression(fleet), ...persistences, dayAheadTemplate]
const everything: Scores[] = []
for (const coldStartSeconds of coldStarts.split(',').map(Number)) {
  const scoring = process.cpuUsage()
  const scored = traces.map((trace) => scoreTrace(trace, coldStartSeconds))
  everything.push(...scored)
  console.log(`\ncold start ${coldStartSeconds} s (${cpuSeconds(scoring).toFixed(0)} CPU s)`)
  console.log(
    `${'trace'.padEnd(12)} pinball  below persistence [90 % by day]  its best form  template   q0.95 covers   late/idle of its floor   persistence   template`,
  )
  traces.forEach(({ name }, index) => {
    printTrace(name, scored[index]!)
  })
  printPool('pooled', scored)
}
printPool('\nall', everything)
measureSpeed(traces)

function scoreTrace({ load }: ArrivalTrace, coldStartSeconds: number): Scores {
  const options = { stepSeconds, coldStartSeconds, everySeconds, quantiles }
  return methods.map((method) => scoreWindowMaximum(method, load, 7 * day, 14 * day, options))
}

function printTrace(name: string, scores: Scores): void {
  const [own, rival, template] = [scores[0]!, scores[1]!, scores.at(-1)!]
  const floor = (days: MaximumDay[]) => {
    const { lateShare, idleShare } = poolMaximumDays(days)
    return `${percent(lateShare[headline]!)} / ${percent(idleShare[headline]!)}`.padStart(16)
  }
  console.log(
    `${name.padEnd(12)} ${loss(own).toFixed(4)} ${percent(1 - loss(own) / loss(rival)).padStart(10)} ${dayInterval([scores])}` +
      `${percent(1 - loss(own) / bestPersistence(scores)).padStart(12)} ${percent(1 - loss(own) / loss(template)).padStart(10)}` +
      `${poolMaximumDays(own).coverage[headline]!.toFixed(3).padStart(12)}   ${floor(own)} ${floor(rival)} ${floor(template)}`,
  )
}

function bestPersistence(scores: Scores): number {
  return Math.min(...scores.slice(1, 1 + persistences.length).map(loss))
}

/** Pooled: the sum of all losses, each relative to its trace's mean maximum, and the mean ratio by trace. */
function printPool(label: string, scored: Scores[]): void {
  const ratios = scored.map((scores) => loss(scores[0]!) / loss(scores[1]!))
  const best = scored.map((scores) => loss(scores[0]!) / bestPersistence(scores))
  const coverages = scored.map((scores) => poolMaximumDays(scores[0]!).coverage[headline]!)
  console.log(
    `${label}: ${percent(1 - pooledRatio(scored))} below persistence ${dayInterval(scored)}; by trace on average ` +
      `${percent(1 - geometricMean(ratios))}, below its best form in hindsight ${percent(1 - geometricMean(best))}; ` +
      `q0.95 covers ${(sum(coverages) / coverages.length).toFixed(3)} (${Math.min(...coverages).toFixed(3)} … ${Math.max(...coverages).toFixed(3)})`,
  )
  const byQuantile = quantiles.map((probability, index) => {
    const at = (method: number) =>
      sum(scored.map((scores) => poolMaximumDays(scores[method]!).pinball[index]!))
    return `q${probability} ${percent(1 - at(0) / at(1))}`
  })
  console.log(`  by quantile: ${byQuantile.join(', ')}`)
}

function pooledRatio(scored: Scores[], days?: readonly number[]): number {
  const part = (all: MaximumDay[]) => (days === undefined ? all : days.map((index) => all[index]!))
  const pooled = (method: number) =>
    sum(
      scored.map((scores) => {
        const mean =
          sum(scores[method]!.map(({ maxima }) => maxima)) /
          sum(scores[method]!.map(({ origins }) => origins))
        const drawn = part(scores[method]!)
        return sum(drawn.flatMap(({ pinball }) => pinball)) / sum(drawn.map(({ origins }) => origins)) / mean
      }),
    )
  return pooled(0) / pooled(1)
}

/** 90 % interval of the saving, by drawing days with replacement, the same for all traces. */
function dayInterval(scored: Scores[]): string {
  const random = createRandom(1)
  const count = scored[0]![0]!.length
  const drawn = Float64Array.from(
    { length: 1000 },
    () =>
      1 -
      pooledRatio(
        scored,
        Array.from({ length: count }, () => random.integer(count)),
      ),
  ).sort()
  return `[${percent(sortedQuantile(drawn, 0.05))}, ${percent(sortedQuantile(drawn, 0.95))}]`.padEnd(20)
}

/** A forecast for 200 workloads, features included; what a day's fits cost. */
function measureSpeed(all: readonly ArrivalTrace[]): void {
  const options = { stepSeconds, windowSeconds: 600, quantiles }
  const load = all[0]!.load
  const pooling = process.cpuUsage()
  const prior = poolWindowMaxima(fleet, load.length, options)
  const pool = cpuSeconds(pooling)
  const fitting = process.cpuUsage()
  const fitted = fitWindowMaximum(load, load.length, options, prior)
  const fit = cpuSeconds(fitting)
  const predicting = process.cpuUsage()
  for (let workload = 0; workload < 200; workload++)
    predictWindowMaximum(fitted, all[workload % all.length]!.load, load.length - workload)
  console.log(
    `\n200 forecasts ${cpuSeconds(predicting).toFixed(3)} CPU s; a fit to 14 days ${fit.toFixed(2)} CPU s, what the fleet has in common ${pool.toFixed(2)} CPU s`,
  )
}
