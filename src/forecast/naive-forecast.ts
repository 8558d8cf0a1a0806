import type { DemandHistory } from '../metrics/demand-history.js'
import type { DemandForecast } from './demand-forecast.js'
import { type ForecastOptions, forecastWith } from './forecast-demand.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'

const naives = [seasonalNaiveDay, seasonalNaiveWeek, persistence]

/**
 * What a naive baseline would have forecast of one workload's requests from the end of a history, with a spread from
 * its own errors: a rival on the terms of the forecast. An unknown name is taken for `seasonal-naive-day`.
 *
 * @returns a forecast of one workload, without tokens
 * @throws LlmscaleError `badData` when the history is shorter than a day
 */
export function forecastNaively(
  history: DemandHistory,
  workloadIndex: number,
  name: string,
  options: ForecastOptions,
): DemandForecast {
  const demand = { ...history.workloads[workloadIndex]!, tokens: 'none' as const }
  const model = naives.find((each) => each.name === name) ?? seasonalNaiveDay
  return forecastWith(model, { ...history, workloads: [demand] }, options)
}
