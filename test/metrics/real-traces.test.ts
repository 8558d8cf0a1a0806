import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { workloadId } from '../../src/kit/workload.js'
import { fileSource } from '../../src/metrics/files/file-source.js'
import { readDemand } from '../../src/metrics/read-demand.js'

const folder = process.env['LLMSCALE_TEST_DATA']
const read = async (file: string, stepSeconds?: number) => {
  const { history } = await readDemand({
    sources: [{ source: fileSource({ files: [join(folder!, file)], regions: ['r'] }) }],
    ...(stepSeconds !== undefined && { stepSeconds }),
  })
  return {
    ...history,
    of: (id: string) => history.workloads.find(({ workload }) => workloadId(workload) === id)!,
  }
}
const masked = (mask: Uint8Array) => [...mask.keys()].filter((step) => mask[step] !== 0)

describe.skipIf(folder === undefined)('real traces', () => {
  it('ServeGen: the 84 zeros of m-mid and the partial points at their ends are masked, and 2 % others at most', async () => {
    const history = await read('servegen-demand-10min.csv.gz')
    const { requests, mask } = history.of('m-mid/r')
    // Amounts of masked points are gone; those of the gaps lie in runs at these times, 102 points in all.
    const gaps = [
      ['2025-03-06T15:00:00Z', 12],
      ['2025-03-08T12:00:00Z', 6],
      ['2025-03-08T21:00:00Z', 6],
      ['2025-03-10T17:00:00Z', 18],
      ['2025-03-12T15:00:00Z', 12],
      ['2025-03-12T19:00:00Z', 24],
      ['2025-03-16T04:00:00Z', 12],
      ['2025-03-16T08:00:00Z', 12],
    ] as const
    const known = gaps.flatMap(([from, points]) => {
      const first = (Date.parse(from) / 1000 - history.start) / history.stepSeconds
      return Array.from({ length: points }, (_, index) => first + index)
    })
    expect(known).toHaveLength(102)
    const found = masked(mask)
    expect(found).toEqual(expect.arrayContaining(known))
    expect(found.length - known.length).toBeLessThanOrEqual(0.02 * mask.length)
    expect(found.every((step) => Number.isNaN(requests[step]))).toBe(true)
    expect(masked(history.of('m-large/r').mask).length).toBeLessThanOrEqual(0.001 * mask.length)
  })

  it('BurstGPT: the genuine zeros of nights and of bursts stay', async () => {
    const history = await read('burstgpt-hourly-42d.csv')
    const zeros = (values: Float64Array) => values.filter((value) => value === 0).length
    expect(zeros(history.of('conversation/r').requests)).toBe(32)
    expect(zeros(history.of('api/r').requests)).toBe(493)
  })

  it('single requests of Azure and Mooncake become five-minute steps', async () => {
    const azure = await read('azure-llm-2023-requests.csv.gz')
    expect(azure).toMatchObject({
      start: Date.parse('2023-11-16T18:20:00Z') / 1000,
      stepSeconds: 300,
      length: 10,
    })
    const mooncake = await read('mooncake-conversation-requests.csv.gz', 600)
    expect(mooncake).toMatchObject({ stepSeconds: 600, length: 5 })
  })

  it('ServeGen tenants: tokens are measured where they were published', async () => {
    const { workloads } = await read('servegen-tenants-10min.csv.gz')
    expect(workloads).toHaveLength(22)
    expect(new Set(workloads.map(({ tokens }) => tokens))).toEqual(new Set(['measured', 'none']))
  })
})
