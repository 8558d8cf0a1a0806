import type { PointModel, Series } from './models/point-model.js'

const profileDays = 7

/**
 * Runs a model on hours and shares each hour out by the mean shape of the last week. What happened in one step of
 * minutes a day or a week ago is mostly noise: on hours models are more accurate, and cheaper to fit.
 */
export function atHours(model: PointModel): PointModel {
  return {
    name: model.name,
    fit(series, end) {
      const stepsPerHour = series.stepsPerDay / 24
      if (stepsPerHour <= 1 || !Number.isInteger(stepsPerHour)) return model.fit(series, end)
      const hours = sumHours(series, end, stepsPerHour)
      const predict = model.fit(hours, hours.values.length)
      if (predict === undefined) return undefined
      return (later, origin, leads) => {
        const past = sumHours(later, origin, stepsPerHour)
        const hourly = predict(past, past.values.length, Math.ceil(leads / stepsPerHour))
        const shares = hourShares(later, origin, stepsPerHour)
        const point = new Float64Array(leads)
        for (let lead = 0; lead < leads; lead++)
          point[lead] = hourly[Math.floor(lead / stepsPerHour)]! * shares[lead % later.stepsPerDay]!
        return point
      }
    },
  }
}

/** Hours are counted back from `end`, so that the last one is complete. */
function sumHours({ values, observed }: Series, end: number, stepsPerHour: number): Series {
  const length = Math.floor(end / stepsPerHour)
  const start = end - length * stepsPerHour
  const hours = { values: new Float64Array(length), observed: new Uint8Array(length), stepsPerDay: 24 }
  for (let hour = 0; hour < length; hour++) {
    let seen = 0
    for (let step = start + hour * stepsPerHour; step < start + (hour + 1) * stepsPerHour; step++) {
      hours.values[hour]! += values[step]!
      seen += observed[step]!
    }
    if (2 * seen > stepsPerHour) hours.observed[hour] = 1
  }
  return hours
}

/** Each step's share of its hour over the last days, for the day that starts at `origin`. */
function hourShares({ values, stepsPerDay }: Series, origin: number, stepsPerHour: number): Float64Array {
  const shares = new Float64Array(stepsPerDay)
  for (let back = stepsPerDay; back <= Math.min(origin, profileDays * stepsPerDay); back += stepsPerDay)
    for (let step = 0; step < stepsPerDay; step++) shares[step]! += values[origin - back + step]!
  for (let hour = 0; hour < 24; hour++) {
    const steps = shares.subarray(hour * stepsPerHour, (hour + 1) * stepsPerHour)
    const sum = steps.reduce((total, share) => total + share, 0)
    for (let step = 0; step < stepsPerHour; step++)
      steps[step] = sum > 0 ? steps[step]! / sum : 1 / stepsPerHour
  }
  return shares
}
