import type { Covariate, DemandMetric, WorkloadDemand } from '../metrics/demand-history.js'
import { bridgeGaps } from './bridge.js'
import {
  combineAsked,
  combinePast,
  combineRow,
  type ModelWeights,
  shareWeights,
  weighModels,
} from './combination.js'
import { judgeCovariates, listCovariateMembers } from './covariate-members.js'
import type { PastBlocks, SeriesForecast, WorkloadForecast } from './demand-forecast.js'
import { createGridSeries, type GridSeries } from './grid-series.js'
import { sumSlots } from './hourly.js'
import type { Series } from './models/point-model.js'
import { seasonalNaiveDay } from './models/seasonal-naive.js'
import type { OriginGrid } from './origin-grid.js'
import { settlePast } from './past-errors.js'
import { createErrors, learnRowErrors, spreadPoint } from './point-spread.js'
import { type Member, rollMember } from './rolling-origin.js'
import { type RolledForecast, scoreRows } from './score.js'
import { learnShape, shareOut } from './slot-shape.js'
import { multiplyForecasts, rollLengths } from './token-lengths.js'

/** What all workloads of a history share. */
export interface Frame {
  members: readonly Member[]
  /** Each adds a model to the members of the workloads that it may tell of. */
  covariates?: readonly Covariate[] | undefined
  /** Naive models that a score compares with; without them there is none. */
  rivals: readonly Member[]
  grid: OriginGrid
  /** What paths follow, by row that is asked for. */
  blocks: readonly (PastBlocks | undefined)[]
  stepsPerDay: number
  stepsPerSlot: number
  /** Steps ahead. */
  steps: number
}

const seasonDays = 2
const askedCells = 2000

/** One metric of a workload at slots. */
export function readSlots(
  demand: WorkloadDemand,
  metric: DemandMetric,
  stepsPerDay: number,
  stepsPerSlot: number,
): Series {
  return sumSlots(bridgeGaps(demand[metric], demand.mask, stepsPerDay), stepsPerSlot)
}

/** One workload's forecasts at the rows that a frame asks for. */
export function forecastWorkload(demand: WorkloadDemand, frame: Frame): WorkloadForecast[] {
  const { grid, stepsPerDay, stepsPerSlot } = frame
  const informed = listCovariateMembers(frame.covariates, demand.workload, stepsPerDay, stepsPerSlot)
  const team = [...frame.members, ...informed]
  const requests = readMetric(demand, 'requests', frame)
  const members = team.map((member) => rollMember(member, requests.slots, grid))
  const weights = weighModels(members, requests.slots, grid)
  const combination: RolledForecast = {
    name: 'combination',
    asked: combineAsked(members, weights),
    madeAt: (row) => combineRow(members, weights, row),
    pastAt: (row) => combinePast(members, weights[row]!),
    centers: true,
  }
  const naives = frame.rivals.map((rival): RolledForecast => {
    const { asked, past } = rollMember(rival, requests.slots, grid)
    return {
      name: rival.name,
      asked,
      madeAt: (row) => past[row]!,
      pastAt: () => (row, lead) => past[row]![lead]!,
      centers: false,
    }
  })
  const scores = scoreRows(combination, naives, requests.slots, grid)
  const uses =
    informed.length === 0
      ? undefined
      : judgeCovariates(members, informed, combination.madeAt, requests.slots, grid)
  const tokens = (['inputTokens', 'outputTokens'] as const).map((metric) => {
    if (demand.tokens === 'none') return undefined
    const read = readMetric(demand, metric, frame)
    const lengths = rollLengths(read.slots, requests.slots, grid)
    return { read, lengths }
  })
  return grid.asked.map((row, index): WorkloadForecast => {
    const { score, better: standIn } = scores[index] ?? {}
    const chosen = standIn ?? combination
    const past = settlePast(chosen.pastAt(row), grid, row)
    const used = { ...chosen, pastAt: () => past }
    const [inputTokens, outputTokens] = tokens.map((metric) => {
      if (metric === undefined) return noTokens(frame)
      const { read, lengths } = metric
      return readForecast(multiplyForecasts(used, lengths), read, frame, index)
    }) as [SeriesForecast, SeriesForecast]
    const alone =
      standIn?.name ??
      (grid.origins[row]! < seasonDays * grid.slotsPerDay ? seasonalNaiveDay.name : undefined)
    return {
      workload: demand.workload,
      model: alone ?? used.name,
      weights: alone === undefined ? namedWeights(weights[row]!, team) : { [alone]: 1 },
      tokens: demand.tokens,
      series: { requests: readForecast(used, requests, frame, index), inputTokens, outputTokens },
      ...(score === undefined ? {} : { score }),
      ...(uses === undefined ? {} : { covariates: uses[index]! }),
    }
  })
}

function namedWeights(weights: ModelWeights, members: readonly Member[]): Record<string, number> {
  return Object.fromEntries(shareWeights(weights).map((share, index) => [members[index]!.name, share]))
}

/** One metric of a workload at its steps, and at slots. */
interface MetricSeries {
  steps: Series
  slots: GridSeries
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
    slots: createGridSeries(sumSlots(steps, stepsPerSlot), grid),
    recent: stepsPerSlot === 1 ? new Float32Array(0) : Float32Array.from(steps.values.subarray(skipped)),
    firstSlot,
  }
}

/** The forecast of one metric at the row of an index. */
function readForecast(
  { asked, pastAt, centers }: RolledForecast,
  { steps, slots, recent, firstSlot }: MetricSeries,
  { grid, blocks, stepsPerSlot, steps: length }: Frame,
  index: number,
): SeriesForecast {
  const row = grid.asked[index]!
  const point = asked.get(row)!
  const pastPoint = pastAt(row)
  const errors = learnRowErrors(pastPoint, slots, grid, row, centers, askedCells)
  const spread = spreadPoint(point, errors, slots, grid, row)
  const shape = learnShape(steps, recent, firstSlot, grid.origins[row]!, stepsPerSlot)
  return {
    point: shareOut(point, shape, stepsPerSlot, length),
    slots: spread.center,
    shape,
    errors: createErrors(pastPoint, errors, spread, slots, grid, row, blocks[index]),
  }
}

function noTokens({ steps, grid: { slotsAhead } }: Frame): SeriesForecast {
  return {
    point: new Float64Array(steps),
    slots: new Float64Array(slotsAhead),
    shape: { shares: new Float64Array(0), origin: 0, steps: new Float32Array(0), firstSlot: 0, ceiling: 0 },
    errors: undefined,
  }
}
