import { LlmscaleError } from '../kit/errors.js'
import { formatDuration } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory, DemandMetric, WorkloadDemand } from '../metrics/demand-history.js'
import { bridgeGaps } from './bridge.js'
import { weighModels } from './combination.js'
import type { DemandForecast, PastBlocks, SeriesForecast, WorkloadForecast } from './demand-forecast.js'
import { countStepsPerSlot, sumSlots } from './hourly.js'
import type { PointModel, Series } from './models/point-model.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'
import { seasonalRidge } from './models/seasonal-ridge.js'
import { createOriginGrid, type OriginGrid } from './origin-grid.js'
import { createBlocks } from './past-blocks.js'
import { createErrors, spreadPoint } from './path-errors.js'
import { addWeighted, mixErrors, type RolledSeries, rollModel } from './rolling-origin.js'
import { scoreAt, scoredRows, scoreRow } from './score.js'
import { learnShape, shareOut } from './slot-shape.js'

export interface ForecastOptions {
  horizonSeconds: number
  seed: number
  /** Default 100. */
  pathCount?: number
}

const models: readonly PointModel[] = [seasonalRidge, seasonalNaiveDay, seasonalNaiveWeek]
const baselines: readonly PointModel[] = [seasonalNaiveDay, seasonalNaiveWeek, persistence]
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

/** The same with given models and without a score. */
export function forecastWith(
  members: readonly PointModel[],
  history: DemandHistory,
  options: ForecastOptions,
): DemandForecast {
  return forecastFrom(history, options, [history.length], members, [])[0]!
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

function forecastFrom(
  history: DemandHistory,
  options: ForecastOptions,
  origins: number[],
  members = models,
  rivals = baselines,
): DemandForecast[] {
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
  const stepsPerSlot = countStepsPerSlot(stepSeconds)
  const slotsPerDay = stepsPerDay / stepsPerSlot
  const slotSeconds = stepSeconds * stepsPerSlot
  const slots = Math.floor(length / stepsPerSlot)
  const slotsAhead = Math.ceil(leads / stepsPerSlot)
  const slotOf = (origin: number) => slots - (length - origin) / stepsPerSlot
  const firstSlot = Math.floor(history.start / slotSeconds) + (length % stepsPerSlot > 0 ? 1 : 0)
  const grid = createOriginGrid(
    slots,
    slotOf(origins[0]!),
    slotsAhead,
    slotsPerDay,
    firstSlot % (7 * slotsPerDay),
  )
  const rows = origins.map((origin) => rowOf(grid, slotOf(origin)))
  const blocks = rows.map((row) => createBlocks(grid, row, slotsAhead))
  const frame: Frame = {
    members,
    rivals,
    grid,
    rows,
    blocks,
    stepsPerDay,
    stepsPerSlot,
    steps: leads,
    slotsAhead,
  }
  const workloads = history.workloads.map((demand) => forecastWorkload(demand, frame))
  return rows.map((_row, index) => ({
    origin: history.start + origins[index]! * stepSeconds,
    stepSeconds,
    length: leads,
    seed: options.seed,
    pathCount: options.pathCount ?? 100,
    stepsPerSlot,
    blocks: blocks[index],
    workloads: workloads.map((forecasts) => forecasts[index]!),
    notes: [
      ...historyNotes(origins[index]! / stepsPerDay),
      ...history.workloads.flatMap((demand) => workloadNotes(demand, origins[index]!, stepsPerDay)),
    ],
  }))
}

/** What all workloads of a history share. */
interface Frame {
  members: readonly PointModel[]
  /** Naive models that a score compares with; without them there is none. */
  rivals: readonly PointModel[]
  grid: OriginGrid
  /** Rows of the origins that a forecast is asked for, and what their paths follow. */
  rows: number[]
  blocks: (PastBlocks | undefined)[]
  stepsPerDay: number
  stepsPerSlot: number
  /** Steps and slots ahead. */
  steps: number
  slotsAhead: number
}

function rowOf(grid: OriginGrid, origin: number): number {
  const row = grid.origins.indexOf(origin)
  if (row < 0)
    throw new RangeError('rolling origins must lie a multiple of a quarter of a day before the end')
  return row
}

/** One workload's forecasts at the rows of a frame. */
function forecastWorkload(demand: WorkloadDemand, frame: Frame): WorkloadForecast[] {
  const { grid, rows, rivals } = frame
  const requests = readMetric(demand, 'requests', frame)
  const rolled = new Map(
    [...new Set([...frame.members, ...rivals])].map((model) => [model, roll(model, requests.slots, frame)]),
  )
  const members = frame.members.map((model) => rolled.get(model)!)
  const scored = rivals.length === 0 ? [] : [...new Set(rows.flatMap((row) => scoredRows(grid, row)))]
  const scoreRows = (parts: readonly RolledSeries[], weightsAt: (row: number) => readonly number[]) =>
    new Map(
      scored.map((row) => {
        const weights = weightsAt(row)
        const point = new Float64Array(grid.leads)
        addWeighted(
          point,
          parts.map((part) => part.points[row]!),
          weights,
        )
        const past = mixErrors(parts, weights, requests.slots, grid, row)
        return [
          row,
          scoreRow(point, spreadPoint(point, past, requests.slots, grid, row), requests.slots, grid, row),
        ]
      }),
    )
  const own = scoreRows(members, (row) => weighModels(members, grid, row))
  const naive = new Map(rivals.map((model) => [model.name, scoreRows([rolled.get(model)!], () => [1])]))

  // Tokens take the weights of requests: a path's tokens follow its requests.
  const tokens = (['inputTokens', 'outputTokens'] as const).map((metric) => {
    if (demand.tokens === 'none') return undefined
    const series = readMetric(demand, metric, frame)
    return { series, members: frame.members.map((model) => roll(model, series.slots, frame)) }
  })
  return rows.map((row, index) => {
    const score = rivals.length === 0 ? undefined : scoreAt(grid, row, own, naive)
    const weights = weighModels(members, grid, row)
    const short = grid.origins[row]! < seasonDays * grid.slotsPerDay
    const [input, output] = tokens.map((each) =>
      each === undefined ? noTokens(frame) : forecastSeries(each.series, each.members, weights, frame, index),
    )
    return {
      workload: demand.workload,
      model: short ? seasonalNaiveDay.name : 'combination',
      weights: short
        ? { [seasonalNaiveDay.name]: 1 }
        : Object.fromEntries(frame.members.map((model, index) => [model.name, weights[index]!])),
      tokens: demand.tokens,
      series: {
        requests: forecastSeries(requests, members, weights, frame, index),
        inputTokens: input!,
        outputTokens: output!,
      },
      ...(score === undefined ? {} : { score }),
    }
  })
}

function roll(model: PointModel, slots: Series, { grid, rows, slotsAhead }: Frame): RolledSeries {
  return rollModel(model, slots, grid, rows, slotsAhead)
}

/** One metric of a workload at its steps, and at slots. */
interface MetricSeries {
  steps: Series
  slots: Series
  /** Amounts by step from slot `firstSlot` on: what shapes are read from. */
  recent: Float32Array
  firstSlot: number
}

function readMetric(
  demand: WorkloadDemand,
  metric: DemandMetric,
  { grid, stepsPerDay, stepsPerSlot }: Frame,
): MetricSeries {
  const steps = bridgeGaps(demand[metric], demand.mask, stepsPerDay)
  const firstSlot = grid.origins[0]!
  const skipped = (steps.values.length % stepsPerSlot) + firstSlot * stepsPerSlot
  return {
    steps,
    slots: sumSlots(steps, stepsPerSlot),
    recent: stepsPerSlot === 1 ? new Float32Array(0) : Float32Array.from(steps.values.subarray(skipped)),
    firstSlot,
  }
}

/** The forecast of one metric at the row of an index, from the weighted sum of its members. */
function forecastSeries(
  { steps, slots, recent, firstSlot }: MetricSeries,
  members: readonly RolledSeries[],
  weights: readonly number[],
  frame: Frame,
  index: number,
): SeriesForecast {
  const { grid, rows, blocks, stepsPerSlot, slotsAhead } = frame
  const row = rows[index]!
  const point = new Float64Array(slotsAhead)
  addWeighted(
    point,
    members.map(({ latest }) => latest.get(row)!),
    weights,
  )
  const shape = learnShape(steps, recent, firstSlot, grid.origins[row]!, stepsPerSlot)
  const past = mixErrors(members, weights, slots, grid, row)
  const spread = spreadPoint(point, past, slots, grid, row)
  const known = blocks[index]
  return {
    point: shareOut(point, shape, stepsPerSlot, frame.steps),
    slots: point,
    shape,
    errors: spread === undefined || known === undefined ? undefined : createErrors(spread, past, known),
  }
}

function noTokens({ steps, slotsAhead }: Frame): SeriesForecast {
  return {
    point: new Float64Array(steps),
    slots: new Float64Array(slotsAhead),
    shape: { shares: new Float64Array(0), origin: 0, steps: new Float32Array(0), firstSlot: 0 },
    errors: undefined,
  }
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
