import { LlmscaleError } from '../kit/errors.js'
import { formatDuration } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory, DemandMetric, WorkloadDemand } from '../metrics/demand-history.js'
import { drawableDays } from './block-bootstrap.js'
import { bridgeGaps } from './bridge.js'
import { combine, weighModels } from './combination.js'
import type { DemandForecast, SeriesForecast, WorkloadForecast } from './demand-forecast.js'
import { atHours } from './hourly.js'
import type { PointModel, Series } from './models/point-model.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'
import { seasonalRidge } from './models/seasonal-ridge.js'
import { createOriginGrid, type OriginGrid } from './origin-grid.js'
import { type RolledSeries, type RowForecast, rollModel, rollSeries } from './rolling-origin.js'
import { type RowScores, scoreAt, scoredRows, scoreRow, seriesAt } from './score.js'

export interface ForecastOptions {
  horizonSeconds: number
  seed: number
  /** Default 100. */
  pathCount?: number
}

const models: readonly PointModel[] = [seasonalRidge, seasonalNaiveDay, seasonalNaiveWeek].map(atHours)
const baselines: readonly PointModel[] = [seasonalNaiveDay, seasonalNaiveWeek, persistence]
// Older demand than this, before the first origin, is not read.
const longestHistoryDays = 56
const seasonDays = 2
const weekDays = 7

/**
 * Forecasts all workloads of a history from its end.
 *
 * The point is the mean of ridge and the two seasonal naives, weighted by their errors on rolling origins; its
 * spread comes from the residuals that the same mean left on those origins.
 *
 * @throws LlmscaleError `badData` when the history is shorter than a day
 */
export function forecastDemand(history: DemandHistory, options: ForecastOptions): DemandForecast {
  return forecastFrom(history, options, [history.length])[0]!
}

/** How far and how often to look back. */
export interface RollOptions extends ForecastOptions {
  origins: number
  /** A multiple of a quarter of a day. */
  everySeconds: number
}

/**
 * The forecasts as they would have been made at earlier origins, in ascending order: the last one `everySeconds`
 * before the end, each from what lies strictly before it, its residual blocks, weights and score included. Origins
 * with less than a day of history are left out. One pass: models are fitted once a day for all of them.
 */
export function rollForecasts(history: DemandHistory, options: RollOptions): DemandForecast[] {
  return forecastFrom(history, options, pastOrigins(history, options))
}

/** The forecast from the end of a history and those of earlier origins, in the same pass. */
export function forecastWithPast(
  history: DemandHistory,
  options: RollOptions,
): { forecast: DemandForecast; pastForecasts: DemandForecast[] } {
  const all = forecastFrom(history, options, [...pastOrigins(history, options), history.length])
  return { forecast: all.at(-1)!, pastForecasts: all.slice(0, -1) }
}

function pastOrigins(
  { length, stepSeconds }: DemandHistory,
  { origins, everySeconds }: RollOptions,
): number[] {
  return Array.from(
    { length: origins },
    (_, index) => length - ((origins - index) * everySeconds) / stepSeconds,
  ).filter((origin) => origin * stepSeconds >= secondsPerDay)
}

function forecastFrom(history: DemandHistory, options: ForecastOptions, origins: number[]): DemandForecast[] {
  const { stepSeconds, length } = history
  const stepsPerDay = secondsPerDay / stepSeconds
  const leads = Math.round(options.horizonSeconds / stepSeconds)
  if (!Number.isInteger(stepsPerDay))
    throw new LlmscaleError(
      'usage',
      'STEP_UNEVEN',
      `a step of ${formatDuration(stepSeconds)} does not divide a day`,
      ['Use a step such as 5m, 10m, 15m, 30m or 1h.'],
    )
  if (leads < 1)
    throw new LlmscaleError(
      'usage',
      'HORIZON_TOO_SHORT',
      `a horizon of ${formatDuration(options.horizonSeconds)} is shorter than the step of ${formatDuration(stepSeconds)}`,
    )
  if (length < stepsPerDay)
    throw new LlmscaleError(
      'badData',
      'HISTORY_TOO_SHORT',
      `the history covers ${formatDuration(length * stepSeconds)}; a forecast needs at least a day`,
    )
  if (origins.length === 0) return []
  const cut = Math.max(0, origins[0]! - longestHistoryDays * stepsPerDay)
  const grid = createOriginGrid(length - cut, origins[0]! - cut, leads, stepsPerDay)
  const rows = origins.map((origin) => rowOf(grid, origin - cut))
  const draws = { seed: options.seed, pathCount: options.pathCount ?? 100 }
  const workloads = history.workloads.map((demand) => forecastWorkload(demand, cut, grid, rows, draws))
  return rows.map((row, index) => ({
    origin: history.start + origins[index]! * stepSeconds,
    stepSeconds,
    length: leads,
    ...draws,
    days: drawableDays(grid, row),
    workloads: workloads.map((forecasts) => forecasts[index]!),
    notes: [
      ...historyNotes(origins[index]! / stepsPerDay),
      ...history.workloads.flatMap((demand) => workloadNotes(demand, origins[index]!, stepsPerDay)),
    ],
  }))
}

function rowOf(grid: OriginGrid, origin: number): number {
  const row = grid.origins.indexOf(origin)
  if (row < 0)
    throw new RangeError('rolling origins must lie a multiple of a quarter of a day before the end')
  return row
}

/** One workload's forecasts at the given rows. */
function forecastWorkload(
  demand: WorkloadDemand,
  cut: number,
  grid: OriginGrid,
  rows: number[],
  draws: { seed: number; pathCount: number },
): WorkloadForecast[] {
  const mask = demand.mask.subarray(cut)
  const bridge = (metric: DemandMetric) => bridgeGaps(demand[metric].subarray(cut), mask, grid.stepsPerDay)
  const requests = bridge('requests')
  const alone = new Map(
    [...new Set([...models, ...baselines])].map((model) => [
      model,
      rollSeries(requests, grid, rollModel(model, requests, grid)),
    ]),
  )
  const members = models.map((model) => alone.get(model)!)
  // The spread of a forecast is that of its own mixture on earlier rows: what other weights left there says nothing.
  const combineAt = (series: Series, parts: readonly RolledSeries[], row: number): RolledSeries => {
    const forecasts = parts.map(
      ({ points }): RowForecast =>
        (earlier) =>
          points[earlier]!,
    )
    return rollSeries(series, grid, combine(forecasts, weighModels(members, grid, row)), row)
  }
  // Tokens take the weights of requests and the same rows: a path's tokens follow its requests.
  const tokenSeries = (metric: DemandMetric): ((row: number) => SeriesForecast) => {
    if (demand.tokens === 'none') return () => noTokens(grid)
    const series = bridge(metric)
    const parts = models.map((model) => rollSeries(series, grid, rollModel(model, series, grid)))
    return (row) => seriesAt(combineAt(series, parts, row), grid, row)
  }
  const inputTokens = tokenSeries('inputTokens')
  const outputTokens = tokenSeries('outputTokens')

  const scored = [...new Set(rows.flatMap((row) => scoredRows(grid, row)))]
  const scoreRows = (rolledAt: (row: number) => RolledSeries): RowScores =>
    new Map(scored.map((row) => [row, scoreRow(rolledAt(row), requests, grid, row, draws)]))
  const own = scoreRows((row) => combineAt(requests, members, row))
  const naive = new Map(baselines.map((model) => [model.name, scoreRows(() => alone.get(model)!)]))

  return rows.map((row) => {
    const score = scoreAt(grid, row, own, naive)
    const weights = weighModels(members, grid, row)
    const short = grid.origins[row]! < seasonDays * grid.stepsPerDay
    return {
      workload: demand.workload,
      model: short ? seasonalNaiveDay.name : 'combination',
      weights: short
        ? { [seasonalNaiveDay.name]: 1 }
        : Object.fromEntries(models.map((model, index) => [model.name, weights[index]!])),
      tokens: demand.tokens,
      series: {
        requests: seriesAt(combineAt(requests, members, row), grid, row),
        inputTokens: inputTokens(row),
        outputTokens: outputTokens(row),
      },
      ...(score === undefined ? {} : { score }),
    }
  })
}

function noTokens({ leads }: OriginGrid): SeriesForecast {
  const residuals = { values: new Float32Array(0), origins: 0, leads, blankRows: 0, offset: 0, ceiling: 0 }
  return { point: new Float64Array(leads), residuals }
}

function historyNotes(days: number): string[] {
  const length = `The history of ${days.toFixed(1)} days`
  if (days < seasonDays)
    return [`${length} is under two daily seasons: falls back to seasonal-naive-day, without intervals.`]
  if (days < weekDays)
    return [`${length} is under a week: nothing weekly is known, seasonal-naive-day stands in for the week.`]
  return []
}

function workloadNotes({ workload, mask }: WorkloadDemand, origin: number, stepsPerDay: number): string[] {
  const observed = mask.subarray(0, origin).reduce((count, code) => count + (code === 0 ? 1 : 0), 0)
  if (observed >= seasonDays * stepsPerDay || observed === origin) return []
  return [
    `${workloadId(workload)} was observed for ${(observed / stepsPerDay).toFixed(1)} days only: its forecast repeats them.`,
  ]
}
