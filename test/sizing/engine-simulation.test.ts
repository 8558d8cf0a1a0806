import { describe, expect, it } from 'vitest'
import { findGpu } from '../../src/catalog/gpus.js'
import { findModel } from '../../src/catalog/models.js'
import { createRandom, type Random } from '../../src/kit/random.js'
import { quantile } from '../../src/kit/statistics.js'
import { meanContextTokens, prefillSeconds, promptSeconds, stepSeconds } from '../../src/sizing/latency.js'
import { placeModel } from '../../src/sizing/placement.js'
import { type ReplicaToSize, sizeReplica } from '../../src/sizing/size-replica.js'

// A replay of engines with continuous batching and chunked prefill, under Poisson arrivals of requests with exponential
// lengths: each step decodes one token of every running request and takes up to 2,048 prompt tokens, first come first
// served. The time of a step is the sizing model's; what the replay checks is the queueing on top of it.

interface Request {
  arrival: number
  inputTokensLeft: number
  outputTokens: number
  outputTokensLeft: number
  firstToken: number
}

interface Engine {
  now: number
  waiting: Request[]
  running: Request[]
}

interface StepTimes {
  step: (running: number) => number
  perPromptToken: number
}

function runUntil(
  engine: Engine,
  until: number,
  times: StepTimes,
  finish: (request: Request, at: number) => void,
) {
  while (engine.now < until) {
    if (engine.waiting.length + engine.running.length === 0) {
      engine.now = until
      return
    }
    let room = 2048
    let promptTokens = 0
    for (const request of engine.waiting) {
      const taken = Math.min(room, request.inputTokensLeft)
      request.inputTokensLeft -= taken
      promptTokens += taken
      room -= taken
    }
    engine.now += times.step(Math.max(1, engine.running.length)) + promptTokens * times.perPromptToken
    const started = engine.waiting.filter((request) => request.inputTokensLeft === 0)
    engine.waiting = engine.waiting.filter((request) => request.inputTokensLeft > 0)
    for (const request of started) request.firstToken = engine.now
    const active = [...engine.running, ...started]
    for (const request of active) request.outputTokensLeft -= 1
    for (const request of active) if (request.outputTokensLeft === 0) finish(request, engine.now)
    engine.running = active.filter((request) => request.outputTokensLeft > 0)
  }
}

/** P95 of TTFT and ITL, and the mean number of running requests a replica, in a pool behind a least-loaded router. */
function replay(replica: ReplicaToSize, replicas: number, share: number, requests = 12_000) {
  const { architecture, shape, lengths } = replica
  const capacity = sizeReplica(replica)
  const placement = placeModel(
    { architecture, precision: shape.precision },
    findGpu(shape.gpu)!,
    shape.gpusPerReplica,
  )
  const { inputTokens, outputTokens } = lengths
  const steps: number[] = []
  const prefill = prefillSeconds(placement, inputTokens)
  const fixedSeconds = promptSeconds(placement, inputTokens) - prefill
  const times: StepTimes = {
    step: (running) => (steps[running] ??= stepSeconds(placement, running, meanContextTokens(lengths))),
    perPromptToken: prefill / inputTokens,
  }
  const random: Random = createRandom(7)
  const exponential = (mean: number) => -mean * Math.log(1 - random.uniform())
  const engines = Array.from({ length: replicas }, (): Engine => ({ now: 0, waiting: [], running: [] }))
  const [ttft, itl]: [number[], number[]] = [[], []]
  const load = (engine: Engine) => engine.waiting.length + engine.running.length
  let [now, seen] = [0, 0]
  const warmUp = requests / 5
  for (let count = 0; count < requests; count++) {
    now += exponential(1 / (capacity.requestsPerSecond * replicas * share))
    const finish = (request: Request, at: number) => {
      if (count < warmUp) return
      ttft.push(request.firstToken - request.arrival + fixedSeconds)
      if (request.outputTokens > 20) itl.push((at - request.firstToken) / (request.outputTokens - 1))
    }
    for (const engine of engines) runUntil(engine, now, times, finish)
    const target = engines.reduce((least, engine) => (load(engine) < load(least) ? engine : least))
    if (count >= warmUp) seen += engines.reduce((sum, engine) => sum + engine.running.length, 0) / replicas
    const output = Math.min(lengths.maximumOutputTokens, Math.max(2, Math.round(exponential(outputTokens))))
    target.waiting.push({
      arrival: now,
      inputTokensLeft: Math.min(
        lengths.maximumInputTokens,
        Math.max(1, Math.round(exponential(inputTokens))),
      ),
      outputTokens: output,
      outputTokensLeft: output,
      firstToken: 0,
    })
  }
  return {
    capacity,
    ttftSeconds: quantile(ttft, 0.95),
    itlSeconds: quantile(itl, 0.95),
    running: seen / (requests - warmUp),
  }
}

const replica = (
  model: string,
  shape: ReplicaToSize['shape'],
  [ttftP95Seconds, itlP95Seconds]: [number, number],
  [inputTokens, outputTokens]: [number, number],
): ReplicaToSize => ({
  modelName: model,
  architecture: findModel(model)!.architecture,
  assumed: false,
  shape,
  slo: { ttftP95Seconds, itlP95Seconds },
  lengths: {
    inputTokens,
    outputTokens,
    maximumInputTokens: 4 * inputTokens,
    maximumOutputTokens: 4 * outputTokens,
  },
})
const h100 = { gpu: 'H100', instanceType: 'p5.48xlarge', precision: 'fp8' } as const
// With the load, over the stated one, that a pool can no longer serve.
const cases: [string, ReplicaToSize, number][] = [
  ['limited by ITL', replica('llama-3.1-70b', { ...h100, gpusPerReplica: 2 }, [2, 0.05], [1000, 300]), 1.35],
  [
    'limited by ITL, small batch',
    replica(
      'llama-3.1-8b',
      { gpu: 'A10G', gpusPerReplica: 1, precision: 'bf16', instanceType: 'g5.xlarge' },
      [2, 0.05],
      [1000, 300],
    ),
    1.35,
  ],
  ['limited by TTFT', replica('llama-3.1-8b', { ...h100, gpusPerReplica: 1 }, [0.3, 0.1], [4000, 100]), 1.7],
]

describe.each(cases)('engines at the capacity that sizing states, %s', (_name, each, tooMuch) => {
  it('hold the service level in a pool, and the percentiles are as estimated', () => {
    const { capacity, ttftSeconds, itlSeconds, running } = replay(each, 8, 1)
    expect(itlSeconds / each.slo.itlP95Seconds!).toBeLessThan(1.05)
    expect(ttftSeconds / each.slo.ttftP95Seconds!).toBeLessThan(1.05)
    expect(itlSeconds / capacity.itlSeconds).toBeGreaterThan(0.85)
    expect(ttftSeconds / capacity.ttftSeconds).toBeGreaterThan(0.7)
    expect(Math.abs(running - capacity.maximumConcurrency)).toBeLessThan(
      2 + 0.1 * capacity.maximumConcurrency,
    )
  })

  it('miss it by less than a quarter on a replica of its own, which fluctuates more', () => {
    const { ttftSeconds, itlSeconds } = replay(each, 1, 1)
    expect(itlSeconds / each.slo.itlP95Seconds!).toBeLessThan(1.25)
    expect(ttftSeconds / each.slo.ttftP95Seconds!).toBeLessThan(1.25)
  })

  it('miss it at a load not much higher', () => {
    const { ttftSeconds, itlSeconds } = replay(each, 8, tooMuch)
    const missed = Math.max(itlSeconds / each.slo.itlP95Seconds!, ttftSeconds / each.slo.ttftP95Seconds!)
    expect(missed).toBeGreaterThan(1)
  })
})
