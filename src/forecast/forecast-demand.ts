import { LlmscaleError } from '../kit/errors.js'
import { formatChange } from '../kit/format.js'
import { formatDuration } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory, WorkloadDemand } from '../metrics/demand-history.js'
import type { DemandForecast, WorkloadForecast } from './demand-forecast.js'
import { forecastWorkload, readSlots } from './forecast-workload.js'
import { worthOf } from './freshness.js'
import { countStepsPerSlot } from './hourly.js'
import { pointModels, pooledModels, stepModels } from './models/models.js'
import type { PointModel, Series } from './models/point-model.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'
import { createOriginGrid } from './origin-grid.js'
import { createBlocks } from './past-blocks.js'
import { type Member, poolMember, singleMember } from './rolling-origin.js'

export interface ForecastOptions {
  horizonSeconds: number
  seed: number
  /** Default 100. */
  pathCount?: number
  /** Workloads to forecast; default all. Models of the whole fleet learn from all in either case. */
  isWanted?: (workload: Workload) => boolean
}

const baselines: readonly PointModel[] = [seasonalNaiveDay, seasonalNaiveWeek, persistence]
const seasonDays = 2
const weekDays = 7

/** Makes the members of the combination from the requests of all workloads, and the naive models to beat. */
interface Team {
  members: (fleet: () => Series[], stepsPerSlot: number) => Member[]
  /** None means no score. */
  rivals: readonly Member[]
}

const wholeTeam: Team = {
  members: (fleet, stepsPerSlot) => [
    ...[...pointModels, ...(stepsPerSlot > 1 ? stepModels : [])].map(singleMember),
    ...poolMembers(fleet),
  ],
  rivals: baselines.map(singleMember),
}

/**
 * Forecasts all workloads of a history from its end.
 *
 * The point is a combination of the models of each series and of the fleet, weighted by their errors on rolling
 * origins; its spread comes from the errors that the same combination left on those origins. Where that has less
 * skill than the best naive model, the naive one stands in, and a note says so.
 *
 * @throws LlmscaleError `badData` when the history is shorter than a day
 */
export function forecastDemand(history: DemandHistory, options: ForecastOptions): DemandForecast {
  return forecastFrom(history, options, [history.length])[0]!
}

/** The same by one model alone, without a score. */
export function forecastWith(
  model: PointModel,
  history: DemandHistory,
  options: ForecastOptions,
): DemandForecast {
  const team: Team = { members: () => [singleMember(model)], rivals: [] }
  return forecastFrom(history, options, [history.length], team)[0]!
}

/** How far and how often to look back. */
export interface RollOptions extends ForecastOptions {
  origins: number
  /** A multiple of a quarter of a day. */
  everySeconds: number
}

/**
 * The forecasts as they would have been made at earlier origins, in ascending order: the last one `everySeconds`
 * before the end, each from what lies strictly before it, its spread, weights and score included. Origins with less
 * than a day of history are left out. One pass: what models left on earlier rows serves all of them.
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
  team = wholeTeam,
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
    origins.map(slotOf),
    slotsAhead,
    slotsPerDay,
    firstSlot % (14 * slotsPerDay),
  )
  const blocks = grid.asked.map((row) => createBlocks(grid, row))
  const readFleet = () =>
    history.workloads.map((demand) => readSlots(demand, 'requests', stepsPerDay, stepsPerSlot))
  const frame = {
    members: team.members(readFleet, stepsPerSlot),
    rivals: team.rivals,
    covariates: team === wholeTeam ? history.covariates : undefined,
    grid,
    blocks,
    stepsPerDay,
    stepsPerSlot,
    steps: leads,
  }
  const wanted = history.workloads.filter(({ workload }) => options.isWanted?.(workload) ?? true)
  const workloads = wanted.map((demand) => forecastWorkload(demand, frame))
  return origins.map((origin, index) => ({
    origin: history.start + origin * stepSeconds,
    stepSeconds,
    length: leads,
    seed: options.seed,
    pathCount: options.pathCount ?? 100,
    stepsPerSlot,
    blocks: blocks[index],
    workloads: workloads.map((forecasts) => forecasts[index]!),
    notes: [
      ...historyNotes(origin / stepsPerDay),
      ...wanted.flatMap((demand) => workloadNotes(demand, origin, stepsPerDay)),
      ...workloads.flatMap((forecasts) => skillNotes(forecasts[index]!)),
      ...workloads.flatMap((forecasts) => covariateNotes(forecasts[index]!)),
    ],
  }))
}

function poolMembers(readFleet: () => Series[]): Member[] {
  if (pooledModels.length === 0) return []
  const fleet = readFleet()
  return pooledModels.map((model) => poolMember(model, fleet))
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

function covariateNotes({ workload, covariates = [] }: WorkloadForecast): string[] {
  return covariates
    .filter((use) => worthOf(use) === 'none')
    .map(
      ({ name, skill }) =>
        `${workloadId(workload)}: the covariate ${name} is of no use, it changes errors of the first hours by ${formatChange(-skill!)}.`,
    )
}

function skillNotes({ workload, model, score }: WorkloadForecast): string[] {
  if (score === undefined || model !== score.baseline) return []
  return [
    `${workloadId(workload)}: no skill over ${score.baseline} on ${score.origins} past days (${score.forecastSkill.toFixed(2)}), which stands in.`,
  ]
}
