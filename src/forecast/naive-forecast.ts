import { secondsPerDay } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { drawableDays } from './block-bootstrap.js'
import { bridgeGaps } from './bridge.js'
import type { DemandForecast, SeriesForecast } from './demand-forecast.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'
import { createOriginGrid } from './origin-grid.js'
import { rollModel, rollSeries } from './rolling-origin.js'
import { seriesAt } from './score.js'

const naives = [seasonalNaiveDay, seasonalNaiveWeek, persistence]

/**
 * What a naive baseline would have forecast of a workload's requests from the end of a history, with a spread from its
 * own errors: a rival on the terms of the forecast. An unknown name is taken for `seasonal-naive-day`.
 * @param history at least a day of it
 */
export function forecastNaively(
  { length, stepSeconds, workloads }: DemandHistory,
  workloadIndex: number,
  name: string,
  leads: number,
): Pick<DemandForecast, 'days'> & { requests: SeriesForecast } {
  const { requests, mask } = workloads[workloadIndex]!
  const stepsPerDay = secondsPerDay / stepSeconds
  const grid = createOriginGrid(length, length, leads, stepsPerDay)
  const row = grid.origins.length - 1
  const series = bridgeGaps(requests, mask, stepsPerDay)
  const model = naives.find((each) => each.name === name) ?? seasonalNaiveDay
  const rolled = rollSeries(series, grid, rollModel(model, series, grid))
  return { days: drawableDays(grid, row), requests: seriesAt(rolled, grid, row) }
}
