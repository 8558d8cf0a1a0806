import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { LlmscaleError } from '../../../src/kit/errors.js'
import {
  createPrometheusClient,
  type PrometheusClientOptions,
} from '../../../src/metrics/prometheus/http-client.js'
import type { SeriesAnswer } from '../../../src/metrics/prometheus/prometheus-client.js'
import { failure, matrix, type StandIn, startStandIn } from './stand-in.js'

const folder = mkdtempSync(join(tmpdir(), 'llmscale-client-'))
let pauses: number[] = []

afterEach(() => {
  pauses = []
  vi.unstubAllEnvs()
})
afterAll(() => rmSync(folder, { recursive: true }))

function connect({ url }: Pick<StandIn, 'url'>, options: Partial<PrometheusClientOptions> = {}) {
  return createPrometheusClient({
    url,
    headers: {},
    parallel: 4,
    timeoutSeconds: 5,
    folder,
    wait: async (seconds) => {
      pauses.push(seconds)
    },
    ...options,
  })
}

function ask(
  server: Pick<StandIn, 'url'>,
  options?: Partial<PrometheusClientOptions>,
): Promise<SeriesAnswer> {
  return connect(server, options).queryRange('up', 0, 60, 60)
}

async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<LlmscaleError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    expect(error).toBeInstanceOf(LlmscaleError)
    return error as LlmscaleError
  }
  throw new Error('nothing failed')
}

/** Everything of an error that a user or a log may see. */
function visible(error: LlmscaleError): string {
  return [
    error.message,
    error.code,
    ...error.tryThis,
    error.stack,
    JSON.stringify(error),
    String(error.cause),
  ].join()
}

const sample: [number, string] = [60, '1.5']
const good = { body: matrix({ values: [sample] }) }

describe('questions', () => {
  it('asks for ranges by POST below the path of the URL', async () => {
    const server = await startStandIn(() => ({
      body: matrix({
        metric: { model: 'a' },
        values: [
          [0.5, '1'],
          [60.5, '2.25'],
        ],
      }),
    }))
    const client = connect({ url: `${server.url}/select/0/prometheus/` }, { userAgent: 'llmscale/1.2.3' })
    const { series, unusableSamples, warnings } = await client.queryRange('sum(x{a="ü+&"})', 0.5, 60.5, 60)
    expect(series).toEqual([
      { labels: { model: 'a' }, times: Float64Array.of(0.5, 60.5), values: Float64Array.of(1, 2.25) },
    ])
    expect({ unusableSamples, warnings }).toEqual({ unusableSamples: 0, warnings: [] })
    const [received] = server.received
    expect(received).toMatchObject({ method: 'POST', path: '/select/0/prometheus/api/v1/query_range' })
    expect(Object.fromEntries(received!.form)).toEqual({
      query: 'sum(x{a="ü+&"})',
      start: '0.5',
      end: '60.5',
      step: '60',
    })
    expect(received!.headers).toMatchObject({ 'user-agent': 'llmscale/1.2.3', accept: 'application/json' })
    expect(client.name).toBe(`${server.url}/select/0/prometheus`)
  })

  it('asks for a vector or a scalar at one time, or now', async () => {
    const server = await startStandIn((_, count) => ({
      body: {
        status: 'success',
        data:
          count === 1
            ? { resultType: 'vector', result: [{ metric: { a: 'b' }, value: [7, '+3e2'] }] }
            : { resultType: 'scalar', result: [8, '9'] },
      },
    }))
    const client = connect(server)
    expect((await client.queryInstant('x', 7)).series).toEqual([
      { labels: { a: 'b' }, times: Float64Array.of(7), values: Float64Array.of(300) },
    ])
    expect((await client.queryInstant('time()')).series).toEqual([
      { labels: {}, times: Float64Array.of(8), values: Float64Array.of(9) },
    ])
    expect(server.received.map(({ path, form }) => [path, form.get('time')])).toEqual([
      ['/api/v1/query', '7'],
      ['/api/v1/query', null],
    ])
  })

  it('asks for label names and values of a selector', async () => {
    const server = await startStandIn(() => ({ body: { status: 'success', data: ['a', 'b'] } }))
    const client = connect(server)
    expect(await client.labelValues('__name__', '{__name__=~"vllm:.+ x"}', 1, 2)).toEqual(['a', 'b'])
    expect(await client.labelNames('{job="x"}', 1, 2)).toEqual(['a', 'b'])
    expect(server.received.map(({ method, path }) => [method, path.split('?')[0]])).toEqual([
      ['GET', '/api/v1/label/__name__/values'],
      ['POST', '/api/v1/labels'],
    ])
    expect(server.received.map(({ form }) => Object.fromEntries(form))).toEqual([
      { 'match[]': '{__name__=~"vllm:.+ x"}', start: '1', end: '2' },
      { 'match[]': '{job="x"}', start: '1', end: '2' },
    ])
  })

  it('sends configured headers, secrets from the environment among them', async () => {
    vi.stubEnv('SCOPE', 'tenant-1\n')
    const server = await startStandIn(() => good)
    await ask(server, { headers: { 'X-Scope-OrgID': { env: 'SCOPE' }, 'X-Team': 'llm' } })
    expect(server.received[0]!.headers).toMatchObject({ 'x-scope-orgid': 'tenant-1', 'x-team': 'llm' })
  })

  it('holds the limit of parallel requests and keeps connections', async () => {
    let running = 0
    let most = 0
    const server = await startStandIn(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running--
      return good
    })
    const client = connect(server, { parallel: 3 })
    await Promise.all(Array.from({ length: 12 }, () => client.queryInstant('up').catch(() => undefined)))
    expect(most).toBe(3)
    expect(server.received.length).toBe(12)
    expect(new Set(server.received.map(({ headers }) => headers.connection))).toEqual(new Set(['keep-alive']))
  })
})

describe('answers', () => {
  it('leaves out and counts samples that are no number', async () => {
    const server = await startStandIn(() => ({
      body: matrix(
        {
          values: [
            [0, 'NaN'],
            [60, '1'],
            [120, '+Inf'],
            [180, '-Inf'],
          ],
        },
        { values: [[0, 'NaN']] },
      ),
    }))
    const { series, unusableSamples } = await ask(server)
    expect(series.map(({ times, values }) => [[...times], [...values]])).toEqual([
      [[60], [1]],
      [[], []],
    ])
    expect(unusableSamples).toBe(4)
  })

  it('leaves out native histograms, and takes null for an empty list', async () => {
    const histograms = [[60, { count: '1', sum: '1', buckets: [] }]]
    const results = [
      [
        { metric: {}, histograms },
        { metric: {}, values: [sample], histograms },
      ],
      null,
    ]
    const server = await startStandIn((_, count) => ({
      body: { status: 'success', data: { resultType: 'matrix', result: results[count - 1] } },
    }))
    expect((await ask(server)).series.map(({ values }) => [...values])).toEqual([[1.5]])
    expect((await ask(server)).series).toEqual([])
  })

  it('gives warnings once, without control characters, and infos but for the one about counters', async () => {
    const server = await startStandIn(() => ({
      body: {
        ...matrix({ values: [sample] }),
        warnings: ['partial\u001b[31m\u202eresponse', 'partial\u001b[31m\u202eresponse', 'x'.repeat(1000)],
        infos: ['PromQL info: metric might not be a counter, name does not end in _total: "x"', 'other'],
      },
    }))
    const { warnings } = await ask(server)
    expect(warnings).toEqual([
      { code: 'PROMETHEUS_WARNING', message: `${server.url}: partial [31m response` },
      { code: 'PROMETHEUS_WARNING', message: `${server.url}: ${'x'.repeat(299)}…` },
      { code: 'PROMETHEUS_INFO', message: `${server.url}: other` },
    ])
  })

  it('reads a packed answer', async () => {
    const server = await startStandIn(() => ({
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify(good.body)),
    }))
    expect((await ask(server)).series[0]!.values).toEqual(Float64Array.of(1.5))
  })

  const success = (data: unknown) => ({ status: 'success', data })
  const result = (resultType: string, entry: unknown) => success({ resultType, result: [entry] })
  it.each([
    ['no status', { data: [] }, 'no status'],
    ['a list', [], 'no status'],
    ['no data', success(undefined), 'data is no object'],
    ['a text', success({ resultType: 'string', result: [0, 'x'] }), 'a string, not a matrix'],
    ['an unknown type', success({ resultType: 'str\u0007eams', result: [] }), 'a str eams, not a matrix'],
    ['no type', success({ result: [] }), 'a nameless type'],
    ['no result', success({ resultType: 'matrix' }), 'result is no list'],
    ['a series that is a text', result('matrix', 'x'), 'a series is no object'],
    ['no labels', result('matrix', { values: [] }), 'the labels of a series'],
    ['labels of numbers', result('matrix', { metric: { a: 1 }, values: [] }), 'the labels of a series'],
    ['no values', result('matrix', { metric: {} }), 'values is no list'],
    [
      'a sample that is a number',
      result('matrix', { metric: {}, values: [1] }),
      'a sample is not a time and',
    ],
    ['values as numbers', result('matrix', { metric: {}, values: [[1, 1]] }), 'a sample is not a time and'],
    ['times as texts', result('matrix', { metric: {}, values: [['1', '1']] }), 'a sample is not a time and'],
    [
      'times out of order',
      result('matrix', {
        metric: {},
        values: [
          [2, '1'],
          [1, '1'],
        ],
      }),
      'order of time',
    ],
    [
      'a value that is a word',
      result('matrix', { metric: {}, values: [[1, 'many']] }),
      'a sample is not a time and',
    ],
    ['an empty value', result('matrix', { metric: {}, values: [[1, '']] }), 'a sample is not a time and'],
    [
      'a scalar without a value',
      success({ resultType: 'scalar', result: [1] }),
      'a sample is not a time and',
    ],
  ])('refuses %s at once', async (_, body, why) => {
    const server = await startStandIn(() => ({ body }))
    const error = await failureOf(ask(server))
    expect(error).toMatchObject({ reason: 'upstreamUnavailable', code: 'PROMETHEUS_ANSWER_UNREADABLE' })
    expect(error.message).toContain(why)
    expect(server.received.length).toBe(1)
  })

  it('refuses names that are no texts', async () => {
    const server = await startStandIn(() => ({ body: success([1]) }))
    expect((await failureOf(connect(server).labelNames('up', 0, 1))).code).toBe(
      'PROMETHEUS_ANSWER_UNREADABLE',
    )
  })
})

describe('faults that may pass', () => {
  it.each([408, 425, 429, 500, 502, 503, 504])('are tried again: status %i', async (status) => {
    const server = await startStandIn((_, count) => (count < 3 ? { status, body: 'busy' } : good))
    expect((await ask(server)).series.length).toBe(1)
    expect(pauses.length).toBe(2)
  })

  it('end after five tries with the status, what the server said and the pauses between', async () => {
    const server = await startStandIn(() => ({ status: 503, body: failure('unavailable', 'TSDB not ready') }))
    const error = await failureOf(ask(server))
    expect(error).toMatchObject({ reason: 'upstreamUnavailable', code: 'PROMETHEUS_UNAVAILABLE' })
    expect(error.message).toBe(
      `${server.url}: answered 503 to /api/v1/query_range: unavailable: TSDB not ready (5 tries)`,
    )
    expect(server.received.length).toBe(5)
    for (const [at, least] of [0.5, 1, 2, 4].entries()) {
      expect(pauses[at]).toBeGreaterThanOrEqual(least)
      expect(pauses[at]).toBeLessThanOrEqual(2 * least)
    }
    expect(pauses.length).toBe(4)
  })

  it('honours Retry-After up to a minute, as seconds and as a date', async () => {
    const answers = ['7', '3600', new Date(Date.now() + 30_000).toUTCString(), 'soon']
    const server = await startStandIn((_, count) =>
      count > answers.length ? good : { status: 503, headers: { 'retry-after': answers[count - 1]! } },
    )
    await ask(server)
    expect(pauses.slice(0, 2)).toEqual([7, 60])
    expect(pauses[2]).toBeGreaterThan(25)
    expect(pauses[2]).toBeLessThanOrEqual(30)
    expect(pauses[3]).toBeLessThanOrEqual(8)
  })

  it.each([
    ['a truncated body', { ...good, breakAfter: 20 }, 'breaks off'],
    ['a body without its end', { body: '{"status":"success","da' }, 'only a part'],
    ['an empty body', { body: '' }, 'nothing came'],
    ['a page of HTML', { body: '<!doctype html><b>Sign in</b>' }, 'a page of HTML'],
    [
      'a packed body that is cut',
      { headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(good.body)).subarray(0, 30) },
      'breaks off',
    ],
  ])('are tried again: %s', async (_, answer, why) => {
    const server = await startStandIn((_, count) => (count === 1 ? answer : good))
    expect((await ask(server)).series.length).toBe(1)
    const broken = await startStandIn(() => answer)
    const error = await failureOf(ask(broken))
    expect(error.code).toBe('PROMETHEUS_ANSWER_UNREADABLE')
    expect(error.message).toMatch(new RegExp(`${why}.* \\(5 tries\\)`))
    expect(broken.received.length).toBe(5)
  })

  it('are tried again: a connection that is closed before the answer', async () => {
    let count = 0
    const server = createServer((socket) => {
      count++
      socket.on('error', () => undefined)
      socket.once('data', () => socket.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const error = await failureOf(ask({ url }))
    server.close()
    expect(error).toMatchObject({ code: 'PROMETHEUS_UNREACHABLE', reason: 'upstreamUnavailable' })
    expect(error.message).toBe(`${url}: cannot be reached: the server closed the connection (5 tries)`)
    expect(count).toBe(5)
  })

  it('say that the connection was refused, or that there is no such host', async () => {
    const { url } = await startStandIn(() => good)
    const closed = url.replace(/\d+$/, '1')
    expect((await failureOf(ask({ url: closed }))).message).toBe(
      `${closed}: cannot be reached: connection refused (5 tries)`,
    )
    const nowhere = await failureOf(ask({ url: 'http://prometheus.invalid:9090' }))
    expect(nowhere.code).toBe('PROMETHEUS_UNREACHABLE')
    expect(nowhere.message).toMatch(/no such host|name server does not answer/)
  })

  it('say that there was no answer in time, headers or body, and name the setting', async () => {
    const slow = await startStandIn(() => ({ ...good, delay: 20_000 }))
    const started = performance.now()
    const error = await failureOf(ask(slow, { timeoutSeconds: 0.1 }))
    expect(performance.now() - started).toBeLessThan(15_000)
    expect(error.code).toBe('PROMETHEUS_UNREACHABLE')
    expect(error.message).toContain('no answer within 100ms (5 tries)')
    expect(error.tryThis.join()).toContain('prometheus.timeout')

    const dripping = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
      const timer = setInterval(() => socket.write(' '), 20)
      socket.on('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(dripping.address() as { port: number }).port}`
    expect((await failureOf(ask({ url }, { timeoutSeconds: 0.1 }))).message).toContain(
      'no answer within 100ms',
    )
    dripping.close()
  })

  it('say that what answers does not speak HTTP, at once', async () => {
    const server = createServer((socket) => socket.end('220 mail.example ESMTP\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    expect((await failureOf(ask({ url }))).message).toContain('does not speak HTTP')
    server.close()
    expect(pauses).toEqual([])
  })
})

describe('faults that stay', () => {
  it('names what authorized a request that was refused', async () => {
    vi.stubEnv('PROM_TOKEN', 'hunter2-token')
    const server = await startStandIn(({ headers }, count) => ({
      status: count === 1 ? 401 : 403,
      body: `no entry for ${headers.authorization}`,
    }))
    const error = await failureOf(ask(server, { auth: { bearer: { token: { env: 'PROM_TOKEN' } } } }))
    expect(error).toMatchObject({ code: 'PROMETHEUS_UNAUTHORIZED', reason: 'upstreamUnavailable' })
    expect(error.message).toContain('answered 401 to /api/v1/query_range: no entry for Bearer [secret]')
    expect(error.tryThis.join()).toContain('prometheus.auth.bearer, token of environment variable PROM_TOKEN')
    expect((await failureOf(ask(server))).tryThis.join()).toContain('no prometheus.auth')
    expect(server.received.length).toBe(2)
  })

  it('explains a missing path', async () => {
    const server = await startStandIn(() => ({ status: 404, body: '404 page not found' }))
    const error = await failureOf(ask(server))
    expect(error.code).toBe('PROMETHEUS_NOT_FOUND')
    expect(error.tryThis.join()).toContain('/select/0/prometheus')
    expect(server.received.length).toBe(1)
  })

  it('says why a query was refused, and shows it cut', async () => {
    const body = failure(
      'bad_data',
      'invalid parameter "query": 1:5: parse error: too many \u001b[2Jbrackets',
    )
    const server = await startStandIn(() => ({ status: 400, body }))
    const query = `sum(${'x'.repeat(1000)}`
    const error = await failureOf(connect(server).queryInstant(query))
    expect(error).toMatchObject({ reason: 'configInvalid', code: 'QUERY_REFUSED' })
    expect(error.message).toBe(
      `${server.url}: refused "${query.slice(0, 199)}…": bad_data: invalid parameter "query": 1:5: parse error: too many [2Jbrackets`,
    )
    expect(server.received.length).toBe(1)
  })

  it.each([
    [
      422,
      failure('execution', 'query processing would load too many samples into memory in query execution'),
    ],
    [422, failure('execution', 'the query exceeded the maximum number of series (limit: 100000 series)')],
    [422, failure('422', 'cannot select more than -search.maxSamplesPerSeries=30000000 samples')],
    [422, failure('timeout', 'query timed out in expression evaluation')],
    [400, failure('bad_data', 'exceeded maximum resolution of 11,000 points per timeseries.')],
    [503, failure('timeout', 'query timed out in query execution')],
    [200, failure('execution', 'query processing would load too many samples into memory')],
  ])('knows a query that is too large: %i %o', async (status, body) => {
    const server = await startStandIn(() => ({ status, body }))
    const error = await failureOf(ask(server))
    expect(error).toMatchObject({ reason: 'upstreamUnavailable', code: 'QUERY_TOO_LARGE' })
    expect(error.message).toContain('"up"')
    expect(server.received.length).toBe(1)
  })

  it('takes an answer above the limit of bytes for a query that is too large', async () => {
    const packed = { headers: { 'content-encoding': 'gzip' }, body: gzipSync(' '.repeat(3 * 2 ** 20)) }
    for (const answer of [{ body: ' '.repeat(3 * 2 ** 20) }, packed]) {
      const server = await startStandIn(() => answer)
      const error = await failureOf(ask(server, { maximumBytes: 2 ** 20 }))
      expect(error.code).toBe('QUERY_TOO_LARGE')
      expect(error.message).toContain('longer than 1 MiB')
      expect(server.received.length).toBe(1)
    }
  })

  it.each([
    [422, failure('execution', 'found duplicate series for the match group'), 'QUERY_FAILED', 1],
    [418, 'teapot', 'QUERY_FAILED', 1],
    [200, failure('bad_data', 'unknown function'), 'QUERY_REFUSED', 1],
    [200, failure('internal', 'oops'), 'PROMETHEUS_UNAVAILABLE', 5],
    [200, { status: 'error' }, 'QUERY_FAILED', 1],
  ])('knows other errors: %i %o', async (status, body, code, tries) => {
    const server = await startStandIn(() => ({ status, body }))
    expect((await failureOf(ask(server))).code).toBe(code)
    expect(server.received.length).toBe(tries)
  })

  it('follows no redirect, and names the target without its query', async () => {
    vi.stubEnv('PROM_PASSWORD', 'pa55word')
    const other = await startStandIn(() => good)
    const location = `${other.url}/login/pa55word?token=abcdef#x`
    const server = await startStandIn(() => ({ status: 302, headers: { location } }))
    const auth = { basic: { username: 'ann', password: { env: 'PROM_PASSWORD' } } }
    const error = await failureOf(ask(server, { auth }))
    expect(error.code).toBe('PROMETHEUS_REDIRECTED')
    expect(error.message).toContain(`${other.url}/login/[secret];`)
    expect(visible(error)).not.toContain('abcdef')
    expect(other.received).toEqual([])
  })

  it('shows at most 300 characters of what a server says, and no HTML', async () => {
    const long = await startStandIn(() => ({ status: 422, body: failure('execution', 'y'.repeat(10_000)) }))
    expect((await failureOf(ask(long))).message.match(/y+…/)![0].length).toBeLessThanOrEqual(300)
    const page = await startStandIn(() => ({ status: 502, body: '<html>Bad gateway</html>' }))
    expect((await failureOf(ask(page))).message).toBe(
      `${page.url}: answered 502 to /api/v1/query_range (5 tries)`,
    )
  })

  it('never shows a secret that a server repeats', async () => {
    vi.stubEnv('PROM_PASSWORD', 's3cr3t+pass')
    vi.stubEnv('SCOPE', 'hidden-scope')
    const echo = (status: number) =>
      startStandIn(({ headers }) => {
        const credentials = headers.authorization!.slice('Basic '.length)
        const error = `${credentials} ${Buffer.from(credentials, 'base64')} ${headers['x-scope-orgid']}`
        return { status, body: { ...failure('bad_data', error), warnings: [error] } }
      })
    for (const status of [400, 401, 404, 422, 503, 200]) {
      const error = await failureOf(
        ask(await echo(status), {
          auth: { basic: { username: 'ann', password: { env: 'PROM_PASSWORD' } } },
          headers: { 'X-Scope-OrgID': { env: 'SCOPE' } },
        }),
      )
      expect(error.message).toContain('[secret]')
      expect(visible(error)).not.toMatch(/s3cr3t|hidden-scope|YW5u/)
    }
  })
})

describe('an interrupt', () => {
  it('ends a request, a pause and what waits for its turn at once, with the reason', async () => {
    const server = await startStandIn((_, count) =>
      count === 1 ? { status: 503 } : { ...good, delay: 20_000 },
    )
    const controller = new AbortController()
    const client = createPrometheusClient({
      url: server.url,
      headers: {},
      parallel: 2,
      timeoutSeconds: 60,
      folder,
      signal: controller.signal,
    })
    const questions = Promise.allSettled(Array.from({ length: 4 }, () => client.queryInstant('up')))
    await vi.waitUntil(() => server.received.length === 2)
    const started = performance.now()
    controller.abort(new Error('interrupted'))
    for (const { reason } of (await questions) as PromiseRejectedResult[]) {
      expect(reason).toEqual(new Error('interrupted'))
    }
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(server.received.length).toBe(2)
  })

  it('ends a connection that is not made yet, and so does the timeout', async () => {
    const mute = createServer(() => undefined)
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(mute.address() as { port: number }).port}`
    const controller = new AbortController()
    const question = ask({ url }, { signal: controller.signal }).catch((error) => error)
    setTimeout(() => controller.abort(new Error('interrupted')), 50)
    const started = performance.now()
    expect(await question).toEqual(new Error('interrupted'))
    expect(performance.now() - started).toBeLessThan(10_000)
    expect((await failureOf(ask({ url }, { timeoutSeconds: 0.1 }))).message).toContain(
      'no answer within 100ms',
    )
    expect(performance.now() - started).toBeLessThan(20_000)
    mute.close()
  })
})

// Certificates are made for the run: a committed one would expire.
describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('TLS', () => {
  const path = (name: string) => join(folder, name)
  const openssl = (...parameters: string[]) =>
    execFileSync('openssl', parameters, { cwd: folder, stdio: 'pipe' })

  function issue(name: string, subjectAltName: string): void {
    writeFileSync(path(`${name}.ext`), `subjectAltName=${subjectAltName}\n`)
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial']
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...authority,
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
    )
  }

  beforeAll(() => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=test authority',
      '-days',
      '2',
    )
    issue('server', 'IP:127.0.0.1')
    issue('other', 'DNS:other.example')
    issue('client', 'DNS:client.example')
    writeFileSync(path('none.pem'), 'no certificate\n')
  })

  const serverTls = (name: string) => ({
    cert: readFileSync(path(`${name}.pem`)),
    key: readFileSync(path(`${name}.key`)),
  })

  it('trusts the authority that is named', async () => {
    const server = await startStandIn(() => good, serverTls('server'))
    expect((await ask(server, { tls: { ca: 'ca.pem' } })).series.length).toBe(1)
  })

  it('does not trust another, says so at once and names the setting', async () => {
    const server = await startStandIn(() => good, serverTls('server'))
    const error = await failureOf(ask(server))
    expect(error.code).toBe('PROMETHEUS_UNREACHABLE')
    expect(error.message).toBe(`${server.url}: cannot be reached: its certificate is not trusted`)
    expect(error.tryThis.join()).toContain('prometheus.tls.ca')
    expect(pauses).toEqual([])
  })

  it('refuses a certificate of another host', async () => {
    const server = await startStandIn(() => good, serverTls('other'))
    expect((await failureOf(ask(server, { tls: { ca: 'ca.pem' } }))).message).toContain('of another host')
  })

  it('shows its own certificate to a server that wants one', async () => {
    const wants = { ca: readFileSync(path('ca.pem')), requestCert: true, rejectUnauthorized: true }
    const server = await startStandIn(() => good, { ...serverTls('server'), ...wants })
    const tls = { ca: 'ca.pem', certificate: 'client.pem', key: 'client.key' }
    expect((await ask(server, { tls })).series.length).toBe(1)
    const error = await failureOf(ask(server, { tls: { ca: 'ca.pem' } }))
    expect(error.code).toBe('PROMETHEUS_UNREACHABLE')
    expect(error.tryThis.join()).toContain('prometheus.tls.certificate')
  })

  it('goes through a proxy with the same certificates', async () => {
    const wants = { ca: readFileSync(path('ca.pem')), requestCert: true, rejectUnauthorized: true }
    const server = await startStandIn(() => good, { ...serverTls('server'), ...wants })
    const tunnelled: string[] = []
    const proxy = createHttpServer().on('connect', (request, client, head) => {
      tunnelled.push(request.url!)
      const upstream = createConnection(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      for (const socket of [upstream, client]) socket.on('error', () => socket.destroy())
    })
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('NO_PROXY', '')
    try {
      const tls = { ca: 'ca.pem', certificate: 'client.pem', key: 'client.key' }
      expect((await ask(server, { tls })).series.length).toBe(1)
      expect(tunnelled).toEqual([new URL(server.url).host])
    } finally {
      vi.unstubAllEnvs()
      proxy.closeAllConnections()
      proxy.close()
    }
  })

  it('says that a server does not speak TLS', async () => {
    const { url } = await startStandIn(() => good)
    expect((await failureOf(ask({ url: url.replace('http:', 'https:') }))).message).toContain(
      'does not speak TLS',
    )
  })

  it.each([
    [{ ca: 'absent.pem' }, 'prometheus.tls.ca: ', 'absent.pem cannot be read: ENOENT'],
    [{ ca: 'none.pem' }, 'prometheus.tls.ca: ', 'none.pem holds no certificate'],
    [{ certificate: 'client.pem' }, 'prometheus.tls.key: ', 'is missing'],
    [{ key: 'client.key' }, 'prometheus.tls.certificate: ', 'is missing'],
    [{ certificate: 'client.pem', key: 'other.key' }, 'prometheus.tls.certificate: ', 'cannot be used'],
  ])('refuses %o before any request', async (tls, setting, why) => {
    const error = await failureOf(() => connect({ url: 'https://127.0.0.1:1' }, { tls }))
    expect(error).toMatchObject({ reason: 'configInvalid', code: 'TLS_INVALID' })
    expect(error.message).toContain(setting)
    expect(error.message).toContain(why)
  })
})
