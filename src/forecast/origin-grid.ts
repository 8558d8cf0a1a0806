/**
 * Rolling origins in slots of one history, ascending. A row is an origin; its forecast of one day ahead is a
 * block, and a block serves later origins once it was observed whole.
 */
export interface OriginGrid {
  origins: number[]
  /** Slots ahead that are rolled. */
  leads: number
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

/** The grid that ends at slot `end` and serves forecasts from origin `first` on. */
export function createOriginGrid(
  end: number,
  first: number,
  slotsAhead: number,
  slotsPerDay: number,
  phase: number,
): OriginGrid {
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
  return { origins, leads, slotsPerDay, rowsPerDay, days: Math.ceil(leads / slotsPerDay), phase }
}

/**
 * Where the models that roll over a row were fitted: at the start of its fortnight, or of its week
 * or every other day while a history is short.
 * It depends on the time alone, so that what is known of past errors is the same whenever it is asked for; a forecast
 * made at the end of a history is fitted up to that end besides, one of an earlier origin is not.
 */
export function fitEnd({ origins, slotsPerDay, phase }: OriginGrid, row: number): number {
  const origin = origins[row]!
  const since = (period: number) => origin - ((origin + phase) % period)
  const fortnight = since(14 * slotsPerDay)
  if (fortnight >= 4 * warmUpDays * slotsPerDay) return fortnight
  const week = since(7 * slotsPerDay)
  if (week >= 2 * warmUpDays * slotsPerDay) return week
  const two = since(2 * slotsPerDay)
  if (two >= warmUpDays * slotsPerDay) return two
  return Math.max(since(slotsPerDay), slotsPerDay)
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
