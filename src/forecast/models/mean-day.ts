import type { PointModel } from './point-model.js'

const days = 7

/** Every day ahead is like the mean of the last seven. */
export const meanDay: PointModel = {
  name: 'mean-day',
  fit: ({ stepsPerDay }, end) =>
    end < stepsPerDay
      ? undefined
      : ({ values }, origin, leads) => {
          const count = Math.min(days, Math.floor(origin / stepsPerDay))
          const mean = new Float64Array(stepsPerDay)
          for (let step = origin - count * stepsPerDay; step < origin; step++)
            mean[(step - origin + count * stepsPerDay) % stepsPerDay]! += values[step]! / count
          return Float64Array.from({ length: leads }, (_, lead) => mean[lead % stepsPerDay]!)
        },
}
