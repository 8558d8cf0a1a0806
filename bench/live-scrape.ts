import { createRandom } from '../src/kit/random.js'
import { formatInstant } from '../src/kit/time.js'
import { secondsPerDay } from '../src/kit/units.js'
import { type ExporterPages, startExporterServer } from '../src/live/exporter-server.js'
import { createFamilies } from '../src/live/live-metrics.js'
import { judgeWorkloads, type Snapshot } from '../src/live/live-state.js'
import { formatExposition } from '../src/live/open-metrics.js'
import { createProcessMetrics } from '../src/live/process-metrics.js'
import { createTemplateFloor } from '../src/live/template-floor.js'
import { capacityPlan, workloadDecision } from '../test/plan-fixture.js'

// CPU time of a scrape of the exporter, its HTTP server and the client of this bench included:
// node --import tsx bench/live-scrape.ts [workloads]

const count = Number(process.argv[2] ?? 200)
const everySeconds = 300
const scrapes = 200
const now = Math.floor(Date.now() / 1000)
const { uniform } = createRandom(1)

const plan = capacityPlan(
  {
    workloads: Array.from({ length: count }, (_, index) =>
      workloadDecision({
        model: `model-${String(index).padStart(3, '0')}`,
        timeZone: ['UTC', 'America/New_York', 'Europe/Berlin'][index % 3]!,
        live: { quantile: 0.95, maximum: 30 },
      }),
    ),
  },
  { origin: formatInstant(now - secondsPerDay), validUntil: formatInstant(now + secondsPerDay) },
)
const snapshot: Snapshot = {
  reading: { plan, holds: [], place: 'bench' },
  clock: { now, monotone: 0 },
  planReadAt: now,
  workloads: plan.decision.workloads.map((decision, index) => ({
    decision,
    report: plan.reports[index]!,
    template: createTemplateFloor(decision),
    forecast: {
      quantiles: Float64Array.from([8, 9, 10, 12], (load) => load + uniform()),
      load: 11,
      floor: 11,
    },
    knownUntil: now,
  })),
  dataEnd: now,
  stepSeconds: 300,
  refreshes: 1,
  failures: 0,
}

const processMetrics = createProcessMetrics()
const pages: ExporterPages = {
  metrics: async (exposition) => {
    const at = { now, monotone: 0 }
    const statuses = judgeWorkloads(snapshot, at, everySeconds)
    const families = createFamilies('prod', snapshot, statuses, [], at)
    return formatExposition([...families, ...(await processMetrics())], exposition)
  },
  notReady: () => undefined,
}
const server = await startExporterServer('127.0.0.1', 0, pages)
const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'
const scrape = async () => (await fetch(`${server.url}/metrics`, { headers: { accept } })).text()
let text = ''
for (let warm = 0; warm < 20; warm++) text = await scrape()
const before = process.cpuUsage()
for (let index = 0; index < scrapes; index++) text = await scrape()
const { user, system } = process.cpuUsage(before)
const first = process.cpuUsage()
for (let index = 0; index < scrapes; index++) await pages.metrics('open-metrics')
const own = process.cpuUsage(first)
await server.close()
const milliseconds = (micros: number) => (micros / 1000 / scrapes).toFixed(1)
console.log(
  `${count} workloads, ${text.split('\n').length} lines, ${Math.round(text.length / 1024)} KiB: ` +
    `${milliseconds(user + system)} CPU-ms a scrape with HTTP server and client, ${milliseconds(own.user + own.system)} without`,
)
