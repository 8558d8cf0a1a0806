import type { PointModel, Predict } from './point-model.js'

/** Tomorrow is like today. */
export const seasonalNaiveDay: PointModel = {
  name: 'seasonal-naive-day',
  fit: (series, end) => (end >= series.stepsPerDay ? repeat(series.stepsPerDay) : undefined),
}

/** Next week is like this week. */
export const seasonalNaiveWeek: PointModel = {
  name: 'seasonal-naive-week',
  fit: (series, end) => (end >= 7 * series.stepsPerDay ? repeat(7 * series.stepsPerDay) : undefined),
}

/** Every step ahead is like the last one. */
export const persistence: PointModel = {
  name: 'persistence',
  fit: (_series, end) => (end >= 1 ? repeat(1) : undefined),
}

function repeat(season: number): Predict {
  return ({ values }, origin, leads) => {
    const point = new Float64Array(leads)
    for (let lead = 0; lead < leads; lead++) point[lead] = values[origin - season + (lead % season)]!
    return point
  }
}
