import type { PointModel, Series } from './point-model.js'

const days = 7

/** Demand stays at the level of the last half hour: of a slot's past, its last steps say most about the next one. */
export const lastLevel: PointModel = {
  name: 'last-level',
  fit: ({ levels }) =>
    levels === undefined
      ? undefined
      : (series, origin, leads) => new Float64Array(leads).fill(series.levels![origin]!),
}

/** From the level of the last half hour demand goes on as on the mean of the last seven days. */
export const lastLevelOfDay: PointModel = {
  name: 'last-level-of-day',
  fit: ({ levels, stepsPerDay }, end) =>
    levels === undefined || end < 2 * stepsPerDay ? undefined : continueDay,
}

function continueDay({ values, levels, stepsPerDay }: Series, origin: number, leads: number): Float64Array {
  const level = levels![origin]!
  const sums = new Float64Array(Math.min(leads, stepsPerDay))
  let then = 0
  for (
    let past = origin - stepsPerDay;
    past > 0 && past >= origin - days * stepsPerDay;
    past -= stepsPerDay
  ) {
    then += levels![past]!
    for (let lead = 0; lead < sums.length; lead++) sums[lead]! += values[past + lead]!
  }
  let highest = 0
  for (let step = 0; step < origin; step++) highest = Math.max(highest, values[step]!)
  return Float64Array.from({ length: leads }, (_, lead) =>
    then > 0 ? Math.min((level * sums[lead % stepsPerDay]!) / then, 2 * highest) : level,
  )
}
