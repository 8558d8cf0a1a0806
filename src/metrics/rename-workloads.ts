import { type Workload, workloadId } from '../kit/workload.js'
import { type DemandTable, inOrder, mapServing, type TableColumns, tableAmounts } from './demand-table.js'
import { addHistograms, type DayHistogram } from './histogram.js'

/** What the metrics once called a model, region or tenant → its name today. */
export interface Renames {
  model?: Readonly<Record<string, string>> | undefined
  region?: Readonly<Record<string, string>> | undefined
  tenant?: Readonly<Record<string, string>> | undefined
}

/** The workload under its names of today. */
export function renameWorkload({ model, region, tenant }: Workload, renames: Renames): Workload {
  return {
    model: rename(model, renames.model),
    region: rename(region, renames.region),
    ...(tenant !== undefined && { tenant: rename(tenant, renames.tenant) }),
  }
}

function rename(name: string, names: Renames['model'] = {}): string {
  return Object.hasOwn(names, name) ? names[name]! : name
}

/**
 * A table whose workloads have other names. Those that come to share a name are parts of one workload, as while
 * replicas roll from one label to the next, and are added up.
 */
export function nameWorkloads(table: DemandTable, nameOf: (workload: Workload) => Workload): DemandTable {
  const byId = new Map<string, TableColumns[]>()
  for (const columns of table.workloads) {
    const workload = nameOf(columns.workload)
    const id = workloadId(workload)
    byId.set(id, [...(byId.get(id) ?? []), { ...columns, workload }])
  }
  return { ...table, workloads: inOrder([...byId.values()].map(addParts)) }
}

function addParts(parts: TableColumns[]): TableColumns {
  const [first] = parts as [TableColumns]
  if (parts.length === 1) return first
  const add = (columns: (Float64Array | undefined)[]) =>
    Float64Array.from(first.requests, (_, step) => {
      const known = columns
        .map((column) => column?.[step] ?? Number.NaN)
        .filter((each) => !Number.isNaN(each))
      return known.length === 0 ? Number.NaN : known.reduce((sum, each) => sum + each, 0)
    })
  const sum: TableColumns = { ...first }
  for (const amount of tableAmounts) sum[amount] = add(parts.map((part) => part[amount]))
  sum.serving = mapServing(parts, (column) => add(parts.map(({ serving }) => serving?.[column])))
  sum.histograms = groupByDay(parts.flatMap(({ histograms = [] }) => histograms))
  sum.first = Math.min(...parts.map((part) => part.first))
  sum.last = Math.max(...parts.map((part) => part.last))
  sum.duplicates = parts.reduce((total, part) => total + part.duplicates, 0)
  return sum
}

function groupByDay(histograms: DayHistogram[]): DayHistogram[] {
  const byDay = new Map<string, DayHistogram[]>()
  for (const each of histograms) {
    const key = `${each.day} ${each.metric}`
    byDay.set(key, [...(byDay.get(key) ?? []), each])
  }
  return [...byDay.values()].map((same) => ({ ...same[0]!, ...addHistograms(same) }))
}
