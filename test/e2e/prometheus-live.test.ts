import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { formatInstant } from '../../src/kit/time.js'
import type { EpochSeconds } from '../../src/kit/units.js'
import { prometheusFolder, prometheusNote, startExporter, startPrometheus } from '../prometheus-fixture.js'
import { emptyFolder, runCli } from '../run-cli.js'

const stepSeconds = 5
const requestsPerSecond = 200
const inputTokens = 500
const outputTokens = 50

const configOf = (url: string) => `
environments: {prod: {regions: [eu-west-1]}}
metrics: {sources: [{prometheus: {url: "${url}", presets: [vllm]}}]}
models: {chat: {architecture: llama-3.1-8b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: chat, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`

const now = () => Date.now() / 1000
const untilPassed = (time: EpochSeconds) => setTimeout(Math.max(0, 1000 * (time - now())))

/** How often the server was scraped in the step that ends at a time, default now. */
async function countScrapes(url: string, end?: EpochSeconds): Promise<number> {
  const parameters = new URLSearchParams({
    query: `count_over_time(vllm:prompt_tokens_total[${stepSeconds}s])`,
    ...(end !== undefined && { time: String(end) }),
  })
  const response = await fetch(`${url}/api/v1/query?${parameters}`)
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } }
  return Number(data.result[0]?.value[1] ?? 0)
}

async function untilScraped(url: string): Promise<void> {
  const deadline = now() + 20
  while ((await countScrapes(url)) === 0) {
    if (now() > deadline) throw new Error('nothing is scraped')
    await setTimeout(50)
  }
}

describe.skipIf(prometheusFolder === undefined)(
  `a server of vLLM, scraped each second${prometheusNote}`,
  () => {
    it('is pulled while Prometheus restarts and the server starts anew', async () => {
      const load = { requestsPerSecond, inputTokens, outputTokens }
      const exporter = await startExporter([
        { model: 'chat', ...load },
        { model: 'before', ...load },
      ])
      const prometheus = await startPrometheus({
        folder: emptyFolder(),
        scrape: [{ url: `${exporter.url}/metrics`, interval: '1s' }],
      })
      try {
        await untilScraped(prometheus.url)
        const from = Math.ceil(now() / stepSeconds) * stepSeconds
        await untilPassed(from + 6)
        await prometheus.restart()
        await untilPassed(from + 13)
        const reset = now()
        await exporter.reset()
        // Its series end with a stale marker, not with five minutes of the last value.
        await exporter.rename('before', 'after')
        await untilPassed(reset + 7.5)

        const folder = emptyFolder()
        writeFileSync(join(folder, 'llmscale.yaml'), configOf(prometheus.url))
        const args = ['--step', '5s', '--out', 'live.csv', '--from', formatInstant(from)]
        const end = Math.floor(now() / stepSeconds) * stepSeconds
        const { code, stdout, stderr } = await runCli(['metrics', 'pull', '--json', ...args], { cwd: folder })
        expect(code, stdout + stderr).toBe(0)
        const rows = readFileSync(join(folder, 'live.csv'), 'utf8').trimEnd().split('\n').slice(1)
        const stepsOf = (name: string) =>
          new Map(
            rows
              .map((row) => row.split(','))
              .filter(([, model]) => model === name)
              .map(([time, , , , ...columns]) => [Date.parse(time!) / 1000, columns.map(Number)]),
          )
        const found = stepsOf('chat')
        const resetStep = Math.floor(reset / stepSeconds) * stepSeconds
        expect(Math.max(...stepsOf('before').keys())).toBeLessThanOrEqual(resetStep + stepSeconds)
        expect(Math.min(...stepsOf('after').keys())).toBeGreaterThanOrEqual(resetStep)
        const amounts = [requestsPerSecond, requestsPerSecond * inputTokens, requestsPerSecond * outputTokens]
        for (let step = from; step < end; step += stepSeconds) {
          const columns = found.get(step)
          // Of a step that was scraped less than usual nothing is said: that of the restart, or on a busy machine.
          if (columns === undefined) {
            expect(await countScrapes(prometheus.url, step + stepSeconds)).toBeLessThanOrEqual(stepSeconds)
            continue
          }
          const isWhole = reset + 1 < step || reset >= step + stepSeconds
          for (const [index, perSecond] of amounts.entries()) {
            const share = columns[index]! / (perSecond * stepSeconds)
            // A scrape may be late, on a busy machine by a good part of its interval; a reset loses what came since the
            // last one, of five a step.
            expect(share, formatInstant(step)).toBeGreaterThan(isWhole ? 0.9 : 0.3)
            expect(share, formatInstant(step)).toBeLessThan(1.1)
          }
        }
        expect(found.size).toBeGreaterThanOrEqual(2)
      } finally {
        await prometheus.stop()
        await exporter.stop()
      }
    })
  },
)
