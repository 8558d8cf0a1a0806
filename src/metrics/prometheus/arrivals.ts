import { quantile } from '../../kit/statistics.js'
import { type ServingColumns, servingColumns, type TableColumns } from '../demand-table.js'
import type { SignalColumns, WorkloadSignals } from './workload-series.js'

/** A step of which less was scraped than this share of the usual counts too little: it is no observation. */
const leastScrapedShare = 0.9

/** Too few scrapes a step to say how much a counter grew. */
export interface TooFewScrapes {
  scrapeSeconds: number
}

export interface Arrivals {
  columns: TableColumns
  /** Steps that are left out because scraping was interrupted. */
  maskedSteps: number
}

/**
 * The demand of a workload: what arrived, although engines count what ended. Requests that arrived in a step are
 * those that ended in it, plus the growth of what is in flight, plus those turned away (conservation of flow). Tokens
 * are counted when they are computed: what waits and what was turned away is added at the mean length.
 * Undefined where no step has a value.
 */
export function countArrivals(
  { workload, signals, countsArrivals }: WorkloadSignals,
  stepSeconds: number,
): Arrivals | TooFewScrapes | undefined {
  const { samples } = signals
  const usualSamples = samples === undefined ? undefined : usualCount(samples)
  if (usualSamples !== undefined && usualSamples < leastSamples)
    return { scrapeSeconds: stepSeconds / usualSamples }
  const counted = leaveOutInterrupted(signals.requests!, samples, usualSamples)
  const requests = countsArrivals ? counted : addGrowth(counted, signals)
  for (const [step, value] of requests.entries())
    if (Number.isNaN(value) && signals.replicas?.[step] === 0) requests[step] = 0
  const first = requests.findIndex((value) => !Number.isNaN(value))
  if (first < 0) return undefined
  const served = countsArrivals
    ? counted.map((value, step) => Math.max(0, value - (signals.rejectedRequests?.[step] || 0)))
    : counted
  const { inputTokens, outputTokens } = signals
  return {
    columns: {
      workload,
      requests,
      inputTokens: addUnserved(inputTokens, served, requests, signals),
      outputTokens: addUnserved(outputTokens, served, requests, signals),
      tokenRequests: requests.map((value, step) =>
        isKnown(inputTokens, step) && isKnown(outputTokens, step) ? value || 0 : 0,
      ),
      first,
      last: requests.findLastIndex((value) => !Number.isNaN(value)),
      duplicates: 0,
      serving: servingOf({ ...signals, requests: counted }, countsArrivals),
    },
    maskedSteps: counted.filter((value, step) => Number.isNaN(value) && isKnown(signals.requests, step))
      .length,
  }
}

/** Noise of a counter and a gauge that are read at different moments may be made up for in the next step. */
const carriedRequests = 2
const carriedShare = 0.1

/**
 * Adds what was turned away, and by how much more is in flight. A negative rest is carried on as far as it can be
 * noise: clipped, it would make little traffic look like more. Where replicas went, what they had in flight may have
 * died with them: it did arrive, and is not taken off again.
 */
function addGrowth(ended: Float64Array, signals: SignalColumns): Float64Array {
  let rest = 0
  return ended.map((value, step) => {
    if (Number.isNaN(value)) {
      rest = 0
      return value
    }
    const grown = growth(signals.inFlightRequests, step)
    const isShrinking = growth(signals.readyReplicas, step) < 0
    const arrived =
      value + (isShrinking ? Math.max(0, grown) : grown) + (signals.rejectedRequests?.[step] || 0) + rest
    const inFlight = signals.inFlightRequests?.[step - 1] || 0
    rest = Math.max(Math.min(0, arrived), -(carriedRequests + carriedShare * inFlight))
    return Math.max(0, arrived)
  })
}

/** Tokens that were computed, and those of requests that wait or were turned away at the mean length; NaN where unknown. */
function addUnserved(
  tokens: Float64Array | undefined,
  served: Float64Array,
  requests: Float64Array,
  signals: SignalColumns,
): Float64Array {
  let [sum, count] = [0, 0]
  for (const [step, value] of served.entries()) {
    if (Number.isNaN(value) || !isKnown(tokens, step)) continue
    sum += tokens![step]!
    count += value
  }
  const mean = count > 0 ? sum / count : 0
  return requests.map((value, step) => {
    if (Number.isNaN(value) || !isKnown(tokens, step)) return Number.NaN
    const unserved = growth(signals.queuedRequests, step) + (signals.rejectedRequests?.[step] || 0)
    return Math.max(0, tokens![step]! + unserved * mean)
  })
}

function servingOf(signals: SignalColumns, countsArrivals: boolean): ServingColumns {
  const all = { ...signals, ...(!countsArrivals && { servedRequests: signals.requests }) }
  return Object.fromEntries(
    servingColumns.flatMap((column) => (all[column] === undefined ? [] : [[column, all[column]]])),
  )
}

/** `increase` needs two samples. */
const leastSamples = 2
/** A workload that has just come, or soon went, shows fewer steps: parts at its ends, perhaps an interruption. */
const fewestJudgedSteps = 4

/** How often the process that was scraped most is scraped in a step, as a rule; undefined where too few steps tell. */
function usualCount(samples: Float64Array): number | undefined {
  const known = samples.filter((count) => !Number.isNaN(count))
  return known.length < fewestJudgedSteps ? undefined : quantile([...known], 0.5)
}

/** A step in which every process was scraped less than usual holds a part of what it should. */
function leaveOutInterrupted(
  requests: Float64Array,
  samples: Float64Array | undefined,
  usual: number | undefined,
): Float64Array {
  const least = leastScrapedShare * (usual ?? leastSamples)
  return requests.map((value, step) => (samples !== undefined && samples[step]! < least ? Number.NaN : value))
}

/** By how much a gauge grew over a step; 0 where that is not known. */
function growth(gauge: Float64Array | undefined, step: number): number {
  if (gauge === undefined || step === 0) return 0
  return gauge[step]! - gauge[step - 1]! || 0
}

function isKnown(column: Float64Array | undefined, step: number): boolean {
  return column !== undefined && !Number.isNaN(column[step]!)
}
