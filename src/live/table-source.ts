import type { DemandSource, DemandWindow } from '../metrics/demand-source.js'
import { type DemandTable, mapServing, tableAmounts } from '../metrics/demand-table.js'

/** A table that was read once as a source: a window of it is what the source would have given, had it been asked then. */
export function tableSource(name: string, table: DemandTable): DemandSource {
  return { name, read: async (window) => cutTable(table, window) }
}

function cutTable(table: DemandTable, { from, until }: DemandWindow): DemandTable {
  const { start, stepSeconds, length } = table
  const first = from === undefined ? 0 : Math.ceil((from - start) / stepSeconds)
  const over = until === undefined ? length : Math.floor((until - start) / stepSeconds)
  const [least, end] = [Math.max(0, first), Math.min(length, over)]
  const present = table.workloads.flatMap((columns) => {
    const own = knownRange(columns.requests, least, end)
    return own === undefined ? [] : [{ columns, own }]
  })
  const begin = Math.min(end, ...present.map(({ own }) => own.first))
  const last = Math.max(begin - 1, ...present.map(({ own }) => own.last))
  // Copies: who reads demand masks it in place.
  const cut = (column: Float64Array) => column.slice(begin, last + 1)
  return {
    ...table,
    start: start + begin * stepSeconds,
    length: last + 1 - begin,
    findings: [],
    workloads: present.map(({ columns, own }) => ({
      ...columns,
      ...Object.fromEntries(tableAmounts.map((amount) => [amount, cut(columns[amount])])),
      first: own.first - begin,
      last: own.last - begin,
      ...(columns.serving && { serving: mapServing([columns], (column) => cut(columns.serving![column]!)) }),
    })),
  }
}

function knownRange(
  column: Float64Array,
  from: number,
  to: number,
): { first: number; last: number } | undefined {
  let [first, last] = [from, to - 1]
  while (first < to && Number.isNaN(column[first]!)) first++
  while (last >= first && Number.isNaN(column[last]!)) last--
  return first < to ? { first, last } : undefined
}
