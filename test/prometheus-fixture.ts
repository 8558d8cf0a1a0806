import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const makePrometheus = 'node tools/prometheus.mjs'
const startMilliseconds = 30_000

/** The folder with prometheus and promtool: of PATH, else the one that tools/prometheus.mjs makes. */
function findPrometheus(): string | undefined {
  const { status, stdout } = spawnSync('node', [join(root, 'tools/prometheus.mjs'), '--print'], {
    encoding: 'utf8',
  })
  return status === 0 ? stdout.trim() : undefined
}

export const prometheusFolder = findPrometheus()

if (prometheusFolder === undefined && process.env['LLMSCALE_REQUIRE_STAND_INS'] === '1')
  throw new Error(`LLMSCALE_REQUIRE_STAND_INS is set and there is no Prometheus: ${makePrometheus}`)

/** Put into the name of a suite, so that a skip says how to run it. */
export const prometheusNote =
  prometheusFolder === undefined ? ` (not run: no Prometheus; ${makePrometheus})` : ' on a real Prometheus'

interface RunningServer {
  /** http://127.0.0.1:port */
  url: string
  stop(): Promise<void>
}

export interface PrometheusServer extends RunningServer {
  /** Stops it and starts it again at the same URL, on the same data. */
  restart(): Promise<void>
}

/**
 * A Prometheus on 127.0.0.1 whose data and configuration lie in `folder`. Samples as old as `retention` (default:
 * any) are kept; it is counted from the newest sample, as Prometheus does.
 */
export async function startPrometheus({
  folder,
  scrape = [],
  retention = '100y',
  extraArgs = [],
}: {
  folder: string
  scrape?: readonly { url: string; interval: string; labels?: Record<string, string> }[]
  retention?: string
  extraArgs?: readonly string[]
}): Promise<PrometheusServer> {
  const config = join(folder, 'prometheus.json')
  const jobs = scrape.map(({ url, interval, labels = {} }, at) => ({
    job_name: `job-${at}`,
    scrape_interval: interval,
    scrape_timeout: interval,
    metrics_path: new URL(url).pathname,
    static_configs: [{ targets: [new URL(url).host], labels }],
  }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(config, JSON.stringify({ scrape_configs: jobs })) // JSON is YAML
  const start = (port: string) =>
    startChild(
      join(prometheusFolder!, 'prometheus'),
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--storage.tsdb.retention.time=${retention}`,
        `--web.listen-address=127.0.0.1:${port}`,
        ...extraArgs,
      ],
      /msg="Listening on" address=(127\.0\.0\.1:\d+)/,
    )
  let { child, address } = await start('0')
  const url = `http://${address}`
  await untilReady(url)
  return {
    url,
    stop: () => stopChild(child),
    restart: async () => {
      await stopChild(child)
      child = (await start(new URL(url).port)).child
      await untilReady(url)
    },
  }
}

/** Puts samples of the past into the data of a Prometheus that does not run; promtool reads the text once a block. */
export async function backfill(folder: string, openMetricsText: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'backfill.txt')
  writeFileSync(file, openMetricsText)
  await promisify(execFile)(
    join(prometheusFolder!, 'promtool'),
    ['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=24h', file, join(folder, 'data')],
    { timeout: 120_000 },
  )
}

interface ExporterModel {
  model: string
  requestsPerSecond: number
  inputTokens: number
  outputTokens: number
}

/** What an exporter's counters would be had they never been reset, by model. */
type ExporterTotals = {
  [model: string]: { requests: number; inputTokens: number; outputTokens: number }
}

interface Exporter extends RunningServer {
  totals(): Promise<ExporterTotals>
  /** Counters begin at zero again, as after a restart. */
  reset(): Promise<void>
  rename(model: string, to: string): Promise<void>
}

/** The stand-in for vLLM's metrics, for Prometheus to scrape: its counters grow with the clock. */
export async function startExporter(
  models: readonly ExporterModel[],
  names: 'new' | 'old' | 'both' = 'new',
): Promise<Exporter> {
  const { child, address } = await startChild(
    'node',
    [join(root, 'test/doubles/vllm-exporter.js'), JSON.stringify({ models, names })],
    /listening on (127\.0\.0\.1:\d+)/,
  )
  const url = `http://${address}`
  const post = async (path: string) => {
    const { ok, status } = await fetch(`${url}${path}`, { method: 'POST' })
    if (!ok) throw new Error(`POST ${path} answered ${status}`)
  }
  return {
    url,
    stop: () => stopChild(child),
    totals: async () => (await (await fetch(`${url}/totals`)).json()) as ExporterTotals,
    reset: () => post('/reset'),
    rename: (model, to) => post(`/rename?${new URLSearchParams({ model, to })}`),
  }
}

/** Starts a server and waits until it says where it listens. */
function startChild(
  command: string,
  args: string[],
  listening: RegExp,
): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  return new Promise((resolve, reject) => {
    let log = ''
    const fail = (why: string) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`${command} ${why}: ${log.slice(-2000)}`))
    }
    const timer = setTimeout(fail, startMilliseconds, 'does not listen in time')
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => fail(`exited with ${code}`))
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk
      const address = listening.exec(log)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      child.stderr.removeAllListeners('data').resume()
      resolve({ child, address })
    })
  })
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exit
  clearTimeout(timer)
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + startMilliseconds
  while (!(await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) {
    if (Date.now() > deadline) throw new Error(`${url} is not ready in time`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
