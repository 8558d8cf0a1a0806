import type { DemandForecast } from '../forecast/demand-forecast.js'
import { pathQuantiles } from '../forecast/sample-path.js'
import type { EpochSeconds } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { type DemandHistory, type MaskReason, maskReasons } from '../metrics/demand-history.js'

/** A stretch of time that the reader must know about. */
export interface ViewedSpan {
  from: EpochSeconds
  to: EpochSeconds
  label: string
}

/** What charts of a forecast show of one workload: requests per second, by step. */
export interface ForecastView {
  workload: string
  stepSeconds: number
  /** Start of the first step of `past`. */
  start: EpochSeconds
  /** Start of the first step of the bands: where the past ends. */
  origin: EpochSeconds
  /** NaN where nothing was observed, or is not learned from. */
  past: Float64Array
  median: Float64Array
  /** The widest first. */
  bands: { share: number; low: Float64Array; high: Float64Array }[]
  /** What of the past is not learned from, and why. */
  masked: (ViewedSpan & { label: Exclude<MaskReason, 'observed'> })[]
  /** What is known to come, or to have been. */
  events: ViewedSpan[]
}

const shares = [0.9, 0.8, 0.5] as const

/** A view of one workload of a history and of its forecast, with at most `pastSeconds` of the history that it was made from. */
export function viewForecast(
  history: DemandHistory,
  forecast: DemandForecast,
  workload: Workload,
  pastSeconds: number,
  events: readonly ViewedSpan[] = [],
): ForecastView {
  const { stepSeconds } = history
  const { requests, mask } = history.workloads.find((demand) => demand.workload === workload)!
  const workloadIndex = forecast.workloads.findIndex((each) => each.workload === workload)
  const first = Math.max(0, history.length - Math.ceil(pastSeconds / stepSeconds))
  const start = history.start + first * stepSeconds
  const rate = (amounts: Float64Array) => amounts.map((amount) => amount / stepSeconds)
  const probabilities = [0.5, ...shares.flatMap((share) => [(1 - share) / 2, (1 + share) / 2])]
  const [median, ...edges] = pathQuantiles(forecast, workloadIndex, 'requests', probabilities).quantiles
  const end = forecast.origin + forecast.length * stepSeconds
  return {
    workload: workloadId(workload),
    stepSeconds,
    start,
    origin: forecast.origin,
    past: rate(requests.subarray(first)),
    median: rate(median!),
    bands: shares.map((share, index) => ({
      share,
      low: rate(edges[2 * index]!),
      high: rate(edges[2 * index + 1]!),
    })),
    masked: findSpans(mask.subarray(first), start, stepSeconds),
    events: events.filter(({ from, to }) => from < end && to > start),
  }
}

/** Runs of the same reason. */
function findSpans(mask: Uint8Array, start: EpochSeconds, stepSeconds: number): ForecastView['masked'] {
  const spans: ForecastView['masked'] = []
  for (let from = 0, to = 0; from < mask.length; from = to) {
    const code = mask[from]!
    while (to < mask.length && mask[to] === code) to++
    const label = maskReasons[code]!
    if (label === 'observed') continue
    spans.push({ from: start + from * stepSeconds, to: start + to * stepSeconds, label })
  }
  return spans
}
