import type { Config } from '../config/schema.js'
import { adjustHistory } from '../forecast/calendar/adjust-history.js'
import { withCalendar } from '../forecast/calendar/coming-effects.js'
import type { DatedEffect } from '../forecast/calendar/path-effect.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { forecastWithPast } from '../forecast/forecast-demand.js'
import { keepWindow } from '../forecast/learning-window.js'
import { secondsPerDay } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { DataQuality } from '../metrics/data-quality.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { type DemandOptions, readDemand } from '../metrics/read-demand.js'
import { covers, selectWorkloads } from '../metrics/select-history.js'
import { listWorkloads } from '../planning/place-workloads.js'
import { leaveOutAnomalies } from './anomalies.js'
import { type ConfigPlace, readCalendar } from './calendar.js'
import { findChallenger } from './learning-window.js'

/** Floors are scored on at most so many past days, and only on days with as much history before them as after. */
const mostScoredDays = 14

/**
 * Demand of the workloads that are planned in an environment, and its quality. Throws as `readDemand` does.
 * @param isLearned false for all that came, anomalies too
 */
export async function readPlannedDemand(
  config: Config,
  environment: string,
  demand: DemandOptions,
  isLearned = true,
): Promise<{ history: DemandHistory; quality: DataQuality }> {
  const wanted = listWorkloads(config, environment)
  const entryOf = (workload: Workload) => wanted.find((each) => covers(each.workload, workload))?.entry
  const { history, quality } = await readDemand({
    ...demand,
    assumedLengths: (workload) => entryOf(workload)?.assumedLengths,
    isWanted: (workload) => entryOf(workload) !== undefined,
  })
  const workloads = wanted.map((each) => each.workload)
  // Anomalies are seen before tenants are added up: who adds a surge tells what it is.
  const learned = isLearned ? leaveOutAnomalies(history, config) : { history, findings: [] }
  return {
    history: selectWorkloads(learned.history, workloads),
    quality: { ...quality, findings: [...quality.findings, ...learned.findings] },
  }
}

/** A forecast on the calendar, and what it was made from. */
export interface PlannedForecast {
  forecast: DemandForecast
  /** As they would have been made at earlier origins: floors are scored on them. */
  pastForecasts: DemandForecast[]
  /** What was learned: past events and holidays are left out. */
  learned: DemandHistory
  /** What is dated ahead, by workload. */
  dated: ReadonlyMap<string, readonly DatedEffect[]>
}

/** The forecast that a plan of an environment is made from. Throws what reading the calendar and the state throw. */
export async function forecastPlanned(
  history: DemandHistory,
  config: Config,
  environment: string,
  place: ConfigPlace,
  horizonSeconds = config.forecast.horizon,
): Promise<PlannedForecast> {
  const calendar = await readCalendar(config, place, history, horizonSeconds)
  const { history: learned, notes } =
    calendar === undefined ? { history, notes: [] } : adjustHistory(history, calendar)
  const end = history.start + history.length * history.stepSeconds
  const challenger = await findChallenger(config, place.configPath, environment, end)
  const recent = challenger === undefined ? learned : keepWindow(learned, challenger.windowSeconds)
  const historyDays = (recent.length * recent.stepSeconds) / secondsPerDay
  const { forecast, pastForecasts } = forecastWithPast(recent, {
    horizonSeconds,
    seed: config.forecast.seed,
    origins: Math.min(mostScoredDays, Math.floor(historyDays / 2)),
    everySeconds: secondsPerDay,
  })
  const taken = challenger === undefined ? [] : [challenger.note]
  const noted = { ...forecast, notes: [...forecast.notes, ...notes, ...taken] }
  if (calendar === undefined) return { forecast: noted, pastForecasts, learned, dated: new Map() }
  return { ...withCalendar(noted, calendar, history), pastForecasts, learned }
}
