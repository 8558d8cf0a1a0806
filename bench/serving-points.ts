import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { findGpu } from '../src/catalog/gpus.js'
import { findModel } from '../src/catalog/models.js'
import {
  interTokenSeconds,
  type LatencyConstants,
  meanContextTokens,
  prefillSeconds,
  promptSeconds,
  stepSeconds,
} from '../src/sizing/latency.js'
import { kvCacheBytes, kvCacheCapacityBytes } from '../src/sizing/memory.js'
import { type Placement, placeModel } from '../src/sizing/placement.js'

/** A measured point of a closed loop of `concurrency` clients. */
export interface ServingPoint {
  model: string
  system: string
  backend: string
  placement: Placement
  inputTokens: number
  outputTokens: number
  concurrency: number
  ttftSeconds: number
  itlSeconds: number
}

/** Points of measured-serving-points.csv.gz that the catalogue covers, and how many were left out by reason. */
export function readServingPoints(folder: string): { points: ServingPoint[]; leftOut: Map<string, number> } {
  const text = gunzipSync(readFileSync(join(folder, 'measured-serving-points.csv.gz'))).toString('utf8')
  const [header, ...lines] = text.trim().split('\n')
  const names = header!.split(',')
  const points: ServingPoint[] = []
  const leftOut = new Map<string, number>()
  const seen = new Set<string>()
  for (const line of lines) {
    const cells = line.split(',')
    const row = Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']))
    const repeated = cells.slice(2).join()
    const point = seen.has(repeated) ? 'repeats another point' : readPoint(row)
    seen.add(repeated)
    if (typeof point === 'string') leftOut.set(point, (leftOut.get(point) ?? 0) + 1)
    else points.push(point)
  }
  return { points, leftOut }
}

function readPoint(row: Record<string, string>): ServingPoint | string {
  if (row['mode'] !== 'agg') return 'separate prefill and decode workers'
  const model = findModel(row['model_path']!)
  const gpu = findGpu(row['system']!.replace('_sxm', ''))
  if (model === undefined || gpu === undefined) return 'model or GPU not in the catalogue'
  if (Number(row['attention_dp_size'] || 1) > 1) return 'data-parallel attention'
  const [expertTensor, expertParallel] = [Number(row['moe_tp_size']), Number(row['moe_ep_size'])]
  // Where experts are both split and spread the file multiplies the two: 8 × 8 ran on 8 GPUs.
  const gpus = expertParallel > 1 && expertParallel === expertTensor ? expertTensor : Number(row['tp_size'])
  const precision = model.name.startsWith('gpt-oss') ? 'fp4' : readPrecision(row['precision']!)
  const backend = row['backend']!
  const eightBitCache =
    precision !== 'bf16' && (backend === 'trtllm' || (backend === 'vllm' && gpu.name === 'B200'))
  const source = row['silicon_data_source']!
  // Nominal lengths of that benchmark are the upper end of a range of 0.8 … 1.
  const lengthShare = source.includes('gap') ? 1 : 0.9
  const point: ServingPoint = {
    model: model.name,
    system: gpu.name,
    backend,
    placement: placeModel({ architecture: model.architecture, precision }, gpu, gpus, eightBitCache ? 1 : 2),
    inputTokens: Number(row['isl']) * lengthShare,
    outputTokens: Number(row['osl']) * lengthShare,
    concurrency: Number(/silicon_concurrency=(\d+)/.exec(source)?.[1]),
    ttftSeconds: Number(row['silicon_ttft_ms']) / 1000,
    itlSeconds: Number(row['silicon_tpot_ms']) / 1000,
  }
  if (Number.isNaN(point.concurrency)) return 'no concurrency'
  const latency = point.ttftSeconds + point.outputTokens * point.itlSeconds
  if (point.ttftSeconds > 3 && point.ttftSeconds > 0.3 * latency) return 'queued behind a server limit'
  return point
}

function readPrecision(text: string): 'bf16' | 'fp8' | 'fp4' {
  return text === 'fp8' || text === 'fp4' ? text : 'bf16'
}

/** The measured TTFT is a mean over a run that opens with all clients at once: share of the others' prompts waited for. */
export const openingBurstShare = 0.12

/** ITL and TTFT of a closed loop, as the points were measured. Under open arrivals sizing uses a queue instead. */
export function predictPoint(
  { placement, concurrency, ...lengths }: ServingPoint,
  constants?: LatencyConstants,
  burstShare = openingBurstShare,
): { itlSeconds: number; ttftSeconds: number } {
  const context = meanContextTokens(lengths)
  const fitting = kvCacheCapacityBytes(placement) / kvCacheBytes(placement, context)
  const running = Math.max(1, Math.min(concurrency, fitting))
  const itlSeconds = interTokenSeconds(placement, running, lengths, constants)
  const ttftSeconds =
    promptSeconds(placement, lengths.inputTokens, constants) +
    burstShare * (running - 1) * prefillSeconds(placement, lengths.inputTokens, constants) +
    stepSeconds(placement, running, context, constants) / 2 +
    Math.max(0, concurrency / running - 1) * lengths.outputTokens * itlSeconds
  return { itlSeconds, ttftSeconds }
}
