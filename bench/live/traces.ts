import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom } from '../../src/kit/random.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { drawClients } from '../client-arrivals.js'
import { dataFolder } from '../forecast-data.js'

/** Load of one workload, in replicas busy, by 15-second tick; NaN where nothing is known. */
export interface LiveTrace {
  name: string
  load: Float64Array
  /** Ticks that are replayed, `to` excluded: a week, of which nothing was tuned on. */
  from: number
  to: number
  /** Share of the gap between reactive and oracle that the prototype closed, by cold start in seconds, where it ran. */
  prototype: Record<number, number>
}

export const tickSeconds = 15
export const traceStart = Date.UTC(2025, 2, 3) / 1000

const ticksPerDay = secondsPerDay / tickSeconds
const peakReplicas = 40
const peakShare = 0.999

/** Single clients of ServeGen, arrivals drawn within each 10 minutes; the second week is replayed. */
const clients = [
  { model: 'm-mid', name: 'client-66', prototype: { 120: 0.71, 300: 0.75, 600: 0.79 } },
  { model: 'm-mid', name: 'client-105', prototype: { 120: 0.79, 300: 0.78, 600: 0.58 } },
  { model: 'm-mid', name: 'client-73', prototype: { 120: -0.57, 300: 0.22, 600: 0.71 } },
  { model: 'm-large', name: 'client-56', prototype: { 300: 0.51, 600: 0.66 } },
  { model: 'm-mid', name: 'client-30', prototype: {} },
  { model: 'm-mid', name: 'client-93', prototype: {} },
  { model: 'm-large', name: 'client-148', prototype: {} },
] as const

export const traceNames = [...clients.map(({ name }) => name), 'burstgpt']

/**
 * @param names those of `traceNames`, or any client as `m-mid/client-52`
 * @param areGapsFilled whether the hours in which the collector saw nothing are taken from a day next to them, at the
 *   level of the hours around: the prototype's figures were made so. Else nobody knows them.
 */
export function readLiveTraces(names: readonly string[], areGapsFilled: boolean): LiveTrace[] {
  return names.map((name): LiveTrace => {
    if (name === 'burstgpt') {
      const load = drawBurstGpt(createRandom(1))
      const prototype = { 120: 0.25, 300: 0.21, 600: 0.19 }
      return { name, load: toReplicas(load), from: 28 * ticksPerDay, to: 35 * ticksPerDay, prototype }
    }
    const { model, client, prototype } = findClient(name)
    const [trace] = drawClients(model, [client], tickSeconds, 1)
    if (trace === undefined) throw new Error(`${name}: ${model} has no such client`)
    const load = areGapsFilled ? fillGaps(trace.load) : trace.load
    return { name, load: toReplicas(load), from: 7 * ticksPerDay, to: 14 * ticksPerDay, prototype }
  })
}

function findClient(name: string) {
  const known = clients.find((each) => each.name === name)
  if (known !== undefined) return { ...known, client: name }
  const [model, client] = name.split('/')
  if ((model !== 'm-mid' && model !== 'm-large') || client === undefined)
    throw new Error(`${name}: one of ${traceNames.join(', ')}, or m-mid/client-N, m-large/client-N`)
  return { model, client, prototype: {} } as const
}

/** Such that all but the busiest thousandth of minutes fit into the replicas of the peak. */
function toReplicas(load: Float64Array): Float64Array {
  const ticksPerMinute = 60 / tickSeconds
  const minutes = averageSteps(load, ticksPerMinute).filter((value) => !Number.isNaN(value))
  const peak = minutes.sort()[Math.floor(minutes.length * peakShare)]!
  return load.map((value) => (value / peak) * peakReplicas)
}

/** Means of so many values each; NaN where one of them is. */
export function averageSteps(values: Float64Array, count: number): Float64Array {
  return Float64Array.from({ length: Math.floor(values.length / count) }, (_, step) => {
    let sum = 0
    for (let index = step * count; index < (step + 1) * count; index++) sum += values[index]!
    return sum / count
  })
}

function fillGaps(load: Float64Array): Float64Array {
  const filled = load.slice()
  for (let from = 0; from < load.length; from++) {
    if (!Number.isNaN(filled[from]!)) continue
    let to = from
    while (to < load.length && Number.isNaN(load[to]!)) to++
    const day = [-1, 1, -2, 2]
      .map((days) => days * ticksPerDay)
      .find((shift) => isKnown(filled, from + shift, to + shift))
    if (day === undefined) continue
    const level = compareLevels(filled, from, to, day)
    for (let tick = from; tick < to; tick++) filled[tick] = filled[tick + day]! * level
    from = to
  }
  return filled
}

function isKnown(load: Float64Array, from: number, to: number): boolean {
  return from >= 0 && to <= load.length && !load.subarray(from, to).some(Number.isNaN)
}

/** The load in the hours before and after, over that so many ticks away. */
function compareLevels(load: Float64Array, from: number, to: number, shift: number): number {
  const hour = secondsPerHour / tickSeconds
  let [here, there] = [0, 0]
  for (let tick = from - hour; tick < to + hour; tick++) {
    const [value, other] = [load[tick] ?? Number.NaN, load[tick + shift] ?? Number.NaN]
    if (Number.isNaN(value + other)) continue
    here += value
    there += other
  }
  return there > 0 ? here / there : 1
}

/**
 * BurstGPT's conversations, of which only hours are known: in between linear, moved by a slow noise (standard deviation
 * 15 %, memory 15 minutes), and requests at random. Its short noise is an assumption; 100 requests a second at the peak.
 */
function drawBurstGpt(random: ReturnType<typeof createRandom>): Float64Array {
  const file = join(dataFolder ?? '', 'burstgpt-hourly-42d.csv')
  const hours = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => line.split(',')[1] === 'conversation')
    .map((line) => Number(line.split(',')[2]))
  const scale = 100 / hours.reduce((most, value) => Math.max(most, value), 0)
  const ticksPerHour = secondsPerHour / tickSeconds
  const memory = Math.exp(-tickSeconds / 900)
  const deviation = 0.15
  let noise = 0
  return Float64Array.from({ length: hours.length * ticksPerHour }, (_, tick) => {
    const position = (tick + 0.5) / ticksPerHour - 0.5
    const hour = Math.floor(position)
    const before = hours[Math.max(0, hour)]!
    const after = hours[Math.min(hours.length - 1, hour + 1)]!
    const mean = (before + (after - before) * (position - hour)) * scale
    noise = memory * noise + deviation * Math.sqrt(1 - memory ** 2) * random.normal()
    const rate = mean * Math.exp(noise - deviation ** 2 / 2) * Math.exp(0.05 * random.normal())
    const count = rate * tickSeconds
    return Math.max(0, Math.round(count + Math.sqrt(count) * random.normal())) / tickSeconds
  })
}
