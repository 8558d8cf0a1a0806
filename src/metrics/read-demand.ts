import { LlmscaleError } from '../kit/errors.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { coarsenGrid, sumSteps } from './coarsen.js'
import { type CovariateSource, readCovariates } from './covariates.js'
import {
  type DataQuality,
  findLevelShifts,
  findSuspiciousRuns,
  type QualityRun,
  shortInstant,
  type WorkloadQuality,
} from './data-quality.js'
import { type DemandHistory, demandMetrics, maskReasons, type WorkloadDemand } from './demand-history.js'
import type { DemandSource, DemandWindow } from './demand-source.js'
import type { DemandTable, TableColumns } from './demand-table.js'
import { findGaps, type Run } from './gaps.js'
import { sumDays } from './histogram.js'
import { keepWorkloads, mergeTables } from './merge-tables.js'
import { nameWorkloads, type Renames, renameWorkload } from './rename-workloads.js'
import { findSilence } from './silence.js'

/** A source and the part of the history that is taken from it. */
export interface SourcePart {
  source: DemandSource
  from?: EpochSeconds | undefined
  until?: EpochSeconds | undefined
  /** Only these workloads, by their names of today: model, model/region or model/region/tenant. */
  workloads?: readonly string[] | undefined
}

export interface DemandOptions extends DemandWindow {
  /** Of a workload and step the first source that has a value counts. */
  sources: readonly SourcePart[]
  renames?: Renames
  /** How tenants are called from here on. */
  nameTenant?: (tenant: string) => string
  /** Mean tokens of a request of a workload whose sources have none. */
  assumedLengths?: (workload: Workload) => { inputTokens: number; outputTokens: number } | undefined
  /** What else may tell of demand to come. */
  covariates?: readonly CovariateSource[]
  /** Which workloads are read; default all. */
  isWanted?: (workload: Workload) => boolean
}

const gap = maskReasons.indexOf('gap')

/**
 * Reads sources into one table under the names of today: nothing masked, nothing filled.
 *
 * Throws what the sources throw; `configInvalid`, NO_SOURCE without any; MIXED_STEPS where their steps do not fit together, NO_ROWS where none has anything.
 */
export async function readTable(options: DemandOptions): Promise<DemandTable> {
  const { sources, renames = {}, nameTenant = (tenant) => tenant } = options
  if (sources.length === 0) {
    throw new LlmscaleError('configInvalid', 'NO_SOURCE', 'no source of metrics is for this environment', [
      'Look at the environments of metrics.sources in llmscale.yaml.',
    ])
  }
  const alias = ({ tenant, ...rest }: Workload): Workload =>
    tenant === undefined ? rest : { ...rest, tenant: nameTenant(tenant) }
  const tables: DemandTable[] = []
  const empty: LlmscaleError[] = []
  for (const { source, from, until, workloads } of sources) {
    const window = {
      from: latest(from, options.from),
      until: earliest(until, options.until),
      stepSeconds: options.stepSeconds,
    }
    const table = await source.read(window).catch((error: unknown) => {
      if (!isEmptiness(error)) throw error
      empty.push(error)
      return undefined
    })
    if (table === undefined) continue
    const renamed = nameWorkloads(table, (workload) => renameWorkload(workload, renames))
    const kept = workloads === undefined ? renamed : keepWorkloads(renamed, workloads)
    tables.push(nameWorkloads(kept, alias))
  }
  const [first] = empty
  if (first !== undefined && tables.length === 0) throw first
  const table = mergeTables(tables)
  const findings = table.findings.concat(
    empty.map(({ message }) => ({ code: 'SOURCE_EMPTY', message: `A source gave nothing: ${message}.` })),
  )
  if (table.workloads.length > 0) return { ...table, findings }
  throw new LlmscaleError(
    'badData',
    'NO_ROWS',
    `${sources.map(({ source }) => source.name).join(', ')}: there is no demand in the window that was read`,
    ['Read further back, or look at the workloads and the from and until of the sources.'],
  )
}

/** Of several sources one may have nothing in the window; what it cannot read whole it must still say. */
function isEmptiness(error: unknown): error is LlmscaleError {
  return error instanceof LlmscaleError && ['HISTORY_TOO_SHORT', 'NO_SAMPLES'].includes(error.code)
}

const latest = (...times: (EpochSeconds | undefined)[]) =>
  times.reduce((a, b) => (a === undefined || (b !== undefined && b > a) ? b : a))
const earliest = (...times: (EpochSeconds | undefined)[]) =>
  times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a))

/**
 * Reads sources into a history on one grid, with what was found on the way. Missing rows, and zeros that are no
 * genuine silence, are masked; at a coarser step than the sources' each step that lacks a part is masked.
 *
 * Throws what `readTable` and `readCovariates` throw, and STEP_TOO_FINE.
 */
export async function readDemand(
  options: DemandOptions,
): Promise<{ history: DemandHistory; quality: DataQuality }> {
  const table = await readTable(options)
  const { start, stepSeconds, length } = table
  const historyStepSeconds = historyStep(stepSeconds, options.stepSeconds)
  const isWanted = options.isWanted ?? (() => true)
  const wanted = table.workloads.filter((each) => isWanted(each.workload))
  const end = start + length * stepSeconds
  const findings = [...table.findings, ...findSilence({ ...table, workloads: wanted }, end)]
  const workloads: WorkloadDemand[] = []
  const qualities: WorkloadQuality[] = []
  for (const columns of wanted) {
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
  const history = resample({ start, stepSeconds, length, workloads }, historyStepSeconds)
  const covariates = await readCovariates(options.covariates ?? [], history, options.renames)
  findings.push(...covariates.findings)
  return {
    history: covariates.columns.length === 0 ? history : { ...history, covariates: covariates.columns },
    quality: {
      inputs: table.inputs,
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

function historyStep(sourceStepSeconds: number, stepSeconds = sourceStepSeconds): number {
  if (Number.isInteger(stepSeconds / sourceStepSeconds)) return stepSeconds
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
  const lengths = lengthsOf(columns)
  const rejectedRequests = columns.serving?.rejectedRequests
  return {
    demand: {
      workload,
      requests,
      inputTokens,
      outputTokens,
      tokens,
      mask,
      ...(rejectedRequests && { rejectedRequests }),
      ...(lengths && { lengths }),
    },
    filledTokens,
  }
}

function lengthsOf({ histograms = [] }: TableColumns): WorkloadDemand['lengths'] {
  const input = sumDays(histograms, 'input_tokens')
  const output = sumDays(histograms, 'output_tokens')
  if (input === undefined && output === undefined) return undefined
  return { ...(input && { inputTokens: input }), ...(output && { outputTokens: output }) }
}

/** Sums whole steps; a step that lacks a part is masked, and parts of a step at either end are left out. */
function resample(history: DemandHistory, stepSeconds: number): DemandHistory {
  if (stepSeconds === history.stepSeconds) return history
  const grid = coarsenGrid(history, stepSeconds)
  const { start, length, skip, factor } = grid
  const workloads = history.workloads.map((demand) => {
    const mask = new Uint8Array(length)
    for (let at = 0; at < length; at++) {
      const parts = demand.mask.subarray(skip + at * factor, skip + (at + 1) * factor)
      mask[at] = parts.find((reason) => reason !== 0) ?? 0
    }
    return {
      ...demand,
      requests: sumSteps(demand.requests, grid),
      inputTokens: sumSteps(demand.inputTokens, grid),
      outputTokens: sumSteps(demand.outputTokens, grid),
      ...(demand.rejectedRequests && { rejectedRequests: sumSteps(demand.rejectedRequests, grid) }),
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
