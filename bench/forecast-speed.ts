import { fork } from 'node:child_process'
import { forecastDemand, rollForecasts } from '../src/forecast/forecast-demand.js'
import { pathQuantiles, samplePath } from '../src/forecast/sample-path.js'
import { createRandom } from '../src/kit/random.js'
import { secondsPerDay } from '../src/kit/units.js'
import { type DemandHistory, demandMetrics } from '../src/metrics/demand-history.js'

// CPU seconds and peak memory of forecasts seven days ahead with their score, every path of three metrics read once.
// One process for each size; a size is workloads, days and step in seconds. The first also shows what a plan asks for
// beside: quantiles of all steps, and the forecasts of two weeks of earlier origins.
// Run: node --import tsx bench/forecast-speed.ts [workloads days stepSeconds]
const sizes = [
  [6, 28, 900],
  [6, 56, 300],
  [50, 56, 300],
  [200, 56, 300],
] as const

if (process.argv.length > 2) {
  const [workloads, days, stepSeconds] = process.argv.slice(2).map(Number) as [number, number, number]
  run(workloads, days, stepSeconds)
} else {
  for (const size of sizes)
    await new Promise((resolve) => {
      fork(import.meta.filename, size.map(String), { execArgv: process.execArgv }).on('exit', resolve)
    })
}

function run(workloads: number, days: number, stepSeconds: number): void {
  console.log(`${workloads} workloads, ${days} d at ${stepSeconds / 60} min`)
  const history = createHistory(workloads, days, stepSeconds)
  const options = { horizonSeconds: 7 * secondsPerDay, seed: 1 }
  const forecast = measure('  forecast with score', () => forecastDemand(history, options))
  measure('  all paths', () => {
    for (let workload = 0; workload < workloads; workload++)
      for (let path = 0; path < forecast.pathCount; path++) samplePath(forecast, workload, path)
  })
  if (workloads <= 10) {
    measure('  all quantiles', () => {
      for (let workload = 0; workload < workloads; workload++)
        for (const metric of demandMetrics) pathQuantiles(forecast, workload, metric)
    })
    measure('  14 earlier origins', () =>
      rollForecasts(history, { ...options, origins: 14, everySeconds: secondsPerDay }),
    )
  }
  console.log(`  peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`)
}

/** Days and weeks with noise and a level of their own. */
function createHistory(workloads: number, days: number, stepSeconds: number): DemandHistory {
  const random = createRandom(1)
  const length = (days * secondsPerDay) / stepSeconds
  return {
    start: 0,
    stepSeconds,
    length,
    workloads: Array.from({ length: workloads }, (_, index) => {
      const phase = random.uniform()
      const requests = Float64Array.from({ length }, (_, step) => {
        const day = (step * stepSeconds) / secondsPerDay + phase
        const week = Math.floor(day) % 7 < 5 ? 1 : 0.6
        return 1000 * week * (1.5 + Math.sin(2 * Math.PI * day)) * Math.exp(0.1 * random.normal())
      })
      return {
        workload: { model: `model-${index}`, region: 'us-east-1' },
        requests,
        inputTokens: requests.map((amount) => 700 * amount),
        outputTokens: requests.map((amount) => 200 * amount),
        tokens: 'measured' as const,
        mask: new Uint8Array(length),
      }
    }),
  }
}

function measure<T>(label: string, run: () => T): T {
  const start = process.cpuUsage()
  const result = run()
  const { user, system } = process.cpuUsage(start)
  console.log(`${label.padEnd(44)} ${((user + system) / 1e6).toFixed(2)} CPU s`)
  return result
}
