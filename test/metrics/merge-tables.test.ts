import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import type { DemandSource } from '../../src/metrics/demand-source.js'
import { mergeTables } from '../../src/metrics/merge-tables.js'
import { readDemand, readTable } from '../../src/metrics/read-demand.js'
import { nameWorkloads, renameWorkload } from '../../src/metrics/rename-workloads.js'
import { findSilence } from '../../src/metrics/silence.js'
import { aliasTenant } from '../../src/metrics/tenant-alias.js'
import { requestsOf, sourceOf, tableOf, tableStart } from './table-fixture.js'

describe('mergeTables', () => {
  it('takes each step from the first source that has it, and never adds', () => {
    const merged = mergeTables([
      tableOf({ 'a/r': [1, null, 3] }),
      tableOf({ 'a/r': [10, 20, 30, 40], 'b/r': [5, 5, 5, 5] }),
    ])
    expect(requestsOf(merged)).toEqual({ 'a/r': [1, 20, 3, 40], 'b/r': [5, 5, 5, 5] })
    expect(merged.workloads[0]).toMatchObject({ first: 0, last: 3 })
    expect([...merged.workloads[0]!.inputTokens]).toEqual([10, 200, 30, 400])
  })

  it('places sources by time, with what lies between them unknown', () => {
    const late = tableOf({ 'a/r': [7, 8] }, { start: tableStart + 4 * 300 })
    expect(requestsOf(mergeTables([late, tableOf({ 'a/r': [1, 2] })]))).toEqual({
      'a/r': [1, 2, null, null, 7, 8],
    })
  })

  it('brings a finer source to the coarser step; a step that lacks a part is unknown', () => {
    const fine = tableOf({ 'a/r': [1, 2, 3, null, 5, 6] })
    const coarse = tableOf({ 'b/r': [9, 9, 9] }, { stepSeconds: 600 })
    const merged = mergeTables([fine, coarse])
    expect(merged.stepSeconds).toBe(600)
    expect(requestsOf(merged)).toEqual({ 'a/r': [3, null, 11], 'b/r': [9, 9, 9] })
  })

  it('refuses steps that do not fit together', () => {
    const tables = [
      tableOf({ 'a/r': [1] }, { stepSeconds: 300 }),
      tableOf({ 'b/r': [1] }, { stepSeconds: 420 }),
    ]
    expect(() => mergeTables(tables)).toThrow(
      expect.objectContaining({
        code: 'MIXED_STEPS',
        message: expect.stringMatching(/steps of 5m from .* and steps of 7m from/),
      }),
    )
  })

  it('keeps the tokens that are known where a step becomes coarser', () => {
    const fine = tableOf({ 'a/r': [1, 2, 3, 4, 5, 6] })
    const [columns] = fine.workloads
    for (const step of [1, 2, 3]) {
      columns!.tokenRequests[step] = 0
      columns!.inputTokens[step] = Number.NaN
    }
    const merged = mergeTables([fine, tableOf({ 'b/r': [9, 9, 9] }, { stepSeconds: 600 })])
    expect([...merged.workloads[0]!.requests]).toEqual([3, 7, 11])
    expect([...merged.workloads[0]!.tokenRequests]).toEqual([1, 0, 11])
    expect([...merged.workloads[0]!.inputTokens]).toEqual([10, Number.NaN, 110])
  })

  it('keeps the times at which coarse steps begin, such as local midnight', () => {
    const localDays = tableOf({ 'a/r': [100, 200] }, { start: tableStart + 16 * 3600, stepSeconds: 86_400 })
    const hours = tableOf({ 'b/r': Array(72).fill(1) }, { stepSeconds: 3600 })
    const merged = mergeTables([hours, localDays])
    expect(merged.start).toBe(tableStart + 16 * 3600)
    expect(requestsOf(merged)).toEqual({ 'a/r': [100, 200], 'b/r': [24, 24] })
  })

  it.each([
    ['equal steps', 3600],
    ['a finer step', 1200],
  ])('refuses %s that begin at other times', (_, stepSeconds) => {
    const half = tableOf({ 'a/r': [1, 2, 3] }, { start: tableStart + 1800, stepSeconds: 3600 })
    const whole = tableOf({ 'b/r': [1, 2, 3] }, { stepSeconds })
    expect(() => mergeTables([half, whole])).toThrow(
      expect.objectContaining({
        code: 'MIXED_STEPS',
        message: expect.stringMatching(/steps of 1h from 2026-01-05T00:30:00Z on/),
      }),
    )
  })

  it('leaves out what fills no coarse step', () => {
    const minutes = tableOf({ 'a/r': [1, 1, 1] }, { start: tableStart + 300 })
    const merged = mergeTables([minutes, tableOf({ 'b/r': [9, 9] }, { stepSeconds: 3600 })])
    expect(requestsOf(merged)).toEqual({ 'b/r': [9, 9] })
  })

  it('merged with itself is itself; whatever the order, values come from some source', () => {
    const amounts = fc.array(fc.option(fc.nat(1000), { nil: null }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        const [left, right] = [tableOf({ 'a/r': [...a, 1] }), tableOf({ 'a/r': [...b, 1] })]
        expect(requestsOf(mergeTables([left, left]))).toEqual(requestsOf(left))
        const merged = requestsOf(mergeTables([left, right]))['a/r']!
        merged.forEach((value, step) => {
          expect(value).toBe(requestsOf(left)['a/r']![step] ?? requestsOf(right)['a/r']![step] ?? null)
        })
      }),
    )
  })
})

describe('readDemand at a coarser step', () => {
  const coarsen = async (start: number, stepSeconds: number) => {
    const source = sourceOf(tableOf({ 'a/r': Array(60).fill(1) }, { start, stepSeconds: 3600 }))
    return (await readDemand({ sources: [{ source }], stepSeconds })).history
  }

  it('begins on whole steps where the rows do', async () => {
    expect(await coarsen(tableStart + 3600, 86_400)).toMatchObject({ start: tableStart + 86_400, length: 1 })
  })

  it('begins at the first row after them where no row is on them', async () => {
    const history = await coarsen(tableStart - 1800, 86_400)
    expect(history).toMatchObject({ start: tableStart + 1800, length: 2 })
    expect([...history.workloads[0]!.requests]).toEqual([24, 24])
  })
})

describe('names of workloads', () => {
  it('joins what a label that changed has parted, and adds both while replicas roll over', () => {
    const table = tableOf({ 'new/r': [null, 2, 3], 'old/r': [1, 1, null] })
    const joined = nameWorkloads(table, (workload) => renameWorkload(workload, { model: { old: 'new' } }))
    expect(requestsOf(joined)).toEqual({ 'new/r': [1, 3, 3] })
    expect([...joined.workloads[0]!.inputTokens]).toEqual([10, 30, 30])
  })

  it('renames what carries the name of an object’s own property', () => {
    const { model } = renameWorkload({ model: 'constructor', region: 'r' }, { model: {} })
    expect(model).toBe('constructor')
  })

  it('keeps workloads in order after a rename', () => {
    const table = tableOf({ 'a/r': [1], 'b/r': [2] })
    const renamed = nameWorkloads(table, (workload) => renameWorkload(workload, { model: { a: 'z' } }))
    expect(Object.keys(requestsOf(renamed))).toEqual(['b/r', 'z/r'])
  })

  it('gives tenants stable aliases that depend on the key', () => {
    expect(aliasTenant('acme')).toBe(aliasTenant('acme'))
    expect(aliasTenant('acme')).toMatch(/^tenant-[0-9a-f]{12}$/)
    expect(aliasTenant('acme', 'secret')).not.toBe(aliasTenant('acme'))
    expect(aliasTenant('acme')).not.toBe(aliasTenant('acne'))
    expect(aliasTenant(aliasTenant('acme', 'secret'))).toBe(aliasTenant('acme', 'secret'))
  })
})

describe('several sources', () => {
  const from = tableStart + 2 * 300

  it('give a part of the time or of the workloads each', async () => {
    const asked: unknown[] = []
    const old = sourceOf(tableOf({ 'a/r': [1, 1], 'b/r': [2, 2] }))
    const { history } = await readDemand({
      sources: [
        {
          source: {
            name: 'old',
            read: (window) => {
              asked.push(window)
              return old.read(window)
            },
          },
          until: from,
          workloads: ['a'],
        },
        { source: sourceOf(tableOf({ 'a/r': [3, 3], 'b/r': [4, 4] }, { start: from })), from },
      ],
      stepSeconds: 300,
    })
    expect(asked).toEqual([{ from: undefined, until: from, stepSeconds: 300 }])
    expect(history.workloads.map(({ requests }) => [...requests])).toEqual([
      [1, 1, 3, 3],
      [Number.NaN, Number.NaN, 4, 4],
    ])
  })

  it('go on without one that has nothing in the window, and say so; a fault is a fault', async () => {
    const failing = (code: string): DemandSource => ({
      name: 'failing',
      read: () => Promise.reject(new LlmscaleError('badData', code, 'archive: too short')),
    })
    const good = { source: sourceOf(tableOf({ 'a/r': [1] })) }
    const table = await readTable({ sources: [{ source: failing('HISTORY_TOO_SHORT') }, good] })
    expect(requestsOf(table)).toEqual({ 'a/r': [1] })
    expect(table.findings).toEqual([
      { code: 'SOURCE_EMPTY', message: 'A source gave nothing: archive: too short.' },
    ])
    for (const sources of [[{ source: failing('FILE_MISSING') }, good], [{ source: failing('NO_SAMPLES') }]])
      await expect(readTable({ sources })).rejects.toMatchObject({ message: 'archive: too short' })
  })

  it('are refused where an environment has none', async () => {
    await expect(readTable({ sources: [] })).rejects.toMatchObject({ code: 'NO_SOURCE', exitCode: 3 })
  })

  it('are refused where none has anything', async () => {
    await expect(readTable({ sources: [{ source: sourceOf(tableOf({})) }] })).rejects.toMatchObject({
      code: 'NO_ROWS',
    })
  })
})

describe('findSilence', () => {
  const steps = (count: number, value: number | null) => Array<number | null>(count).fill(value)

  it('names a workload that stopped while the others go on', () => {
    const table = tableOf({ 'a/r': steps(48, 9), 'b/r': [...steps(24, 9), ...steps(24, null)] })
    const findings = findSilence(table, tableStart + 48 * 300)
    expect(findings).toEqual([
      { code: 'WORKLOAD_SILENT', message: expect.stringMatching(/^b\/r stopped reporting: .*2h/) },
    ])
  })

  it('bears pauses that a workload is used to', () => {
    const bursty = [...steps(2, 9), ...steps(30, 0), ...steps(2, 9), ...steps(30, null)]
    const table = tableOf({ 'a/r': steps(64, 9), 'b/r': bursty })
    expect(findSilence(table, tableStart + 64 * 300)).toEqual([])
  })
})
