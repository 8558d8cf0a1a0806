import type { Series } from './models/point-model.js'

/**
 * Gives every masked or missing point the value of the same time a day before (the last value, on the first
 * day), so that lags can reach across gaps. Only the past is read: a forecast from an earlier origin sees the
 * same values.
 */
export function bridgeGaps(amounts: Float64Array, mask: Uint8Array, stepsPerDay: number): Series {
  const values = Float64Array.from(amounts)
  const observed = new Uint8Array(amounts.length)
  for (let step = 0; step < values.length; step++) {
    if (mask[step] === 0 && Number.isFinite(values[step]!)) observed[step] = 1
    else values[step] = values[step - stepsPerDay] ?? values[step - 1] ?? 0
  }
  return { values, observed, stepsPerDay }
}
