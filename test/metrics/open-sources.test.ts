import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { openSources } from '../../src/metrics/open-sources.js'
import { readTable } from '../../src/metrics/read-demand.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { startStandIn } from './prometheus/stand-in.js'
import { requestsOf } from './table-fixture.js'

const day = 86_400
const now = Date.UTC(2026, 0, 12, 6) / 1000

/** A server of one model that counts 100 requests an hour for tenant `team-a` of its header, 7 for others. */
async function startServer() {
  let ranges = 0
  const server = await startStandIn(({ path, form, headers }) => {
    const matrix = (result: unknown[]) => ({
      body: { status: 'success', data: { resultType: 'matrix', result } },
    })
    if (path.endsWith('/query_range')) {
      ranges++
      const [from, to, step] = ['start', 'end', 'step'].map((name) => Number(form.get(name))) as [
        number,
        number,
        number,
      ]
      if (!form.get('query')!.includes('requests')) return matrix([])
      const value = headers['x-scope-orgid'] === 'team-a' ? '100' : '7'
      const values = Array.from({ length: (to - from) / step + 1 }, (_, at) => [from + at * step, value])
      return matrix([{ metric: { model: 'chat', tenant: 'Acme' }, values }])
    }
    const isClock = form.get('query') === 'time()'
    return {
      body: { status: 'success', data: { resultType: 'scalar', result: [now, isClock ? String(now) : '1'] } },
    }
  })
  return { server, ranges: () => ranges }
}

const configOf = (url: string, more = '') =>
  parseConfig(
    `environments: { production: { regions: [eu] } }
metrics:
  sources:
    - prometheus:
        url: ${url}
        queries: { requests: 'sum by (model, tenant) (increase(requests_total[{step}]))' }
        labels: { model: model, tenant: tenant }
        history: 2d
        headers: { X-Scope-OrgID: { env: TEST_ORG } }
${more}
forecast: { step: 1h }
shapes: [{ instanceType: p5.48xlarge, gpusPerReplica: 1 }]
workloads:
  - { model: llama-3.1-8b, target: { kind: Deployment, name: a }, slo: { ttftP95: 2s } }
`,
    'llmscale.yaml',
  )

async function readFrom(folder: string, url: string, cache = true, more = '') {
  const { options, warnings, close } = await openSources(configOf(url, more), {
    configPath: join(folder, 'llmscale.yaml'),
    environment: 'production',
    now,
    cache,
  })
  try {
    const table = await readTable({ ...options, stepSeconds: 3600 })
    return { requests: Object.entries(requestsOf(table)), warnings }
  } finally {
    close()
  }
}

describe('openSources', () => {
  afterEach(() => {
    delete process.env['TEST_ORG']
    delete process.env['LLMSCALE_TENANT_KEY']
  })

  it('keeps answers apart by what a header holds, not by where it comes from', async () => {
    const { server, ranges } = await startServer()
    const folder = emptyFolder()
    process.env['TEST_ORG'] = 'team-a'
    const [[, first] = []] = (await readFrom(folder, server.url)).requests
    expect(new Set(first)).toEqual(new Set([100]))
    process.env['TEST_ORG'] = 'team-b'
    const [[, second] = []] = (await readFrom(folder, server.url)).requests
    expect(new Set(second)).toEqual(new Set([7]))
    const asked = ranges()
    await readFrom(folder, server.url)
    expect(ranges() - asked).toBe(1) // the day that is not over
  })

  it('keeps them for their owner alone', async () => {
    const { server } = await startServer()
    const folder = emptyFolder()
    process.env['TEST_ORG'] = 'team-a'
    await readFrom(folder, server.url)
    expect(statSync(join(folder, '.llmscale/metrics.duckdb')).mode & 0o777).toBe(0o600)
  })

  it.each<[string, (folder: string) => void]>([
    ['a file where its folder should be', (folder) => writeFileSync(join(folder, '.llmscale'), '')],
    [
      'a folder where it should be',
      (folder) => mkdirSync(join(folder, '.llmscale/metrics.duckdb'), { recursive: true }),
    ],
  ])('reads without the cache, and says so, where there is %s', async (_, spoil) => {
    const { server } = await startServer()
    const folder = emptyFolder()
    spoil(folder)
    process.env['TEST_ORG'] = 'team-a'
    const { requests, warnings } = await readFrom(folder, server.url)
    expect(requests).toHaveLength(1)
    expect(warnings).toEqual([expect.objectContaining({ code: 'CACHE_FAILED' })])
  })

  it('shows a tenant under its alias, by the key of the environment', async () => {
    const { server } = await startServer()
    process.env['TEST_ORG'] = 'team-a'
    const plain = (await readFrom(emptyFolder(), server.url)).requests[0]![0]
    process.env['LLMSCALE_TENANT_KEY'] = 'secret'
    const keyed = (await readFrom(emptyFolder(), server.url)).requests[0]![0]
    expect([plain, keyed]).toEqual([
      expect.stringMatching(/^chat\/eu\/tenant-[0-9a-f]{12}$/),
      expect.stringMatching(/^chat\/eu\/tenant-[0-9a-f]{12}$/),
    ])
    expect(plain).not.toBe(keyed)
  })

  it('narrows a source by the names that the metrics have, not by aliases', async () => {
    const { server } = await startServer()
    process.env['TEST_ORG'] = 'team-a'
    const { requests } = await readFrom(emptyFolder(), server.url, false, '      workloads: [chat/eu/Acme]')
    expect(requests).toHaveLength(1)
    expect(requests[0]![1]).toHaveLength((2 * day) / 3600)
  })

  it.each([
    ['alias', false],
    ['plain', true],
  ])('tells of bad rows as tenantNames: %s has it', async (tenantNames, isTold) => {
    const folder = emptyFolder()
    const rows = ['timestamp,model,tenant,requests', '2026-01-01T00:00:00Z,chat,Acme,many', ',chat,Acme,"']
    writeFileSync(join(folder, 'demand.csv'), `${rows.join('\n')}\n`)
    const text = configText().replace('metrics: {', `metrics: {tenantNames: ${tenantNames}, `)
    const { options, close } = await openSources(parseConfig(text, 'llmscale.yaml'), {
      configPath: join(folder, 'llmscale.yaml'),
      environment: 'prod',
      now,
    })
    const failed = await readTable({ ...options, stepSeconds: 3600 }).catch(({ message }) => message)
    close()
    expect(failed).toContain('demand.csv:2 requests is not a number')
    expect(failed.includes('Acme')).toBe(isTold)
  })

  it('names the variable of a secret that is not set', async () => {
    const folder = emptyFolder()
    await expect(readFrom(folder, 'http://127.0.0.1:1')).rejects.toMatchObject({
      code: 'SECRET_MISSING',
      message: expect.stringContaining('TEST_ORG'),
    })
    expect(existsSync(join(folder, 'demand.csv'))).toBe(false)
  })
})
