import type { Hold } from '../planning/hold.js'
import type { Table } from './table.js'

/** A hold as it is listed. One that cannot be read holds too. */
export interface ListedHold {
  name: string
  state: 'in force' | 'ended' | 'unreadable'
  hold: Hold | undefined
}

/** A row for each hold: who holds what back, until when and why. */
export function tabulateHolds(holds: readonly ListedHold[]): Table {
  return {
    columns: [
      { header: 'Hold' },
      { header: 'State' },
      { header: 'By' },
      { header: 'Until' },
      { header: 'Except plan' },
      { header: 'Reason' },
    ],
    rows: holds.map(({ name, state, hold }) => [
      name,
      state,
      hold?.by ?? '',
      hold === undefined ? '' : (hold.until ?? 'until removed'),
      hold?.except?.slice(0, 12) ?? '',
      hold?.reason ?? 'it is not {reason, by, until, except}: it holds until it is mended or removed',
    ]),
  }
}
