import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRandom, type Random } from '../../src/kit/random.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { workloadId } from '../../src/kit/workload.js'
import { type DemandHistory, maskReasons, type WorkloadDemand } from '../../src/metrics/demand-history.js'
import { fileSource } from '../../src/metrics/files/file-source.js'
import { readDemand } from '../../src/metrics/read-demand.js'
import { dataFolder, readTrace } from '../forecast-data.js'
import { drawCount } from './events.js'

// Real traces at the grains at which a detector is asked: 10 minutes and hours of weeks, 15 seconds of a day or an
// hour. The workloads of each history are the tenants of one model, or the model alone where none are known.

const folder = dataFolder ?? ''

/** A model of BurstGPT: 42 days of hours, requests alone. */
export function readBurstGpt(model: 'conversation' | 'api'): Promise<DemandHistory> {
  return readTrace('burstgpt-hourly-42d.csv', model)
}

/** An hour of single requests in steps of seconds: requests and tokens. */
export async function readRequests(file: string, model: string, stepSeconds: number): Promise<DemandHistory> {
  const { history } = await readDemand({
    sources: [{ source: fileSource({ files: [join(folder, file)], regions: ['trace'] }) }],
    stepSeconds,
    isWanted: (workload) => workload.model === model,
  })
  return history
}

/** A tenant of ServeGen by itself: 14 days of 10 minutes, requests alone. */
export async function readTenants(): Promise<DemandHistory[]> {
  const all = await readTrace('servegen-tenants-10min.csv.gz')
  return all.workloads.map((demand) => {
    const { model, region } = demand.workload
    return {
      ...all,
      workloads: [{ ...demand, workload: { model: `${model}-${demand.workload.tenant}`, region } }],
    }
  })
}

interface Client {
  name: string
  requestsPerSecond: Float64Array
  /** Coefficient of variation of the times between arrivals. */
  variation: Float64Array
}

const clientStepSeconds = 600

/**
 * The clients of a model of ServeGen: 14 days of 10 minutes. Their tokens are the model's mean of the step, each
 * client's longer or shorter by a factor of its own, since lengths of single clients are not published.
 */
export async function readClients(model: 'm-large' | 'm-mid'): Promise<DemandHistory> {
  const whole = await readTrace('servegen-demand-10min.csv.gz', model)
  const clients = readClientRates(model, whole)
  return combineClients(whole, clients, clientStepSeconds, whole.start, whole.length, (client, step) =>
    Math.round(clientStepSeconds * client.requestsPerSecond[step]!),
  )
}

/**
 * A day of the same clients in steps of 15 seconds, arrivals drawn in each by the client's coefficient of variation;
 * the rate between two 10-minute steps is interpolated, as a jump there would be the file's and not the client's.
 */
export async function drawClients(
  model: 'm-large' | 'm-mid',
  day: number,
  seed: number,
): Promise<DemandHistory> {
  const stepSeconds = 15
  const whole = await readTrace('servegen-demand-10min.csv.gz', model)
  const clients = mergeSmall(readClientRates(model, whole), 40)
  const random = createRandom(seed * 977 + day)
  const first = (day * secondsPerDay) / clientStepSeconds
  const perStep = clientStepSeconds / stepSeconds
  const length = secondsPerDay / stepSeconds
  return combineClients(
    whole,
    clients,
    stepSeconds,
    whole.start + day * secondsPerDay,
    length,
    (client, step) => {
      const at = first + (step + 0.5) / perStep - 0.5
      const below = Math.max(0, Math.floor(at))
      const low = client.requestsPerSecond[below]!
      const high = client.requestsPerSecond[below + 1] ?? low
      const mean = stepSeconds * (low + (high - low) * (at - below))
      return drawRenewals(mean, client.variation[below]!, random)
    },
  )
}

/** Arrivals of a step of a renewal process: its mean and, in the limit, its variance (Cox, 1962, 4.2). */
function drawRenewals(mean: number, variation: number, random: Random): number {
  if (!(mean > 0)) return 0
  const variance = variation * variation
  if (variance <= 1) return drawCount(mean, random)
  // Groups of arrivals at once have the same variance for every mean.
  const groups = drawCount(mean / variance, random)
  return Math.round(groups * variance)
}

function combineClients(
  whole: DemandHistory,
  clients: readonly Client[],
  stepSeconds: number,
  start: number,
  length: number,
  count: (client: Client, step: number) => number,
): DemandHistory {
  const [model] = whole.workloads
  const random = createRandom(31)
  const offset = (start - whole.start) / whole.stepSeconds
  const workloads = clients.map((client): WorkloadDemand => {
    const factors = { input: Math.exp(0.5 * random.normal()), output: Math.exp(0.5 * random.normal()) }
    const demand: WorkloadDemand = {
      workload: { ...model!.workload, tenant: client.name },
      requests: new Float64Array(length),
      inputTokens: new Float64Array(length),
      outputTokens: new Float64Array(length),
      tokens: 'measured',
      mask: new Uint8Array(length),
    }
    for (let step = 0; step < length; step++) {
      const at = Math.floor(offset + (step * stepSeconds) / whole.stepSeconds)
      const isGap = model!.mask[at] !== 0
      const requests = isGap ? Number.NaN : count(client, step)
      demand.mask[step] = isGap ? maskReasons.indexOf('gap') : 0
      demand.requests[step] = requests
      const per = requests / model!.requests[at]!
      demand.inputTokens[step] = per * model!.inputTokens[at]! * factors.input
      demand.outputTokens[step] = per * model!.outputTokens[at]! * factors.output
    }
    return demand
  })
  workloads.sort((a, b) => (workloadId(a.workload) < workloadId(b.workload) ? -1 : 1))
  return { start, stepSeconds, length, workloads }
}

function readClientRates(model: 'm-large' | 'm-mid', { start, length }: DemandHistory): Client[] {
  const clients = new Map<string, Client>()
  const text = gunzipSync(readFileSync(join(folder, `servegen-${model}-clients-10min.csv.gz`))).toString(
    'utf8',
  )
  for (const line of text.trim().split('\n').slice(1)) {
    const [timestamp, name, rate, variation] = line.split(',') as [string, string, string, string]
    const step = (Date.parse(timestamp) / 1000 - start) / clientStepSeconds
    let client = clients.get(name)
    if (client === undefined) {
      client = { name, requestsPerSecond: new Float64Array(length), variation: new Float64Array(length) }
      clients.set(name, client)
    }
    client.requestsPerSecond[step] = Number(rate)
    client.variation[step] = Number(variation)
  }
  return [...clients.values()]
}

/** The largest clients, and the others as one: a file that names tenants rarely names all. */
function mergeSmall(clients: readonly Client[], keep: number): Client[] {
  const size = (client: Client) => client.requestsPerSecond.reduce((a, b) => a + b, 0)
  const bySize = [...clients].sort((a, b) => size(b) - size(a))
  const others: Client = {
    name: 'others',
    requestsPerSecond: new Float64Array(clients[0]!.requestsPerSecond.length),
    variation: new Float64Array(clients[0]!.variation.length).fill(1),
  }
  for (const { requestsPerSecond } of bySize.slice(keep))
    requestsPerSecond.forEach((rate, step) => {
      others.requestsPerSecond[step]! += rate
    })
  return [...bySize.slice(0, keep), others]
}
