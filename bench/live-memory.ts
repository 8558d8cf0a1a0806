import { parseConfig } from '../src/config/parse-config.js'
import { createRandom } from '../src/kit/random.js'
import { formatInstant } from '../src/kit/time.js'
import { secondsPerDay } from '../src/kit/units.js'
import { fitHere } from '../src/live/fit-models.js'
import { createFamilies } from '../src/live/live-metrics.js'
import { judgeWorkloads } from '../src/live/live-state.js'
import { formatExposition } from '../src/live/open-metrics.js'
import { createRefresher, settleSeconds } from '../src/live/refresh.js'
import { tableSource } from '../src/live/table-source.js'
import type { TableColumns } from '../src/metrics/demand-table.js'
import { readDemand } from '../src/metrics/read-demand.js'
import { capacityPlan, workloadDecision } from '../test/plan-fixture.js'

// Memory of the exporter over a simulated day of refreshes each minute (or so many seconds), on steps of as much, with a
// scrape after each.
// Demand comes from memory; models are fitted in this thread.
//  Usage: node --expose-gc --import tsx bench/live-memory.ts [workloads] [refreshes] [seconds]

const count = Number(process.argv[2] ?? 3)
const refreshes = Number(process.argv[3] ?? 1440)
const stepSeconds = Number(process.argv[4] ?? 60)
const everySeconds = stepSeconds
const day = 1_795_219_200 // a midnight

const models = Array.from({ length: count }, (_, index) => `model-${index}`)
const config = parseConfig(
  `
environments: {prod: {regions: [us-east-1]}}
metrics: {files: [demand.csv]}
models: {${models.map((model) => `${model}: {architecture: llama-3.1-70b}`).join(', ')}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4, precision: fp8}]
workloads:
${models.map((model) => `  - {model: ${model}, target: {kind: Deployment, name: ${model}}, slo: {ttftP95: 2s}}`).join('\n')}
`,
  'bench',
)
const start = day - 14 * secondsPerDay
const length = (15.5 * secondsPerDay) / stepSeconds
const { uniform } = createRandom(1)
const workloads = models.map((model): TableColumns => {
  const requests = Float64Array.from({ length }, (_, step) => {
    const hour = ((start + step * stepSeconds) % secondsPerDay) / 3600
    return Math.round(stepSeconds * (hour > 8 && hour < 18 ? 30 : 4) * (0.9 + 0.2 * uniform()))
  })
  return {
    workload: { model, region: 'us-east-1' },
    requests,
    inputTokens: requests.map((amount) => amount * 600),
    outputTokens: requests.map((amount) => amount * 250),
    tokenRequests: requests.slice(),
    first: 0,
    last: length - 1,
    duplicates: 0,
  }
})
const table = { start, stepSeconds, length, workloads, inputs: [], findings: [] }
const sources = [{ source: tableSource('bench', table) }]
const plan = capacityPlan(
  { workloads: models.map((model) => workloadDecision({ model, live: { quantile: 0.95, maximum: 30 } })) },
  { origin: formatInstant(day), validUntil: formatInstant(day + 7 * secondsPerDay) },
)

const clock = (time: number) => ({ now: time + settleSeconds, monotone: time })
const refresher = await createRefresher(
  {
    config,
    environment: 'prod',
    everySeconds,
    readPlan: async () => ({ plan, holds: [], place: 'bench' }),
    readDemand: async (window) => (await readDemand({ sources, ...window })).history,
    fitModels: fitHere,
  },
  clock(day),
)
const begun = process.cpuUsage()
const every = Math.ceil(refreshes / 12)
console.log(
  `${count} workloads; refreshes, heap and buffers in MiB after a collection, resident, CPU-ms a refresh`,
)
for (let index = 0; index <= refreshes; index++) {
  const at = clock(day + index * everySeconds)
  await refresher.refresh(at)
  const statuses = judgeWorkloads(refresher.snapshot(), at, everySeconds)
  formatExposition(createFamilies('prod', refresher.snapshot(), statuses, [], at), 'open-metrics')
  if (index % every !== 0) continue
  globalThis.gc?.()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const { user, system } = process.cpuUsage(begun)
  const [heap, buffers, resident] = [heapUsed, arrayBuffers, rss].map((bytes) => (bytes / 2 ** 20).toFixed(1))
  const milliseconds = (user + system) / 1000 / (index + 1)
  const followed = statuses.filter(({ state }) => state.state === 'following').length
  console.log(`${index}\t${heap}\t${buffers}\t${resident}\t${milliseconds.toFixed(1)}\t${followed} followed`)
}
