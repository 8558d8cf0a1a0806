import { LlmscaleError } from '../kit/errors.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { isNamed, workloadId } from '../kit/workload.js'
import { coarsenGrid, lastOfSteps, sumSteps, sumTokens } from './coarsen.js'
import {
  type DemandTable,
  inOrder,
  mapServing,
  type ServingColumn,
  type TableColumns,
  tableAmounts,
} from './demand-table.js'

/**
 * Several tables as one, on the coarsest of their steps: of each workload and step the first table that has a value
 * counts, so that sources take turns by time or workload and never count twice.
 *
 * Throws `badData`, MIXED_STEPS where no step is a multiple of all others, or where steps begin at times that do not
 * fit together.
 */
export function mergeTables(tables: readonly DemandTable[]): DemandTable {
  const inputs = tables.flatMap((table) => table.inputs)
  const findings = tables.flatMap((table) => table.findings)
  const filled = tables.filter(({ length }) => length > 0)
  if (filled.length < 2) return { ...(filled[0] ?? tables[0]!), inputs, findings }
  const coarsest = filled.reduce((a, b) => (b.stepSeconds > a.stepSeconds ? b : a))
  const { stepSeconds } = coarsest
  const aligned = filled.map((table) => coarsenTable(table, coarsest)).filter(({ length }) => length > 0)
  const start = Math.min(...aligned.map((table) => table.start))
  const end = Math.max(...aligned.map((table) => table.start + table.length * stepSeconds))
  const length = Math.round((end - start) / stepSeconds)
  const byId = new Map<string, { table: DemandTable; columns: TableColumns }[]>()
  for (const table of aligned) {
    for (const columns of table.workloads) {
      const id = workloadId(columns.workload)
      byId.set(id, [...(byId.get(id) ?? []), { table, columns }])
    }
  }
  return {
    start,
    stepSeconds,
    length,
    workloads: inOrder(
      [...byId.values()].map((parts) =>
        takeTurns(
          parts.map(({ table, columns }) => ({
            columns,
            offset: Math.round((table.start - start) / stepSeconds),
          })),
          length,
        ),
      ),
    ),
    inputs,
    findings,
  }
}

function takeTurns(parts: { columns: TableColumns; offset: number }[], length: number): TableColumns {
  const [{ columns: first }] = parts as [(typeof parts)[number]]
  /** Which part counts at each step; −1 for none. */
  const turn = new Int16Array(length).fill(-1)
  for (const [index, { columns, offset }] of parts.entries()) {
    columns.requests.forEach((value, step) => {
      if (turn[offset + step] === -1 && !Number.isNaN(value)) turn[offset + step] = index
    })
  }
  const take = (columnOf: (columns: TableColumns) => Float64Array | undefined) =>
    Float64Array.from({ length }, (_, step) => {
      const part = parts[turn[step]!]
      return part === undefined ? Number.NaN : (columnOf(part.columns)?.[step - part.offset] ?? Number.NaN)
    })
  const merged: TableColumns = {
    ...first,
    first: Math.min(...parts.map(({ columns, offset }) => columns.first + offset)),
    last: Math.max(...parts.map(({ columns, offset }) => columns.last + offset)),
    duplicates: parts.reduce((sum, { columns }) => sum + columns.duplicates, 0),
  }
  for (const amount of tableAmounts) merged[amount] = take((columns) => columns[amount])
  const all = parts.map(({ columns }) => columns)
  merged.serving = mapServing(all, (column) => take(({ serving }) => serving?.[column]))
  const seen = new Set<string>()
  merged.histograms = all.flatMap(({ histograms = [] }) => {
    const fresh = histograms.filter(({ day, metric }) => !seen.has(`${day} ${metric}`))
    for (const { day, metric } of fresh) seen.add(`${day} ${metric}`)
    return fresh
  })
  return merged
}

/** The same amounts on the coarser grid of another table; a step that lacks a part is unknown. */
function coarsenTable(table: DemandTable, coarsest: DemandTable): DemandTable {
  const { stepSeconds } = coarsest
  const grid = coarsenGrid(table, stepSeconds, coarsest.start % stepSeconds)
  const { start, length, factor, skip } = grid
  if (!Number.isInteger(factor) || !Number.isInteger(skip)) {
    throw new LlmscaleError(
      'badData',
      'MIXED_STEPS',
      `${describeSteps(table)} and ${describeSteps(coarsest)} do not fit on one grid`,
      [
        'Set forecast.step, which a Prometheus follows, or read one of them.',
        'Write the rows of one of them anew, so that steps begin at the same times.',
      ],
    )
  }
  if (factor === 1) return table
  const place = (step: number) => Math.min(length - 1, Math.max(0, Math.floor((step - skip) / factor)))
  return {
    ...table,
    start,
    stepSeconds,
    length,
    workloads: table.workloads.map((columns) => ({
      ...columns,
      requests: sumSteps(columns.requests, grid),
      inputTokens: sumTokens(columns.inputTokens, columns.tokenRequests, grid),
      outputTokens: sumTokens(columns.outputTokens, columns.tokenRequests, grid),
      tokenRequests: sumSteps(columns.tokenRequests, grid),
      serving: mapServing([columns], (column) =>
        (gauges.has(column) ? lastOfSteps : sumSteps)(columns.serving![column]!, grid),
      ),
      first: place(columns.first),
      last: place(columns.last),
    })),
  }
}

function describeSteps({ inputs, stepSeconds, start }: DemandTable): string {
  const of = inputs[0] === undefined ? '' : ` of ${inputs[0].path}`
  return `steps of ${formatDuration(stepSeconds)} from ${formatInstant(start)} on${of}`
}

const gauges: ReadonlySet<ServingColumn> = new Set(['queuedRequests', 'replicas', 'readyReplicas'])

/** Workloads of a table that one of some texts names: model, model/region or model/region/tenant. */
export function keepWorkloads(table: DemandTable, names: readonly string[]): DemandTable {
  return { ...table, workloads: table.workloads.filter(({ workload }) => isNamed(workload, names)) }
}
