// What one renewal of 200 workloads' live floors costs: forecasts from fitted models, with their features, on histories
// of 14 days by minutes; beside it the fit, which comes once a day for each.
// Run: node --import tsx bench/live-speed.ts
import { createRandom } from '../src/kit/random.js'
import { secondsPerDay } from '../src/kit/units.js'
import { fitLiveFloor, forecastLiveFloor } from '../src/planning/live-floor.js'

const workloads = 200
const grid = { start: Date.UTC(2026, 2, 2) / 1000, stepSeconds: 60 }
const timing = { coldStartSeconds: 300, everySeconds: 300 }
const stepsPerDay = secondsPerDay / grid.stepSeconds
const days = 15

const cpuSeconds = (start: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

/** A day with a ramp, drifts and noise. */
function synthesizeLoad(seed: number): Float64Array {
  const random = createRandom(seed)
  let drift = 0
  return Float64Array.from({ length: days * stepsPerDay }, (_, step) => {
    drift = 0.98 * drift + 0.03 * random.normal()
    const hour = (24 * (step % stepsPerDay)) / stepsPerDay
    return (hour >= 8 && hour < 18 ? 30 : 8) * Math.exp(drift + 0.1 * random.normal())
  })
}

const loads = Array.from({ length: workloads }, (_, index) => synthesizeLoad(index))
const now = 14 * stepsPerDay + 700
const fitting = process.cpuUsage()
const fits = 3
const models = Array.from({ length: fits }, (_, index) => fitLiveFloor(loads[index]!, grid, now, timing))
const fit = cpuSeconds(fitting) / fits

const renewals = 5
const times = Array.from({ length: renewals }, (_, renewal) => {
  const renewing = process.cpuUsage()
  for (const [index, load] of loads.entries())
    forecastLiveFloor(models[index % fits]!, load, grid, now + 5 * renewal, 0.95)
  return cpuSeconds(renewing)
})
console.log(
  `${workloads} workloads: a renewal ${times.map((time) => time.toFixed(3)).join(', ')} CPU s; a fit to 14 days ${fit.toFixed(2)} CPU s each, once a day`,
)
