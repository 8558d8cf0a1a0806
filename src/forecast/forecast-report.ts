import { workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { Calendar } from './calendar/calendar.js'
import { forecastOnCalendar } from './calendar/forecast-on-calendar.js'
import { type DaySummary, summarizeDays } from './daily-summary.js'
import type { DemandForecast, WorkloadForecast } from './demand-forecast.js'
import { forecastCsv } from './forecast-csv.js'
import type { ForecastOptions } from './forecast-demand.js'

/** What is told of a forecast: everything but its paths. Plain values, which pass between threads. */
export interface ForecastReport
  extends Pick<DemandForecast, 'origin' | 'stepSeconds' | 'length' | 'seed' | 'pathCount' | 'notes'> {
  workloads: (Omit<WorkloadForecast, 'series'> & { days: DaySummary[] })[]
  /** A forecast file in parts: its header, then the rows of each workload; empty where it was not asked for. */
  csv: string[]
}

export interface ReportOptions extends Omit<ForecastOptions, 'isWanted'> {
  /** Ids of the workloads to forecast, in the order of the history. */
  wanted: readonly string[]
  wantsCsv: boolean
  /** Events and holidays. */
  calendar?: Calendar | undefined
}

/** Forecasts and reads everything that is told off the paths. Throws what `forecastDemand` throws. */
export function reportForecast(history: DemandHistory, options: ReportOptions): ForecastReport {
  const wanted = new Set(options.wanted)
  const forecast = forecastOnCalendar(history, {
    ...options,
    isWanted: (workload) => wanted.has(workloadId(workload)),
  })
  const { origin, stepSeconds, length, seed, pathCount, notes, workloads } = forecast
  return {
    origin,
    stepSeconds,
    length,
    seed,
    pathCount,
    notes,
    workloads: workloads.map(({ series: _series, ...told }, index) => ({
      ...told,
      days: summarizeDays(forecast, index),
    })),
    csv: options.wantsCsv ? csvParts(forecast) : [],
  }
}

/** A whole fleet's text may be longer than a string can be. */
function csvParts(forecast: DemandForecast): string[] {
  const header = forecastCsv({ ...forecast, workloads: [] })
  const rows = forecast.workloads.map((workload) =>
    forecastCsv({ ...forecast, workloads: [workload] }).slice(header.length),
  )
  return [header, ...rows]
}

/** The report of workloads that were forecast in parts, in order: the same for any number of parts. */
export function joinReports(parts: readonly ForecastReport[]): ForecastReport {
  return {
    ...parts[0]!,
    // What is said of the history as a whole, every part says.
    notes: [...new Set(parts.flatMap(({ notes }) => notes))].sort(),
    workloads: parts.flatMap(({ workloads }) => workloads),
    csv: parts.flatMap(({ csv }, index) => csv.slice(index === 0 ? 0 : 1)),
  }
}
