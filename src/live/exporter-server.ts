import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LlmscaleError } from '../kit/errors.js'
import { chooseExposition, contentTypes, type Exposition } from './open-metrics.js'

/** What the server answers with. */
export interface ExporterPages {
  metrics(exposition: Exposition): string | Promise<string>
  /** Undefined once there is something to publish, else what is missing. */
  notReady(): string | undefined
}

export interface ExporterServer {
  /** `http://127.0.0.1:9464` */
  url: string
  /** Answers what has been asked, for at most half a second; takes nothing new. */
  close(): Promise<void>
}

const closeMilliseconds = 500
/** Of a request's header; scrapers send little. */
const headerMilliseconds = 10_000

/** Serves /metrics, /healthz and /readyz. Throws `usage` PORT_IN_USE and ADDRESS_UNUSABLE. */
export async function startExporterServer(
  host: string,
  port: number,
  pages: ExporterPages,
): Promise<ExporterServer> {
  let isClosing = false
  const server = createServer({ headersTimeout: headerMilliseconds }, (request, response) => {
    answer(request, response, pages, () => isClosing).catch(() => response.destroy())
  })
  await new Promise<void>((listening, fail) => {
    server.once('error', (cause) => fail(notListening(cause, host, port)))
    server.listen({ host, port }, listening)
  })
  const { address, family, port: own } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${own}`,
    close: () =>
      new Promise((closed) => {
        isClosing = true
        const timer = setTimeout(() => server.closeAllConnections(), closeMilliseconds)
        server.close(() => {
          clearTimeout(timer)
          closed()
        })
        server.closeIdleConnections()
      }),
  }
}

async function answer(
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
  pages: ExporterPages,
  isLast: () => boolean,
): Promise<void> {
  const send = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
    const body = Buffer.from(text)
    if (isLast()) response.setHeader('connection', 'close')
    response.writeHead(status, { 'content-type': type, 'content-length': body.length })
    response.end(method === 'HEAD' ? undefined : body)
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(405, 'only GET and HEAD\n')
  }
  switch (url.split('?')[0]) {
    case '/metrics': {
      const exposition = chooseExposition(headers.accept)
      return send(200, await pages.metrics(exposition), contentTypes[exposition])
    }
    case '/healthz':
      return send(200, 'ok\n')
    case '/readyz': {
      const missing = pages.notReady()
      return missing === undefined ? send(200, 'ok\n') : send(503, `${missing}\n`)
    }
    default:
      return send(404, '/metrics, /healthz and /readyz are here\n')
  }
}

function notListening(cause: Error, host: string, port: number): LlmscaleError {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'EADDRINUSE'
    ? new LlmscaleError('usage', 'PORT_IN_USE', `port ${port} of ${host} is in use by another process`, [
        `--port ${port + 1}, or live.port in llmscale.yaml`,
      ])
    : new LlmscaleError(
        'usage',
        'ADDRESS_UNUSABLE',
        `${host}:${port} cannot be listened on: ${cause.message}`,
        ['--host 127.0.0.1, and a --port above 1023'],
      )
}
