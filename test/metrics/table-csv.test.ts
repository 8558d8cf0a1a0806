import { describe, expect, it } from 'vitest'
import type { DemandTable } from '../../src/metrics/demand-table.js'
import { histogramCsv, knownDays, tableCsv } from '../../src/metrics/table-csv.js'
import { tableOf, tableStart } from './table-fixture.js'

const textOf = (parts: Iterable<string>) => [...parts].join('')
const amountsOf = (table: DemandTable) =>
  textOf(tableCsv(table))
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').slice(4, 7).join(','))

describe('tableCsv', () => {
  it('has a row for each step that is known, in the columns of the contract', () => {
    const table = tableOf({ 'a/r': [1, null], 'b/r/team "x"': [0, 2] })
    expect(textOf(tableCsv(table))).toBe(
      `timestamp,model,region,tenant,requests,input_tokens,output_tokens,cached_input_tokens,served_requests,rejected_requests,queued_requests,replicas,ready_replicas
2026-01-05T00:00:00Z,a,r,,1,10,5,,,,,,
2026-01-05T00:00:00Z,b,r,"team ""x""",0,0,0,,,,,,
2026-01-05T00:05:00Z,b,r,"team ""x""",2,20,10,,,,,,
`,
    )
  })

  it('lets tokens that are known of some requests stand for all, and leaves others empty', () => {
    const table = tableOf({ 'a/r': [10, 10, 0] })
    const [columns] = table.workloads
    columns!.tokenRequests.set([4, 0, 0])
    columns!.inputTokens.set([40, 0, Number.NaN])
    columns!.outputTokens.set([8, Number.NaN, 0])
    expect(amountsOf(table)).toEqual(['10,100,20', '10,,', '0,0,0'])
  })

  it('gives a window, and parts that are never long', () => {
    const day = tableOf({ 'a/r': Array(3 * 288).fill(7) })
    const second = tableCsv(day, tableStart + 86_400, tableStart + 2 * 86_400)
    const lines = textOf(second).trimEnd().split('\n')
    expect(lines).toHaveLength(1 + 288)
    expect([lines[1], lines.at(-1)]).toEqual([
      expect.stringMatching(/^2026-01-06T00:00:00Z/),
      expect.stringMatching(/^2026-01-06T23:55:00Z/),
    ])
    const fleet = tableOf(
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`m${index}/r`, Array(288).fill(7)])),
    )
    const parts = [...tableCsv(fleet)]
    expect(parts.length).toBeGreaterThan(3)
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(2e6)
    expect(parts.join('').split('\n')).toHaveLength(1 + 300 * 288 + 1)
  })
})

describe('histogramCsv', () => {
  it('has a row for each bucket that holds something', () => {
    const table = tableOf({ 'a,b/r': [1], 'c/r': [1] })
    table.workloads[0]!.histograms = [
      {
        metric: 'input_tokens',
        day: tableStart,
        upperBounds: Float64Array.of(1, 2, Number.POSITIVE_INFINITY),
        counts: Float64Array.of(3, 0, 0.5),
      },
    ]
    expect(textOf(histogramCsv(table))).toBe(
      `day,model,region,tenant,metric,upper_bound,count
2026-01-05,"a,b",r,,input_tokens,1,3
2026-01-05,"a,b",r,,input_tokens,Infinity,0.5
`,
    )
  })
})

describe('knownDays', () => {
  it('names days in which something is known, and when the first begins', () => {
    const hours = [...Array(30).fill(null), 1, ...Array(30).fill(null), 2]
    const table = tableOf({ 'a/r': hours, 'b/r': hours.with(33, 3) }, { stepSeconds: 3600 })
    expect(knownDays(table)).toEqual({
      days: [tableStart + 86_400, tableStart + 2 * 86_400],
      from: tableStart + 30 * 3600,
    })
    expect(knownDays(tableOf({ 'a/r': [null] }))).toEqual({ days: [], from: undefined })
  })
})
