/**
 * Rolling origins in steps of one history, ascending. A row is an origin; its forecast of one day ahead is a
 * block, and a block serves later origins once it was observed whole.
 */
export interface OriginGrid {
  origins: number[]
  leads: number
  stepsPerDay: number
  rowsPerDay: number
  /** Blocks of a row: days ahead, the last one perhaps shorter. */
  days: number
}

// Origins a quarter of a day apart: each hour of the day meets the residuals of four, which smooths the few days
// that a short history has.
const mostRowsPerDay = 4
// Rows start after a week, so that no residual comes from a model without a weekly lag; a shorter history gives
// half of itself. Older rows than four weeks tell of another time.
const warmUpDays = 7
const rowDays = 28

/** The grid that ends at step `end` and serves forecasts from origin `first` on. */
export function createOriginGrid(end: number, first: number, leads: number, stepsPerDay: number): OriginGrid {
  const rowsPerDay = [mostRowsPerDay, 2, 1].find((count) => stepsPerDay % count === 0)!
  const earliest = Math.max(stepsPerDay, first - rowDays * stepsPerDay)
  const origins: number[] = []
  for (let origin = end; origin >= earliest; origin -= stepsPerDay / rowsPerDay) origins.unshift(origin)
  return { origins, leads, stepsPerDay, rowsPerDay, days: Math.ceil(leads / stepsPerDay) }
}

/** Whether a row is at the hour of the last one: models are fitted there, and scores taken. */
export function isFitRow({ origins, rowsPerDay }: OriginGrid, row: number): boolean {
  return (origins.length - 1 - row) % rowsPerDay === 0
}

/** The rows that a forecast made at a row looks back on: `first` up to `ends[day]` of those whose day was observed. */
export interface ObservedRows {
  first: number
  ends: number[]
}

export function observedRows({ origins, leads, stepsPerDay, days }: OriginGrid, row: number): ObservedRows {
  const now = origins[row]!
  const earliest = Math.max(Math.min(warmUpDays * stepsPerDay, now / 2), now - rowDays * stepsPerDay)
  const first = origins.findIndex((origin) => origin >= earliest)
  const ends = Array.from({ length: days }, (_, day) => {
    const ahead = Math.min((day + 1) * stepsPerDay, leads)
    let end = first
    while (origins[end]! + ahead <= now) end++
    return end
  })
  return { first, ends }
}
