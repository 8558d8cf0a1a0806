import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatTable } from '../../src/cli/table.js'

describe('table', () => {
  it('aligns text left and numbers right', () => {
    expect(
      formatTable(
        [{ header: 'workload' }, { header: 'replicas', align: 'right' }],
        [
          ['m-mid/us-east-1', '4'],
          ['m-large/us-east-1', '12'],
        ],
        80,
      ),
    ).toBe(
      [
        'workload           replicas',
        '-----------------  --------',
        'm-mid/us-east-1           4',
        'm-large/us-east-1        12',
      ].join('\n'),
    )
  })

  it('shortens the widest text in the middle and never a number', () => {
    const table = formatTable(
      [{ header: 'model' }, { header: 'usd', align: 'right' }],
      [[`start${'x'.repeat(200)}end`, '123456.78']],
      40,
    )
    const row = table.split('\n')[2]!
    expect(row).toMatch(/^startx+…x+end +123456\.78$/)
    expect(row.length).toBe(40)
  })

  it('keeps a name with a line end or an escape in its row', () => {
    const table = formatTable([{ header: 'a' }, { header: 'b' }], [['x\nfake  1', '\u001b[31mred']])
    expect(table.split('\n')).toEqual([
      'a          b',
      '---------  -------------',
      'x fake  1  \\u001b[31mred',
    ])
  })

  it('fits the width wherever the text columns can give way', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'B', '-'), maxLength: 60 })
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, fc.nat()), { maxLength: 5 }), (rows) => {
        const columns = [{ header: 'a' }, { header: 'b' }, { header: 'n', align: 'right' as const }]
        const table = formatTable(
          columns,
          rows.map(([a, b, n]) => [a, b, String(n)]),
          80,
        )
        for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
      }),
    )
  })
})
