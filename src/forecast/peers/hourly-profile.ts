import type { PointModel } from '../models/point-model.js'

const profileDays = 14
const refreshesPerDay = 4

/**
 * A profile by hour, as AWS's predictive scaling is described: at most the last 14 days, an hourly forecast for 48 hours,
 * daily and weekly patterns, made anew every 6 hours. Its model is not published; this stand-in takes the mean of the same
 * hour of the week where two weeks are known, else of the same hour of the day.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/predictive-scaling-policy-overview.html
 */
export const hourlyProfile: PointModel = {
  name: 'aws-hourly-profile',
  fit: (series, end) => {
    if (end < series.stepsPerDay) return undefined
    return ({ values, observed, stepsPerDay }, origin, leads) => {
      const refresh = Math.max(1, Math.floor(stepsPerDay / refreshesPerDay))
      const made = Math.max(stepsPerDay, origin - (origin % refresh))
      const days = made >= profileDays * stepsPerDay ? 7 : 1
      const season = days * stepsPerDay
      const first = Math.max(0, made - profileDays * stepsPerDay)
      const point = new Float64Array(leads)
      const perHour = Math.max(1, Math.floor(stepsPerDay / 24))
      for (let lead = 0; lead < leads; lead++) {
        const hour = origin + lead - ((origin + lead) % perHour)
        let sum = 0
        let count = 0
        for (let past = hour - season; past >= first; past -= season) {
          if (past + perHour > made) continue
          for (let step = past; step < past + perHour; step++) {
            sum += values[step]! * observed[step]!
            count += observed[step]!
          }
        }
        point[lead] = count > 0 ? sum / count : values[made - 1]!
      }
      return point
    }
  },
}
