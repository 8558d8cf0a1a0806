import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { secondsPerDay } from '../src/kit/units.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { fileSource } from '../src/metrics/files/file-source.js'
import { readDemand } from '../src/metrics/read-demand.js'

/** The folder of real traces that benchmarks and tests read; undefined where there is none. */
export const dataFolder: string | undefined = process.env['LLMSCALE_TEST_DATA']

function dataFile(name: string): string {
  if (dataFolder === undefined) throw new Error('set LLMSCALE_TEST_DATA to the folder of the test data')
  return join(dataFolder, name)
}

export interface M4Series {
  train: Float64Array
  test: Float64Array
}

/** M4 Hourly, the shared half: train and the last 48 hours. */
export function readM4(): M4Series[] {
  const parts = new Map<string, { train: number[]; test: number[] }>()
  const text = gunzipSync(readFileSync(dataFile('m4-hourly-odd.csv.gz'))).toString('utf8')
  for (const line of text.trim().split('\n').slice(1)) {
    const [, name, value, part] = line.split(',') as [string, string, string, 'train' | 'test']
    if (!parts.has(name)) parts.set(name, { train: [], test: [] })
    parts.get(name)![part].push(Number(value))
  }
  return [...parts.values()].map(({ train, test }) => ({
    train: Float64Array.from(train),
    test: Float64Array.from(test),
  }))
}

/** A trace of the data folder as a history, its gaps masked by `readDemand`. */
export async function readTrace(name: string, model?: string): Promise<DemandHistory> {
  const { history } = await readDemand({
    sources: [{ source: fileSource({ files: [dataFile(name)], regions: ['trace'] }) }],
  })
  if (model === undefined) return history
  return { ...history, workloads: history.workloads.filter(({ workload }) => workload.model === model) }
}

/** The first days of a history. */
export function cutHistory(history: DemandHistory, length: number): DemandHistory {
  return {
    ...history,
    length,
    workloads: history.workloads.map((demand) => ({
      ...demand,
      requests: demand.requests.slice(0, length),
      inputTokens: demand.inputTokens.slice(0, length),
      outputTokens: demand.outputTokens.slice(0, length),
      mask: demand.mask.slice(0, length),
    })),
  }
}

export function stepsPerDay({ stepSeconds }: DemandHistory): number {
  return secondsPerDay / stepSeconds
}
