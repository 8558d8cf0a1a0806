import type { PointModel } from './point-model.js'

const weekDays = 7
// A week counts this much of the one after it.
const decay = 0.9

/**
 * The mean of the same hour of all past weeks, of square roots, recent ones first. Where weeks are alike nothing that
 * follows the last days comes near it. Later weeks than the first repeat it.
 */
export const meanWeek = createMeanWeek('mean-week', false)

/** The same, lifted by what the last week was above the mean of those before it. */
export const meanWeekLifted = createMeanWeek('mean-week-lifted', true)

function createMeanWeek(name: string, isLifted: boolean): PointModel {
  return {
    name,
    fit({ stepsPerDay }, end) {
      const week = weekDays * stepsPerDay
      if (end < week + stepsPerDay) return undefined
      return ({ values }, origin, leads) => {
        const roots = Float64Array.from(values.subarray(0, origin), (value) => Math.sqrt(Math.max(0, value)))
        const lift = isLifted ? meanLift(roots, week) : 0
        return Float64Array.from({ length: leads }, (_, lead) => {
          const before = origin + (lead % week) - week
          return Math.max(0, meanBack(roots, before, week) + lift) ** 2
        })
      }
    },
  }
}

/** Mean of a step and of those whole weeks before it. */
function meanBack(roots: Float64Array, step: number, week: number): number {
  let sum = 0
  let weights = 0
  for (let at = step, weight = 1; at >= 0; at -= week, weight *= decay) {
    sum += weight * roots[at]!
    weights += weight
  }
  return sum / weights
}

function meanLift(roots: Float64Array, week: number): number {
  const first = Math.max(week, roots.length - week)
  let sum = 0
  for (let step = first; step < roots.length; step++) sum += roots[step]! - meanBack(roots, step - week, week)
  return sum / (roots.length - first)
}
