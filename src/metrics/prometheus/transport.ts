import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Dispatcher, EnvHttpProxyAgent } from 'undici'
import type { HttpRequest } from './authorization.js'
import type { Tls } from './tls.js'

export interface HttpAnswer {
  status: number
  headers: { readonly [name: string]: string | string[] | undefined }
  text: string
}

/** Why there is no whole answer, although there is or was a connection. */
export class BrokenAnswer extends Error {
  readonly kind: 'timeout' | 'truncated' | 'too large'

  constructor(kind: BrokenAnswer['kind']) {
    super(kind)
    this.kind = kind
  }
}

export interface TransportOptions {
  tls: Tls
  parallel: number
  /** Of one request, from the first byte sent to the last one read. */
  timeoutSeconds: number
  /** Of one answer, unpacked. */
  maximumBytes: number
  signal: AbortSignal | undefined
}

/** Longer waits for a connection are a firewall that drops packets. */
const longestConnectSeconds = 10

/**
 * Sends requests over kept connections, follows no redirect, and reads answers whole. The function rejects with
 * BrokenAnswer, with the error of the connection, which has a `code`, or with the signal's reason.
 */
export function createTransport(options: TransportOptions): (request: HttpRequest) => Promise<HttpAnswer> {
  let agent: Promise<EnvHttpProxyAgent> | undefined
  return async (request) => {
    agent ??= createAgent(options)
    return withinTime(options, async (signal) => send(await agent!, request, options.maximumBytes, signal))
  }
}

async function createAgent({ tls, parallel, timeoutSeconds }: TransportOptions): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent } = await import('undici')
  const connect = { ...tls, timeout: Math.min(timeoutSeconds, longestConnectSeconds) * 1000 }
  // Obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
  return new EnvHttpProxyAgent({
    connections: parallel,
    connect,
    requestTls: connect, // the same, through a proxy
    // One limit for the whole answer stands instead of these.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Runs `work` with a signal that fires after the timeout and with the signal of the options. */
async function withinTime<T>(
  { timeoutSeconds, signal }: TransportOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const interrupt = () => controller.abort(signal!.reason)
  const timer = setTimeout(() => controller.abort(new BrokenAnswer('timeout')), timeoutSeconds * 1000)
  signal?.addEventListener('abort', interrupt)
  try {
    // A request that waits for its connection does not listen to its signal yet.
    const stopped = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason))
    })
    return await Promise.race([work(controller.signal), stopped])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', interrupt)
  }
}

async function send(
  agent: Dispatcher,
  { method, url, headers, body }: HttpRequest,
  maximumBytes: number,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const response = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { ...headers, 'accept-encoding': isLoopback(url) ? 'identity' : 'gzip' },
    body: body === '' ? null : body,
    signal,
  })
  return {
    status: response.statusCode,
    headers: response.headers,
    text: await readBody(response, maximumBytes),
  }
}

/** Samples shrink to a tenth; without a network between, packing only costs time. */
function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127\..*|\[::1\])$/.test(hostname)
}

async function readBody({ body, headers }: Dispatcher.ResponseData, maximumBytes: number): Promise<string> {
  const input: Readable = headers['content-encoding'] === 'gzip' ? body.pipe(createGunzip()) : body
  body.on('error', (cause) => input.destroy(cause))
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of input) {
      bytes += chunk.length
      if (bytes > maximumBytes) throw new BrokenAnswer('too large')
      chunks.push(chunk)
    }
  } catch (cause) {
    throw cause instanceof BrokenAnswer ? cause : new BrokenAnswer('truncated')
  } finally {
    body.destroy()
  }
  return Buffer.concat(chunks).toString('utf8')
}
