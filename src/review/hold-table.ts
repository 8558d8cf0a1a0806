import { parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { Hold } from '../planning/hold.js'
import type { Table } from './table.js'

/** A hold as it is listed. One that cannot be read holds too. */
export interface ListedHold {
  name: string
  state: 'in force' | 'ended' | 'unreadable'
  hold: Hold | undefined
}

/** What a hold does at a time; undefined for one that cannot be read. */
export function judgeHold(name: string, hold: Hold | undefined, now: EpochSeconds): ListedHold {
  if (hold === undefined) return { name, hold, state: 'unreadable' }
  const isOver = hold.until !== undefined && now >= parseInstant(hold.until)!
  return { name, hold, state: isOver ? 'ended' : 'in force' }
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
