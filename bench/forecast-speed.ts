import { forecastDemand, rollForecasts } from '../src/forecast/forecast-demand.js'
import { pathQuantiles, samplePath } from '../src/forecast/sample-path.js'
import { createRandom } from '../src/kit/random.js'
import { secondsPerDay } from '../src/kit/units.js'
import { type DemandHistory, demandMetrics } from '../src/metrics/demand-history.js'

// CPU seconds of what one plan asks for: a forecast of six workloads over four weeks at 15 minutes, seven days
// ahead, with every path and quantile read once, and the forecasts of two weeks of earlier origins.
function createHistory(workloads: number, days: number, stepSeconds: number): DemandHistory {
  const random = createRandom(1)
  const length = (days * secondsPerDay) / stepSeconds
  return {
    start: 0,
    stepSeconds,
    length,
    workloads: Array.from({ length: workloads }, (_, index) => {
      const requests = Float64Array.from({ length }, (_, step) => {
        const hour = (step * stepSeconds) / 3600
        return 1000 * (1.5 + Math.sin((hour * Math.PI) / 12)) * Math.exp(0.1 * random.normal())
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

for (const [label, history] of [
  ['6 workloads, 28 d at 15 min', createHistory(6, 28, 900)],
  ['2 workloads, 14 d at 10 min', createHistory(2, 14, 600)],
  ['6 workloads, 56 d at 5 min', createHistory(6, 56, 300)],
] as const) {
  const options = { horizonSeconds: 7 * secondsPerDay, seed: 1 }
  console.log(label)
  const forecast = measure('  forecast with score', () => forecastDemand(history, options))
  measure('  all paths', () => {
    for (let workload = 0; workload < forecast.workloads.length; workload++)
      for (let path = 0; path < forecast.pathCount; path++) samplePath(forecast, workload, path)
  })
  measure('  all quantiles', () => {
    for (let workload = 0; workload < forecast.workloads.length; workload++)
      for (const metric of demandMetrics) pathQuantiles(forecast, workload, metric)
  })
  measure('  14 earlier origins', () =>
    rollForecasts(history, { ...options, origins: 14, everySeconds: secondsPerDay }),
  )
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`)
