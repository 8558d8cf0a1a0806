import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type DemandTable, type ServingColumn, servingColumns } from './demand-table.js'
import { demandColumns } from './files/demand-columns.js'

const servingNames: Record<ServingColumn, string> = {
  cachedInputTokens: 'cached_input_tokens',
  servedRequests: 'served_requests',
  rejectedRequests: 'rejected_requests',
  queuedRequests: 'queued_requests',
  replicas: 'replicas',
  readyReplicas: 'ready_replicas',
}

/** Columns of a demand file as `metrics pull` writes it. */
const writtenColumns = [...demandColumns, ...Object.values(servingNames)]

/**
 * Steps of a table that begin in a window as an aggregated demand file: the columns of the contract, then how demand
 * was served. Unknown amounts are empty; a step without requests has no row: it is a gap, not a zero.
 */
export function tableCsv(table: DemandTable, from = table.start, to = endOf(table)): string {
  const { start, stepSeconds } = table
  const lines = [writtenColumns.join(',')]
  const first = Math.max(0, Math.ceil((from - start) / stepSeconds))
  const end = Math.min(table.length, Math.ceil((to - start) / stepSeconds))
  for (let step = first; step < end; step++) {
    const timestamp = formatInstant(start + step * stepSeconds)
    for (const {
      workload,
      requests,
      inputTokens,
      outputTokens,
      tokenRequests,
      serving = {},
    } of table.workloads) {
      const { model, region, tenant = '' } = workload
      if (Number.isNaN(requests[step]!)) continue
      const hasTokens = tokenRequests[step]! > 0 || requests[step] === 0
      const amounts = [
        requests[step]!,
        hasTokens ? inputTokens[step] : undefined,
        hasTokens ? outputTokens[step] : undefined,
        ...servingColumns.map((column) => serving[column]?.[step]),
      ]
      lines.push([timestamp, ...[model, region, tenant].map(csvField), ...amounts.map(csvAmount)].join(','))
    }
  }
  return `${lines.join('\n')}\n`
}

/** Midnights (UTC) of the days that a table has steps in. */
export function daysOf(table: DemandTable): EpochSeconds[] {
  const first = Math.floor(table.start / secondsPerDay) * secondsPerDay
  const count = Math.ceil((endOf(table) - first) / secondsPerDay)
  return Array.from({ length: count }, (_, day) => first + day * secondsPerDay)
}

/** Histograms of lengths and latencies by day, one row a bucket that holds something. */
export function histogramCsv(table: DemandTable): string {
  const lines = ['day,model,region,tenant,metric,upper_bound,count']
  for (const { workload, histograms = [] } of table.workloads) {
    const names = [workload.model, workload.region, workload.tenant ?? ''].map(csvField)
    for (const { day, metric, upperBounds, counts } of histograms) {
      counts.forEach((count, at) => {
        if (count > 0)
          lines.push(
            [formatInstant(day).slice(0, 10), ...names, metric, upperBounds[at], csvAmount(count)].join(','),
          )
      })
    }
  }
  return `${lines.join('\n')}\n`
}

export function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Six decimals of a request or a token are more than any counter knows. */
function csvAmount(amount: number | undefined): string {
  return amount === undefined || Number.isNaN(amount) ? '' : String(Math.round(amount * 1e6) / 1e6)
}

function endOf({ start, stepSeconds, length }: DemandTable): EpochSeconds {
  return start + length * stepSeconds
}
