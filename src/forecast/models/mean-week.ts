import type { PointModel } from './point-model.js'

const weekDays = 7
// A week counts this much of the one after it.
const decay = 0.9

/**
 * The mean of the same hour of all past weeks, of square roots, recent ones first. Where weeks are alike nothing that
 * follows the last days comes near it. Later weeks than the first repeat it.
 */
export const meanWeek: PointModel = {
  name: 'mean-week',
  fit({ stepsPerDay }, end) {
    const week = weekDays * stepsPerDay
    if (end < week + stepsPerDay) return undefined
    return ({ values }, origin, leads) =>
      Float64Array.from({ length: leads }, (_, lead) => {
        let sum = 0
        let weights = 0
        for (let at = origin + (lead % week) - week, weight = 1; at >= 0; at -= week, weight *= decay) {
          sum += weight * Math.sqrt(Math.max(0, values[at]!))
          weights += weight
        }
        return (sum / weights) ** 2
      })
  },
}
