import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { tableCsv } from '../../src/metrics/table-csv.js'
import { git } from '../delivery/state-places.js'
import { demandTable, liveConfigText, livePlan } from '../live/live-fixture.js'
import { openMetricsOf } from '../open-metrics.js'
import { capacityPlan } from '../plan-fixture.js'
import { writePlanFiles } from '../project-fixture.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  prometheusNote,
  startPrometheus,
} from '../prometheus-fixture.js'
import { promtool } from '../promtool.js'
import { emptyFolder, programArgs } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const stepSeconds = 600
/** The last steps that are over. */
const end = Math.floor((Date.now() / 1000 - 60) / stepSeconds) * stepSeconds

const configText = (url: string) => `
environments: {prod: {regions: [us-east-1]}}
metrics: {sources: [{prometheus: {url: "${url}", presets: [vllm]}}]}
forecast: {step: 10m}
models: {'chat"70b\\\\': {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4, precision: fp8}]
live: {enabled: true, every: 5m}
workloads:
  - model: 'chat"70b\\\\'
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`
/** A name that only escaping keeps whole. */
const model = 'chat"70b\\\\'

function projectAt(url: string, plan = livePlan({ model }, {}, end - secondsPerDay)): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'llmscale.yaml'), configText(url))
  writePlanFiles(join(folder, 'forecasts/prod'), plan)
  return folder
}

interface Exporter {
  child: ChildProcess
  url: string
  log: () => string
}

const children: ChildProcess[] = []
/** A second, and what a busy machine adds. */
const longestEndSeconds = 3

async function startExporter(cwd: string, args: string[] = []): Promise<Exporter> {
  const child = spawn(process.execPath, [...programArgs, 'serve', '--port', '0', ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let log = ''
  const url = await new Promise<string>((listening, fail) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text
      const found = /(http:\/\/127\.0\.0\.1:\d+)\/metrics/.exec(log)
      if (found !== null) listening(found[1]!)
    })
    child.on('exit', (code) => fail(new Error(`ended with ${code}: ${log}`)))
  })
  return { child, url, log: () => log }
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('it does not come')
    await new Promise((done) => setTimeout(done, 200))
  }
}

const isReady = (url: string) => eventually(async () => (await fetch(`${url}/readyz`)).ok)

async function stop({ child, url }: Exporter): Promise<{ code: number; seconds: number }> {
  // A connection that a scraper keeps open.
  await fetch(`${url}/healthz`)
  const exit = once(child, 'exit')
  const begun = performance.now()
  child.kill('SIGTERM')
  const [code] = (await exit) as [number]
  return { code, seconds: (performance.now() - begun) / 1000 }
}

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

describe.skipIf(prometheusFolder === undefined)(`llmscale serve${prometheusNote}`, () => {
  let prometheus: PrometheusServer
  let project: string
  beforeAll(async () => {
    const folder = emptyFolder()
    const { start, length, workloads } = demandTable(end)
    const { requests, inputTokens, outputTokens } = workloads[0]!
    const fleet = { start, stepSeconds: 300, models: [{ model, requests, inputTokens, outputTokens }] }
    expect(start + length * 300).toBe(end)
    await backfill(folder, openMetricsOf(fleet, { pods: 1, scrapeSeconds: 150 }).text)
    prometheus = await startPrometheus({ folder })
    project = projectAt(prometheus.url)
  })
  afterAll(async () => {
    await prometheus?.stop()
  })

  it('is scraped by a Prometheus, whose promtool finds no fault, and ends within a second', async () => {
    const exporter = await startExporter(project)
    await isReady(exporter.url)
    const text = await (await fetch(`${exporter.url}/metrics`)).text()
    const own = text.split('\n').filter((line) => /llmscale_/.test(line))
    expect(promtool(['check', 'metrics'], `${own.join('\n')}\n`)).toBe('')
    expect(text).toContain(
      'llmscale_live_state{environment="prod",model="chat\\"70b\\\\\\\\",region="us-east-1",state="following",reason="live"} 1',
    )
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
    const scraper = await startPrometheus({
      folder: emptyFolder(),
      scrape: [{ url: `${exporter.url}/metrics`, interval: '1s' }],
    })
    try {
      const ask = async (query: string) => {
        const response = await fetch(`${scraper.url}/api/v1/query?${new URLSearchParams({ query })}`)
        const { data } = (await response.json()) as {
          data: { result: { metric: Record<string, string>; value: [number, string] }[] }
        }
        return data.result
      }
      await eventually(async () => (await ask('llmscale_live_floor_replicas')).length > 0)
      const [floor] = await ask('llmscale_live_floor_replicas')
      expect(floor!.metric).toMatchObject({ environment: 'prod', model, region: 'us-east-1' })
      const [published] = /live_floor_replicas\{.*\} (\d+)/.exec(text)!.slice(1)
      expect(floor!.value[1]).toBe(published)
      expect(Number(published)).toBeGreaterThan(2)
      for (const metric of ['llmscale_plan_info', 'llmscale_refreshes_total', 'process_cpu_seconds_total'])
        expect(await ask(metric), metric).toHaveLength(1)
      const metadata = await (await fetch(`${scraper.url}/api/v1/metadata`)).json()
      expect(metadata).toMatchObject({
        data: { llmscale_source_age_seconds: [{ type: 'gauge', unit: 'seconds' }] },
      })
    } finally {
      await scraper.stop()
    }
    expect(exporter.log()).toContain('the live floor is followed')
    const { code, seconds } = await stop(exporter)
    expect(code).toBe(0)
    expect(seconds).toBeLessThan(longestEndSeconds)
  })

  it('decides once what a replay of what was pulled decides', async () => {
    const once = await runCommand(['serve', '--once', '--json'], { cwd: project })
    const { result } = JSON.parse(once.stdout) as {
      result: { once: { dataEnd: string; workloads: { floor: number; template: number; state: string }[] } }
    }
    expect(result.once.workloads[0]).toMatchObject({ state: 'following' })
    expect(Date.parse(result.once.dataEnd) / 1000).toBe(end)
    const pulled = await runCommand(['metrics', 'pull', '--out', 'demand.csv'], { cwd: project })
    expect(pulled.code).toBe(0)
    // The last two days are enough of decisions.
    const rows = readFileSync(join(project, 'demand.csv'), 'utf8').trimEnd().split('\n')
    expect(rows.length).toBeGreaterThan(14 * 144)
    const replay = await runCommand(
      ['serve', '--replay', 'demand.csv', '--speed', 'max', '--out', 'decisions.csv'],
      {
        cwd: project,
      },
    )
    expect(replay.stderr).toContain('Wrote decisions.csv')
    expect(replay.stdout).toContain('template + live')
    const last = readFileSync(join(project, 'decisions.csv'), 'utf8').trimEnd().split('\n').at(-1)!.split(',')
    expect(Date.parse(last[0]!) / 1000).toBe(end + 10)
    expect(Number(last.at(-5))).toBe(result.once.workloads[0]!.floor)
  })
})

describe('llmscale serve of a file', () => {
  it('publishes and keeps how the forecast of the plan did so far, as verify says', async () => {
    const folder = emptyFolder()
    const table = demandTable(end)
    writeFileSync(join(folder, 'demand.csv'), [...tableCsv(table)].join(''))
    writeFileSync(join(folder, 'llmscale.yaml'), liveConfigText())
    const made = Math.floor(end / secondsPerDay) * secondsPerDay - secondsPerDay
    writePlanFiles(join(folder, 'forecasts/prod'), livePlan({}, {}, made))
    const exporter = await startExporter(folder, ['--record'])
    const read = async () => (await fetch(`${exporter.url}/metrics`)).text()
    await eventually(async () => (await read()).includes('llmscale_forecast_wape_ratio{'))
    const text = await read()
    const ratioOf = (metric: string) => Number(new RegExp(`${metric}_ratio\\{.*\\} (.*)`).exec(text)![1])
    expect(ratioOf('wape')).toBeGreaterThan(0)
    expect(ratioOf('coverage')).toBeLessThanOrEqual(1)
    const scores = JSON.parse(readFileSync(join(folder, '.llmscale/state/scores/prod.json'), 'utf8'))
    const { wape } = scores[0].score.workloads[0].forecast
    expect(ratioOf('wape')).toBe(wape)
    // The plan states 10 %.
    expect(ratioOf('drift')).toBeCloseTo(wape / 0.1 - 1, 9)
    expect((await stop(exporter)).code).toBe(0)
  })
})

describe('llmscale serve of several workloads', () => {
  it('fits them in a thread, and tells of one that the file lacks', async () => {
    const folder = emptyFolder()
    const models = ['a', 'b', 'c', 'd']
    writeFileSync(join(folder, 'demand.csv'), [...tableCsv(demandTable(end, models))].join(''))
    const entries = [...models, 'gone'].map(
      (name) => `  - {model: ${name}, target: {kind: Deployment, name: ${name}}, slo: {ttftP95: 2s}}`,
    )
    const architectures = [...models, 'gone'].map((name) => `${name}: {architecture: llama-3.1-70b}`)
    const text = liveConfigText()
      .replace(/workloads:[\s\S]*/, `workloads:\n${entries.join('\n')}\n`)
      .replace(/models: .*/, `models: {${architectures.join(', ')}}`)
    writeFileSync(join(folder, 'llmscale.yaml'), text)
    const decisions = [...models, 'gone'].map((name) => livePlan({ model: name }).decision.workloads[0]!)
    const plan = capacityPlan(
      { workloads: decisions },
      { origin: formatInstant(end - secondsPerDay), validUntil: formatInstant(end + secondsPerDay) },
    )
    writePlanFiles(join(folder, 'forecasts/prod'), plan)
    const { code, stdout, stderr } = await runCommand(['serve', '--once', '--json'], { cwd: folder })
    expect([code, stderr]).toEqual([0, ''])
    const { workloads } = JSON.parse(stdout).result.once
    expect(workloads.map(({ reason }: { reason: string }) => reason)).toEqual([
      ...models.map(() => 'live'),
      'workload-vanished',
    ])
  })
})

describe('llmscale serve without a source', () => {
  it('serves the template and says why, in JSON, without a secret', async () => {
    const project = projectAt('http://127.0.0.1:1')
    const exporter = await startExporter(project, ['--json'])
    expect((await fetch(`${exporter.url}/healthz`)).status).toBe(200)
    const first = await (await fetch(`${exporter.url}/metrics`)).text()
    expect(first).toContain('reason="starting"')
    await isReady(exporter.url)
    const text = await (await fetch(`${exporter.url}/metrics`)).text()
    expect(text).toContain('state="template",reason="source-failed"} 1')
    expect(text).toMatch(/live_floor_replicas\{.*\} 2$/m)
    expect(text).toMatch(/llmscale_refresh_failures_total\{environment="prod"\} 1/)
    await eventually(async () => exporter.log().includes('source-failed'))
    const lines = exporter
      .log()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { reason?: string; message: string })
    expect(lines.find(({ reason }) => reason === 'source-failed')!.message).toContain('127.0.0.1:1')
    expect((await stop(exporter)).code).toBe(0)
  })

  it('ends while a source keeps it waiting', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const asked = once(silent, 'request')
    const exporter = await startExporter(projectAt(`http://127.0.0.1:${port}`))
    await asked
    expect((await fetch(`${exporter.url}/readyz`)).status).toBe(503)
    const text = await (await fetch(`${exporter.url}/metrics`)).text()
    expect(text).toContain('reason="starting"')
    const { code, seconds } = await stop(exporter)
    expect(code).toBe(0)
    expect(seconds).toBeLessThan(longestEndSeconds)
    silent.closeAllConnections()
    silent.close()
  })

  it('reads a clone of the reviewed branch, and no other', async () => {
    const project = projectAt('http://127.0.0.1:1')
    writeFileSync(
      join(project, 'llmscale.yaml'),
      configText('http://127.0.0.1:1').replace('regions: [us-east-1]', 'regions: [us-east-1], approval: git'),
    )
    git(project, 'init', '--quiet', '-b', 'main')
    git(project, 'add', '.')
    git(project, '-c', 'user.name=ana', '-c', 'user.email=ana@example.org', 'commit', '--quiet', '-m', 'Plan')
    git(project, 'branch', 'wish')
    const from = (branch: string) =>
      runCommand(['serve', '--once', '--json', '--from', `git+file://${project}#${branch}`], {
        cwd: emptyFolder(),
      })
    const reasonOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).result.once.workloads[0].reason
    expect(reasonOf(await from('main'))).toBe('source-failed')
    writePlanFiles(join(project, 'forecasts/prod'), livePlan({ model, hardMaximum: 39 }, {}, end))
    git(project, 'checkout', '--quiet', 'wish')
    git(project, 'add', '.')
    git(project, '-c', 'user.name=ana', '-c', 'user.email=ana@example.org', 'commit', '--quiet', '-m', 'Wish')
    expect(reasonOf(await from('wish'))).toBe('plan-superseded')
  })

  it('names a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, stderr } = await runCommand(['serve', '--port', String(port)], {
      cwd: projectAt('http://127.0.0.1:1'),
    })
    other.close()
    expect([code, stderr]).toEqual([2, expect.stringContaining(`port ${port} of 127.0.0.1 is in use`)])
  })

  it('refuses a plan of another environment, and a URL with a token, which it does not repeat', async () => {
    const other = livePlan({ model }, {}, end)
    const stage = projectAt('http://127.0.0.1:1', {
      ...other,
      decision: { ...other.decision, environment: 'stage' },
    })
    const edited = await runCommand(['serve', '--port', '0'], { cwd: stage })
    expect([edited.code, edited.stderr]).toEqual([
      12,
      expect.stringContaining('is not the digest of the files'),
    ])
    const token = 'hunter2hunter2'
    const leaky = await runCommand(['serve', '--port', '0'], {
      cwd: projectAt(`http://u:${token}@127.0.0.1:1`),
    })
    expect(leaky.code).toBe(3)
    expect(leaky.stdout + leaky.stderr).not.toContain(token)
    const from = await runCommand(['serve', '--from', `git+https://x:${token}@example.org/r.git#main`], {
      cwd: stage,
    })
    expect(from.code).toBe(2)
    expect(from.stdout + from.stderr).not.toContain(token)
  })
})
