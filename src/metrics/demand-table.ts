import type { Warning } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { InputQuality } from './data-quality.js'
import type { DayHistogram } from './histogram.js'

/** What a source gives: amounts of each workload on one grid, as they are: nothing masked, nothing filled. */
export interface DemandTable {
  /** Start of the first step. */
  start: EpochSeconds
  stepSeconds: number
  /** Number of steps; every column has this length. */
  length: number
  /** In ascending order of `workloadId`, each once. */
  workloads: TableColumns[]
  /** What was read, and what could not be. */
  inputs: InputQuality[]
  findings: Warning[]
}

/** Amounts a step. NaN where the source says nothing; a step of a log without requests holds zero. */
export interface TableColumns {
  workload: Workload
  /** Demand, not served load: requests that queued or were turned away count when they arrived. */
  requests: Float64Array
  inputTokens: Float64Array
  outputTokens: Float64Array
  /** Requests whose tokens are known. */
  tokenRequests: Float64Array
  /** First and last step with a value. */
  first: number
  last: number
  /** Steps with more than one row, in aggregated files. */
  duplicates: number
  /** Any of these may be unknown. */
  serving?: ServingColumns
  histograms?: DayHistogram[]
}

/** How the demand was served, by step: what past plans and autoscalers are scored by. NaN where unknown. */
export type ServingColumns = { [column in ServingColumn]?: Float64Array }

export const servingColumns = [
  /** Prompt tokens that the prefix cache had. */
  'cachedInputTokens',
  /** Requests that ended in the step. */
  'servedRequests',
  /** Requests that were turned away (429, 503). */
  'rejectedRequests',
  /** At the end of the step: requests that wait for a place in a batch. */
  'queuedRequests',
  /** At the end of the step: replicas asked for, and those that serve. */
  'replicas',
  'readyReplicas',
] as const
export type ServingColumn = (typeof servingColumns)[number]

/** The amounts of a workload's columns. */
export const tableAmounts = ['requests', 'inputTokens', 'outputTokens', 'tokenRequests'] as const

/** Serving columns that at least one of some parts has. */
export function mapServing(
  parts: readonly TableColumns[],
  make: (column: ServingColumn) => Float64Array,
): ServingColumns {
  const known = servingColumns.filter((column) =>
    parts.some(({ serving }) => serving?.[column] !== undefined),
  )
  return Object.fromEntries(known.map((column) => [column, make(column)]))
}

/** In ascending order of `workloadId`. */
export function inOrder(workloads: TableColumns[]): TableColumns[] {
  const ids = new Map(workloads.map((columns) => [columns, workloadId(columns.workload)]))
  return workloads.sort((a, b) => (ids.get(a)! < ids.get(b)! ? -1 : 1))
}
