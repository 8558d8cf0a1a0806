import type { EpochSeconds } from '../src/kit/units.js'

/** Requests and tokens that arrived, amounts a step, by model. */
export interface FleetDemand {
  start: EpochSeconds
  stepSeconds: number
  models: readonly {
    model: string
    requests: ArrayLike<number>
    inputTokens: ArrayLike<number>
    outputTokens: ArrayLike<number>
  }[]
}

interface FleetOptions {
  /** Of each model, with unequal shares of its load; default 2. */
  pods?: number
  /** Default 60; each pod is scraped at a moment of its own. */
  scrapeSeconds?: number
  /** Metric names of the first pod, the second, …; default all new. */
  names?: readonly ('new' | 'old' | 'both')[]
  /** A pod starts anew, its counters at zero. */
  reset?: { pod: number; at: EpochSeconds }
  /** A pod that had the old names starts anew with the new ones. */
  upgrade?: { pod: number; at: EpochSeconds }
  /** The pods of a model start anew under another name of it. */
  rename?: { model: string; to: string; at: EpochSeconds }
  /** Nothing is scraped from `from` to `to`. */
  hole?: { from: EpochSeconds; to: EpochSeconds }
  /** Samples of these times are NaN. */
  nan?: { from: EpochSeconds; to: EpochSeconds }
  /** What a model serves at most; what is more waits. Default all. */
  requestsPerSecond?: number
  /** How long a request runs; default 0. */
  serviceSeconds?: number
  /** Also the histograms; default false, because they are many samples. */
  histograms?: boolean
  /** Further labels of each series. */
  labels?: Record<string, string>
}

/** What the counters of one model really grew by in each step, and its gauges at the end. */
export interface FleetTruth {
  arrivedRequests: Float64Array
  /** Requests that ended, and their tokens. */
  requests: Float64Array
  inputTokens: Float64Array
  cachedInputTokens: Float64Array
  outputTokens: Float64Array
  inFlightRequests: Float64Array
  queuedRequests: Float64Array
}

/** Load is even within a step, and curves are kept at this distance. */
const gridSeconds = 10
const cachedShare = 0.3
const lengthShares = { '100': 0.25, '1000': 0.75, '10000': 0.95, '+Inf': 1 }
const itlShares = { '0.025': 0.4, '0.05': 0.8, '0.1': 0.99, '+Inf': 1 }

/** Totals since the start, at each point of the grid. */
interface Curves {
  arrived: Float64Array
  begun: Float64Array
  ended: Float64Array
  inputTokens: Float64Array
  outputTokens: Float64Array
}

/** A time in which a pod runs without interruption, with the labels and the names of its metrics. */
interface Life {
  from: EpochSeconds
  to: EpochSeconds
  model: string
  names: 'new' | 'old' | 'both'
}

/**
 * What a Prometheus would have scraped from the vLLM pods that served a demand, as text for promtool; and the
 * exact truth by the model's name at the time, for steps of the demand.
 */
export function openMetricsOf(
  demand: FleetDemand,
  options: FleetOptions = {},
): { text: string; truth: Map<string, FleetTruth> } {
  const families = new Map<string, string[]>()
  const truth = new Map<string, FleetTruth>()
  const { pods = 2, scrapeSeconds = 60 } = options
  const length = Math.max(...demand.models.map(({ requests }) => requests.length))
  const end = demand.start + length * demand.stepSeconds
  const weights = Array.from({ length: pods }, (_, pod) => (2 * (pod + 1)) / (pods * (pods + 1)))
  for (const [modelAt, each] of demand.models.entries()) {
    const curves = drawCurves(each, demand.stepSeconds, length, options)
    const at = (curve: keyof Curves, time: EpochSeconds) =>
      interpolate(curves[curve], (time - demand.start) / gridSeconds)
    addTruth(truth, each.model, at, demand, length, options)
    for (const [pod, weight] of weights.entries()) {
      const offset = (7 + 11 * pod + 3 * modelAt) % scrapeSeconds
      for (const life of livesOf(each.model, pod, demand.start, end, options)) {
        // The first scrape of a life is a moment of the same beat.
        const first =
          Math.ceil((life.from - demand.start - offset) / scrapeSeconds) * scrapeSeconds +
          demand.start +
          offset
        for (let time = first; time < life.to; time += scrapeSeconds) {
          if (isWithin(options.hole, time)) continue
          const amounts = (curve: keyof Curves) => weight * (at(curve, time) - at(curve, life.from))
          const gauges = {
            waiting: weight * (at('arrived', time) - at('begun', time)),
            running: weight * (at('begun', time) - at('ended', time)),
          }
          addSamples(families, life, `${each.model}-${pod}`, time, amounts, gauges, options)
        }
      }
    }
  }
  return { text: `${[...families.values()].flat().join('\n')}\n# EOF\n`, truth }
}

/** Requests begin as they arrive, up to the rate that is served, and their tokens count when they end. */
function drawCurves(
  { requests, inputTokens, outputTokens }: FleetDemand['models'][number],
  stepSeconds: number,
  length: number,
  { requestsPerSecond = Number.POSITIVE_INFINITY, serviceSeconds = 0 }: FleetOptions,
): Curves {
  const points = (length * stepSeconds) / gridSeconds + 1
  const total = (amounts: ArrayLike<number>) => {
    const curve = new Float64Array(points)
    for (let at = 1; at < points; at++) {
      const step = Math.floor(((at - 1) * gridSeconds) / stepSeconds)
      curve[at] = curve[at - 1]! + ((amounts[step] ?? 0) * gridSeconds) / stepSeconds
    }
    return curve
  }
  const arrived = total(requests)
  const begun = new Float64Array(points)
  for (let at = 1; at < points; at++)
    begun[at] = Math.min(arrived[at]!, begun[at - 1]! + requestsPerSecond * gridSeconds)
  const ended = begun.map((_, at) => interpolate(begun, at - serviceSeconds / gridSeconds))
  const atArrival = (curve: Float64Array) => {
    let before = 0
    return ended.map((count) => {
      while (before + 1 < points - 1 && arrived[before + 1]! < count) before++
      const part = arrived[before + 1]! - arrived[before]!
      return interpolate(curve, part > 0 ? before + (count - arrived[before]!) / part : before)
    })
  }
  return {
    arrived,
    begun,
    ended,
    inputTokens: atArrival(total(inputTokens)),
    outputTokens: atArrival(total(outputTokens)),
  }
}

function interpolate(curve: Float64Array, at: number): number {
  const before = Math.min(Math.max(Math.floor(at), 0), curve.length - 2)
  const part = Math.min(Math.max(at - before, 0), 1)
  return curve[before]! + part * (curve[before + 1]! - curve[before]!)
}

function livesOf(
  model: string,
  pod: number,
  start: EpochSeconds,
  end: EpochSeconds,
  { names = [], reset, upgrade, rename }: FleetOptions,
): Life[] {
  const upgraded = upgrade?.pod === pod ? upgrade.at : undefined
  const renamed = rename?.model === model ? rename.at : undefined
  const ends = [reset?.pod === pod ? reset.at : undefined, upgraded, renamed, end]
    .filter((time) => time !== undefined)
    .sort((a, b) => a - b)
  return ends.map((to, at) => {
    const from = ends[at - 1] ?? start
    return {
      from,
      to,
      model: renamed !== undefined && from >= renamed ? rename!.to : model,
      names: upgraded === undefined ? (names[pod] ?? 'new') : from >= upgraded ? 'new' : 'old',
    }
  })
}

function addTruth(
  truth: Map<string, FleetTruth>,
  model: string,
  at: (curve: keyof Curves, time: EpochSeconds) => number,
  { start, stepSeconds }: FleetDemand,
  length: number,
  { rename }: FleetOptions,
): void {
  const isRenamed = rename?.model === model
  const end = start + length * stepSeconds
  const parts = [
    { name: model, from: start, to: isRenamed ? rename.at : end },
    ...(isRenamed ? [{ name: rename.to, from: rename.at, to: end }] : []),
  ]
  for (const { name, from, to } of parts) {
    const clip = (time: EpochSeconds) => Math.min(Math.max(time, from), to)
    const column = (value: (stepStart: EpochSeconds, stepEnd: EpochSeconds) => number) =>
      Float64Array.from({ length }, (_, step) =>
        value(start + step * stepSeconds, start + (step + 1) * stepSeconds),
      )
    const growth = (curve: keyof Curves, share = 1) =>
      column((stepStart, stepEnd) => share * (at(curve, clip(stepEnd)) - at(curve, clip(stepStart))))
    const level = (upper: keyof Curves, lower: keyof Curves) =>
      column((_, stepEnd) => (stepEnd > from && stepEnd <= to ? at(upper, stepEnd) - at(lower, stepEnd) : 0))
    truth.set(name, {
      arrivedRequests: growth('arrived'),
      requests: growth('ended'),
      inputTokens: growth('inputTokens'),
      cachedInputTokens: growth('inputTokens', cachedShare),
      outputTokens: growth('outputTokens'),
      inFlightRequests: level('arrived', 'ended'),
      queuedRequests: level('arrived', 'begun'),
    })
  }
}

function addSamples(
  families: Map<string, string[]>,
  { model, names }: Life,
  pod: string,
  time: EpochSeconds,
  amounts: (curve: keyof Curves) => number,
  gauges: { waiting: number; running: number },
  { histograms = false, labels = {}, nan }: FleetOptions,
): void {
  const own = { model_name: model, engine: '0', pod, instance: `${pod}:8000`, ...labels }
  const add = (family: string, type: string, suffix: string, more: Record<string, string>, value: number) => {
    if (!families.has(family)) families.set(family, [`# TYPE ${family} ${type}`])
    const texts = Object.entries({ ...own, ...more }).map(([name, text]) => `${name}=${quote(text)}`)
    // Counters are whole numbers; a small part of one is an error of the sum before it.
    const shown = isWithin(nan, time) ? 'NaN' : Math.floor(value + 1e-6)
    families.get(family)!.push(`${family}${suffix}{${texts.join(',')}} ${shown} ${time}`)
  }
  const counter = (family: string, value: number, more = {}) => add(family, 'counter', '_total', more, value)
  const histogram = (family: string, shares: Record<string, number>, value: number) => {
    for (const [le, share] of Object.entries(shares))
      add(family, 'histogram', '_bucket', { le }, value * share)
    add(family, 'histogram', '_count', {}, value)
  }
  const input = amounts('inputTokens')
  const output = amounts('outputTokens')
  counter('vllm:request_success', 0.8 * amounts('ended'), { finished_reason: 'stop' })
  counter('vllm:request_success', 0.2 * amounts('ended'), { finished_reason: 'length' })
  counter('vllm:prompt_tokens', input)
  counter('vllm:generation_tokens', output)
  if (names !== 'old') counter('vllm:prompt_tokens_cached', cachedShare * input)
  if (names !== 'new') counter('vllm:prefix_cache_hits', cachedShare * input)
  add('vllm:num_requests_running', 'gauge', '', {}, gauges.running)
  add('vllm:num_requests_waiting', 'gauge', '', {}, gauges.waiting)
  if (!histograms) return
  histogram('vllm:request_prompt_tokens', lengthShares, amounts('ended'))
  histogram('vllm:request_generation_tokens', lengthShares, amounts('ended'))
  if (names !== 'old') histogram('vllm:inter_token_latency_seconds', itlShares, output)
  if (names !== 'new') histogram('vllm:time_per_output_token_seconds', itlShares, output)
}

function isWithin(window: { from: EpochSeconds; to: EpochSeconds } | undefined, time: EpochSeconds): boolean {
  return window !== undefined && time >= window.from && time < window.to
}

/** https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md#escaping */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}
