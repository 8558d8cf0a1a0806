import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What went through a proxy. */
export interface Passed {
  path: string
  form: URLSearchParams
}

/** `cut` breaks the answer off in the middle, `gone` closes the connection without one. */
export type Treatment = 'pass' | 'cut' | 'gone'

export interface PrometheusProxy {
  url: string
  passed: Passed[]
  close(): Promise<void>
}

/** Stands on loopback before a Prometheus, counts what is asked, and treats each answer as told. */
export async function startProxy(
  target: string,
  treat: (asked: Passed) => Treatment | Promise<Treatment> = () => 'pass',
): Promise<PrometheusProxy> {
  const passed: Passed[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { pathname, search, searchParams } = new URL(request.url!, target)
    const asked = {
      path: pathname,
      form: request.method === 'POST' ? new URLSearchParams(body) : searchParams,
    }
    passed.push(asked)
    const treatment = await treat(asked)
    if (treatment === 'gone') return response.destroy()
    const answer = await fetch(`${target}${pathname}${search}`, {
      method: request.method!,
      ...(body !== '' && { body, headers: { 'content-type': request.headers['content-type']! } }),
    }).catch(() => undefined)
    if (answer === undefined) return response.destroy()
    const bytes = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': bytes.length })
    if (treatment === 'pass') return response.end(bytes)
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
