import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FailureEnvelope, SuccessEnvelope } from '../../src/cli/envelope.js'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { csvField } from '../../src/metrics/table-csv.js'
import {
  failure,
  matrix,
  type Received,
  type StandInAnswer,
  startStandIn,
} from '../metrics/prometheus/stand-in.js'
import { openMetricsOf } from '../open-metrics.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  prometheusNote,
  startPrometheus,
} from '../prometheus-fixture.js'
import { emptyFolder, runCli } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const token = 'tok-8d1f0c7e55aa'
const now = Date.now() / 1000
const today = Math.floor(now / secondsPerDay) * secondsPerDay
const start = today - 2 * secondsPerDay

/** A project whose only source is a Prometheus; `settings` are lines of its part of the configuration. */
function projectOf(url: string, settings: string[] = [], metrics = ''): string {
  const folder = emptyFolder()
  const lines = [`url: ${url}`, 'presets: [vllm]', 'history: 2d', ...settings]
  writeFileSync(
    join(folder, 'llmscale.yaml'),
    `
environments: {prod: {regions: [eu-west-1]}}
metrics:
  ${metrics}
  sources:
    - prometheus:
${lines.map((line) => `        ${line}`).join('\n')}
models: {chat: {architecture: llama-3.1-8b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: chat, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`,
  )
  return folder
}

const pull = (folder: string, args: string[] = [], last = '2d', run: typeof runCli = runCommand) =>
  run(['metrics', 'pull', '--out', 'demand.csv', '--last', last, '--as-of', formatInstant(today), ...args], {
    cwd: folder,
    env: { LLMSCALE_TEST_TOKEN: token },
  })

/** What a refused pull says; it writes nothing, and shows no secret. */
async function refusal(folder: string, run: typeof runCli = runCommand) {
  const { code, stdout, stderr } = await pull(folder, ['--json'], '2d', run)
  expect(stderr).toBe('')
  expect(stdout).not.toContain(token)
  const { status, error } = FailureEnvelope.parse(JSON.parse(stdout))
  expect(status).toBe(code)
  expect(readdirSync(folder).filter((name) => name !== '.llmscale')).toEqual(['llmscale.yaml'])
  return { exitCode: code, ...error, text: [error.message, ...error.tryThis].join('\n') }
}

/** The warnings of a pull that succeeds, and the file. */
async function success(folder: string, args: string[] = [], last = '2d') {
  const { code, stdout, stderr } = await pull(folder, ['--json', ...args], last)
  expect(code, stdout + stderr).toBe(0)
  const { warnings } = SuccessEnvelope.parse(JSON.parse(stdout))
  const text = readFileSync(join(folder, 'demand.csv'), 'utf8')
  return {
    warnings,
    codes: warnings.map(({ code }) => code),
    text,
    rows: text.trimEnd().split('\n').length - 1,
  }
}

/** What a Prometheus with one model of vLLM would answer, unless something else is to be answered. */
function answerWell(
  otherwise: (received: Received, count: number) => StandInAnswer | undefined = () => undefined,
): (received: Received, count: number) => StandInAnswer {
  return (received, count) => {
    const other = otherwise(received, count)
    if (other !== undefined) return other
    const { path, form } = received
    const list = (...data: string[]) => ({ body: { status: 'success', data } })
    if (path.startsWith('/api/v1/label/__name__')) return list('vllm:request_success_total')
    if (path === '/api/v1/labels') return list('__name__', 'model_name', 'instance')
    if (path === '/api/v1/query') return { body: vector(form.get('query') === 'time()' ? String(now) : '1') }
    const [from, to, step] = ['start', 'end', 'step'].map((field) => Number(form.get(field))) as [
      number,
      number,
      number,
    ]
    const values = Array.from({ length: (to - from) / step + 1 }, (_, at): [number, string] => [
      from + at * step,
      '100',
    ])
    return { body: matrix({ metric: { model_name: 'chat' }, values }) }
  }
}

function vector(value: string): object {
  return { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [now, value] }] } }
}

const isRange = ({ path }: Received) => path === '/api/v1/query_range'
const bearer = ['auth: {bearer: {token: {env: LLMSCALE_TEST_TOKEN}}}']
const stepsOfTwoDays = 2 * 288

describe.concurrent('a server of metrics that fails', () => {
  it('is tried five times where it may come back', async () => {
    const well = answerWell()
    const broken = await startStandIn((received, count) => ({
      ...well(received, count),
      ...(isRange(received) && { breakAfter: 300 }),
    }))
    const slow = await startStandIn(
      answerWell((received) => (isRange(received) ? { delay: 5000 } : undefined)),
    )
    const busy = await startStandIn(
      answerWell((received) =>
        isRange(received)
          ? { status: 503, body: failure('unavailable', `no room for ${received.headers.authorization}`) }
          : undefined,
      ),
    )
    // Nothing listens on the port of a server that has ended; 1 is reserved and unused.
    const cases: [folder: string, code: string, text: RegExp][] = [
      [
        projectOf('http://127.0.0.1:1', bearer),
        'PROMETHEUS_UNREACHABLE',
        /127\.0\.0\.1:1: cannot be reached: connection refused \(5 tries\)\n.*port-forward or VPN/,
      ],
      [
        projectOf(slow.url, ['timeout: 300ms', ...bearer]),
        'PROMETHEUS_UNREACHABLE',
        /no answer within \S+ \(5 tries\)\nGive it longer: prometheus\.timeout/,
      ],
      [
        projectOf(broken.url, bearer),
        'PROMETHEUS_ANSWER_UNREADABLE',
        /cannot read what \/api\/v1\/query_range answered: its answer breaks off \(5 tries\)/,
      ],
      [
        projectOf(busy.url, bearer),
        'PROMETHEUS_UNAVAILABLE',
        /answered 503 to \/api\/v1\/query_range: unavailable: no room for .* \(5 tries\)\nTry later/,
      ],
    ]
    await Promise.all(
      cases.map(async ([folder, code, text]) => {
        const refused = await refusal(folder, runCli) // side by side, as each waits between its tries
        expect(refused).toMatchObject({ exitCode: 7, code })
        expect(refused.text).toMatch(text)
      }),
    )
  })

  it('is read when it has come back', async () => {
    let failures = 0
    const { url } = await startStandIn(
      answerWell((received) =>
        isRange(received) && failures++ === 0 ? { status: 503, headers: { 'retry-after': '0' } } : undefined,
      ),
    )
    expect((await success(projectOf(url))).rows).toBe(stepsOfTwoDays)
  })

  it('is asked for less where it was too much, down to what it bears', async () => {
    const tooMuch = {
      status: 422,
      body: failure('execution', 'query processing would load too many samples'),
    }
    const halved = await startStandIn(
      answerWell((received) => {
        if (!isRange(received)) return undefined
        const points = (Number(received.form.get('end')) - Number(received.form.get('start'))) / 300 + 1
        return points > 100 ? tooMuch : undefined
      }),
    )
    expect((await success(projectOf(halved.url))).rows).toBe(stepsOfTwoDays)

    const never = await startStandIn(answerWell((received) => (isRange(received) ? tooMuch : undefined)))
    const refused = await refusal(projectOf(never.url))
    expect(refused).toMatchObject({ exitCode: 7, code: 'QUERY_TOO_LARGE' })
    expect(refused.text).toMatch(/too many samples\nAsk for less: narrower prometheus\.matchers/)
  })

  it('says with what it was asked where that is not let in, and not the secret', async () => {
    const { url } = await startStandIn(({ headers }) => ({
      status: 401,
      body: failure('unauthorized', `who is ${headers.authorization}?`),
    }))
    const refused = await refusal(projectOf(url, bearer))
    expect(refused).toMatchObject({ exitCode: 7, code: 'PROMETHEUS_UNAUTHORIZED' })
    expect(refused.text).toMatch(/answered 401 .*who is .*\n.*LLMSCALE_TEST_TOKEN.*prometheus\.auth/)
  })

  it('is not asked for a million series', async () => {
    const { url, received } = await startStandIn(
      answerWell(({ form }) =>
        form.get('query')?.startsWith('count(') ? { body: vector('1000000') } : undefined,
      ),
    )
    const refused = await refusal(projectOf(url))
    expect(refused).toMatchObject({ exitCode: 6, code: 'TOO_MANY_SERIES' })
    expect(refused.text).toMatch(/has 1000000 series, above the 100000 of maximumSeries\nAdd matchers/)
    expect(received.filter(isRange)).toEqual([])
  })

  it('may have another time: its own counts, and it is said', async () => {
    const { url, received } = await startStandIn(
      answerWell(({ form }) =>
        form.get('query') === 'time()' ? { body: vector(String(now - 7200)) } : undefined,
      ),
    )
    const folder = projectOf(url)
    const { code, stdout } = await runCommand(['metrics', 'pull', '--json', '--out', 'demand.csv'], {
      cwd: folder,
    })
    expect(code, stdout).toBe(0)
    const { warnings } = SuccessEnvelope.parse(JSON.parse(stdout))
    const { message } = warnings.find(({ code }) => code === 'CLOCK_SKEW')!
    expect(message).toMatch(/is 2h\S* behind this machine's; the server's counts/)
    for (const { form } of received.filter(isRange))
      expect(Number(form.get('end'))).toBeLessThanOrEqual(now - 7200)
  })
})

const nasty = {
  model: '<img src=x onerror="alert(1)">',
  tenant: `'); DROP TABLE staged; -- "} or vector(1) # \u001b]0;owned\u0007\u001b[31m{{x}}`,
}

describe.skipIf(prometheusFolder === undefined)(
  `metrics that are not as they should be${prometheusNote}`,
  () => {
    const steps = 288
    const stepSeconds = 600
    const noon = start + secondsPerDay / 2
    let prometheus: PrometheusServer | undefined
    beforeAll(async () => {
      const folder = emptyFolder()
      const demandOf = (model: string) => ({
        start,
        stepSeconds,
        models: [
          {
            model,
            requests: new Float64Array(steps).fill(100),
            inputTokens: new Float64Array(steps).fill(50_000),
            outputTokens: new Float64Array(steps).fill(20_000),
          },
        ],
      })
      const options = { pods: 1, scrapeSeconds: 150 }
      const fleets = [
        openMetricsOf(demandOf('chat'), { ...options, labels: { tenant: 'a', job: 'plain' } }),
        openMetricsOf(demandOf('chat'), {
          ...options,
          labels: { job: 'nan' },
          nan: { from: noon, to: noon + 1800 },
        }),
        openMetricsOf(demandOf(nasty.model), { ...options, labels: { tenant: nasty.tenant, job: 'nasty' } }),
      ]
      const { text: renamed } = openMetricsOf(demandOf('chat'), { ...options, labels: { job: 'renamed' } })
      for (const text of [...fleets.map(({ text }) => text), renamed.replaceAll('vllm:', 'vllm_')])
        await backfill(folder, text)
      prometheus = await startPrometheus({ folder })
    })
    afterAll(() => prometheus?.stop())

    const refusalOf = (...settings: string[]) => refusal(projectOf(prometheus!.url, settings))

    it('refuses the user’s own PromQL with what the server says of it', async () => {
      const refused = await refusalOf('queries: {requests: "sum by (model_name) (increase(x_total[{step}])"}')
      expect(refused).toMatchObject({ exitCode: 3, code: 'QUERY_REFUSED' })
      expect(refused.text).toMatch(
        /refused .*increase\(x_total\[300s\]\).*: bad_data: .*parse error.*unclosed left parenthesis\nCorrect prometheus\.queries/,
      )
    })

    it('names what is near where the metrics of the preset are missing', async () => {
      const renamed = await refusalOf('matchers: job="renamed"')
      expect(renamed).toMatchObject({ exitCode: 6, code: 'METRIC_MISSING' })
      expect(renamed.text).toMatch(
        /no metric that counts requests \(vllm:request_success_total\) where job="renamed" .* the nearest is vllm_request_success_total\nGive queries/,
      )
      const folder = projectOf(prometheus!.url, ['matchers: job="plain"'])
      const path = join(folder, 'llmscale.yaml')
      writeFileSync(path, readFileSync(path, 'utf8').replace('presets: [vllm]', 'presets: [sglang]'))
      const other = await refusal(folder)
      expect(other).toMatchObject({ exitCode: 6, code: 'METRIC_MISSING' })
      expect(other.text).toContain('Its metrics are those of presets: [vllm].')
    })

    it('lists the labels where one is not there', async () => {
      const refused = await refusalOf('labels: {tenant: tenent}', `matchers: job="plain"`)
      expect(refused).toMatchObject({ exitCode: 6, code: 'LABEL_MISSING' })
      expect(refused.text).toMatch(
        /no label "tenent", which should name the tenant; it has .*model_name.*tenant\n.*tenant: tenant/,
      )
    })

    it('takes NaN for missing, and says so', async () => {
      const folder = projectOf(prometheus!.url, ['matchers: job="nan"'])
      const { codes, text } = await success(folder, ['--step', '10m'])
      expect(codes).toContain('SAMPLES_UNUSABLE')
      const times = text.split('\n').map((line) => line.slice(0, 20))
      const isThere = (time: number) => times.includes(formatInstant(time))
      for (const step of [0, 1, 2]) expect(isThere(noon + step * stepSeconds)).toBe(false)
      for (const step of [-2, -1, 4, 5]) expect(isThere(noon + step * stepSeconds)).toBe(true)
    })

    it('says since when there are data where more was asked for', async () => {
      const folder = projectOf(prometheus!.url, ['matchers: job="plain"'])
      const { codes, warnings, rows } = await success(folder, ['--step', '10m'], '9d')
      expect(codes).toContain('RETENTION_SHORT')
      expect(warnings.map(({ message }) => message).join()).toContain(
        `has data since ${formatInstant(start)}, 1w less`,
      )
      expect(rows).toBe(steps)
    })

    it('writes any name as it is, and shows it without what a terminal would obey', async () => {
      const settings = ['matchers: job="nasty"', 'labels: {tenant: tenant}']
      const folder = projectOf(prometheus!.url, settings, 'tenantNames: plain')
      const { code, stdout, stderr } = await pull(folder, ['--step', '10m'])
      expect(code, stderr).toBe(0)
      const escaped = '\\u001b]0;owned\\u0007\\u001b[31m{{x}}'
      const names = `${csvField(nasty.model)},eu-west-1,${csvField(nasty.tenant)},`
      const [, ...lines] = readFileSync(join(folder, 'demand.csv'), 'utf8').trimEnd().split('\n')
      expect(lines).toHaveLength(steps)
      expect(lines.every((line) => line.slice(21).startsWith(names))).toBe(true)
      expectShown(stdout + stderr, escaped)

      const checked = await runCommand(['metrics', 'check', 'demand.csv'], { cwd: folder })
      expect(checked.code, checked.stderr).toBe(0)
      expectShown(checked.stdout + checked.stderr, escaped)

      const discovered = await runCommand(['metrics', 'discover', '--tenant-names'], { cwd: folder })
      expect(discovered.code, discovered.stderr).toBe(0)
      expectShown(discovered.stdout + discovered.stderr, 'onerror')
    })

    function expectShown(text: string, escaped: string): void {
      expect(text).toContain(escaped)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/)
    }
  },
)
