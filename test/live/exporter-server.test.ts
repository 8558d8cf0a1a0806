import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type ExporterPages, startExporterServer } from '../../src/live/exporter-server.js'

const pages: ExporterPages = { metrics: (exposition) => `${exposition}\n`, notReady: () => undefined }

async function withServer<T>(own: Partial<ExporterPages>, work: (url: string) => Promise<T>): Promise<T> {
  const server = await startExporterServer('127.0.0.1', 0, { ...pages, ...own })
  try {
    return await work(server.url)
  } finally {
    await server.close()
  }
}

describe('the server of the exporter', () => {
  it('answers /metrics by what is accepted, and tells its type', async () => {
    await withServer({}, async (url) => {
      const plain = await fetch(`${url}/metrics`)
      expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(await plain.text()).toBe('text\n')
      const open = await fetch(`${url}/metrics?x=1`, { headers: { accept: 'application/openmetrics-text' } })
      expect(open.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0')
      const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', ''])
    })
  })

  it('lives before it is ready', async () => {
    let missing: string | undefined = 'demand is read for the first time'
    await withServer({ notReady: () => missing }, async (url) => {
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      const early = await fetch(`${url}/readyz`)
      expect([early.status, await early.text()]).toEqual([503, 'demand is read for the first time\n'])
      missing = undefined
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
    })
  })

  it('takes nothing else', async () => {
    await withServer({}, async (url) => {
      expect((await fetch(`${url}/`)).status).toBe(404)
      expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405)
    })
  })

  it('names a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((listening) => other.once('listening', listening))
    const { port } = other.address() as AddressInfo
    await expect(startExporterServer('127.0.0.1', port, pages)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      exitCode: 2,
      message: `port ${port} of 127.0.0.1 is in use by another process`,
    })
    await new Promise((closed) => other.close(closed))
  })

  it('answers what was asked before it was closed, and closes within a second though a client hangs', async () => {
    let asked = (): void => undefined
    const isAsked = new Promise<void>((done) => {
      asked = done
    })
    const server = await startExporterServer('127.0.0.1', 0, {
      ...pages,
      metrics: async (exposition) => {
        asked()
        await setTimeout(exposition === 'text' ? 100 : 60_000, undefined, { ref: false })
        return 'late but whole\n'
      },
    })
    const answer = fetch(`${server.url}/metrics`).then((response) => response.text())
    const hanging = fetch(`${server.url}/metrics`, {
      headers: { accept: 'application/openmetrics-text' },
    }).catch(() => 'cut')
    await isAsked
    await setTimeout(20)
    const begun = performance.now()
    await server.close()
    expect(performance.now() - begun).toBeLessThan(5000)
    expect(await answer).toBe('late but whole\n')
    expect(await hanging).toBe('cut')
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })
})
