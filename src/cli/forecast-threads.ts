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
 * Forecasts in threads, each a run of workloads; the report is that of one thread alone.
 * @param threads default as many as there are processors, and fewer where each would have little to do
 */
export async function forecastInThreads(
  history: DemandHistory,
  options: ReportOptions,
  threads = Math.min(availableParallelism(), Math.floor(history.workloads.length / leastWorkloads)),
): Promise<ForecastReport> {
  const count = Math.min(threads, history.workloads.length)
  if (count < 2) return reportForecast(history, options)
  const size = Math.ceil(history.workloads.length / count)
  const parts = Array.from({ length: count }, (_, index) =>
    history.workloads.slice(index * size, (index + 1) * size),
  ).filter((workloads) => workloads.length > 0)
  return joinReports(
    await Promise.all(parts.map((workloads) => runThread({ ...history, workloads }, options))),
  )
}

function runThread(history: DemandHistory, options: ReportOptions): Promise<ForecastReport> {
  const program = new URL(`./forecast-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  return new Promise((done, fail) => {
    const worker = new Worker(program, {
      workerData: { history: { ...history, workloads: history.workloads.map(compact) }, options },
    })
    worker.on('error', fail)
    worker.on('exit', (code) => fail(new Error(`a forecasting thread ended with code ${code}`)))
    worker.on('message', (answer: ThreadAnswer) => {
      if ('report' in answer) return done(answer.report)
      const { reason, code, message, tryThis } = answer.failure
      fail(new LlmscaleError(reason, code, message, tryThis))
    })
  })
}

/** A column that is a view is sent with all of what it views. */
function compact(demand: WorkloadDemand): WorkloadDemand {
  return {
    ...demand,
    requests: demand.requests.slice(),
    inputTokens: demand.inputTokens.slice(),
    outputTokens: demand.outputTokens.slice(),
    mask: demand.mask.slice(),
  }
}
