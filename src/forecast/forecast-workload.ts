import type { DemandMetric, WorkloadDemand } from '../metrics/demand-history.js'
import { bridgeGaps } from './bridge.js'
import { combine, shareWeights, weighModels } from './combination.js'
import type { ForecastScore, PastBlocks, SeriesForecast, WorkloadForecast } from './demand-forecast.js'
import { sumSlots } from './hourly.js'
import type { Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import type { OriginGrid } from './origin-grid.js'
import { centerPaths, meanDays } from './path-center.js'
import { createErrors, spreadPoint } from './path-errors.js'
import { type Member, mixErrors, type RolledSeries, rollMember } from './rolling-origin.js'
import { type RowScores, scoreAt, scoredRows, scoreRow } from './score.js'
import { learnShape, shareOut } from './slot-shape.js'

/** What all workloads of a history share. */
export interface Frame {
  members: readonly Member[]
  /** Naive models that a score compares with; without them there is none. */
  rivals: readonly Member[]
  grid: OriginGrid
  /** Rows of the origins that a forecast is asked for, and what their paths follow. */
  rows: readonly number[]
  blocks: readonly (PastBlocks | undefined)[]
  stepsPerDay: number
  stepsPerSlot: number
  /** Steps and slots ahead. */
  steps: number
  slotsAhead: number
}

const seasonDays = 2
// Fewer scored days do not show that a forecast is without skill.
const leastScoredDays = 5

/** One metric of a workload at slots. */
export function readSlots(
  demand: WorkloadDemand,
  metric: DemandMetric,
  stepsPerDay: number,
  stepsPerSlot: number,
): Series {
  return sumSlots(bridgeGaps(demand[metric], demand.mask, stepsPerDay), stepsPerSlot)
}

/** Rolled models, and how one forecast is made of theirs. */
interface Mixture {
  parts: readonly RolledSeries[]
  combine(forecasts: readonly Float64Array[]): Float64Array
}

/** One workload's forecasts at the rows of a frame. */
export function forecastWorkload(demand: WorkloadDemand, frame: Frame): WorkloadForecast[] {
  const { grid, rows } = frame
  const requests = readMetric(demand, 'requests', frame)
  const teams = {
    members: rollAll(frame.members, requests, frame),
    rivals: rollAll(frame.rivals, requests, frame),
  }
  const scores = scoreTeams(teams, requests, frame)
  // Tokens take the weights of requests: a path's tokens follow its requests.
  const tokens = (['inputTokens', 'outputTokens'] as const).map((metric) => {
    if (demand.tokens === 'none') return undefined
    const series = readMetric(demand, metric, frame)
    return {
      series,
      members: rollAll(frame.members, series, frame),
      rivals: rollAll(frame.rivals, series, frame),
    }
  })
  return rows.map((row, index): WorkloadForecast => {
    const score = scores[index]
    const standIn = chooseStandIn(score, frame)
    const weights = weighModels(teams.members, requests.slots, grid, row)
    const mixture = ({ members, rivals }: typeof teams): Mixture =>
      standIn < 0
        ? { parts: members, combine: (forecasts) => combine(forecasts, weights) }
        : { parts: [rivals[standIn]!], combine: (forecasts) => forecasts[0]!.slice() }
    const [inputTokens, outputTokens] = tokens.map((each) =>
      each === undefined ? noTokens(frame) : forecastSeries(each.series, mixture(each), frame, index),
    ) as [SeriesForecast, SeriesForecast]
    const alone =
      standIn < 0
        ? grid.origins[row]! < seasonDays * grid.slotsPerDay && seasonalNaiveDay.name
        : frame.rivals[standIn]!.name
    return {
      workload: demand.workload,
      model: alone || 'combination',
      weights: alone
        ? { [alone]: 1 }
        : Object.fromEntries(
            shareWeights(weights).map((share, member) => [frame.members[member]!.name, share]),
          ),
      tokens: demand.tokens,
      series: { requests: forecastSeries(requests, mixture(teams), frame, index), inputTokens, outputTokens },
      ...(score === undefined ? {} : { score }),
    }
  })
}

function rollAll(members: readonly Member[], { slots }: MetricSeries, frame: Frame): RolledSeries[] {
  return members.map((member) => rollMember(member, slots, frame.grid, frame.rows, frame.slotsAhead))
}

/** Index of the naive model that is better than the combination, or −1. */
function chooseStandIn(score: ForecastScore | undefined, { rivals }: Frame): number {
  if (score === undefined || score.origins < leastScoredDays || score.forecastSkill >= 0) return -1
  return rivals.findIndex(({ name }) => name === score.baseline)
}

/** Rolling-origin scores at the rows of a frame. */
function scoreTeams(
  { members, rivals }: { members: RolledSeries[]; rivals: RolledSeries[] },
  { slots, days }: MetricSeries,
  { grid, rows, rivals: { length }, rivals: named }: Frame,
): (ForecastScore | undefined)[] {
  if (length === 0) return rows.map(() => undefined)
  const scored = [...new Set(rows.flatMap((row) => scoredRows(grid, row)))]
  const scoreRows = (score: (row: number) => ReturnType<typeof scoreRow>): RowScores =>
    new Map(scored.map((row) => [row, score(row)]))
  const own = scoreRows((row) => {
    const weights = weighModels(members, slots, grid, row)
    const mix = (forecasts: readonly Float64Array[]) => combine(forecasts, weights)
    const past = mixErrors(members, mix, slots, grid, row)
    const point = mix(members.map(({ points }) => points[row]!))
    const center = centerPaths(point, past, days, grid, row)
    return scoreRow(point, center, spreadPoint(center, past, slots, grid, row), slots, grid, row)
  })
  const naive = new Map(
    rivals.map((rival, index) => [
      named[index]!.name,
      scoreRows((row) => {
        const past = mixErrors([rival], ([forecast]) => forecast!, slots, grid, row)
        const point = rival.points[row]!
        return scoreRow(point, point, spreadPoint(point, past, slots, grid, row), slots, grid, row)
      }),
    ]),
  )
  return rows.map((row) => scoreAt(grid, row, own, naive))
}

/** One metric of a workload at its steps, and at slots. */
interface MetricSeries {
  steps: Series
  slots: Series
  /** Mean day before each row. */
  days: Float64Array[]
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
  const slots = sumSlots(steps, stepsPerSlot)
  return {
    steps,
    slots,
    days: meanDays(slots, grid),
    recent: stepsPerSlot === 1 ? new Float32Array(0) : Float32Array.from(steps.values.subarray(skipped)),
    firstSlot,
  }
}

/** The forecast of one metric at the row of an index. */
function forecastSeries(
  { steps, slots, days, recent, firstSlot }: MetricSeries,
  { parts, combine }: Mixture,
  { grid, rows, blocks, stepsPerSlot, steps: length }: Frame,
  index: number,
): SeriesForecast {
  const row = rows[index]!
  const point = combine(parts.map(({ latest }) => latest.get(row)!))
  const shape = learnShape(steps, recent, firstSlot, grid.origins[row]!, stepsPerSlot)
  const past = mixErrors(parts, combine, slots, grid, row)
  const center = centerPaths(point, past, days, grid, row)
  const spread = spreadPoint(center, past, slots, grid, row)
  const known = blocks[index]
  return {
    point: shareOut(point, shape, stepsPerSlot, length),
    slots: center,
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
