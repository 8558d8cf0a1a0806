import { ContrastScan } from './contrast-scan.js'
import type { SurgeSignals } from './surge-signals.js'
import { findSpread, findUsualDay, type StepGrid } from './usual-day.js'

/** Quiet hours shall not look wild: a share of the mean is added before logarithms. */
const offsetShare = 0.05
const leastOffset = 2

/** Requests that are longer than usual, and those that are shorter. */
export interface LengthScans {
  longer: ContrastScan
  shorter: ContrastScan
}

/** What all surges of one model are held against. */
export interface SurgeContext {
  signals: SurgeSignals
  grid: StepGrid
  /** Logarithm of a usual day's course, by step. */
  usualDay: Float64Array
  /** log(requests + offset) less that course, and its runs. */
  flat: Float64Array
  scan: ContrastScan
  /** Of a step; a share of it is added to requests before logarithms. */
  meanRequests: number
  offset: number
  /** Root of the share that was turned away; undefined where no source says. */
  refusals: ContrastScan | undefined
  /** Undefined without measured tokens. */
  inputs: LengthScans | undefined
  outputs: LengthScans | undefined
}

/** Reads a model's signals once, for all of its surges. */
export function createContext(signals: SurgeSignals, grid: StepGrid): SurgeContext {
  const { requests, rejected, inputTokens, outputTokens } = signals
  const meanRequests = requests.reduce((sum, value) => sum + (value || 0), 0) / Math.max(1, requests.length)
  const offset = Math.max(leastOffset, offsetShare * meanRequests)
  const logs = requests.map((value) => Math.log(value + offset))
  const usualDay = findUsualDay(logs, grid)
  const flat = logs.map((value, step) => value - usualDay[step]!)
  const scanLengths = (perRequest: Float64Array | undefined): LengthScans | undefined => {
    const longer = perRequest && smoothTokens(perRequest, requests, offset)
    return (
      longer && {
        longer: new ContrastScan(longer, grid),
        shorter: new ContrastScan(
          longer.map((value) => -value),
          grid,
        ),
      }
    )
  }
  return {
    signals,
    grid,
    usualDay,
    flat,
    offset,
    meanRequests,
    scan: new ContrastScan(flat, grid, findNoise(flat, grid)),
    refusals:
      rejected &&
      new ContrastScan(
        rejected.map((value, step) => Math.sqrt(value / (requests[step]! + offset))),
        grid,
      ),
    inputs: scanLengths(inputTokens),
    outputs: scanLengths(outputTokens),
  }
}

/** How much more than usual a signal varies from step to step, by hour of the day; never less than 1. */
function findNoise(flat: Float64Array, grid: StepGrid): Float64Array {
  const spread = findSpread(
    flat.map((value, step) => value - flat[step - 1]!),
    grid,
  )
  const usual = Math.max(1e-9, spread.reduce((sum, value) => sum + value, 0) / Math.max(1, spread.length))
  return spread.map((value) => Math.max(1, value / usual))
}

/** Logarithm of the tokens of a request over the usual, the mean of few requests drawn towards it; undefined without any. */
function smoothTokens(
  perRequest: Float64Array,
  requests: Float64Array,
  few: number,
): Float64Array | undefined {
  let tokens = 0
  let count = 0
  perRequest.forEach((each, step) => {
    if (Number.isNaN(each)) return
    tokens += each * requests[step]!
    count += requests[step]!
  })
  if (!(tokens > 0)) return undefined
  const usual = tokens / count
  return perRequest.map((each, step) => {
    const amount = requests[step]!
    return amount === 0 ? 0 : Math.log((each * amount + few * usual) / (usual * (amount + few)))
  })
}
