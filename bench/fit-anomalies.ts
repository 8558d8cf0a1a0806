import { writeFileSync } from 'node:fs'
import { weighSurges } from '../src/forecast/anomalies/find-anomalies.js'
import { scaleTraits, traitNames } from '../src/forecast/anomalies/judge-surge.js'
import type { OddsTrees } from '../src/forecast/anomalies/odds-trees.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { synthesizeDemand } from '../src/metrics/scenarios.js'
import { boostOdds, type Sample } from './anomalies/boost-odds.js'
import { type InjectedEpisode, injectEvents, surgesToMask } from './anomalies/events.js'
import { synthesizeModel, synthesizeNoise } from './anomalies/synthetic.js'
import { drawClients, readBurstGpt, readClients, readRequests, readTenants } from './anomalies/traces.js'

// The trees of src/forecast/anomalies/surge-trees.ts, learned from surges injected into synthetic series of many
// shapes and into the traces that may be chosen on, and from series in which there are none. Seeds are others than
// those of bench/anomalies.ts. node --import tsx bench/fit-anomalies.ts

const firstSeed = 1000
const columns = 110
const file = 'src/forecast/anomalies/surge-trees.ts'

interface Source {
  series: number
  isInjected: boolean
  read: (seed: number) => DemandHistory | Promise<DemandHistory>
}

/** Office days whose clocks change, and bursts by habit. */
const fleet = synthesizeDemand('example-fleet', {
  seed: 1,
  days: 28,
  stepSeconds: 600,
  start: Date.UTC(2025, 2, 3) / 1000,
})
const large = await readClients('m-large')
const conversation = await readBurstGpt('conversation')
const azure = await readRequests('azure-llm-2023-requests.csv.gz', 'conv', 15)
const mooncake = await readRequests('mooncake-conversation-requests.csv.gz', 'mooncake', 5)
const tenants = (await readTenants()).filter((_, index) => index % 2 === 0)
const sources: Source[] = [
  { series: 300, isInjected: true, read: synthesizeModel },
  { series: 100, isInjected: false, read: synthesizeModel },
  { series: 150, isInjected: false, read: synthesizeNoise },
  { series: 24, isInjected: true, read: synthesizeNoise },
  { series: 6, isInjected: true, read: () => large },
  { series: 24, isInjected: true, read: () => conversation },
  { series: 40, isInjected: true, read: () => azure },
  { series: 40, isInjected: true, read: () => mooncake },
  { series: 4, isInjected: true, read: (seed) => drawClients('m-large', 1 + (seed % 12), seed) },
  ...tenants.map((history) => ({ series: 2, isInjected: true, read: () => history })),
  ...fleet.workloads.map((demand) => ({
    series: 2,
    isInjected: true,
    read: () => ({ ...fleet, workloads: [demand] }),
  })),
]

/** 1 where more of a trait never speaks against, −1 where it never speaks for. */
const signs: Partial<Record<(typeof traitNames)[number], number>> = {
  timesUsual: 1,
  deviations: 1,
  rarity: 1,
  newShare: 1,
  onceNewShare: 1,
  rejectedShare: 1,
  alike: -1,
  next: -1,
  habit: -1,
  rise: -1,
  lasts: -1,
  recurs: -1,
  tenantRecurs: -1,
}

const samples: Sample[] = []
let seed = firstSeed
for (const { series, isInjected, read } of sources)
  for (let count = 0; count < series; count++) {
    const clean = await read(seed)
    const { history, episodes } = isInjected
      ? injectEvents(clean, seed)
      : { history: clean, episodes: [] as InjectedEpisode[] }
    samples.push(...readSamples(history, episodes))
    seed++
  }

/** What a surge is: an episode that it covers, or none. A part of one teaches nothing. */
function readSamples(history: DemandHistory, episodes: readonly InjectedEpisode[]): Sample[] {
  const toMask = episodes.filter(({ kind }) => (surgesToMask as readonly string[]).includes(kind))
  const { surges, scale } = weighSurges(history.workloads, history)
  return surges.flatMap((surge) => {
    const found = { from: surge.from - 1, to: surge.to + 1 }
    const inside = toMask.reduce(
      (sum, { from, to }) => sum + overlap(found, { from: from - 1, to: to + 1 }),
      0,
    )
    const isRight = 2 * inside >= found.to - found.from
    const isAnomaly =
      isRight && toMask.some((episode) => 2 * overlap(found, episode) >= episode.to - episode.from)
    const isUnclear = !isAnomaly && (isRight || toMask.some((episode) => overlap(surge, episode) > 0))
    return isUnclear ? [] : [{ traits: scaleTraits(surge, scale), isAnomaly }]
  })
}

function overlap(one: { from: number; to: number }, { from, to }: { from: number; to: number }): number {
  return Math.max(0, Math.min(one.to, to) - Math.max(one.from, from))
}

const { intercept, trees } = boostOdds(samples, {
  trees: 100,
  rate: 0.2,
  leastSamples: 20,
  ridge: 5,
  signs: traitNames.map((name) => signs[name] ?? 0),
})
const rounded: OddsTrees = {
  intercept: Number(intercept.toFixed(3)),
  trees: trees.map((tree) => tree.map((value) => Number(value.toPrecision(4)))),
}
writeFileSync(
  file,
  `// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: a limit that was learned is no constant
import type { OddsTrees } from './odds-trees.js'

// Made by bench/fit-anomalies.ts.

export const surgeTrees: OddsTrees = {
  intercept: ${rounded.intercept},
  trees: [
${rounded.trees.map(formatTree).join('\n')}
  ],
}
`,
)
const right = samples.filter(({ isAnomaly }) => isAnomaly).length
console.log(`${samples.length} surges of ${seed - firstSeed} series, ${right} of them injected: ${file}`)

/** In lines as the formatter breaks them. */
function formatTree(tree: readonly number[]): string {
  const lines = ['']
  for (const value of tree) {
    const line = lines.at(-1)!
    const longer = line === '' ? `${value},` : `${line} ${value},`
    if (longer.length <= columns - 6) lines[lines.length - 1] = longer
    else lines.push(`${value},`)
  }
  return `    [\n${lines.map((line) => `      ${line}`).join('\n')}\n    ],`
}
