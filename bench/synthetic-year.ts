import { createRandom, type Random } from '../src/kit/random.js'
import { secondsPerDay, secondsPerHour } from '../src/kit/units.js'
import type { DemandHistory, WorkloadDemand } from '../src/metrics/demand-history.js'

// A year as a fleet may see it: days and weeks, a drift over months, growth, launches and losses that stay, holidays,
// busy weeks, single bursts. Nothing of it is measured.

interface YearWorkload {
  model: string
  peakRequestsPerSecond: number
  /** Share of the weekday's level that weekends have. */
  weekend: number
  /** Width of the morning's rise in hours. */
  rise: number
  /** Deviation of the drift over months. */
  drift: number
}

const workloads: YearWorkload[] = [
  { model: 'office', peakRequestsPerSecond: 60, weekend: 0.2, rise: 0.15, drift: 0.1 },
  { model: 'consumer', peakRequestsPerSecond: 60, weekend: 0.9, rise: 2, drift: 0.15 },
]

const stepSeconds = secondsPerHour / 2
const stepsPerDay = secondsPerDay / stepSeconds

/** Demand of `days` days by hours, from a Monday on; the same seed gives the same year. */
export function synthesizeYear(seed: number, days: number): DemandHistory {
  const length = days * stepsPerDay
  return {
    // 2024-01-01 was a Monday.
    start: 1_704_067_200,
    stepSeconds,
    length,
    workloads: workloads
      .map((entry, index) => synthesize(entry, length, createRandom(seed * 7919 + index)))
      .sort((a, b) => (a.workload.model < b.workload.model ? -1 : 1)),
  }
}

function synthesize(entry: YearWorkload, length: number, random: Random): WorkloadDemand {
  const levels = drawLevels(entry, length / stepsPerDay, random)
  const requests = new Float64Array(length)
  let noise = 0
  let burstUntil = 0
  let burst = 1
  for (let step = 0; step < length; step++) {
    noise = 0.8 * noise + 0.05 * random.normal()
    if (step >= burstUntil) burst = 1
    if (random.uniform() < 1 / (20 * stepsPerDay)) {
      burst = 1.3 + 0.7 * random.uniform()
      burstUntil = step + 1 + random.integer(8)
    }
    const day = Math.floor(step / stepsPerDay)
    const hour = ((step % stepsPerDay) + 0.5) * (stepSeconds / secondsPerHour)
    const isWeekend = day % 7 >= 5
    const mean =
      entry.peakRequestsPerSecond *
      stepSeconds *
      levels[day]! *
      (isWeekend ? entry.weekend : 1) *
      shapeAt(hour, entry.rise)
    requests[step] = Math.round(mean * burst * Math.exp(noise))
  }
  return {
    workload: { model: entry.model, region: 'us-east-1' },
    requests,
    inputTokens: requests.map((count) => count * 600),
    outputTokens: requests.map((count) => count * 250),
    tokens: 'assumed',
    mask: new Uint8Array(length),
  }
}

/** Share of the peak by the hour: nights at a tenth. */
function shapeAt(hour: number, rise: number): number {
  const morning = 1 / (1 + Math.exp(-(hour - 9) / rise))
  const evening = 1 / (1 + Math.exp((hour - 19) / (1.5 * rise)))
  return 0.1 + 0.9 * morning * evening
}

/** The level of each day: about four launches or losses a year that stay, two holidays, three busy weeks. */
function drawLevels({ drift }: YearWorkload, days: number, random: Random): Float64Array {
  const levels = new Float64Array(days)
  let slow = 0
  let shift = 1
  const memory = Math.exp(-1 / 30)
  const weeks = (count: number, span: number) =>
    Array.from({ length: count }, () => random.integer(days)).map((from) => ({ from, to: from + span }))
  const holidays = weeks(2, 9)
  const busy = weeks(3, 7)
  const isIn = (spans: { from: number; to: number }[], day: number) =>
    spans.some(({ from, to }) => day >= from && day < to)
  for (let day = 0; day < days; day++) {
    slow = memory * slow + drift * Math.sqrt(1 - memory * memory) * random.normal()
    if (random.uniform() < 4 / 365)
      shift *= random.uniform() < 0.65 ? 1.25 + 0.6 * random.uniform() : 0.6 + 0.2 * random.uniform()
    const growth = 1.006 ** (day / 7)
    levels[day] =
      growth * shift * Math.exp(slow) * (isIn(holidays, day) ? 0.5 : 1) * (isIn(busy, day) ? 1.4 : 1)
  }
  return levels
}
