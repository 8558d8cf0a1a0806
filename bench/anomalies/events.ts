import { createRandom, type Random } from '../../src/kit/random.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../src/kit/units.js'
import { type DemandHistory, maskReasons, type WorkloadDemand } from '../../src/metrics/demand-history.js'

// What is injected into real traces to judge the detector by: surges that must not be learned, surges that are
// demand, and gaps. Every range below was written down before the detector was, from what such events are, not from
// what can be found. Sizes of attacks and tests are multiples of the trace's mean rate, as nobody sizes an attack by
// the hour of the victim's day; retries and campaigns multiply the demand of their time.

export const surgesToMask = ['retry-storm', 'attack', 'load-test'] as const
const surgesToLearn = ['launch', 'batch-job', 'campaign'] as const
type SurgeKind = (typeof surgesToMask)[number] | (typeof surgesToLearn)[number]

/** What was injected: steps `from` inclusive, `to` exclusive, where at least a tenth of its height was added. */
export interface InjectedEpisode {
  kind: SurgeKind | 'gap'
  from: number
  to: number
}

export interface InjectedTrace {
  history: DemandHistory
  episodes: InjectedEpisode[]
}

interface Surge {
  kind: SurgeKind
  startSeconds: number
  riseSeconds: number
  holdSeconds: number
  fallSeconds: number
  /** Requests a second at its height, by step: a multiple of the demand then, or of the trace's mean. */
  height: { ofDemand: number } | { ofMean: number }
  /** Tenants that add it; new ones where they are not in the trace. */
  tenants: 'all' | 'big' | 'one' | 'one-new' | 'many-new'
  /** Tokens of one of its requests over those of a usual one. */
  inputMix: number
  outputMix: number
  /** Share of its requests that is turned away. */
  rejectedShare: number
  /** Standard deviation of the logarithm of its rate, step by step. */
  unevenness: number
}

/**
 * A trace with surges and a gap, drawn by a seed. Even seeds know how many requests were turned away, odd ones do
 * not. The workloads of `history` are the tenants of one model; columns are copied.
 */
export function injectEvents(history: DemandHistory, seed: number): InjectedTrace {
  const random = createRandom(seed * 2_654_435 + 17)
  const knowsRejected = seed % 2 === 0
  const trace = copyHistory(history, knowsRejected ? random : undefined)
  const episodes: InjectedEpisode[] = []
  const taken: { from: number; to: number }[] = []
  for (const kind of drawKinds(history, random)) {
    const place = findPlace(kind, trace, taken, random)
    if (place === undefined) continue
    taken.push(place.reserved)
    if (kind === 'gap') episodes.push(injectGap(trace, place.startSeconds, random))
    else
      for (const surge of drawSurges(kind, trace, place.startSeconds, random))
        episodes.push(injectSurge(trace, surge, random))
  }
  trace.workloads.sort((a, b) => ((a.workload.tenant ?? '') < (b.workload.tenant ?? '') ? -1 : 1))
  return { history: trace, episodes }
}

/** A long trace takes some of all; an hour has room for one surge that must not be learned and one that must. */
function drawKinds(history: DemandHistory, random: Random): (SurgeKind | 'gap')[] {
  const spanSeconds = history.length * history.stepSeconds
  const pick = <T>(from: readonly T[]) => from[random.integer(from.length)]!
  if (spanSeconds < 4 * secondsPerHour) return [pick(surgesToMask), pick(['campaign', 'launch'])]
  const first = ['batch-job', 'launch'] as const
  return [...first, 'retry-storm', 'attack', 'attack', 'load-test', 'campaign', 'campaign', 'gap']
}

const shortSpanSeconds = 4 * secondsPerHour

/** Where an event begins, clear of those before it. */
function findPlace(
  kind: SurgeKind | 'gap',
  { length, stepSeconds }: DemandHistory,
  taken: readonly { from: number; to: number }[],
  random: Random,
): { startSeconds: number; reserved: { from: number; to: number } } | undefined {
  const span = length * stepSeconds
  if (kind === 'batch-job') return { startSeconds: 0, reserved: { from: 0, to: 0 } }
  const room = span < shortSpanSeconds ? 0.2 * span : Math.min(0.06 * span, 10 * secondsPerHour)
  for (let attempt = 0; attempt < 200; attempt++) {
    // A launch in the first half has half of a history to last.
    const share = kind === 'launch' ? 0.3 + 0.35 * random.uniform() : 0.15 + 0.7 * random.uniform()
    const startSeconds = share * span
    const reserved = { from: startSeconds - room, to: startSeconds + room }
    if (taken.every(({ from, to }) => reserved.to < from || reserved.from > to))
      return { startSeconds, reserved }
  }
  return undefined
}

function drawSurges(kind: SurgeKind, history: DemandHistory, start: number, random: Random): Surge[] {
  const { stepSeconds, length } = history
  const span = length * stepSeconds
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const logBetween = (low: number, high: number) => low * (high / low) ** random.uniform()
  const coin = () => random.uniform() < 0.5
  const isFine = stepSeconds <= 15
  const isShort = span < shortSpanSeconds
  const hold = isShort
    ? between(2, 8) * secondsPerMinute
    : isFine
      ? logBetween(3, 60) * secondsPerMinute
      : Math.max(stepSeconds, logBetween(20, 360) * secondsPerMinute)
  const base = { kind, startSeconds: start, holdSeconds: hold, rejectedShare: 0, unevenness: 0.1 }
  const usual = { inputMix: logBetween(0.95, 1.05), outputMix: logBetween(0.95, 1.05) }
  switch (kind) {
    case 'retry-storm':
      return [
        {
          ...base,
          riseSeconds: logBetween(10, 120),
          fallSeconds: logBetween(1, 15) * secondsPerMinute,
          height: { ofDemand: logBetween(0.8, 4) },
          tenants: coin() ? 'big' : 'all',
          inputMix: logBetween(0.9, 1.1),
          // What fails answers little.
          outputMix: logBetween(0.15, 0.9),
          rejectedShare: between(0.4, 0.95),
          unevenness: 0.15,
        },
      ]
    case 'attack':
      return [
        {
          ...base,
          riseSeconds: logBetween(5, 60),
          fallSeconds: logBetween(5, 120),
          height: { ofMean: logBetween(1, 10) },
          tenants: coin() ? (coin() ? 'one' : 'one-new') : 'many-new',
          // The dearest requests, or the cheapest by the million.
          inputMix: coin() ? logBetween(2, 8) : logBetween(0.1, 0.5),
          outputMix: coin() ? logBetween(1.5, 5) : logBetween(0.05, 0.5),
          rejectedShare: coin() ? between(0, 0.6) : 0,
          unevenness: between(0.02, 0.3),
        },
      ]
    case 'load-test':
      return [
        {
          ...base,
          riseSeconds: logBetween(1, 120),
          fallSeconds: logBetween(1, 30),
          height: { ofMean: logBetween(0.7, 3) },
          tenants: coin() ? 'one' : 'one-new',
          inputMix: logBetween(0.4, 2.5),
          outputMix: logBetween(0.4, 2.5),
          rejectedShare: coin() ? between(0, 0.3) : 0,
          unevenness: 0.02,
        },
      ]
    case 'launch':
      return [
        {
          ...base,
          riseSeconds: isShort ? between(5, 12) * secondsPerMinute : logBetween(10, 360) * secondsPerMinute,
          holdSeconds: span,
          fallSeconds: 1,
          height: { ofDemand: logBetween(0.5, 3) },
          tenants: coin() ? 'all' : 'one-new',
          inputMix: logBetween(0.7, 1.4),
          outputMix: logBetween(0.7, 1.4),
          rejectedShare: between(0, 0.03),
        },
      ]
    case 'campaign':
      return [
        {
          ...base,
          ...usual,
          riseSeconds:
            isFine || isShort ? between(4, 12) * secondsPerMinute : logBetween(20, 240) * secondsPerMinute,
          holdSeconds: isShort ? between(5, 15) * secondsPerMinute : logBetween(30, 360) * secondsPerMinute,
          fallSeconds: isShort ? between(5, 10) * secondsPerMinute : logBetween(20, 240) * secondsPerMinute,
          height: { ofDemand: logBetween(0.4, 2) },
          tenants: 'all',
          rejectedShare: between(0, 0.03),
        },
      ]
    case 'batch-job': {
      // Nightly, or on a trace of one day every few hours; late by minutes, left out now and then.
      const period = span < 3 * secondsPerDay ? between(2, 4) * secondsPerHour : secondsPerDay
      const phase = random.uniform() * period
      const duration = Math.min(0.2 * period, isFine ? hold : Math.max(stepSeconds, logBetween(30, 240) * 60))
      const one = {
        ...base,
        riseSeconds: between(1, 120),
        holdSeconds: duration,
        fallSeconds: between(1, 600),
        height: { ofMean: logBetween(0.4, 2) },
        tenants: 'one-new' as const,
        inputMix: logBetween(0.3, 3),
        outputMix: logBetween(0.3, 3),
      }
      const surges: Surge[] = []
      for (let at = phase; at + duration < span; at += period)
        if (random.uniform() < 0.9)
          surges.push({ ...one, startSeconds: Math.max(0, at + 180 * random.normal()) })
      return surges
    }
  }
}

/** Share of its height that a surge has at a time. */
function shapeAt({ riseSeconds, holdSeconds, fallSeconds }: Surge, secondsIn: number): number {
  if (secondsIn < 0) return 0
  if (secondsIn < riseSeconds) return secondsIn / riseSeconds
  const over = secondsIn - riseSeconds - holdSeconds
  return over < 0 ? 1 : Math.max(0, 1 - over / fallSeconds)
}

const partsOfStep = 20

function injectSurge(trace: DemandHistory, surge: Surge, random: Random): InjectedEpisode {
  const { stepSeconds, length } = trace
  const before = totals(trace)
  const adders = chooseTenants(trace, surge, random)
  let from = length
  let to = 0
  for (let step = Math.floor(surge.startSeconds / stepSeconds); step < length; step++) {
    let share = 0
    for (let part = 0; part < partsOfStep; part++)
      share += shapeAt(surge, (step + (part + 0.5) / partsOfStep) * stepSeconds - surge.startSeconds)
    share /= partsOfStep
    if (share === 0) {
      if (step * stepSeconds > surge.startSeconds + surge.riseSeconds) break
      continue
    }
    const demand = before.requests[step]!
    if (Number.isNaN(demand)) continue
    const height =
      'ofDemand' in surge.height ? surge.height.ofDemand * demand : surge.height.ofMean * before.meanRequests
    const mean = share * height * Math.exp(surge.unevenness * random.normal())
    if (share >= 0.1) {
      from = Math.min(from, step)
      to = step + 1
    }
    for (const { demand: part, weightAt } of adders) {
      const added = drawCount(mean * weightAt(step), random)
      part.requests[step]! += added
      part.inputTokens[step]! += Math.round(added * before.inputTokens * surge.inputMix)
      part.outputTokens[step]! += Math.round(added * before.outputTokens * surge.outputMix)
      if (part.rejectedRequests !== undefined)
        part.rejectedRequests[step]! += Math.round(added * surge.rejectedShare)
    }
  }
  return { kind: surge.kind, from, to: Math.max(to, from) }
}

interface Adder {
  demand: WorkloadDemand
  weightAt: (step: number) => number
}

/** Who adds a surge, with each one's share of it. A trace without tenants has one part, which takes all. */
function chooseTenants(trace: DemandHistory, surge: Surge, random: Random): Adder[] {
  const { workloads } = trace
  if (workloads[0]!.workload.tenant === undefined) return [{ demand: workloads[0]!, weightAt: () => 1 }]
  const sums = workloads.map(({ requests }) => requests.reduce((sum, value) => sum + (value || 0), 0))
  const total = sums.reduce((a, b) => a + b, 0)
  switch (surge.tenants) {
    case 'all':
      return followDemand(workloads)
    case 'big': {
      const bySize = workloads.map((_, index) => index).sort((a, b) => sums[b]! - sums[a]!)
      const chosen: number[] = []
      let sum = 0
      for (const index of bySize) {
        if (sum >= 0.3 * total && chosen.length > 0) break
        if (random.uniform() < 0.3) continue
        chosen.push(index)
        sum += sums[index]!
      }
      return followDemand(chosen.map((index) => workloads[index]!))
    }
    case 'one':
      return [{ demand: workloads[random.integer(workloads.length)]!, weightAt: () => 1 }]
    case 'one-new':
      return [{ demand: addTenant(trace, newName(trace, surge), surge), weightAt: () => 1 }]
    case 'many-new': {
      const weights = Array.from({ length: 20 + random.integer(60) }, () => -Math.log(1 - random.uniform()))
      const sum = weights.reduce((a, b) => a + b, 0)
      return weights.map((weight, index) => ({
        demand: addTenant(trace, `${newName(trace, surge)}-${index}`, surge),
        weightAt: () => weight / sum,
      }))
    }
  }
}

/** A nightly job is one tenant in all of its nights. */
function newName(trace: DemandHistory, { kind, startSeconds }: Surge): string {
  return kind === 'batch-job' ? 'new-job' : `new-${Math.round(startSeconds)}-${trace.workloads.length}`
}

function followDemand(workloads: readonly WorkloadDemand[]): Adder[] {
  const before = workloads.map(({ requests }) => requests.slice())
  return workloads.map((demand, index) => ({
    demand,
    weightAt: (step) => {
      let sum = 0
      for (const requests of before) sum += requests[step] || 0
      return sum > 0 ? (before[index]![step] || 0) / sum : 1 / before.length
    },
  }))
}

function addTenant(trace: DemandHistory, tenant: string, { kind }: Surge): WorkloadDemand {
  const present = trace.workloads.find(({ workload }) => workload.tenant === tenant)
  if (present !== undefined && kind === 'batch-job') return present
  const [like] = trace.workloads
  const blank = () => Float64Array.from(like!.mask, (code) => (code === 0 ? 0 : Number.NaN))
  const added: WorkloadDemand = {
    workload: { ...like!.workload, tenant },
    requests: blank(),
    inputTokens: blank(),
    outputTokens: blank(),
    tokens: like!.tokens,
    mask: like!.mask.slice(),
    ...(like!.rejectedRequests && { rejectedRequests: blank() }),
  }
  trace.workloads.push(added)
  return added
}

/** Masked as reading a file masks it: what the detector must not take for the end of a surge. */
function injectGap(trace: DemandHistory, startSeconds: number, random: Random): InjectedEpisode {
  const from = Math.floor(startSeconds / trace.stepSeconds)
  const steps = Math.max(1, Math.round(((0.5 + 4 * random.uniform()) * secondsPerHour) / trace.stepSeconds))
  const to = Math.min(trace.length, from + steps)
  for (const { mask, requests, inputTokens, outputTokens, rejectedRequests } of trace.workloads) {
    mask.fill(maskReasons.indexOf('gap'), from, to)
    for (const column of [requests, inputTokens, outputTokens, rejectedRequests])
      column?.fill(Number.NaN, from, to)
  }
  return { kind: 'gap', from, to }
}

function totals({ workloads, length }: DemandHistory): {
  requests: Float64Array
  meanRequests: number
  /** Mean tokens of a request. */
  inputTokens: number
  outputTokens: number
} {
  const requests = new Float64Array(length)
  const sums = { requests: 0, inputTokens: 0, outputTokens: 0 }
  let observed = 0
  for (let step = 0; step < length; step++) {
    for (const demand of workloads) {
      requests[step]! += demand.requests[step]!
      if (demand.mask[step] !== 0) continue
      for (const metric of ['requests', 'inputTokens', 'outputTokens'] as const)
        sums[metric] += demand[metric][step]!
    }
    if (!Number.isNaN(requests[step]!)) observed++
  }
  return {
    requests,
    meanRequests: sums.requests / observed,
    inputTokens: sums.inputTokens / sums.requests,
    outputTokens: sums.outputTokens / sums.requests,
  }
}

/** Copies columns; with a generator also draws the few requests that are turned away on a usual day. */
function copyHistory(history: DemandHistory, random: Random | undefined): DemandHistory {
  let mood = 0
  const usual = random === undefined ? 0 : 0.002 + 0.008 * random.uniform()
  const shares = Float64Array.from({ length: history.length }, () => {
    mood = 0.9 * mood + 0.3 * (random?.normal() ?? 0)
    return usual * Math.exp(mood - 0.24)
  })
  return {
    ...history,
    workloads: history.workloads.map((demand) => ({
      ...demand,
      requests: demand.requests.slice(),
      inputTokens: demand.inputTokens.slice(),
      outputTokens: demand.outputTokens.slice(),
      mask: demand.mask.slice(),
      ...(random && {
        rejectedRequests: demand.requests.map((requests, step) =>
          Number.isNaN(requests)
            ? Number.NaN
            : Math.min(requests, drawCount(requests * shares[step]!, random)),
        ),
      }),
    })),
  }
}

/** A Poisson count; above 30 by its normal limit. */
export function drawCount(mean: number, random: Random): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()))
  let count = 0
  for (let product = random.uniform(); product > Math.exp(-mean); product *= random.uniform()) count++
  return count
}
