import { LlmscaleError } from '../../kit/errors.js'
import { quantile } from '../../kit/statistics.js'
import { formatDuration } from '../../kit/time.js'
import { type Workload, workloadId } from '../../kit/workload.js'
import { type ServingColumns, servingColumns, type TableColumns } from '../demand-table.js'
import type { SignalQuery } from './query-plan.js'

/** What was asked about one workload, by step; NaN where there is no answer. */
export type SignalColumns = { [signal in SignalQuery['signal']]?: Float64Array }

/** A step of which less was scraped than this share of the usual counts too little: it is no observation. */
const leastScrapedShare = 0.9

/**
 * The demand of a workload: what arrived, although engines count what ended. Requests that arrived in a step are
 * those that ended in it, plus the growth of what is in flight, plus those turned away (conservation of flow). Tokens
 * are counted when they are computed: what waits and what was turned away is added at the mean length.
 */
export function countArrivals(
  workload: Workload,
  signals: SignalColumns,
  { countsArrivals, stepSeconds }: { countsArrivals: boolean; stepSeconds: number },
): { columns: TableColumns; maskedSteps: number } | undefined {
  const counted = signals.requests
  if (counted === undefined) return undefined
  const { length } = counted
  const maskedSteps = maskInterrupted(workload, signals, stepSeconds)
  const rejected = signals.rejectedRequests
  const requests = Float64Array.from(counted, (ended, step) => {
    if (Number.isNaN(ended)) return signals.replicas?.[step] === 0 ? 0 : Number.NaN
    if (countsArrivals) return ended
    return Math.max(0, ended + growth(signals.inFlightRequests, step) + (rejected?.[step] || 0))
  })
  const known = Float64Array.from({ length }, (_, step) =>
    isKnown(signals.inputTokens, step) && isKnown(signals.outputTokens, step) ? requests[step]! : 0,
  )
  const tokens = (served: Float64Array | undefined) => {
    const mean = sumOf(served) / sumOf(counted)
    return Float64Array.from({ length }, (_, step) => {
      if (served === undefined || Number.isNaN(requests[step]!)) return Number.NaN
      const unserved = growth(signals.queuedRequests, step) + (rejected?.[step] || 0)
      return Math.max(0, served[step]! + unserved * (mean || 0))
    })
  }
  const first = requests.findIndex((value) => !Number.isNaN(value))
  if (first < 0) return undefined
  return {
    columns: {
      workload,
      requests,
      inputTokens: tokens(signals.inputTokens),
      outputTokens: tokens(signals.outputTokens),
      tokenRequests: known,
      first,
      last: requests.findLastIndex((value) => !Number.isNaN(value)),
      duplicates: 0,
      serving: servingOf(signals, countsArrivals),
    },
    maskedSteps,
  }
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

/**
 * Counters of steps in which scraping was interrupted become NaN; returns how many. The usual count of samples also
 * tells how often the processes are scraped.
 */
function maskInterrupted(workload: Workload, signals: SignalColumns, stepSeconds: number): number {
  const samples = signals.samples?.filter((count) => !Number.isNaN(count))
  if (samples === undefined || samples.length === 0) return 0
  const median = quantile([...samples], 0.5)
  const usual = samples.length < fewestJudgedSteps ? Math.max(median, leastSamples) : median
  if (usual < leastSamples) {
    throw new LlmscaleError(
      'badData',
      'STEP_TOO_FINE',
      `${workloadId(workload)} is scraped about every ${formatDuration(Math.round(stepSeconds / usual))}; the increase of a counter over a step of ${formatDuration(stepSeconds)} needs two samples`,
      [
        `Set forecast.step to ${formatDuration(Math.round((4 * stepSeconds) / usual))} or more, in a whole part of a day.`,
      ],
    )
  }
  let masked = 0
  for (const [step, count] of signals.samples!.entries()) {
    if (!(count < leastScrapedShare * usual) || Number.isNaN(signals.requests![step]!)) continue
    signals.requests![step] = Number.NaN
    masked++
  }
  return masked
}

/** By how much a gauge grew over a step; 0 where that is not known. */
function growth(gauge: Float64Array | undefined, step: number): number {
  if (gauge === undefined || step === 0) return 0
  return gauge[step]! - gauge[step - 1]! || 0
}

function isKnown(column: Float64Array | undefined, step: number): boolean {
  return column !== undefined && !Number.isNaN(column[step]!)
}

function sumOf(column: Float64Array | undefined): number {
  return column?.reduce((sum, value) => sum + (value || 0), 0) ?? 0
}
