import { findAnomalies } from '../src/forecast/anomalies/find-anomalies.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { injectEvents } from './anomalies/events.js'
import { bestRecall, findHidden, scoreHeights } from './anomalies/limits.js'
import { addScores, addToScore, createScore, type DetectionScore } from './anomalies/score.js'
import { type FoundEpisode, findThreeSigma } from './anomalies/three-sigma.js'
import { drawClients, readBurstGpt, readClients, readRequests, readTenants } from './anomalies/traces.js'

// Precision and recall by episode of what must not be learned, injected into real traces beside launches, batch jobs
// and campaigns, which must. Weights were learned on the `choose` traces with other seeds and on synthetic series
// (bench/fit-anomalies.ts); of the `report` traces they have seen nothing. With --limits also recall of the episodes
// that something sets apart (limits.ts), and what the best threshold on height alone finds, chosen in hindsight for
// each trace. node --import tsx bench/anomalies.ts [choose|report] [name of a trace] [--limits]

interface BenchTrace {
  name: string
  part: 'choose' | 'report'
  seeds: number
  read: (seed: number) => Promise<DemandHistory>
}

const azure = 'azure-llm-2023-requests.csv.gz'
const mooncake = 'mooncake-conversation-requests.csv.gz'

/** Reads once; every seed injects into a copy. */
function once(read: () => Promise<DemandHistory>): () => Promise<DemandHistory> {
  let history: Promise<DemandHistory> | undefined
  return () => {
    history ??= read()
    return history
  }
}

const traces: BenchTrace[] = [
  { name: 'm-large clients, 10 min', part: 'choose', seeds: 12, read: once(() => readClients('m-large')) },
  { name: 'm-mid clients, 10 min', part: 'report', seeds: 12, read: once(() => readClients('m-mid')) },
  {
    name: 'BurstGPT conversation, 1 h',
    part: 'choose',
    seeds: 12,
    read: once(() => readBurstGpt('conversation')),
  },
  { name: 'BurstGPT api, 1 h', part: 'report', seeds: 12, read: once(() => readBurstGpt('api')) },
  { name: 'Azure conv, 15 s', part: 'choose', seeds: 24, read: once(() => readRequests(azure, 'conv', 15)) },
  { name: 'Azure code, 15 s', part: 'report', seeds: 24, read: once(() => readRequests(azure, 'code', 15)) },
  {
    name: 'Mooncake, 15 s',
    part: 'report',
    seeds: 24,
    read: once(() => readRequests(mooncake, 'mooncake', 15)),
  },
  {
    name: 'Mooncake, 5 s',
    part: 'choose',
    seeds: 24,
    read: once(() => readRequests(mooncake, 'mooncake', 5)),
  },
  {
    name: 'm-large clients drawn, 15 s',
    part: 'choose',
    seeds: 8,
    read: (seed) => drawClients('m-large', 1 + (seed % 12), seed),
  },
  {
    name: 'm-mid clients drawn, 15 s',
    part: 'report',
    seeds: 8,
    read: (seed) => drawClients('m-mid', 1 + (seed % 12), seed),
  },
]

type Rule = (history: DemandHistory) => (FoundEpisode & { kind?: string })[]

const rules: Record<string, Rule> = { '3 sigma': findThreeSigma, detector: findAnomalies }

const hasLimits = process.argv.includes('--limits')
const [onlyPart, onlyName] = process.argv.slice(2).filter((each) => each !== '--limits')
const scores = new Map<string, DetectionScore>()
const cpu = new Map<string, number>()

const groups = { choose: 'other seeds', report: 'other traces' } as const
const heights = new Map<string, DetectionScore[]>()

async function runTrace({ name, part, seeds, read }: BenchTrace): Promise<void> {
  if (onlyPart !== undefined && onlyPart !== part) return
  for (let seed = 0; seed < seeds; seed++) {
    const injected = injectEvents(await read(seed), seed)
    const hidden = hasLimits ? findHidden(injected) : undefined
    const group = groups[part]
    if (hasLimits) {
      const byHeight = heights.get(`${group}|${name}`) ?? []
      heights.set(`${group}|${name}`, byHeight)
      scoreHeights(injected, byHeight)
    }
    for (const [rule, find] of Object.entries(rules)) {
      const before = process.cpuUsage()
      const found = find(injected.history)
      const { user, system } = process.cpuUsage(before)
      cpu.set(rule, (cpu.get(rule) ?? 0) + (user + system) / 1e6)
      const key = [group, name, rule].join('|')
      if (!scores.has(key)) scores.set(key, createScore())
      addToScore(scores.get(key)!, injected, found, hidden)
    }
  }
}

function describe(score: DetectionScore): string {
  const share = (part: number, whole: number) =>
    whole === 0 ? '  –' : `${Math.round((100 * part) / whole)} %`.padStart(5)
  const kinds = Object.entries(score.kinds)
    .sort()
    .map(([kind, { injected, caught, named }]) => `${kind} ${caught}/${injected} (${named} named)`)
  const wrong = Object.entries(score.wrong).map(([name, count]) => `${name} ${count}`)
  return [
    `precision ${share(score.right, score.found)} of ${String(score.found).padStart(3)}`,
    `recall ${share(score.caught, score.injected)} of ${String(score.injected).padStart(3)}${hasLimits ? `, of those set apart ${share(score.tellableCaught, score.tellable)} of ${score.tellable}` : ''}`,
    kinds.join(', '),
    wrong.length > 0 ? `wrong: ${wrong.join(', ')}` : '',
  ].join('  ')
}

for (const trace of traces) if (onlyName === undefined || trace.name.includes(onlyName)) await runTrace(trace)
if (onlyName?.startsWith('tenant'))
  for (const [index, history] of (await readTenants()).entries())
    await runTrace({
      name: `tenant ${history.workloads[0]!.workload.model}, 10 min`,
      part: index % 2 === 0 ? 'choose' : 'report',
      seeds: 4,
      read: () => Promise.resolve(history),
    })
for (const rule of Object.keys(rules)) {
  console.log(`\n${rule} (${cpu.get(rule)?.toFixed(1)} CPU s)`)
  for (const group of Object.values(groups)) {
    const rows = [...scores].filter(([key]) => key.startsWith(`${group}|`) && key.endsWith(`|${rule}`))
    if (rows.length === 0) continue
    for (const [key, score] of rows)
      console.log(`  ${group.padEnd(13)}${key.split('|')[1]!.padEnd(30)}${describe(score)}`)
    console.log(
      `  ${group.padEnd(13)}${'all'.padEnd(30)}${describe(addScores(rows.map(([, score]) => score)))}`,
    )
  }
}
if (hasLimits) console.log('\nbest threshold on height alone in hindsight, at a precision of 85 %')
for (const [key, byHeight] of heights)
  console.log(`  ${key.replace('|', ' ').padEnd(43)}recall ${Math.round(100 * bestRecall(byHeight, 0.85))} %`)
