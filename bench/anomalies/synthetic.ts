import { createRandom, type Random } from '../../src/kit/random.js'
import { secondsPerDay } from '../../src/kit/units.js'
import type { DemandHistory, WorkloadDemand } from '../../src/metrics/demand-history.js'
import { drawCount } from './events.js'

// Demand of many shapes to fit the detector on, so that it learns what surges are and not what one trace is: models
// alone and of many tenants, large and sparse, steady, noisy, and bursty by habit. Nothing of it is measured.

const grids: [stepSeconds: number, steps: number][] = [
  [5, 700],
  [15, 240],
  [15, 1440],
  [300, 2016],
  [600, 1008],
  [600, 2016],
  [1800, 1344],
  [3600, 1008],
]

/** One model, drawn by a seed. */
export function synthesizeModel(seed: number): DemandHistory {
  const random = createRandom(seed * 104_729 + 3)
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const logBetween = (low: number, high: number) => low * (high / low) ** random.uniform()
  const [stepSeconds, length] = grids[random.integer(grids.length)]!
  const tenants = random.uniform() < 0.5 ? 1 : 2 + random.integer(20)
  const hasTokens = random.uniform() < 0.75
  const isSparse = random.uniform() < 0.15
  const mean = isSparse ? logBetween(0.02, 8) : logBetween(8, 20_000)
  const sizes = Array.from(
    { length: tenants },
    (_, index) => (index + 1) ** -1 * Math.exp(0.5 * random.normal()),
  )
  const sum = sizes.reduce((a, b) => a + b, 0)
  const day = { height: between(0, 0.98), peak: random.uniform(), weekend: between(0.2, 1) }
  const whole = drawRoughness(length, random)
  const start = 1_741_046_400
  const workloads = sizes.map((size, index): WorkloadDemand => {
    const own = tenants === 1 ? whole.map(() => 1) : drawRoughness(length, random)
    const lengths = { input: logBetween(100, 4000), output: logBetween(30, 600) }
    const wander = { size: logBetween(0.005, 0.15), input: 0, output: 0 }
    const requests = new Float64Array(length)
    const inputTokens = new Float64Array(length)
    const outputTokens = new Float64Array(length)
    for (let step = 0; step < length; step++) {
      const days = (step * stepSeconds) / secondsPerDay
      const season = 1 + day.height * Math.sin(2 * Math.PI * (days - day.peak))
      const level = days % 7 >= 5 ? day.weekend : 1
      const rate = ((mean * size) / sum) * season * level * whole[step]! * own[step]!
      const count = drawCount(Math.min(rate, 1e7), random)
      requests[step] = count
      if (!hasTokens) continue
      wander.input = 0.9 * wander.input + wander.size * random.normal()
      wander.output = 0.9 * wander.output + wander.size * random.normal()
      const spread = 0.9 / Math.sqrt(Math.max(1, count))
      inputTokens[step] = Math.round(
        count * lengths.input * Math.exp(wander.input + spread * random.normal()),
      )
      outputTokens[step] = Math.round(
        count * lengths.output * Math.exp(wander.output + spread * random.normal()),
      )
    }
    return {
      workload: { model: 'm', region: 'r', ...(tenants > 1 && { tenant: `t${index}` }) },
      requests,
      inputTokens,
      outputTokens,
      tokens: hasTokens ? 'measured' : 'none',
      mask: new Uint8Array(length),
    }
  })
  return { start, stepSeconds, length, workloads }
}

/** Factors of mean 1 or so: noise with a memory, and for some on and off, or bursts. */
function drawRoughness(length: number, random: Random): Float64Array {
  const logBetween = (low: number, high: number) => low * (high / low) ** random.uniform()
  const noise = logBetween(0.02, 0.5)
  const memory = random.uniform() < 0.4 ? 0 : 0.98 * random.uniform()
  const kind = random.uniform()
  const isSwitched = kind < 0.25
  const isBursty = kind > 0.6
  const onSteps = logBetween(1, 30)
  const onShare = 0.1 + 0.8 * random.uniform()
  const burstEvery = logBetween(30, 1000)
  const burstSteps = logBetween(1, 12)
  const burstSize = logBetween(1.3, 12)
  const rate = Float64Array.from({ length }, () => 1)
  let state = 0
  let isOn = true
  let burst = 1
  for (let step = 0; step < length; step++) {
    state = memory * state + Math.sqrt(1 - memory ** 2) * noise * random.normal()
    if (isSwitched) {
      const leave = isOn ? 1 / onSteps : Math.min(1, onShare / (1 - onShare) / onSteps)
      if (random.uniform() < leave) isOn = !isOn
    }
    if (isBursty) {
      if (burst > 1 && random.uniform() < 1 / burstSteps) burst = 1
      if (burst === 1 && random.uniform() < 1 / burstEvery)
        burst = 1 + (burstSize - 1) * -Math.log(random.uniform())
    }
    rate[step] = Math.exp(state) * (isOn ? 1 / (isSwitched ? onShare : 1) : 0) * burst
  }
  return rate
}

/** A day's course with noise from step to step, or few requests in clumps: nothing in it is a surge, whatever its height. */
export function synthesizeNoise(seed: number): DemandHistory {
  const random = createRandom(seed * 31 + 5)
  const stepSeconds = [300, 600, 900, 1800, 3600][seed % 5]!
  const days = [7, 14, 28, 42][random.integer(4)]!
  const length = (days * secondsPerDay) / stepSeconds
  const noise = 0.05 + 0.25 * random.uniform()
  const height = 0.3 + 0.69 * random.uniform()
  const memory = seed % 3 === 0 ? 0.5 : 0
  const isSparse = seed % 4 === 0
  const mean = isSparse ? 0.02 * 500 ** random.uniform() : 30 * 300 ** random.uniform()
  const hasTokens = seed % 2 === 0
  let state = 0
  const requests = Float64Array.from({ length }, (_, step) => {
    state = memory * state + Math.sqrt(1 - memory ** 2) * noise * random.normal()
    const season = 1 + height * Math.sin((2 * Math.PI * step * stepSeconds) / secondsPerDay)
    const rate = mean * season * Math.exp(state)
    if (!isSparse) return Math.round(rate)
    // Who comes asks more than once.
    let count = 0
    for (let session = drawCount(rate / 4, random); session > 0; session--)
      count += 1 - Math.floor(4 * Math.log(1 - random.uniform()))
    return count
  })
  const tokens = (perRequest: number) =>
    requests.map((count) =>
      hasTokens
        ? Math.round(count * perRequest * Math.exp((0.3 * random.normal()) / Math.sqrt(Math.max(1, count))))
        : 0,
    )
  return {
    start: 1_741_046_400,
    stepSeconds,
    length,
    workloads: [
      {
        workload: { model: 'm', region: 'r' },
        requests,
        inputTokens: tokens(700),
        outputTokens: tokens(200),
        tokens: hasTokens ? 'measured' : 'none',
        mask: new Uint8Array(length),
        ...(random.uniform() < 0.5 && {
          rejectedRequests: requests.map((count) => drawCount(0.004 * count, random)),
        }),
      },
    ],
  }
}
