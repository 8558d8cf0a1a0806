import { formatCount } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type { DemandTable } from '../metrics/demand-table.js'
import type { Table } from './table.js'

/** What a workload was asked for, in figures that people compare. */
export interface WorkloadLoad {
  workload: string
  meanRequestsPerSecond: number
  /** Of the busiest step. */
  peakRequestsPerSecond: number
  /** Means of a request; null where unknown. */
  inputTokens: number | null
  outputTokens: number | null
  /** At the end; null where unknown. */
  readyReplicas: number | null
}

export function summarizeLoad({ workloads, stepSeconds }: DemandTable): WorkloadLoad[] {
  return workloads.map(({ workload, requests, inputTokens, outputTokens, tokenRequests, serving }) => {
    const known = requests.filter((value) => !Number.isNaN(value))
    const counted = sum(tokenRequests)
    const mean = (tokens: Float64Array) =>
      counted > 0 && tokens.some((value) => !Number.isNaN(value)) ? sum(tokens) / counted : null
    const ready = serving?.readyReplicas?.at(-1) ?? Number.NaN
    return {
      workload: workloadId(workload),
      meanRequestsPerSecond: sum(requests) / (known.length * stepSeconds),
      peakRequestsPerSecond: known.reduce((a, b) => Math.max(a, b), 0) / stepSeconds,
      inputTokens: mean(inputTokens),
      outputTokens: mean(outputTokens),
      readyReplicas: Number.isNaN(ready) ? null : ready,
    }
  })
}

function sum(column: Float64Array): number {
  return column.reduce((total, value) => total + (value || 0), 0)
}

/** The busiest first; the step of the load is an hour. */
export function tabulateLoad(loads: readonly WorkloadLoad[]): Table {
  const figures = ['Requests/s', 'Peak hour', 'Tokens in', 'out', 'Replicas']
  const rate = (perSecond: number) => String(Number(perSecond.toPrecision(3)))
  const count = (value: number | null) => (value === null ? '' : formatCount(value))
  const byLoad = [...loads].sort((a, b) => b.meanRequestsPerSecond - a.meanRequestsPerSecond)
  return {
    columns: [{ header: 'Workload' }, ...figures.map((header) => ({ header, align: 'right' as const }))],
    rows: byLoad.map((each) => [
      each.workload,
      rate(each.meanRequestsPerSecond),
      rate(each.peakRequestsPerSecond),
      count(each.inputTokens),
      count(each.outputTokens),
      count(each.readyReplicas),
    ]),
  }
}
