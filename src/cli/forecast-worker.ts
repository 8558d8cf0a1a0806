import { parentPort, workerData } from 'node:worker_threads'
import { type ReportOptions, reportForecast } from '../forecast/forecast-report.js'
import { LlmscaleError } from '../kit/errors.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { ThreadAnswer } from './forecast-threads.js'

// The program of a thread of forecast-threads.ts, which alone starts it: it forecasts the share that it is given.

const { history, options } = workerData as { history: DemandHistory; options: ReportOptions }

function answer(): ThreadAnswer {
  try {
    return { report: reportForecast(history, options) }
  } catch (error) {
    if (!(error instanceof LlmscaleError)) throw error
    const { reason, code, message, tryThis } = error
    return { failure: { reason, code, message, tryThis } }
  }
}

parentPort!.postMessage(answer())
