import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A stand-in for Prometheus: it answers an instant query with the value that the test sets for it, or 0. */
export interface PrometheusStandIn {
  /** http://127.0.0.1:port, the same after it was dead. */
  url: string
  /** Query → value. */
  values: Map<string, number>
  /** Closes it, with all connections. */
  kill(): Promise<void>
  /** Listens on its port again. */
  revive(): Promise<void>
}

export async function startPrometheusStandIn(): Promise<PrometheusStandIn> {
  let server: Server | undefined
  let port = 0
  const revive = async () => {
    server = createServer(({ url = '' }, response) => {
      const query = new URL(url, standIn.url).searchParams.get('query') ?? ''
      const sample = { metric: {}, value: [Date.now() / 1000, String(standIn.values.get(query) ?? 0)] }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [sample] } }))
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const standIn: PrometheusStandIn = {
    url: '',
    values: new Map(),
    revive,
    kill: async () => {
      if (server === undefined) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      server = undefined
    },
  }
  await revive()
  standIn.url = `http://127.0.0.1:${port}`
  return standIn
}
