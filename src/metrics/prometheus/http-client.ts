import pLimit from 'p-limit'
import { retry, type Wait } from '../../kit/retry.js'
import { type AnswerData, parseAnswer, readNames, readSeries } from './answer.js'
import { createAuthorization, type HttpRequest } from './authorization.js'
import { type Asked, transportFault } from './faults.js'
import { readHeaders } from './headers.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { readTls } from './tls.js'
import { createTransport } from './transport.js'

export interface PrometheusClientOptions
  extends Pick<PrometheusSettings, 'url' | 'auth' | 'tls' | 'headers' | 'parallel'> {
  /** Of one request, its whole answer included. */
  timeoutSeconds: number
  /** Base of the relative paths in the settings. */
  folder: string
  userAgent?: string
  /** Ends everything at once; what waits rejects with its reason. */
  signal?: AbortSignal | undefined
  /** Instead of sleeping between tries, for tests. */
  wait?: Wait
  /** Of one answer; default 256 MiB, some ten million samples. */
  maximumBytes?: number
}

const mostBytes = 256 * 2 ** 20

/**
 * A client of one server of the Prometheus HTTP API. Its secrets are read here and now: throws `configInvalid`
 * SECRET_MISSING, HEADER_INVALID or TLS_INVALID.
 *
 * Its functions reject with `configInvalid` QUERY_REFUSED or AWS_CREDENTIALS_MISSING, or `upstreamUnavailable`
 * PROMETHEUS_UNREACHABLE, _UNAUTHORIZED, _NOT_FOUND, _REDIRECTED, _UNAVAILABLE, _ANSWER_UNREADABLE, QUERY_FAILED or
 * QUERY_TOO_LARGE (ask for a shorter range), after up to five tries where the fault may pass.
 * https://prometheus.io/docs/prometheus/latest/querying/api/
 */
export function createPrometheusClient(options: PrometheusClientOptions): PrometheusClient {
  const { auth, folder, parallel, timeoutSeconds, signal, wait, maximumBytes = mostBytes } = options
  const { origin, pathname } = new URL(options.url)
  const name = `${origin}${pathname.replace(/\/+$/, '')}`
  const configured = readHeaders(options.headers, folder)
  const authorization = createAuthorization(auth, folder)
  for (const secret of configured.secrets) authorization.secrets.add(secret)
  const tls = readTls(options.tls, folder)
  const send = createTransport({ tls, parallel, timeoutSeconds, maximumBytes, signal })
  const limit = pLimit(parallel)

  function ask<T>(
    path: string,
    query: string,
    form: { [field: string]: string | number },
    read: (answer: AnswerData, asked: Asked) => T,
    method: HttpRequest['method'] = 'POST',
  ): Promise<T> {
    const hasClientCertificate = tls.cert !== undefined
    const asked = { name, path, query, authorization, hasClientCertificate, timeoutSeconds, maximumBytes }
    const request = createRequest(method, `${name}${path}`, form, {
      accept: 'application/json',
      'user-agent': options.userAgent ?? 'llmscale',
      ...configured.headers,
    })
    const attempt = async () => {
      const headers = await authorization.authorize(request)
      const answer = await send({ ...request, headers }).catch((error) => {
        throw transportFault(error, asked)
      })
      return read(parseAnswer(answer, asked), asked)
    }
    return limit(() => retry(attempt, { signal, wait }))
  }

  return {
    name,
    queryRange: (query, from, to, stepSeconds) =>
      ask('/api/v1/query_range', query, { query, start: from, end: to, step: stepSeconds }, readSeries),
    queryInstant: (query, at) =>
      ask('/api/v1/query', query, { query, ...(at !== undefined && { time: at }) }, readSeries),
    labelValues: (label, selector, from, to) =>
      ask(
        `/api/v1/label/${encodeURIComponent(label)}/values`,
        selector,
        { 'match[]': selector, start: from, end: to },
        readNames,
        'GET',
      ),
    labelNames: (selector, from, to) =>
      ask('/api/v1/labels', selector, { 'match[]': selector, start: from, end: to }, readNames),
  }
}

/** By POST the form is the body, because expressions outgrow what proxies allow in a URL. */
function createRequest(
  method: HttpRequest['method'],
  address: string,
  form: { [field: string]: string | number },
  headers: HttpRequest['headers'],
): HttpRequest {
  const url = new URL(address)
  const fields = new URLSearchParams()
  for (const [field, value] of Object.entries(form)) fields.set(field, String(value))
  // Signatures take a plus in a URL for a plus, and the form's code for a space is one.
  const encoded = fields.toString().replaceAll('+', '%20')
  if (method === 'POST') {
    return {
      method,
      url,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: encoded,
    }
  }
  url.search = encoded
  return { method, url, headers, body: '' }
}
