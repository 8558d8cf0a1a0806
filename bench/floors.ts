// Floors side by side, out of sample: idle plus shortfall cost of a floor with a reactive trigger above it, as the
// saving over the best reactive trigger alone (targets 0.5 … 0.9, in hindsight). Ours against the quantile of each
// window's maximum with the trigger at 0.9. Each series is scaled to a peak of 40 replicas; cold start 330 s, critical
// ratio 0.95, seven past days.
// Run: LLMSCALE_TEST_DATA=… node --import tsx bench/floors.ts [file.csv.gz …]
import type { DemandForecast } from '../src/forecast/demand-forecast.js'
import { rollForecasts } from '../src/forecast/forecast-demand.js'
import { samplePath } from '../src/forecast/sample-path.js'
import { workloadId } from '../src/kit/workload.js'
import type { WorkloadDemand } from '../src/metrics/demand-history.js'
import { fileSource } from '../src/metrics/files/file-source.js'
import { readDemand } from '../src/metrics/read-demand.js'
import { chooseFloorLevels } from '../src/planning/floor-levels.js'
import { createFloorTemplate, tickFloors } from '../src/planning/floor-template.js'
import { type FloorPlan, type FloorSettings, planFloors } from '../src/planning/floors.js'
import { busyReplicas, createLoad, createLoadGrid, type LoadGrid } from '../src/planning/load.js'
import { priceOutcome, sumFloorCosts } from '../src/planning/newsvendor.js'
import { compareCapacity, reactiveReplicas, readyReplicas } from '../src/planning/ready-capacity.js'
import { localSlots } from '../src/planning/week.js'
import type { ReplicaCapacity } from '../src/sizing/replica-capacity.js'

const coldStartSeconds = 330
const reactionSeconds = 60
const peakReplicas = 40
const targets = [0.5, 0.6, 0.7, 0.8, 0.9]
const day = 86_400

const data = process.env['LLMSCALE_TEST_DATA']
if (data === undefined) throw new Error('set LLMSCALE_TEST_DATA to the folder of the traces')
const files = process.argv.slice(2)
for (const file of files.length > 0
  ? files
  : ['servegen-demand-10min.csv.gz', 'servegen-tenants-10min.csv.gz']) {
  await compare(`${data}/${file}`)
}

async function compare(path: string): Promise<void> {
  const { history } = await readDemand({
    sources: [{ source: fileSource({ files: [path], regions: ['default'] }) }],
    assumedLengths: () => ({ inputTokens: 500, outputTokens: 250 }),
  })
  const past = rollForecasts(history, { horizonSeconds: 7 * day, seed: 1, origins: 7, everySeconds: day })
  const grid = createLoadGrid(history.start, history.stepSeconds, history.length, coldStartSeconds)
  const wins = { ours: 0, quantile: 0 }
  console.log(`\n${path.split('/').at(-1)}: saving over the best reactive trigger alone`)
  for (const [index, demand] of history.workloads.entries()) {
    const settings = settingsFor(demand, history.stepSeconds, grid)
    const load = createLoad(demand, settings.capacity, grid, settings.burstFactor)
    const usd = { ours: 0, quantile: 0, reactive: targets.map(() => 0) }
    for (const forecast of past) {
      const from = Math.round((forecast.origin - grid.start) / grid.tickSeconds)
      const to = from + Math.round(day / grid.tickSeconds)
      const actual = {
        replicas: load.replicas.subarray(from, to),
        requests: load.requests.subarray(from, to),
      }
      const forecastGrid = createLoadGrid(
        forecast.origin,
        forecast.stepSeconds,
        forecast.length,
        coldStartSeconds,
      )
      const reactiveAt = (target: number) =>
        reactiveReplicas(load.replicas, { ...settings.bounds, target }).subarray(from, to)
      const price = (ready: Float64Array, billed = ready) =>
        priceOutcome(compareCapacity(actual, ready, billed), settings.price, grid.tickSeconds)
      const run = ({ floors, target }: FloorPlan) => {
        const ticks = tickFloors(floors, coldStartSeconds, { ...forecastGrid, length: to - from }, 'UTC')
        const reactive = reactiveAt(target)
        return price(readyReplicas(reactive, ticks.ready), readyReplicas(reactive, ticks.asked))
      }
      usd.ours += run(planFloors(forecast, index, settings, forecastGrid))
      usd.quantile += run({ floors: quantileOfMaximum(forecast, index, settings, forecastGrid), target: 0.9 })
      for (const [position, target] of targets.entries()) usd.reactive[position]! += price(reactiveAt(target))
    }
    const best = Math.min(...usd.reactive)
    const bestTarget = targets[usd.reactive.indexOf(best)]!
    const configured = usd.reactive[targets.indexOf(0.7)]!
    if (usd.ours < best) wins.ours++
    if (usd.quantile < best) wins.quantile++
    const percent = (value: number, rival = best) => `${(100 * (1 - value / rival)).toFixed(1)} %`.padStart(9)
    const name = workloadId(demand.workload).padEnd(28)
    console.log(
      `${name} ours ${percent(usd.ours)}   quantile of maximum ${percent(usd.quantile)}   best target ${bestTarget}, against 0.7 ours ${percent(usd.ours, configured)}`,
    )
  }
  console.log(
    `better than the best reactive trigger: ours ${wins.ours}, quantile ${wins.quantile} of ${history.workloads.length}`,
  )
}

function settingsFor(demand: WorkloadDemand, stepSeconds: number, grid: LoadGrid): FloorSettings {
  const observed = demand.requests.filter((_, step) => demand.mask[step] === 0)
  const peak = observed.slice().sort().at(-3)! / stepSeconds
  const requests = observed.reduce((sum, count) => sum + count, 0)
  const tokens = demand.outputTokens.reduce((sum, count) => sum + (count || 0), 0)
  const requestsPerSecond = peak / peakReplicas
  const capacity = {
    requestsPerSecond,
    replicaSecondsPerInputToken: 0,
    replicaSecondsPerOutputToken: requests / tokens / requestsPerSecond,
    coldStart: { totalSeconds: coldStartSeconds },
  } as ReplicaCapacity
  return {
    capacity,
    timeZone: 'UTC',
    bounds: {
      lagTicks: Math.ceil((reactionSeconds + coldStartSeconds) / grid.tickSeconds),
      minReplicas: 1,
      hardMaximum: Math.ceil(peakReplicas * 1.6),
    },
    targets: [0.7, 0.8, 0.9],
    price: { idleUsdPerReplicaHour: 1, shortfallUsdPerReplicaHour: 19 },
    burstFactor: 1.1,
  }
}

/** The textbook rule on the distribution of each window's maximum, as if nothing reacted. */
function quantileOfMaximum(forecast: DemandForecast, index: number, settings: FloorSettings, grid: LoadGrid) {
  const { capacity, bounds, price, burstFactor } = settings
  const slots = localSlots(grid, 'UTC')
  const sum = sumFloorCosts(price, bounds.hardMaximum, grid.tickSeconds, forecast.pathCount)
  const nothing = new Float64Array(grid.length)
  for (let path = 0; path < forecast.pathCount; path++) {
    const busy = busyReplicas(samplePath(forecast, index, path), capacity, grid, burstFactor)
    for (let from = 0, to = 0; from < busy.length; from = to) {
      while (to < busy.length && slots[to] === slots[from]) to++
      busy.fill(
        busy.subarray(from, to).reduce((most, value) => Math.max(most, value), 0),
        from,
        to,
      )
    }
    sum.add(busy, nothing, slots)
  }
  const levels = chooseFloorLevels(sum.total(), bounds.minReplicas, coldStartSeconds / 3600, 24)
  return createFloorTemplate(levels, coldStartSeconds)
}
