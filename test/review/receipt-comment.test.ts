import { describe, expect, it } from 'vitest'
import {
  formatReceiptKey,
  writeReceiptComment,
  writeRefusalComment,
} from '../../src/review/receipt-comment.js'

type Receipt = Parameters<typeof writeReceiptComment>[0]

const receipt: Receipt = {
  id: '20261121T080000Z-abcdef',
  environment: 'prod',
  planId: 'ab'.repeat(32),
  by: 'ada (https://github.com/acme/fleet/actions/runs/7)',
  startedAt: '2026-11-21T08:00:00Z',
  finishedAt: '2026-11-21T08:05:00Z',
  state: 'done',
  toolVersion: '0.1.0',
  verdicts: [
    { guard: 'expiry', state: 'passed', message: 'valid' },
    { guard: 'quota', state: 'not-checked', message: 'no credentials' },
  ],
  steps: [
    { stack: 'prod.us-east-1.capacity', step: 'expand', state: 'done', changed: { create: 2 }, error: null },
    { stack: 'prod.us-east-1.serving', step: 'serving', state: 'done', changed: { update: 1 }, error: null },
    { stack: 'prod.us-east-1.capacity', step: 'contract', state: 'pending', changed: {}, error: null },
  ],
}

describe('the comment of a receipt', () => {
  it('says who did what, when, and what each step changed', () => {
    expect(writeReceiptComment(receipt)).toBe(
      [
        '**Applied plan `abababababab` to `prod`**: 2 created, 1 updated; for the next apply: contract of prod.us-east-1.capacity.',
        '',
        'By `ada` ([run](https://github.com/acme/fleet/actions/runs/7)), from 2026-11-21T08:00:00Z to 2026-11-21T08:05:00Z, with llmscale 0.1.0; receipt `20261121T080000Z-abcdef`.',
        '',
        '| step | stack | state | changed |',
        '| --- | --- | --- | --- |',
        '| expand | prod.us-east-1.capacity | done | 2 created |',
        '| serving | prod.us-east-1.serving | done | 1 updated |',
        '| contract | prod.us-east-1.capacity | pending |  |',
        '',
        '- quota **not checked**: no credentials',
        '',
      ].join('\n'),
    )
    expect(formatReceiptKey(receipt)).toBe('<!-- llmscale:receipt prod 20261121T080000Z-abcdef -->')
  })

  it.each([
    ['failed', '**The apply of plan `abababababab` to `prod` failed**: '],
    ['interrupted', '**The apply of plan `abababababab` to `prod` was interrupted**: '],
    ['crashed', '**The apply of plan `abababababab` to `prod` crashed**: '],
    ['running', '**The apply of plan `abababababab` to `prod` has not ended**: '],
  ] as const)('says that a run %s', (state, start) => {
    const text = writeReceiptComment({ ...receipt, state, finishedAt: null, steps: [] })
    expect(text.startsWith(start)).toBe(true)
    expect(text).toContain('since 2026-11-21T08:00:00Z')
  })

  it('lets no foreign text become a link, a mention, a cell or an element', () => {
    const hostile = '<img src=x> @acme/all | [x](javascript:x) --> https://evil.example #1'
    const text = writeReceiptComment({
      ...receipt,
      by: `ada (https://evil.example/x/actions/runs/7?q=) ${hostile}`,
      verdicts: [{ guard: 'cluster', state: 'not-checked', message: hostile }],
      steps: [{ stack: 's', step: 'serving', state: 'failed', changed: {}, error: `${hostile}\nmore` }],
    })
    expect(text).not.toMatch(/(?<!\\)<img|[^`]@acme|(?<!\\)\]\(|https:\/\/evil/)
    const row = text.split('\n').find((line) => line.startsWith('| serving'))!
    expect(row.match(/(?<!\\)\|/g)).toHaveLength(5)
    expect(row).not.toContain('more')
  })

  it('says that an apply did not begin, and why', () => {
    const run = { id: 'refused-7', environment: 'prod', planId: receipt.planId, by: 'ada', verdicts: [] }
    expect(writeRefusalComment(run)).toContain(
      'did not begin**: nothing was changed.\n\nBy `ada`. Its log says why.',
    )
    const verdicts = [{ guard: 'hold', state: 'refused', message: 'held by bob' }] as const
    expect(writeRefusalComment({ ...run, verdicts })).toContain('\n- hold **refused**: held by bob\n')
  })
})
