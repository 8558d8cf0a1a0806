import { createRandom, type Random } from '../kit/random.js'
import { utcOffsetSeconds } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour, secondsPerWeek } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { type DemandHistory, maskReasons, type WorkloadDemand } from './demand-history.js'

// Synthetic demand for demos, tests and simulations. Nothing here is measured: rhythms and lengths are chosen to
// look like what public traces show (office and consumer days, growth, launches, gaps, bursts).

export const scenarioNames = ['weekly-growth', 'launch-and-gap', 'example-fleet'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export interface ScenarioOptions {
  seed: number
  days: number
  stepSeconds: number
  /** Start of the first step. */
  start: EpochSeconds
}

interface ScenarioWorkload {
  workload: Workload
  timeZone: string
  rhythm: 'office' | 'consumer' | 'bursts'
  /** Requests a second at a usual weekday's busiest time, before growth and launch; of bursts the median height. */
  peakRequestsPerSecond: number
  /** Mean tokens of a request. */
  inputTokens: number
  outputTokens: number
  /** Growth in a week, 0.05 = 5 %. */
  weeklyGrowth: number
  /** The level is multiplied by `factor` from this share of the span on. */
  launch?: { after: number; factor: number }
  /** No rows between these shares of the span. */
  gap?: { from: number; to: number }
}

const newYork = { region: 'us-east-1', timeZone: 'America/New_York' }
const dublin = { region: 'eu-west-1', timeZone: 'Europe/Dublin' }

const chat = { model: 'llama-3.1-8b', inputTokens: 850, outputTokens: 240 }
const assistant = { model: 'llama-3.1-70b', inputTokens: 1400, outputTokens: 310 }
const analysis = { model: 'qwen2.5-72b', inputTokens: 2200, outputTokens: 420 }

const scenarios: Record<ScenarioName, ScenarioWorkload[]> = {
  'weekly-growth': [
    { ...at(chat, newYork), rhythm: 'office', peakRequestsPerSecond: 30, weeklyGrowth: 0.06 },
    { ...at(chat, dublin), rhythm: 'consumer', peakRequestsPerSecond: 18, weeklyGrowth: 0.06 },
  ],
  'launch-and-gap': [
    {
      ...at(assistant, newYork),
      rhythm: 'consumer',
      peakRequestsPerSecond: 5,
      weeklyGrowth: 0,
      launch: { after: 0.5, factor: 3 },
      gap: { from: 0.76, to: 0.775 },
    },
  ],
  'example-fleet': [
    { ...at(chat, newYork), rhythm: 'office', peakRequestsPerSecond: 160, weeklyGrowth: 0.03 },
    { ...at(chat, dublin), rhythm: 'office', peakRequestsPerSecond: 90, weeklyGrowth: 0.02 },
    { ...at(assistant, newYork), rhythm: 'consumer', peakRequestsPerSecond: 14, weeklyGrowth: 0.05 },
    {
      ...at(assistant, dublin),
      rhythm: 'consumer',
      peakRequestsPerSecond: 5,
      weeklyGrowth: 0.01,
      launch: { after: 0.43, factor: 2.4 },
    },
    {
      ...at(analysis, newYork),
      rhythm: 'office',
      peakRequestsPerSecond: 24,
      weeklyGrowth: 0.01,
      gap: { from: 0.66, to: 0.672 },
    },
    { ...at(analysis, dublin), rhythm: 'bursts', peakRequestsPerSecond: 3, weeklyGrowth: 0 },
  ],
}

function at(
  { model, ...lengths }: typeof chat,
  { region, timeZone }: typeof newYork,
): Pick<ScenarioWorkload, 'workload' | 'timeZone' | 'inputTokens' | 'outputTokens'> {
  return { workload: { model, region }, timeZone, ...lengths }
}

/** Demand of a scenario: the same options give the same numbers. Whole requests and tokens. */
export function synthesizeDemand(scenario: ScenarioName, options: ScenarioOptions): DemandHistory {
  const { start, stepSeconds } = options
  const length = Math.floor((options.days * secondsPerDay) / stepSeconds)
  const workloads = scenarios[scenario].map((entry, index) =>
    // A generator for each workload, so that one more in a scenario leaves the others as they are.
    synthesizeWorkload(entry, { start, stepSeconds, length }, createRandom(options.seed * 7919 + index)),
  )
  workloads.sort((a, b) => (workloadId(a.workload) < workloadId(b.workload) ? -1 : 1))
  return { start, stepSeconds, length, workloads }
}

type Grid = Pick<DemandHistory, 'start' | 'stepSeconds' | 'length'>

function synthesizeWorkload(entry: ScenarioWorkload, grid: Grid, random: Random): WorkloadDemand {
  const { start, stepSeconds, length } = grid
  const noise = createNoise({ deviation: 0.07, memorySeconds: 1.5 * secondsPerHour }, stepSeconds, random)
  const dayMood = createNoise({ deviation: 0.05, memorySeconds: secondsPerDay }, stepSeconds, random)
  const lengthDrift = createNoise({ deviation: 0.06, memorySeconds: 6 * secondsPerHour }, stepSeconds, random)
  const bursts = entry.rhythm === 'bursts' ? drawBursts(grid, random) : undefined
  const demand: WorkloadDemand = {
    workload: entry.workload,
    requests: new Float64Array(length),
    inputTokens: new Float64Array(length),
    outputTokens: new Float64Array(length),
    tokens: 'measured',
    mask: new Uint8Array(length),
  }
  for (let step = 0; step < length; step++) {
    const instant = start + step * stepSeconds
    const share = step / length
    const growth = (1 + entry.weeklyGrowth) ** ((step * stepSeconds) / secondsPerWeek)
    const launch = entry.launch !== undefined && share >= entry.launch.after ? entry.launch.factor : 1
    const season = bursts?.[step] ?? seasonAt(instant + stepSeconds / 2, entry)
    const variation = Math.exp(noise() + dayMood())
    const mean = entry.peakRequestsPerSecond * stepSeconds * season * growth * launch * variation
    const requests = drawCount(mean, random)
    const drift = Math.exp(lengthDrift())
    const input = drawTotal(requests, entry.inputTokens * drift, random)
    const output = drawTotal(requests, entry.outputTokens * Math.sqrt(drift), random)
    const isMissing = entry.gap !== undefined && share >= entry.gap.from && share < entry.gap.to
    demand.mask[step] = isMissing ? maskReasons.indexOf('gap') : 0
    demand.requests[step] = isMissing ? Number.NaN : requests
    demand.inputTokens[step] = isMissing ? Number.NaN : input
    demand.outputTokens[step] = isMissing ? Number.NaN : output
  }
  return demand
}

/** Share of the peak at an instant, by the hour and day at the workload's place. */
function seasonAt(instant: EpochSeconds, { rhythm, timeZone }: ScenarioWorkload): number {
  const local = instant + utcOffsetSeconds(instant, timeZone)
  const hour = (local % secondsPerDay) / secondsPerHour
  // 1970-01-01 was a Thursday.
  const day = (Math.floor(local / secondsPerDay) + 3) % 7
  const isWeekend = day >= 5
  if (rhythm === 'office') {
    // A shift starts: nearly everybody within a quarter of an hour, which no autoscaler follows without a delay.
    const atWork = rise(hour, 8.6, 0.05) * (1 - rise(hour, 17.8, 0.5))
    const lunch = 1 - 0.18 * Math.exp(-(((hour - 12.6) / 0.6) ** 2))
    return 0.06 + 0.94 * atWork * lunch * (isWeekend ? 0.12 : day === 4 ? 0.88 : 1)
  }
  const evening = 0.5 - 0.5 * Math.cos((2 * Math.PI * (hour - 4.5)) / 24)
  const morning = rise(hour, 7.5, 0.4) * (1 - rise(hour, 23.5, 0.4))
  return (0.12 + 0.5 * evening + 0.38 * morning * evening) * (isWeekend ? 0.85 : 1)
}

/** Logistic step from 0 to 1 around an hour. */
function rise(hour: number, middle: number, width: number): number {
  return 1 / (1 + Math.exp(-(hour - middle) / width))
}

/** Jobs that start at any time, about three a day, of log-normal length and height: nothing to forecast. */
function drawBursts({ length, stepSeconds }: Grid, random: Random): Float64Array {
  const level = new Float64Array(length).fill(0.02)
  let from = 0
  for (;;) {
    from -= (secondsPerDay / 3) * Math.log(1 - random.uniform())
    if (from >= length * stepSeconds) return level
    const to = from + 1.2 * secondsPerHour * Math.exp(0.7 * random.normal())
    const height = Math.exp(0.8 * random.normal())
    for (let step = Math.floor(from / stepSeconds); step < Math.min(length, to / stepSeconds); step++) {
      const covered = Math.min(to, (step + 1) * stepSeconds) - Math.max(from, step * stepSeconds)
      level[step]! += (height * covered) / stepSeconds
    }
  }
}

/** Normal noise of an autoregressive process of first order, whatever the step. */
function createNoise(
  { deviation, memorySeconds }: { deviation: number; memorySeconds: number },
  stepSeconds: number,
  random: Random,
): () => number {
  const memory = Math.exp(-stepSeconds / memorySeconds)
  let value = deviation * random.normal()
  return () => {
    value = memory * value + deviation * Math.sqrt(1 - memory * memory) * random.normal()
    return value
  }
}

/** A Poisson count; above 30 by its normal limit. */
function drawCount(mean: number, random: Random): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()))
  let count = 0
  for (let product = random.uniform(); product > Math.exp(-mean); product *= random.uniform()) count++
  return count
}

/** Total of a count of lengths whose standard deviation equals their mean, by the normal limit. */
function drawTotal(count: number, meanLength: number, random: Random): number {
  return Math.max(count, Math.round(meanLength * (count + Math.sqrt(count) * random.normal())))
}
