import { workloadId } from '../../src/kit/workload.js'
import type { DemandSource } from '../../src/metrics/demand-source.js'
import type { DemandTable, TableColumns } from '../../src/metrics/demand-table.js'

export const tableStart = Date.UTC(2026, 0, 5) / 1000

/** A table whose workloads have these requests a step; null is a step without a value. Ten and five tokens a request. */
export function tableOf(
  requests: Readonly<Record<string, readonly (number | null)[]>>,
  { start = tableStart, stepSeconds = 300 } = {},
): DemandTable {
  const length = Math.max(0, ...Object.values(requests).map((amounts) => amounts.length))
  const workloads = Object.entries(requests).map(([id, amounts]): TableColumns => {
    const [model, region = 'r', tenant] = id.split('/') as [string, string?, string?]
    const column = Float64Array.from({ length }, (_, step) => amounts[step] ?? Number.NaN)
    return {
      workload: { model, region, ...(tenant !== undefined && { tenant }) },
      requests: column,
      inputTokens: column.map((value) => value * 10),
      outputTokens: column.map((value) => value * 5),
      tokenRequests: column.map((value) => value || 0),
      first: column.findIndex((value) => !Number.isNaN(value)),
      last: column.findLastIndex((value) => !Number.isNaN(value)),
      duplicates: 0,
    }
  })
  return { start, stepSeconds, length, workloads, inputs: [], findings: [] }
}

/** Requests by workload; null where there is no value. */
export function requestsOf(table: DemandTable): Record<string, (number | null)[]> {
  return Object.fromEntries(
    table.workloads.map(({ workload, requests }) => [
      workloadId(workload),
      [...requests].map((value) => (Number.isNaN(value) ? null : value)),
    ]),
  )
}

/** A source that has this table, whatever is asked. */
export function sourceOf(table: DemandTable): DemandSource {
  return { name: 'table', read: async () => table }
}
