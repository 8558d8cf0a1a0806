import type { Config } from '../config/schema.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { forecastWithPast } from '../forecast/forecast-demand.js'
import { secondsPerDay } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { DataQuality } from '../metrics/data-quality.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { type DemandOptions, readDemand } from '../metrics/read-demand.js'
import { covers, selectWorkloads } from '../metrics/select-history.js'
import { listWorkloads } from '../planning/place-workloads.js'

/** Floors are scored on at most so many past days, and only on days with as much history before them as after. */
const mostScoredDays = 14

/** Demand of the workloads that are planned in an environment, and its quality. Throws as `readDemand` does. */
export async function readPlannedDemand(
  config: Config,
  environment: string,
  demand: DemandOptions,
): Promise<{ history: DemandHistory; quality: DataQuality }> {
  const wanted = listWorkloads(config, environment)
  const entryOf = (workload: Workload) => wanted.find((each) => covers(each.workload, workload))?.entry
  const { history, quality } = await readDemand({
    ...demand,
    assumedLengths: (workload) => entryOf(workload)?.assumedLengths,
    isWanted: (workload) => entryOf(workload) !== undefined,
  })
  const workloads = wanted.map((each) => each.workload)
  return { history: selectWorkloads(history, workloads), quality }
}

/** The forecast that a plan is made from, and the past ones that its floors are scored on. */
export function forecastPlanned(
  history: DemandHistory,
  { forecast: { horizon, seed } }: Config,
  horizonSeconds = horizon,
): { forecast: DemandForecast; pastForecasts: DemandForecast[] } {
  const historyDays = (history.length * history.stepSeconds) / secondsPerDay
  return forecastWithPast(history, {
    horizonSeconds,
    seed,
    origins: Math.min(mostScoredDays, Math.floor(historyDays / 2)),
    everySeconds: secondsPerDay,
  })
}
