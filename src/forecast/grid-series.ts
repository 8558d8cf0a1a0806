import type { Series } from './models/point-model.js'
import type { OriginGrid } from './origin-grid.js'

const meanDayDays = 7

/** One metric at slots, and what each row of a grid knows of it. */
export interface GridSeries extends Series {
  /** Mean day of the last week before each row, by slot of the day. */
  meanDays: Float64Array[]
  /** Highest observed amount before each row. */
  highest: Float64Array
}

export function createGridSeries(series: Series, { origins, slotsPerDay }: OriginGrid): GridSeries {
  const { values, observed } = series
  const meanDays = origins.map((origin) => {
    const mean = new Float64Array(slotsPerDay)
    const days = Math.min(meanDayDays, Math.floor(origin / slotsPerDay))
    for (let slot = origin - days * slotsPerDay; slot < origin; slot++)
      mean[slot % slotsPerDay]! += values[slot]! / days
    return mean
  })
  let most = 0
  let slot = 0
  const highest = Float64Array.from(origins, (origin) => {
    for (; slot < origin; slot++) if (observed[slot] === 1) most = Math.max(most, values[slot]!)
    return most
  })
  return { ...series, meanDays, highest }
}
