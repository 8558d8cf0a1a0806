import { rollForecasts } from '../src/forecast/forecast-demand.js'
import { samplePath } from '../src/forecast/sample-path.js'
import { quantile } from '../src/kit/statistics.js'
import { secondsPerDay } from '../src/kit/units.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'

/** Shares of what came true inside the 90 % interval, over all origins and leads. */
export interface Coverage {
  origins: number
  parts: { name: string; steps: number }[]
  /** Steps of the sum over workloads, its interval read off the sums of joint paths. */
  sum: number
  /** The same with the quantiles of the parts added up. */
  added: number
  /** Mean width of both intervals relative to what came true. */
  sumWidth: number
  addedWidth: number
  /** Totals of the sum over a day, and over the whole horizon. */
  days: number
  totals: number
}

class Share {
  inside = 0
  count = 0
  add(actual: number, low: number, high: number): void {
    if (actual >= low && actual <= high) this.inside++
    this.count++
  }
  get value(): number {
    return this.inside / this.count
  }
}

/** Rolls forecasts of requests from origins six hours apart, after at least ten days, and counts. */
export function measureCoverage(history: DemandHistory, horizonDays: number, seed = 1): Coverage {
  const day = secondsPerDay / history.stepSeconds
  const every = day / 4
  const origins = Math.floor((history.length - 10 * day) / every)
  const forecasts = rollForecasts(history, {
    horizonSeconds: horizonDays * secondsPerDay,
    seed,
    origins,
    everySeconds: secondsPerDay / 4,
  })
  const parts = history.workloads.map(() => new Share())
  const [sum, added, days, totals] = [new Share(), new Share(), new Share(), new Share()]
  let sumWidth = 0
  let addedWidth = 0
  let actualTotal = 0
  for (const forecast of forecasts) {
    const start = (forecast.origin - history.start) / history.stepSeconds
    const paths = history.workloads.map((_, workload) =>
      Array.from({ length: forecast.pathCount }, (_, path) => samplePath(forecast, workload, path).requests),
    )
    const leads = Math.min(forecast.length, history.length - start)
    const daily = new Float64Array(forecast.pathCount)
    const total = new Float64Array(forecast.pathCount)
    let dailyActual = 0
    let totalActual = 0
    for (let lead = 0; lead < leads; lead++) {
      const actuals = history.workloads.map(({ requests }) => requests[start + lead]!)
      const columns = paths.map((workload) => workload.map((path) => path[lead]!))
      const lows = columns.map((column) => quantile(column, 0.05))
      const highs = columns.map((column) => quantile(column, 0.95))
      actuals.forEach((actual, workload) => {
        if (!Number.isNaN(actual)) parts[workload]!.add(actual, lows[workload]!, highs[workload]!)
      })
      const sums = Float64Array.from(daily, (_, path) =>
        columns.reduce((all, column) => all + column[path]!, 0),
      )
      const actual = actuals.reduce((all, one) => all + one, 0)
      if (!Number.isNaN(actual)) {
        const [low, high] = [quantile(sums, 0.05), quantile(sums, 0.95)]
        const [addedLow, addedHigh] = [lows, highs].map((all) => all.reduce((a, b) => a + b, 0))
        sum.add(actual, low, high)
        added.add(actual, addedLow!, addedHigh!)
        sumWidth += high - low
        addedWidth += addedHigh! - addedLow!
        actualTotal += actual
        dailyActual += actual
        totalActual += actual
        for (let path = 0; path < sums.length; path++) {
          daily[path]! += sums[path]!
          total[path]! += sums[path]!
        }
      }
      if ((lead + 1) % day === 0) {
        days.add(dailyActual, quantile(daily, 0.05), quantile(daily, 0.95))
        daily.fill(0)
        dailyActual = 0
      }
    }
    totals.add(totalActual, quantile(total, 0.05), quantile(total, 0.95))
  }
  return {
    origins: forecasts.length,
    parts: history.workloads.map(({ workload }, index) => ({
      name: workload.model,
      steps: parts[index]!.value,
    })),
    sum: sum.value,
    added: added.value,
    sumWidth: sumWidth / actualTotal,
    addedWidth: addedWidth / actualTotal,
    days: days.value,
    totals: totals.value,
  }
}
