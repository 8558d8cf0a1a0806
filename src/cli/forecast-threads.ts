import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import {
  type ForecastReport,
  joinReports,
  type ReportOptions,
  reportForecast,
} from '../forecast/forecast-report.js'
import { LlmscaleError } from '../kit/errors.js'
import type { DemandHistory, WorkloadDemand } from '../metrics/demand-history.js'

/** What a thread says: its report, or the expected failure, which loses its class on the way. */
export type ThreadAnswer =
  | { report: ForecastReport }
  | { failure: Pick<LlmscaleError, 'reason' | 'code' | 'message' | 'tryThis'> }

/** A thread starts in the time in which about so many workloads are forecast. */
const leastWorkloads = 8

/**
 * Forecasts in threads, each a run of the wanted workloads; the report is that of one thread alone. Models of the fleet are
 * fitted in each thread.
 * @param threads default as many as there are processors, and fewer where each would have little to do
 */
export async function forecastInThreads(
  history: DemandHistory,
  options: ReportOptions,
  threads = Math.min(availableParallelism(), Math.floor(options.wanted.length / leastWorkloads)),
): Promise<ForecastReport> {
  const { wanted } = options
  const count = Math.min(threads, wanted.length)
  if (count < 2) return joinReports([reportForecast(history, options)])
  const size = Math.ceil(wanted.length / count)
  const starts = Array.from({ length: Math.ceil(wanted.length / size) }, (_, index) => index * size)
  const shared = { ...history, workloads: history.workloads.map(shareColumns) }
  return joinReports(
    await Promise.all(
      starts.map((start) => runThread(shared, { ...options, wanted: wanted.slice(start, start + size) })),
    ),
  )
}

function runThread(history: DemandHistory, options: ReportOptions): Promise<ForecastReport> {
  const program = new URL(`./forecast-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  return new Promise((done, fail) => {
    const worker = new Worker(program, { workerData: { history, options } })
    worker.on('error', fail)
    worker.on('exit', (code) => fail(new Error(`a forecasting thread ended with code ${code}`)))
    worker.on('message', (answer: ThreadAnswer) => {
      if ('report' in answer) return done(answer.report)
      const { reason, code, message, tryThis } = answer.failure
      fail(new LlmscaleError(reason, code, message, tryThis))
    })
  })
}

/** Columns that all threads read, copied once and not once a thread. */
function shareColumns(demand: WorkloadDemand): WorkloadDemand {
  return {
    ...demand,
    requests: shareColumn(demand.requests),
    inputTokens: shareColumn(demand.inputTokens),
    outputTokens: shareColumn(demand.outputTokens),
  }
}

function shareColumn(column: Float64Array): Float64Array {
  const shared = new Float64Array(new SharedArrayBuffer(column.byteLength))
  shared.set(column)
  return shared
}
