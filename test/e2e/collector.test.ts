import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { ConfigMap, CronJob } from '../../src/manifests/cluster-object.js'
import { openMetricsOf } from '../open-metrics.js'
import { backfill, prometheusFolder, prometheusNote, startPrometheus } from '../prometheus-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const day = 86_400
const stepSeconds = 300

/** Two days of one model up to now, 60 to 90 requests a step. */
function twoDays(now: number) {
  const start = Math.floor(now / day) * day - day
  const steps = Math.floor((now - start) / stepSeconds)
  const requests = Float64Array.from({ length: steps }, (_, step) => 60 + (step % 31))
  const tokens = requests.map((count) => count * 100)
  return {
    start,
    stepSeconds,
    models: [{ model: 'chat-70b', requests, inputTokens: tokens, outputTokens: tokens }],
  }
}

function parseCsv(text: string): Record<string, string>[] {
  const [head, ...lines] = text.trimEnd().split('\n')
  const names = head!.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, at) => [names[at]!, value])))
}

const configText = (prometheus: string, to: string) => `
environments: {prod: {regions: [us-east-1]}}
metrics:
  files: ['demand/*.csv']
  collector:
    prometheus: {url: "${prometheus}", presets: [vllm]}
    to: "${to}"
    image: registry.example/llmscale:1
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`

describe.skipIf(prometheusFolder === undefined)(`the collector${prometheusNote}`, () => {
  it('as rendered, fills a branch that the planning job reads', { timeout: 180_000 }, async () => {
    const now = Date.now() / 1000
    const { text, truth } = openMetricsOf(twoDays(now))
    const data = emptyFolder()
    await backfill(data, text)
    const prometheus = await startPrometheus({ folder: data })
    try {
      const [project, repository] = [emptyFolder(), join(emptyFolder(), 'demand.git')]
      execFileSync('git', ['init', '--quiet', '--bare', repository])
      const to = `git+file://${repository}#llmscale-demand:{day}.csv`
      writeFileSync(join(project, 'llmscale.yaml'), configText(prometheus.url, to))
      const rendered = await runCommand(['metrics', 'collector', '--stdout', '--quiet'], { cwd: project })
      const [, configMap, cronJob] = parseAllDocuments(rendered.stdout).map((document) =>
        document.toJS(),
      ) as [unknown, ConfigMap, CronJob]

      // The pod: its configuration in a folder, its command, and nothing else of the project.
      const [pod, mount] = [emptyFolder(), emptyFolder()]
      for (const [name, content] of Object.entries(configMap.data)) writeFileSync(join(mount, name), content)
      const [container] = cronJob.spec.jobTemplate.spec.template.spec.containers
      const args = container!.args.map((arg) => arg.replace('/etc/llmscale', mount))
      for (let run = 0; run < 2; run++) {
        const pulled = await runCommand(args, { cwd: pod, env: { HOME: pod, TMPDIR: pod } })
        expect(pulled.code, pulled.stderr).toBe(0)
      }
      expect(readdirSync(pod).filter((name) => !name.startsWith('tsx-'))).toEqual([])
      expect(readdirSync(mount)).toEqual(['llmscale.yaml'])

      mkdirSync(join(project, 'demand'))
      execFileSync('git', [
        'clone',
        '--quiet',
        '--branch',
        'llmscale-demand',
        repository,
        join(project, 'demand'),
      ])
      const counted = readdirSync(join(project, 'demand'))
        .filter((name) => name.endsWith('.csv'))
        .flatMap((name) => parseCsv(readFileSync(join(project, 'demand', name), 'utf8')))
        .reduce((sum, row) => sum + Number(row['requests']), 0)
      const { requests } = truth.get('chat-70b')!
      const arrived = requests.reduce((sum, count) => sum + count, 0)
      expect(Math.abs(counted / arrived - 1)).toBeLessThan(0.01)
      const check = await runCommand(['metrics', 'check', '--json'], { cwd: project })
      expect(check.code, check.stdout).toBe(0)
      const { workloads } = JSON.parse(check.stdout).result
      expect(workloads).toMatchObject([{ workload: 'chat-70b/us-east-1', masked: [] }])
      expect(workloads[0].points).toBeGreaterThan(requests.length - 4)
    } finally {
      await prometheus.stop()
    }
  })
})
