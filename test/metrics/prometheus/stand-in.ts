import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** What a stand-in for a Prometheus was asked. */
export interface Received {
  method: string
  path: string
  form: URLSearchParams
  headers: IncomingHttpHeaders
  body: string
}

export interface StandInAnswer {
  status?: number
  headers?: Record<string, string>
  body?: string | Buffer | object
  /** Milliseconds before it answers. */
  delay?: number
  /** Bytes after which the connection is destroyed. */
  breakAfter?: number
}

export interface StandIn {
  url: string
  received: Received[]
}

const servers: Server[] = []

afterAll(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** An HTTP server on loopback that answers as told; it ends with the file's tests, which may run side by side. */
export async function startStandIn(
  answer: (received: Received, count: number) => StandInAnswer | Promise<StandInAnswer>,
  tls?: ServerOptions,
): Promise<StandIn> {
  const received: Received[] = []
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const url = new URL(request.url!, 'http://stand-in')
    const form = new URLSearchParams(request.method === 'POST' ? body : url.search)
    received.push({ method: request.method!, path: request.url!, form, headers: request.headers, body })
    const {
      status = 200,
      headers,
      body: content = '',
      delay,
      breakAfter,
    } = await answer(received.at(-1)!, received.length)
    if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay).unref())
    const bytes =
      Buffer.isBuffer(content) || typeof content === 'string'
        ? Buffer.from(content as string)
        : Buffer.from(JSON.stringify(content))
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': bytes.length,
      ...headers,
    })
    if (breakAfter === undefined) response.end(bytes)
    else response.write(bytes.subarray(0, breakAfter), () => response.destroy())
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, received }
}

/** A successful answer with a matrix. */
export function matrix(...series: { metric?: Record<string, string>; values: [number, string][] }[]): object {
  return {
    status: 'success',
    data: { resultType: 'matrix', result: series.map((each) => ({ metric: {}, ...each })) },
  }
}

/** An answer with an error, as Prometheus words it. */
export function failure(errorType: string, error: string): object {
  return { status: 'error', errorType, error }
}
