import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SuccessEnvelope } from '../../src/cli/envelope.js'
import { Result } from '../../src/commands/doctor.js'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerDay, secondsPerHour, secondsPerMinute } from '../../src/kit/units.js'
import { judgeServer, type ServerReport } from '../../src/metrics/prometheus/inspect-server.js'
import { tooManySeries } from '../../src/metrics/prometheus/prometheus-source.js'
import { matrix, type Received, type StandInAnswer, startStandIn } from '../metrics/prometheus/stand-in.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const now = Math.floor(Date.now() / 1000)

describe('a server of metrics is judged', () => {
  const well: ServerReport = {
    name: 'http://prometheus:9090',
    clock: { skewSeconds: 0.4, isOff: false },
    signals: ['requests', 'inputTokens'],
    counted: [{ series: 'vllm:request_success_total', count: 1200 }],
    scrapeSeconds: 30,
    since: now - 28 * secondsPerDay,
    findings: [],
  }
  const judge = (change: Partial<ServerReport> = {}, stepSeconds = 300) =>
    judgeServer(
      { ...well, ...change },
      { history: 28 * secondsPerDay, maximumSeries: 5000 },
      { now, stepSeconds },
    )

  it('well', () => {
    expect(judge().map(({ status, detail }) => `${status} ${detail}`)).toEqual([
      'ok reachable; 1,200 series count requests; it has requests, inputTokens',
      "ok clock: within 1s of this machine's",
      'ok retention: has the 4w that are read',
      'ok scraped every 30s, read every 5m',
    ])
    const { scrapeSeconds: _, ...own } = well
    expect(judgeServer(own, { history: 1, maximumSeries: 5000 }, { now, stepSeconds: 300 })).toHaveLength(3)
  })

  it.each<[string, Partial<ServerReport>, string, RegExp]>([
    [
      'nothing scraped',
      { counted: [] },
      'are scraped',
      /^reachable; nothing counts requests now; it has requests/,
    ],
    ['ahead', { clock: { skewSeconds: 95, isOff: true } }, 'NTP', /^clock: 1m35s ahead of this machine's$/],
    ['behind', { clock: { skewSeconds: -3600, isOff: true } }, 'NTP', /^clock: 1h behind this machine's$/],
    [
      'short',
      { since: now - 3.26 * secondsPerDay },
      'Keep more',
      /^retention: data since \S+Z, 3d6h of the 4w that are read$/,
    ],
    [
      'scraped rarely',
      { scrapeSeconds: 100 },
      'forecast.step to 10m or',
      /^scraped every 1m40s, read every 5m: /,
    ],
    ['a preset unused', { findings: [{ code: 'PRESET_UNUSED', message: 'no label' }] }, '', /^no label$/],
  ])('with a warning: %s', (_, change, hint, detail) => {
    const [first, ...others] = judge(change).filter(({ status }) => status !== 'ok')
    expect(others).toEqual([])
    expect(first!.status).toBe('warning')
    expect(first!.detail).toMatch(detail)
    expect(first!.tryThis.join()).toContain(hint)
  })

  it('with a warning where it has no data at all', () => {
    const { since: _, ...none } = well
    const judgements = judgeServer(
      none,
      { history: 2 * secondsPerDay, maximumSeries: 5000 },
      { now, stepSeconds: 300 },
    )
    expect(judgements[2]).toMatchObject({ status: 'warning', detail: 'retention: no data in the last 2d' })
  })

  it('as a pull does where it has too many series', () => {
    const counted = [...well.counted, { series: 'tgi_request_count', count: 5001 }]
    const { message, tryThis } = tooManySeries(well.name, 'tgi_request_count', 5001, 5000)
    expect(judge({ counted })[0]).toEqual({ status: 'failed', reason: 'badData', detail: message, tryThis })
  })
})

/** A project whose sources are lines of YAML. */
function projectOf(sources: string[], collector = ''): string {
  const folder = emptyFolder()
  writeFileSync(
    join(folder, 'llmscale.yaml'),
    `
environments: {prod: {regions: [eu-west-1]}}
metrics:
  sources:
${sources.map((source) => `    - ${source}`).join('\n')}
${collector}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: llama-3.1-8b, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`,
  )
  return folder
}

/** Data of the last week: `increase` counts 20 scrapes a step. */
function answerWell({ path, form }: Received): StandInAnswer {
  const list = (...data: string[]) => ({ body: { status: 'success', data } })
  if (path.startsWith('/api/v1/label/__name__')) return list('vllm:request_success_total')
  if (path === '/api/v1/labels') return list('__name__', 'model_name', 'instance')
  if (path === '/api/v1/query') {
    const query = form.get('query')!
    const value =
      query === 'time()' ? String(Date.now() / 1000) : query.includes('count_over_time') ? '20' : '3'
    return {
      body: {
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: {}, value: [now, value] }] },
      },
    }
  }
  const [to, step] = [Number(form.get('end')), Number(form.get('step'))]
  const values = Array.from({ length: 28 }, (_, at): [number, string] => [to - (27 - at) * step, '3'])
  return { body: matrix({ values }) }
}

async function examine(folder: string) {
  const { code, stdout, stderr } = await runCommand(['doctor', '--json'], { cwd: folder })
  expect(stderr).toBe('')
  const { status, result } = SuccessEnvelope.parse(JSON.parse(stdout))
  expect(status).toBe(code)
  const { environment, checks } = Result.parse(result)
  const of = (name: string) => checks.filter(({ check }) => check === name)
  return { code, environment, checks, of }
}

describe.concurrent('llmscale doctor', () => {
  it('exits 0 with warnings, and says what it does not check', async () => {
    const { url } = await startStandIn(answerWell)
    const collector = `  collector:
    prometheus: {url: 'http://prometheus.monitoring:9090', presets: [vllm]}
    to: s3://fleet/{day}.csv
    image: llmscale:0`
    const folder = projectOf([`prometheus: {url: '${url}', presets: [vllm]}`], collector)
    const { code, environment, of } = await examine(folder)
    expect([code, environment]).toEqual([0, 'prod'])
    expect(of('config')).toMatchObject([{ status: 'ok' }])
    expect(of(url).map(({ status }) => status)).toEqual(['ok', 'ok', 'warning', 'ok'])
    expect(of(url)[3]!.detail).toBe('scraped every 15s, read every 5m')
    expect(of('collector of http://prometheus.monitoring:9090')).toMatchObject([
      { status: 'not checked', tryThis: [] },
    ])
    expect(of('cache')).toMatchObject([
      { status: 'ok', detail: expect.stringMatching(/metrics\.duckdb can be written$/) },
    ])
    expect(of('plan in force')).toMatchObject([{ status: 'ok' }])

    const { code: same, stdout } = await runCommand(['doctor'], { cwd: folder })
    expect(same).toBe(0)
    expect(stdout).toContain(`ok    ${url}: reachable; 3 series count requests`)
    expect(stdout).toMatch(/^WARN {2}\S+: retention: data since .*\n {6}→ Keep more/m)
    expect(stdout).toMatch(/^- {5}collector of /m)
  })

  it.each([
    ['is no folder', (folder: string) => writeFileSync(join(folder, '.llmscale'), '')],
    [
      'is a folder',
      (folder: string) => mkdirSync(join(folder, '.llmscale/metrics.duckdb'), { recursive: true }),
    ],
  ])('warns of a cache that %s', async (fault, spoil) => {
    const { url } = await startStandIn(answerWell)
    const folder = projectOf([`prometheus: {url: '${url}', presets: [vllm]}`])
    spoil(folder)
    const { code, of } = await examine(folder)
    expect(code).toBe(0)
    expect(of('cache')).toMatchObject([{ status: 'warning', detail: expect.stringContaining(fault) }])
  })

  it('exits 3 where the config is broken, and still looks at the tools', async () => {
    const folder = projectOf(['prometheus: {url: nowhere}'])
    const { code, environment, checks } = await examine(folder)
    expect([code, environment]).toEqual([3, null])
    expect(checks.map(({ check }) => check)).toEqual(['config', 'Pulumi engine'])
    expect(checks[0]).toMatchObject({ status: 'failed', detail: expect.stringContaining('llmscale.yaml:5') })
    expect((await examine(emptyFolder())).code).toBe(3)
  })

  it('exits 3 where a secret is missing, without asking', async () => {
    const { url, received } = await startStandIn(answerWell)
    const auth = 'auth: {bearer: {token: {env: LLMSCALE_TEST_ABSENT}}}'
    const { code, of } = await examine(projectOf([`prometheus: {url: '${url}', presets: [vllm], ${auth}}`]))
    expect([code, received]).toEqual([3, []])
    expect(of(url)).toMatchObject([
      { status: 'failed', detail: expect.stringContaining('LLMSCALE_TEST_ABSENT') },
    ])
  })

  it('exits 7 where a source is down, and looks at the others', async () => {
    const url = 'http://127.0.0.1:9'
    const folder = projectOf([`prometheus: {url: '${url}', presets: [vllm]}`, 'files: [demand.csv]'])
    const start = formatInstant(now - secondsPerHour)
    writeFileSync(
      join(folder, 'demand.csv'),
      `timestamp,model,requests\n${start},llama-3.1-8b,1\n${formatInstant(now - secondsPerHour + 5 * secondsPerMinute)},llama-3.1-8b,1\n`,
    )
    const { code, of } = await examine(folder)
    expect(code).toBe(7)
    expect(of(url)).toMatchObject([
      { status: 'failed', detail: expect.stringContaining('connection refused') },
    ])
    expect(of('demand.csv')).toMatchObject([
      { status: 'ok', detail: expect.stringContaining('2 rows of 1 workloads') },
    ])
  })

  it('exits 6 where the data are of no use, as a pull would', async () => {
    const { url } = await startStandIn((received) =>
      received.path.startsWith('/api/v1/label')
        ? { body: { status: 'success', data: [] } }
        : answerWell(received),
    )
    const missing = await examine(projectOf([`prometheus: {url: '${url}', presets: [vllm]}`]))
    expect(missing.code).toBe(6)
    expect(missing.of(url)[0]!.detail).toContain('vllm:request_success_total')
    const many = await startStandIn(answerWell)
    const { code, of } = await examine(
      projectOf([`prometheus: {url: '${many.url}', presets: [vllm], maximumSeries: 2}`]),
    )
    expect(code).toBe(6)
    expect(of(many.url)[0]).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('above the 2 of maximumSeries'),
    })
  })

  it('warns of files that end too long ago for a plan', async () => {
    const folder = projectOf(['files: [demand.csv]'])
    writeFileSync(
      join(folder, 'demand.csv'),
      'timestamp,model,requests\n2025-03-03T00:00:00Z,m,1\n2025-03-03T01:00:00Z,m,2\n',
    )
    const { code, of } = await examine(folder)
    expect(code).toBe(0)
    expect(of('demand.csv')).toMatchObject([
      { status: 'warning', detail: expect.stringMatching(/: ends \d+w.* ago$/) },
    ])
    expect(of('cache')).toEqual([])
  })

  it('prints what each job of the workflows needs, where there are workflows', async () => {
    const folder = projectOf(['files: [demand.csv]'])
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    for (const file of ['plan.yml', 'ci.yml']) writeFileSync(join(folder, '.github/workflows', file), '')
    const { of } = await examine(folder)
    expect(of('GitHub').map(({ status, detail }) => `${status}: ${detail}`)).toEqual([
      'not checked: to make a plan and what it would change, plan.yml plan needs contents: read, id-token: write; in AWS the preview role',
      'not checked: to open, refresh or close its pull request, plan.yml plan needs contents: write, pull-requests: write',
      'not checked: to keep the dashboard, plan.yml dashboard needs contents: read, issues: write, pull-requests: read, id-token: write; in AWS the preview role',
      'not checked: to see that schedules run, plan.yml heartbeat needs contents: read, actions: read',
    ])
  })
})
