import type { Series } from './models/point-model.js'
import type { OriginGrid } from './origin-grid.js'
import type { PastErrors } from './rolling-origin.js'

const meanDayDays = 7

/** Mean day of the last week before each row of a grid, by slot of the day. */
export function meanDays({ values }: Series, { origins, slotsPerDay }: OriginGrid): Float64Array[] {
  return origins.map((origin) => {
    const mean = new Float64Array(slotsPerDay)
    const days = Math.min(meanDayDays, Math.floor(origin / slotsPerDay))
    for (let slot = origin - days * slotsPerDay; slot < origin; slot++)
      mean[slot % slotsPerDay]! += values[slot]! / days
    return mean
  })
}

/**
 * What paths scatter around. A point forecast repeats some of the noise of the days before, and errors point back from
 * it: paths that added such errors to the point would scatter too far, and their maxima would be too high. The center
 * lies between the point and the mean day, where past errors no longer depend on the distance of the two (least
 * squares). Moves the past points as well.
 */
export function centerPaths(
  point: Float64Array,
  past: PastErrors,
  days: readonly Float64Array[],
  grid: OriginGrid,
  row: number,
): Float64Array {
  const { slotsPerDay } = grid
  const { origins, leads, points, errors } = past
  const first = row - origins.length
  const distance = (cell: number) => {
    const earlier = Math.floor(cell / leads)
    return points[cell]! - days[first + earlier]![(origins[earlier]! + (cell % leads)) % slotsPerDay]!
  }
  let squares = 0
  let products = 0
  for (let cell = 0; cell < errors.length; cell++) {
    if (Number.isNaN(errors[cell]!)) continue
    const away = distance(cell)
    squares += away * away
    products -= away * errors[cell]!
  }
  const share = squares > 0 ? Math.min(Math.max(products / squares, 0), 1) : 0
  for (let cell = 0; cell < errors.length; cell++) {
    const move = share * distance(cell)
    points[cell]! -= move
    errors[cell]! += move
  }
  const now = grid.origins[row]!
  return point.map((amount, lead) => amount - share * (amount - days[row]![(now + lead) % slotsPerDay]!))
}
