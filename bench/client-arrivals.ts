import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRandom, type Random } from '../src/kit/random.js'
import { secondsPerDay } from '../src/kit/units.js'
import { dataFolder } from './forecast-data.js'

/** Load of one client or of all, requests a second on a regular grid; NaN where the collector saw nothing. */
export interface ArrivalTrace {
  name: string
  load: Float64Array
  stepSeconds: number
}

interface ClientStep {
  count: number
  variation: number
  isGamma: boolean
  shape: number
}

type Model = 'm-large' | 'm-mid'

const rowSeconds = 600
const drawSeconds = 15
const days = 14
const rows = (days * secondsPerDay) / rowSeconds
const drawsPerRow = rowSeconds / drawSeconds
const start = Date.UTC(2025, 2, 3) / 1000
// A renewal process of more arrivals a row than this has the counts of its central limit.
const mostDrawn = 20_000

/**
 * Arrivals of ServeGen's clients, drawn inside each 10-minute row as the clients file fits them: a renewal process
 * of Gamma or Weibull gaps, conditioned on the row's count. Each client's rows start at a phase of its own, so that
 * their sum does not step every 10 minutes.
 *
 * @param most clients to give, the largest of the first week, beside the sum of all
 */
export function drawArrivals(model: Model, stepSeconds: 15 | 30, most: number, seed: number): ArrivalTrace[] {
  const clients = readClients(model)
  const gaps = findGaps([...clients.values()])
  const total = new Float64Array(rows * drawsPerRow)
  const drawn = [...clients].map(([name, steps], index) => {
    const random = createRandom(seed + 1000 * index)
    const counts = drawCounts(steps, gaps, random)
    for (let draw = 0; draw < total.length; draw++) total[draw]! += counts[draw]!
    const week = steps.slice(0, rows / 2)
    return { name, counts, size: week.reduce((sum, step) => sum + (step?.count ?? 0), 0) }
  })
  drawn.sort((a, b) => b.size - a.size)
  return [{ name: model, counts: total }, ...drawn.slice(0, most)].map(({ name, counts }) => ({
    name,
    load: toLoad(counts, stepSeconds),
    stepSeconds,
  }))
}

/** The arrivals of single clients, drawn as `drawArrivals` draws them. */
export function drawClients(
  model: Model,
  names: readonly string[],
  stepSeconds: 15 | 30,
  seed: number,
): ArrivalTrace[] {
  const clients = readClients(model)
  const gaps = findGaps([...clients.values()])
  return [...clients].flatMap(([name, steps], index) => {
    if (!names.includes(name)) return []
    const load = toLoad(drawCounts(steps, gaps, createRandom(seed + 1000 * index)), stepSeconds)
    return [{ name, load, stepSeconds }]
  })
}

function readClients(model: Model): Map<string, (ClientStep | undefined)[]> {
  if (dataFolder === undefined) throw new Error('set LLMSCALE_TEST_DATA to the folder of the test data')
  const file = join(dataFolder, `servegen-${model}-clients-10min.csv.gz`)
  const clients = new Map<string, (ClientStep | undefined)[]>()
  const text = gunzipSync(readFileSync(file)).toString('utf8')
  for (const line of text.trim().split('\n').slice(1)) {
    const [timestamp, name, rate, variation, family, shape] = line.split(',') as [
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    if (!clients.has(name)) clients.set(name, new Array(rows).fill(undefined))
    clients.get(name)![(Date.parse(timestamp) / 1000 - start) / rowSeconds] = {
      count: Math.round(Number(rate) * rowSeconds),
      variation: Number(variation),
      isGamma: family === 'Gamma',
      shape: Number(shape),
    }
  }
  return clients
}

/** Rows in which all clients together fall below a fifth of that time of day's median: the collector was down. */
function findGaps(clients: (ClientStep | undefined)[][]): Uint8Array {
  const totals = Float64Array.from({ length: rows }, (_, row) =>
    clients.reduce((sum, steps) => sum + (steps[row]?.count ?? 0), 0),
  )
  const rowsPerDay = rows / days
  return Uint8Array.from(totals, (total, row) => {
    const sameTime = totals.filter((_, other) => other % rowsPerDay === row % rowsPerDay).sort()
    return total < 0.2 * sameTime[days >> 1]! ? 1 : 0
  })
}

/** Arrivals by draw; NaN in gaps. */
function drawCounts(steps: (ClientStep | undefined)[], gaps: Uint8Array, random: Random): Float64Array {
  const counts = new Float64Array(rows * drawsPerRow)
  const phase = random.integer(drawsPerRow)
  const add = (draw: number, count: number) => {
    if (draw < counts.length) counts[draw]! += count
  }
  for (let row = 0; row < rows; row++) {
    const first = row * drawsPerRow + phase
    const step = steps[row]
    if (gaps[row] === 1) for (let draw = 0; draw < drawsPerRow; draw++) add(first + draw, Number.NaN)
    else if (step !== undefined && step.count > 0) {
      if (step.count > mostDrawn) drawByLimit(step, random, (draw, count) => add(first + draw, count))
      else drawByGaps(step, random, (draw) => add(first + draw, 1))
    }
  }
  return counts
}

function drawByGaps({ count, isGamma, shape }: ClientStep, random: Random, add: (draw: number) => void) {
  const times = new Float64Array(count + 1)
  let time = 0
  for (let index = 0; index <= count; index++) {
    time += isGamma ? drawGamma(shape, random) : (-Math.log(1 - random.uniform())) ** (1 / shape)
    times[index] = time
  }
  // The same process seen from a random moment on, so that no row starts right after an arrival.
  const shift = random.uniform() * time
  for (let index = 0; index < count; index++)
    add(Math.min(drawsPerRow - 1, Math.floor((((times[index]! + shift) % time) / time) * drawsPerRow)))
}

/** Counts with the mean and variance of the renewal process, by Gamma variables: never negative. */
function drawByLimit(step: ClientStep, random: Random, add: (draw: number, count: number) => void) {
  const shape = step.count / drawsPerRow / step.variation ** 2
  const shares = Float64Array.from({ length: drawsPerRow }, () => drawGamma(shape, random))
  const sum = shares.reduce((all, share) => all + share, 0)
  shares.forEach((share, draw) => {
    add(draw, (step.count * share) / sum)
  })
}

/** Gamma of scale 1 (Marsaglia and Tsang 2000, doi.org/10.1145/358407.358414). */
function drawGamma(shape: number, random: Random): number {
  if (shape < 1) return drawGamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v
  }
}

function toLoad(counts: Float64Array, stepSeconds: number): Float64Array {
  const draws = stepSeconds / drawSeconds
  return Float64Array.from({ length: counts.length / draws }, (_, step) => {
    let sum = 0
    for (let draw = 0; draw < draws; draw++) sum += counts[step * draws + draw]!
    return sum / stepSeconds
  })
}
