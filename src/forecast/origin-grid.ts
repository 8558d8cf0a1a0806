/**
 * Rolling origins in slots of one history, ascending. A row is an origin; its forecast of one day ahead is a
 * block, and a block serves later origins once it was observed whole.
 */
export interface OriginGrid {
  origins: number[]
  /** Slots ahead that errors are known of. */
  leads: number
  /** Rows that a forecast is asked for, and how many slots ahead. */
  asked: number[]
  slotsAhead: number
  slotsPerDay: number
  rowsPerDay: number
  /** Blocks of a row: days ahead, the last one perhaps shorter. */
  days: number
  /** Slots from the start of a fortnight, the same one for all histories, to slot 0. */
  phase: number
}

// Origins a quarter of a day apart: each hour of the day meets the errors of four, which smooths the few days that a
// short history has.
const mostRowsPerDay = 4
// Rows start after a week, so that no error comes from a model without a weekly lag; a shorter history gives half of
// itself. Older rows than four weeks tell of another time.
const warmUpDays = 7
const rowDays = 28
// Days before an origin on which its score looks: their forecasts look back in turn.
export const scoredDays = 14
// The first of them has at least three days of rows in half of a history.
const leastScoredDays = 6
// Errors further ahead cannot be observed often enough; they grow on as those before.
const mostDays = 14

/** The grid that ends at slot `end` and serves forecasts from some origins, ascending, so many slots ahead. */
export function createOriginGrid(
  end: number,
  askedOrigins: readonly number[],
  slotsAhead: number,
  slotsPerDay: number,
  phase: number,
): OriginGrid {
  const first = askedOrigins[0]!
  const rowsPerDay = [mostRowsPerDay, 2, 1].find((count) => slotsPerDay % count === 0)!
  const earliest = Math.max(
    slotsPerDay,
    Math.min(
      warmUpDays * slotsPerDay,
      Math.max(first - scoredDays * slotsPerDay, Math.min(first, leastScoredDays * slotsPerDay)) / 2,
    ),
    first - (scoredDays + rowDays) * slotsPerDay,
  )
  const origins: number[] = []
  for (let origin = end; origin >= earliest; origin -= slotsPerDay / rowsPerDay) origins.unshift(origin)
  const leads = Math.min(slotsAhead, mostDays * slotsPerDay)
  return {
    origins,
    leads,
    asked: askedOrigins.map((origin) => rowOf(origins, origin)),
    slotsAhead,
    slotsPerDay,
    rowsPerDay,
    days: Math.ceil(leads / slotsPerDay),
    phase,
  }
}

function rowOf(origins: readonly number[], origin: number): number {
  const row = origins.indexOf(origin)
  if (row < 0)
    throw new RangeError('rolling origins must lie a multiple of a quarter of a day before the end')
  return row
}

/**
 * Where a model that rolls over a row was fitted: at the start of the row's fortnight, or of its week while a history is
 * short. It depends on the time alone, so that what is known of past errors is the same whenever it is asked for.
 * @param leastDays of history that the model needs; one that needs a week is fitted every other day during the second
 */
export function fitEnd({ origins, slotsPerDay, phase }: OriginGrid, row: number, leastDays: number): number {
  const origin = origins[row]!
  const least = leastDays * slotsPerDay
  const since = (days: number) => origin - ((origin + phase) % (days * slotsPerDay))
  if (since(14) >= 28 * slotsPerDay) return since(14)
  if (since(7) >= 2 * least) return since(7)
  if (since(2) >= least) return since(2)
  return Math.max(since(1), slotsPerDay)
}

/** The rows that a forecast made at a row looks back on: `first` up to `ends[day]` of those whose day was observed. */
export interface ObservedRows {
  first: number
  ends: number[]
}

export function observedRows({ origins, leads, slotsPerDay, days }: OriginGrid, row: number): ObservedRows {
  const now = origins[row]!
  const earliest = Math.max(Math.min(warmUpDays * slotsPerDay, now / 2), now - rowDays * slotsPerDay)
  const first = origins.findIndex((origin) => origin >= earliest)
  const ends = Array.from({ length: days }, (_, day) => {
    const ahead = Math.min((day + 1) * slotsPerDay, leads)
    let end = first
    while (origins[end]! + ahead <= now) end++
    return end
  })
  return { first, ends }
}
