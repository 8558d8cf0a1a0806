import { LlmscaleError } from '../../kit/errors.js'
import { cleanText } from '../../kit/foreign-text.js'
import { parseRetryAfter, TemporaryFailure } from '../../kit/retry.js'
import { formatDuration } from '../../kit/time.js'
import type { Authorization } from './authorization.js'
import { BrokenAnswer, type HttpAnswer } from './transport.js'

/** What was asked of whom: what messages need to name. */
export interface Asked {
  /** URL of the server without credentials. */
  name: string
  /** Such as `/api/v1/query_range`. */
  path: string
  /** The expression or selector. */
  query: string
  authorization: Authorization
  hasClientCertificate: boolean
  timeoutSeconds: number
  maximumBytes: number
}

type Fault = LlmscaleError | TemporaryFailure

const shownQuery = 200

// Codes: https://nodejs.org/docs/latest-v20.x/api/errors.html and https://undici.nodejs.org/#/docs/api/Errors
const connectionFaults: { readonly [code: string]: string } = {
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the server closed the connection',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'no such host',
  EPIPE: 'the server closed the connection',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'the server closed the connection',
}
const distrustCodes = [
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]
const certificateFaults: { readonly [code: string]: string } = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock here is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is of another host',
}
const withoutTlsCodes = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']

/** Of an error that the transport rejected with; what is none of its errors is a bug and comes back as it is. */
export function transportFault(error: unknown, asked: Asked): unknown {
  if (error instanceof BrokenAnswer) return brokenAnswer(error.kind, asked)
  const { name, code }: NodeJS.ErrnoException = error instanceof Error ? error : new Error()
  if (name === 'HTTPParserError') {
    return unreachable(asked, 'what answers there does not speak HTTP', [
      'Check host and port of prometheus.url, and whether it needs https://.',
    ])
  }
  if (code === undefined || code === 'UND_ERR_INVALID_ARG') return error
  if (distrustCodes.includes(code)) {
    return unreachable(asked, 'its certificate is not trusted', [
      'Name the PEM file of the authority that signed it as prometheus.tls.ca.',
    ])
  }
  if (certificateFaults[code] !== undefined) return unreachable(asked, certificateFaults[code], [])
  if (withoutTlsCodes.includes(code)) {
    return unreachable(asked, 'the server does not speak TLS', [
      'Write http:// instead of https:// in prometheus.url, if the network may see the answers.',
    ])
  }
  if (/^(ERR_SSL|ERR_OSSL|EPROTO)/.test(code))
    return unreachable(asked, `TLS failed (${code})`, tlsHints(asked))
  return new TemporaryFailure((tries) =>
    unreachable(asked, `${connectionFaults[code] ?? code} (${tries} tries)`, [
      'Check that the server runs and that prometheus.url is reachable from here, through port-forward or VPN.',
      ...(connectionFaults[code] === connectionFaults['ECONNRESET'] ? tlsHints(asked) : []),
    ]),
  )
}

function brokenAnswer(kind: BrokenAnswer['kind'], asked: Asked): Fault {
  if (kind === 'too large') {
    const most = `${Math.round(asked.maximumBytes / 2 ** 20)} MiB`
    return queryTooLarge(asked, `its answer is longer than ${most}`)
  }
  if (kind === 'truncated') return unreadableForNow(asked, 'its answer breaks off')
  return new TemporaryFailure((tries) =>
    unreachable(asked, `no answer within ${formatDuration(asked.timeoutSeconds)} (${tries} tries)`, [
      'Give it longer: prometheus.timeout; or ask for less: narrower prometheus.matchers.',
    ]),
  )
}

function tlsHints({ name, hasClientCertificate }: Asked): string[] {
  return name.startsWith('https:') && !hasClientCertificate
    ? ['The server may want a client certificate: prometheus.tls.certificate and key.']
    : []
}

function unreachable({ name }: Asked, why: string, tryThis: string[]): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'PROMETHEUS_UNREACHABLE',
    `${name}: cannot be reached: ${why}`,
    tryThis,
  )
}

const temporaryStatuses = [408, 425, 429, 500, 502, 503, 504]

/** Status of the error types, for servers that send errors with 200. https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview */
const statusOfErrorType: { readonly [type: string]: number } = {
  bad_data: 400,
  canceled: 503,
  execution: 422,
  internal: 500,
  not_found: 404,
  timeout: 503,
  unavailable: 503,
}

/** Of an answer that is not a success; `errorType` and `error` are those of its JSON, if it is JSON. */
export function statusFault(
  { status: httpStatus, headers, text }: HttpAnswer,
  asked: Asked,
  errorType = '',
  error = /^\s*</.test(text) ? '' : text,
): Fault {
  const status = httpStatus === 200 ? (statusOfErrorType[errorType] ?? 422) : httpStatus
  const { name, path, authorization } = asked
  const said = cleanText(`${errorType}: ${error}`.replace(/^: |: $/, ''), authorization.secrets)
  const answered = `${name}: answered ${httpStatus} to ${path}${said === '' ? '' : `: ${said}`}`
  if (status >= 300 && status < 400) {
    return new LlmscaleError(
      'upstreamUnavailable',
      'PROMETHEUS_REDIRECTED',
      `${name}: answered ${status} and points to ${redirectTarget(headers['location'], asked)}; credentials are not sent there`,
      [
        'Write the final address as prometheus.url; a login page means that prometheus.auth is missing or wrong.',
      ],
    )
  }
  if (status === 401 || status === 403) {
    return new LlmscaleError('upstreamUnavailable', 'PROMETHEUS_UNAUTHORIZED', answered, [
      `Asked with ${authorization.description}; check it and what it may read (prometheus.auth, prometheus.headers).`,
    ])
  }
  if (status === 404) {
    return new LlmscaleError('upstreamUnavailable', 'PROMETHEUS_NOT_FOUND', answered, [
      'prometheus.url may need a path: /prometheus (Mimir), /select/0/prometheus (VictoriaMetrics cluster), /workspaces/ws-… (Amazon).',
    ])
  }
  if (isTooLarge(status, errorType, error)) return queryTooLarge(asked, said)
  if (temporaryStatuses.includes(status)) {
    return new TemporaryFailure(
      (tries) =>
        new LlmscaleError('upstreamUnavailable', 'PROMETHEUS_UNAVAILABLE', `${answered} (${tries} tries)`, [
          'Try later; if it is overloaded, lower prometheus.parallel.',
        ]),
      parseRetryAfter(headers['retry-after']?.toString(), Date.now()),
    )
  }
  if (status === 400) {
    return new LlmscaleError(
      'configInvalid',
      'QUERY_REFUSED',
      `${name}: refused ${showQuery(asked)}${said === '' ? '' : `: ${said}`}`,
      ['Correct prometheus.queries, or prometheus.matchers where the query is a preset’s.'],
    )
  }
  return new LlmscaleError('upstreamUnavailable', 'QUERY_FAILED', `${answered}; query ${showQuery(asked)}`)
}

/**
 * Limits on points, samples, series, memory and time, in the words of Prometheus, Thanos, Mimir, VictoriaMetrics
 * and Amazon Managed Prometheus. A message that quotes a query's syntax is none of them.
 */
function isTooLarge(status: number, errorType: string, error: string): boolean {
  if (status === 503) return errorType === 'timeout'
  return (
    (status === 400 || status === 422) &&
    /too many|exceed|would load|cannot select more|not enough memory|timed? ?out/i.test(error) &&
    !/\bpars(e|ing)\b/i.test(error)
  )
}

function queryTooLarge(asked: Asked, why: string): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'QUERY_TOO_LARGE',
    `${asked.name}: too much for one query: ${showQuery(asked)}: ${why}`,
    ['Ask for less: narrower prometheus.matchers, a longer step, a shorter prometheus.history.'],
  )
}

/** What came is no answer of this API. */
export function unreadable({ name, path }: Asked, why: string): LlmscaleError {
  return new LlmscaleError(
    'upstreamUnavailable',
    'PROMETHEUS_ANSWER_UNREADABLE',
    `${name}: cannot read what ${path} answered: ${why}`,
    ['Check that prometheus.url is a server of the Prometheus HTTP API, not a login page or a proxy.'],
  )
}

/** The same where it may be whole the next time. */
export function unreadableForNow(asked: Asked, why: string): TemporaryFailure {
  return new TemporaryFailure((tries) => unreadable(asked, `${why} (${tries} tries)`))
}

function showQuery({ query, authorization }: Asked): string {
  return JSON.stringify(cleanText(query, authorization.secrets, shownQuery))
}

/** Without its query, in which single sign-on keeps tokens. */
function redirectTarget(location: string | string[] | undefined, { name, authorization }: Asked): string {
  if (typeof location !== 'string' || !URL.canParse(location, name)) return 'nowhere'
  const { origin, pathname } = new URL(location, name)
  return cleanText(`${origin}${pathname}`, authorization.secrets)
}
