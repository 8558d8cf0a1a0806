import { LlmscaleError } from '../kit/errors.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import {
  type DataQuality,
  findLevelShifts,
  findSuspiciousRuns,
  type QualityRun,
  shortInstant,
  type WorkloadQuality,
} from './data-quality.js'
import { type DemandFileOptions, readDemandFiles } from './files/file-source.js'
import type { TableColumns } from './files/demand-grid.js'
import { type DemandHistory, demandMetrics, maskReasons, type WorkloadDemand } from './demand-history.js'
import { findGaps, type Run } from './gaps.js'

export interface DemandOptions extends DemandFileOptions {
  /** Mean tokens of a request of a workload whose files have none. */
  assumedLengths?: (workload: Workload) => { inputTokens: number; outputTokens: number } | undefined
  /** Which workloads are read; default all. */
  isWanted?: (workload: Workload) => boolean
}

const gap = maskReasons.indexOf('gap')

/**
 * Reads demand files into a history on one grid, with what was found on the way. Missing rows, and zeros that are
 * no genuine silence, are masked; at a coarser step than the files' each step that lacks a part is masked.
 *
 * Throws reason badData: FILE_MISSING, FILE_UNREADABLE, COLUMN_MISSING, REGION_UNKNOWN, TIMESTAMP_WITHOUT_ZONE,
 * TOO_MANY_BAD_ROWS, NO_ROWS, MIXED_STEPS, STEP_TOO_FINE, HISTORY_TOO_SHORT.
 */
export async function readDemand(
  options: DemandOptions,
): Promise<{ history: DemandHistory; quality: DataQuality }> {
  const table = await readDemandFiles(options)
  const { start, stepSeconds, length } = table
  const factor = resamplingFactor(stepSeconds, options.stepSeconds)
  const findings = [...table.findings]
  const workloads: WorkloadDemand[] = []
  const qualities: WorkloadQuality[] = []
  const isWanted = options.isWanted ?? (() => true)
  for (const columns of table.workloads.filter((each) => isWanted(each.workload))) {
    const missing = findMissing(columns.requests)
    const gaps = findGaps(columns.requests, stepSeconds)
    const { demand, filledTokens } = createDemand(
      columns,
      [...missing, ...gaps],
      options.assumedLengths?.(columns.workload),
    )
    workloads.push(demand)
    qualities.push(describe(demand, columns, { missing, gaps }, start, stepSeconds))
    if (filledTokens > 0) {
      findings.push({
        code: 'TOKENS_FILLED',
        message: `${workloadId(columns.workload)}: ${filledTokens} steps have requests without tokens; these take the workload's mean tokens a request.`,
      })
    }
  }
  return {
    history: resample({ start, stepSeconds, length, workloads }, factor),
    quality: {
      files: table.files,
      unwanted: table.workloads.map(({ workload }) => workload).filter((workload) => !isWanted(workload)),
      stepSeconds,
      workloads: qualities,
      findings: findings.concat(qualities.flatMap(explain)),
    },
  }
}

/** The history itself; refuses one of less than a day (or another least span), which shows no season. */
export function requireHistory(history: DemandHistory, leastSeconds = secondsPerDay): DemandHistory {
  const spanSeconds = history.length * history.stepSeconds
  if (spanSeconds >= leastSeconds) return history
  throw new LlmscaleError(
    'badData',
    'HISTORY_TOO_SHORT',
    `the history holds ${formatDuration(spanSeconds)} (${formatInstant(history.start)} to ${formatInstant(history.start + spanSeconds)}); at least ${formatDuration(leastSeconds)} is needed`,
    ['Add files that reach further back; two weeks or more give a weekly season.'],
  )
}

function resamplingFactor(sourceStepSeconds: number, stepSeconds = sourceStepSeconds): number {
  const factor = stepSeconds / sourceStepSeconds
  if (Number.isInteger(factor)) return factor
  throw new LlmscaleError(
    'badData',
    'STEP_TOO_FINE',
    `a step of ${formatDuration(stepSeconds)} cannot be made from rows ${formatDuration(sourceStepSeconds)} apart; it must be a multiple of that`,
    [`Use --step ${formatDuration(sourceStepSeconds)}, or leave the step away.`],
  )
}

function findMissing(values: Float64Array): Run[] {
  const runs: Run[] = []
  values.forEach((value, at) => {
    if (!Number.isNaN(value)) return
    const last = runs.at(-1)
    if (last?.to === at) last.to++
    else runs.push({ from: at, to: at + 1 })
  })
  return runs
}

/** Masks runs and completes tokens: by the workload's own mean where some steps lack them, else by assumption. */
function createDemand(
  columns: TableColumns,
  masked: Run[],
  assumed: { inputTokens: number; outputTokens: number } | undefined,
): { demand: WorkloadDemand; filledTokens: number } {
  const { workload, requests, inputTokens, outputTokens, tokenRequests } = columns
  const mask = new Uint8Array(requests.length)
  for (const { from, to } of masked) {
    mask.fill(gap, from, to)
    for (const metric of demandMetrics) columns[metric].fill(Number.NaN, from, to)
  }
  const known = { requests: 0, inputTokens: 0, outputTokens: 0 }
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] !== 0 || !(tokenRequests[at]! > 0)) continue
    known.requests += tokenRequests[at]!
    known.inputTokens += inputTokens[at]!
    known.outputTokens += outputTokens[at]!
  }
  const isMeasured = known.requests > 0
  const meanInput = isMeasured ? known.inputTokens / known.requests : (assumed?.inputTokens ?? 0)
  const meanOutput = isMeasured ? known.outputTokens / known.requests : (assumed?.outputTokens ?? 0)
  let filledTokens = 0
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] !== 0) continue
    const unknown = requests[at]! - tokenRequests[at]!
    if (isMeasured && unknown > 0) filledTokens++
    inputTokens[at] = (tokenRequests[at]! > 0 ? inputTokens[at]! : 0) + unknown * meanInput
    outputTokens[at] = (tokenRequests[at]! > 0 ? outputTokens[at]! : 0) + unknown * meanOutput
  }
  const tokens = isMeasured ? 'measured' : assumed === undefined ? 'none' : 'assumed'
  return { demand: { workload, requests, inputTokens, outputTokens, tokens, mask }, filledTokens }
}

/** Sums whole steps; a step that lacks a part is masked, and parts of a step at either end are left out. */
function resample(history: DemandHistory, factor: number): DemandHistory {
  if (factor === 1) return history
  const stepSeconds = history.stepSeconds * factor
  const start = Math.ceil(history.start / stepSeconds) * stepSeconds
  const skip = Math.round((start - history.start) / history.stepSeconds)
  const length = Math.max(0, Math.floor((history.length - skip) / factor))
  const workloads = history.workloads.map((demand) => {
    const mask = new Uint8Array(length)
    const sum = (values: Float64Array) =>
      Float64Array.from({ length }, (_, at) => {
        let total = 0
        for (let part = 0; part < factor; part++) total += values[skip + at * factor + part]!
        return total
      })
    for (let at = 0; at < length; at++) {
      const parts = demand.mask.subarray(skip + at * factor, skip + (at + 1) * factor)
      mask[at] = parts.find((reason) => reason !== 0) ?? 0
    }
    return {
      ...demand,
      requests: sum(demand.requests),
      inputTokens: sum(demand.inputTokens),
      outputTokens: sum(demand.outputTokens),
      mask,
    }
  })
  return { start, stepSeconds, length, workloads }
}

function describe(
  demand: WorkloadDemand,
  columns: TableColumns,
  masked: { missing: Run[]; gaps: Run[] },
  start: EpochSeconds,
  stepSeconds: number,
): WorkloadQuality {
  const { first, last } = columns
  const toQuality = (why: string) => (run: Run) => ({
    from: start + run.from * stepSeconds,
    to: start + run.to * stepSeconds,
    points: run.to - run.from,
    why,
  })
  const runs: QualityRun[] = [
    // Before its first and after its last row a workload is absent rather than interrupted.
    ...masked.missing.filter(({ from, to }) => from > first && to <= last).map(toQuality('no rows')),
    ...masked.gaps.map(toQuality('zeros that are no genuine silence')),
  ]
  return {
    workload: demand.workload,
    from: start + first * stepSeconds,
    to: start + (last + 1) * stepSeconds,
    points: last + 1 - first,
    observed: demand.mask.reduce((count, reason) => count + (reason === 0 ? 1 : 0), 0),
    duplicates: columns.duplicates,
    tokens: demand.tokens,
    masked: runs.sort((a, b) => a.from - b.from),
    suspicious: findSuspiciousRuns(demand.requests, start, stepSeconds),
    levelShifts: findLevelShifts(demand.requests, start, stepSeconds),
  }
}

function explain(quality: WorkloadQuality): DataQuality['findings'] {
  const id = workloadId(quality.workload)
  const points = quality.masked.reduce((sum, run) => sum + run.points, 0)
  const findings: DataQuality['findings'] = []
  if (points > 0) {
    findings.push({
      code: 'GAPS_MASKED',
      message: `${id}: ${points} of ${quality.points} steps are masked as gaps (runs: ${quality.masked.length}).`,
    })
  }
  for (const { at, ratio } of quality.levelShifts) {
    findings.push({
      code: 'LEVEL_SHIFT',
      message: `${id}: the level changes ${ratio.toPrecision(2)}-fold on ${shortInstant(at).slice(0, 10)}.`,
    })
  }
  return findings
}
