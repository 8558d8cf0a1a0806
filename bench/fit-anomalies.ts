import { weighSurges } from '../src/forecast/anomalies/find-anomalies.js'
import { scaleTraits, traitNames } from '../src/forecast/anomalies/judge-surge.js'
import { solvePositiveDefinite } from '../src/forecast/models/normal-equations.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { synthesizeDemand } from '../src/metrics/scenarios.js'
import { type InjectedEpisode, injectEvents, surgesToMask } from './anomalies/events.js'
import { drawClients, readBurstGpt, readClients, readRequests } from './anomalies/traces.js'

// The weights of src/forecast/anomalies/judge-surge.ts: logistic regression on the surges of the traces to choose on,
// even seeds alone, with a light ridge. node --import tsx bench/fit-anomalies.ts

const ridge = 1

interface Sample {
  traits: number[]
  isAnomaly: number
  trace: string
  kind: string
}

const large = await readClients('m-large')
const conversation = await readBurstGpt('conversation')
const azure = await readRequests('azure-llm-2023-requests.csv.gz', 'conv', 15)
const mooncake = await readRequests('mooncake-conversation-requests.csv.gz', 'mooncake', 5)
/** Office days whose clocks change, and bursts by habit: no real trace, but what a rule must not take for attacks. */
const fleet = synthesizeDemand('example-fleet', {
  seed: 1,
  days: 28,
  stepSeconds: 600,
  start: Date.UTC(2025, 2, 3) / 1000,
})
const traces: [string, number, (seed: number) => DemandHistory | Promise<DemandHistory>][] = [
  ['m-large clients', 20, () => large],
  ['BurstGPT conversation', 24, () => conversation],
  ['Azure conv', 60, () => azure],
  ['Mooncake', 60, () => mooncake],
  ...fleet.workloads.map((demand): [string, number, () => DemandHistory] => [
    `synthetic ${demand.workload.model} ${demand.workload.region}`,
    3,
    () => ({ ...fleet, workloads: [demand] }),
  ]),
  ['m-large clients drawn', 12, (seed) => drawClients('m-large', 1 + (seed % 12), seed)],
]

const samples: Sample[] = []
for (const [trace, seeds, read] of traces) {
  for (let seed = 0; seed < 2 * seeds; seed += 2) {
    const { history, episodes } = injectEvents(await read(seed), seed)
    const toMask = episodes.filter(({ kind }) => (surgesToMask as readonly string[]).includes(kind))
    // Most sources do not say who was turned away; all chosen-on seeds do.
    const parts =
      seed % 4 === 0
        ? history.workloads
        : history.workloads.map(({ rejectedRequests: _, ...demand }) => demand)
    for (const surge of weighSurges(parts, history)) {
      const traits = scaleTraits(surge, history.stepSeconds)
      const under = toMask.find((episode) => 2 * overlap(surge, episode) >= surge.to - surge.from)
      const covers = under !== undefined && 2 * overlap(surge, under) >= under.to - under.from
      // A part of an episode, or more than it, teaches nothing.
      const isUnclear = !covers && toMask.some((episode) => overlap(surge, episode) > 0)
      const other = episodes.find((episode) => 2 * overlap(surge, episode) >= surge.to - surge.from)
      if (!isUnclear)
        samples.push({
          traits,
          isAnomaly: covers ? 1 : 0,
          trace,
          kind: under?.kind ?? other?.kind ?? 'trace',
        })
    }
  }
}

function overlap(one: { from: number; to: number }, { from, to }: InjectedEpisode): number {
  return Math.max(0, Math.min(one.to, to + 1) - Math.max(one.from, from - 1))
}

/** Newton's method; the intercept, which comes first, is not shrunk. */
function fitWeights(all: readonly Sample[]): Float64Array {
  const size = traitNames.length + 1
  const weights = new Float64Array(size)
  for (let pass = 0; pass < 30; pass++) {
    const gradient = Float64Array.from(weights, (weight, index) => (index === 0 ? 0 : -ridge * weight))
    const hessian = new Float64Array(size * size)
    for (let index = 0; index < size; index++) hessian[index * size + index] = index === 0 ? 1e-6 : ridge
    for (const sample of all) {
      const traits = [1, ...sample.traits]
      const probability = judge(weights, sample)
      for (let i = 0; i < size; i++) {
        gradient[i]! += (sample.isAnomaly - probability) * traits[i]!
        for (let j = 0; j < size; j++)
          hessian[i * size + j]! += probability * (1 - probability) * traits[i]! * traits[j]!
      }
    }
    solvePositiveDefinite(hessian, gradient).forEach((change, index) => {
      weights[index]! += change
    })
  }
  return weights
}

function judge(weights: Float64Array, { traits }: Sample): number {
  const odds = traits.reduce((sum, trait, index) => sum + trait * weights[index + 1]!, weights[0]!)
  return 1 / (1 + Math.exp(-odds))
}

const weights = fitWeights(samples)
console.log('intercept', weights[0]!.toFixed(2))
traitNames.forEach((name, index) => {
  console.log(name, weights[index + 1]!.toFixed(2))
})
for (const trace of [...traces.map(([name]) => name), 'all'])
  for (const limit of [0.3, 0.4, 0.5]) {
    const own = samples.filter((sample) => trace === 'all' || sample.trace === trace)
    const found = own.filter((sample) => judge(weights, sample) >= limit)
    const wrong: Record<string, number> = {}
    for (const { kind, isAnomaly } of found) if (isAnomaly === 0) wrong[kind] = (wrong[kind] ?? 0) + 1
    const right = found.filter(({ isAnomaly }) => isAnomaly === 1).length
    const all = own.filter(({ isAnomaly }) => isAnomaly === 1).length
    console.log(`${trace} at ${limit}: ${right} of ${all}, wrong ${JSON.stringify(wrong)}`)
  }
