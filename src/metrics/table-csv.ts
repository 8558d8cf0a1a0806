import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import { type DemandTable, type ServingColumn, servingColumns, type TableColumns } from './demand-table.js'
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

/** Texts of about so many rows are made at a time: a large fleet's whole table is longer than a string can be. */
const rowsOfPart = 20_000

/**
 * Steps of a table that begin in a window as an aggregated demand file, in parts: the columns of the contract, then how
 * demand was served. Unknown amounts are empty; a step without requests has no row: it is a gap, not a zero.
 */
export function* tableCsv(table: DemandTable, from = table.start, to = endOf(table)): Generator<string> {
  const { start, stepSeconds } = table
  const first = Math.max(0, Math.ceil((from - start) / stepSeconds))
  const end = Math.min(table.length, Math.ceil((to - start) / stepSeconds))
  const names = table.workloads.map(({ workload }) => csvNames(workload))
  let text = `${writtenColumns.join(',')}\n`
  let rows = 0
  for (let step = first; step < end; step++) {
    const timestamp = formatInstant(start + step * stepSeconds)
    for (const [index, columns] of table.workloads.entries()) {
      if (Number.isNaN(columns.requests[step]!)) continue
      text += `${timestamp},${names[index]},${amountsOf(columns, step).map(csvAmount).join(',')}\n`
      rows++
    }
    if (rows < rowsOfPart) continue
    yield text
    text = ''
    rows = 0
  }
  yield text
}

/** In the order of the columns. Tokens that are known of some requests stand for all of them. */
function amountsOf(columns: TableColumns, step: number): (number | undefined)[] {
  const { serving = {} } = columns
  const requests = columns.requests[step]!
  const tokenRequests = columns.tokenRequests[step]!
  const tokens = (column: Float64Array) => {
    if (tokenRequests > 0) return (column[step]! * requests) / tokenRequests
    return requests === 0 ? 0 : undefined
  }
  return [
    requests,
    tokens(columns.inputTokens),
    tokens(columns.outputTokens),
    ...servingColumns.map((column) => serving[column]?.[step]),
  ]
}

/** Midnights (UTC) of the days in which a table knows something, and the first step of which it does. */
export function knownDays({ start, stepSeconds, length, workloads }: DemandTable): {
  days: EpochSeconds[]
  from: EpochSeconds | undefined
} {
  const days = new Set<EpochSeconds>()
  let from: EpochSeconds | undefined
  for (let step = 0; step < length; step++) {
    if (workloads.every(({ requests }) => Number.isNaN(requests[step]!))) continue
    const time = start + step * stepSeconds
    from ??= time
    days.add(Math.floor(time / secondsPerDay) * secondsPerDay)
  }
  return { days: [...days], from }
}

/** Histograms of lengths and latencies by day, one row a bucket that holds something, in parts. */
export function* histogramCsv(table: DemandTable): Generator<string> {
  yield 'day,model,region,tenant,metric,upper_bound,count\n'
  for (const { workload, histograms = [] } of table.workloads) {
    const names = csvNames(workload)
    let text = ''
    for (const { day, metric, upperBounds, counts } of histograms) {
      const date = formatInstant(day).slice(0, 10)
      counts.forEach((count, at) => {
        if (count > 0) text += `${date},${names},${metric},${upperBounds[at]},${csvAmount(count)}\n`
      })
    }
    yield text
  }
}

function csvNames({ model, region, tenant = '' }: Workload): string {
  return [model, region, tenant].map(csvField).join(',')
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
