import type { PointModel } from '../models/point-model.js'

const averageShare = 0.7
const leastSteps = 3

/**
 * The rule of thumb of many predictive scalers: 0.7 of the mean of the last hour (at least three steps) and 0.3 of the
 * straight line through it, carried on for as long as it was seen.
 */
export const averageAndTrend: PointModel = {
  name: 'average-and-trend',
  fit: ({ stepsPerDay }, end) => {
    if (end < 2) return undefined
    const windowSteps = Math.max(leastSteps, Math.round(stepsPerDay / 24))
    return ({ values }, origin, leads) => {
      const recent = values.subarray(Math.max(0, origin - windowSteps), origin)
      const middle = (recent.length - 1) / 2
      const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length
      let product = 0
      let square = 0
      recent.forEach((value, index) => {
        product += (index - middle) * (value - mean)
        square += (index - middle) ** 2
      })
      const slope = square === 0 ? 0 : product / square
      return Float64Array.from({ length: leads }, (_, lead) => {
        const trend = mean + slope * (middle + 1 + Math.min(lead, windowSteps - 1))
        return Math.max(0, averageShare * mean + (1 - averageShare) * trend)
      })
    }
  },
}
