import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import type { DemandHistory } from '../../src/metrics/demand-history.js'

/** A run of steps that a rule calls an anomaly: `from` inclusive, `to` exclusive. */
export interface FoundEpisode {
  from: number
  to: number
}

/**
 * What monitoring often has: requests above mean + 3 standard deviations of the same hour of the day on all days, or
 * of the hour before where there are no three days; runs an hour (on fine steps two minutes) apart are one.
 */
export function findThreeSigma({ workloads, length, stepSeconds }: DemandHistory): FoundEpisode[] {
  const total = new Float64Array(length)
  for (const { requests } of workloads)
    for (let step = 0; step < length; step++) total[step]! += requests[step]!
  const hasDays = length * stepSeconds >= 3 * secondsPerDay
  const limits = hasDays ? limitsByHour(total, stepSeconds) : limitsByLastHour(total, stepSeconds)
  const mergeSteps = Math.ceil((stepSeconds <= 15 ? 120 : secondsPerHour) / stepSeconds)
  const episodes: FoundEpisode[] = []
  for (let step = 0; step < length; step++) {
    if (!(total[step]! > limits[step]!)) continue
    const last = episodes.at(-1)
    if (last !== undefined && step - last.to < mergeSteps) last.to = step + 1
    else episodes.push({ from: step, to: step + 1 })
  }
  return episodes
}

function limitsByHour(total: Float64Array, stepSeconds: number): Float64Array {
  const hourOf = (step: number) => Math.floor(((step * stepSeconds) % secondsPerDay) / secondsPerHour)
  const byHour = Array.from({ length: 24 }, () => [] as number[])
  total.forEach((value, step) => {
    if (!Number.isNaN(value)) byHour[hourOf(step)]!.push(value)
  })
  const limits = byHour.map(meanAndThreeSigma)
  return total.map((_, step) => limits[hourOf(step)]!)
}

function limitsByLastHour(total: Float64Array, stepSeconds: number): Float64Array {
  const reach = Math.round(secondsPerHour / stepSeconds)
  return total.map((_, step) => {
    const before = [...total.subarray(Math.max(0, step - reach), step)].filter((each) => !Number.isNaN(each))
    return before.length < 20 ? Number.POSITIVE_INFINITY : meanAndThreeSigma(before)
  })
}

function meanAndThreeSigma(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const variance =
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return mean + 3 * Math.sqrt(variance)
}
