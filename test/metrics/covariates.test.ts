import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { formatInstant } from '../../src/kit/time.js'
import { fileCovariate, readCovariates } from '../../src/metrics/covariates.js'
import type { DemandHistory } from '../../src/metrics/demand-history.js'
import { openSources } from '../../src/metrics/open-sources.js'
import type { PrometheusClient } from '../../src/metrics/prometheus/prometheus-client.js'
import { queryCovariate } from '../../src/metrics/prometheus/query-covariate.js'
import { readDemand } from '../../src/metrics/read-demand.js'
import { demandOf, historyOf } from '../forecast/history-fixture.js'
import { configText } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'

const start = Date.parse('2026-01-05T00:00:00Z') / 1000
const hour = 3600

/** Four hours of half-hours. */
const history: DemandHistory = {
  ...historyOf([demandOf('chat', new Float64Array(8).fill(1))], hour / 2),
  start,
}

function fileOf(header: string, rows: readonly string[]): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'more.csv'), `${[header, ...rows].join('\n')}\n`)
  return folder
}

const at = (seconds: number) => formatInstant(start + seconds)

describe('a covariate in files', () => {
  it('counts for all without a column of models, and holds for as long as it was measured', async () => {
    const folder = fileOf(
      'timestamp,sign_ups',
      [-hour, 0, hour, 3 * hour, 4 * hour].map((time, index) => `${at(time)},${index}`),
    )
    const source = fileCovariate({ name: 'sign_ups', files: ['more.csv'], columns: {} }, folder)
    const { columns } = await readCovariates([source], history)
    expect(columns).toEqual([
      { name: 'sign_ups', values: Float64Array.of(1, 1, 2, 2, Number.NaN, Number.NaN, 3, 3) },
    ])
  })

  it('is the mean of the parts of a step, by model and region where it names them', async () => {
    const rows = [0, 1, 2, 3, 4, 5].flatMap((ten) => [
      `${at(600 * ten)},chat-old,eu,${ten}`,
      `${at(600 * ten)},code,eu,${10 * ten}`,
    ])
    const folder = fileOf('time,model,region,open', rows)
    const columns = { timestamp: 'time', value: 'open' }
    const settings = { name: 'open conversations', files: ['more.csv'], columns }
    const read = async (workloads?: string[]) =>
      (
        await readCovariates(
          [fileCovariate({ ...settings, ...(workloads && { workloads }) }, folder)],
          history,
          { model: { 'chat-old': 'chat' } },
        )
      ).columns.map(({ workloads: whose, values }) => [whose, values[0], values[1]])
    expect(await read()).toEqual([
      [['chat/eu'], 1, 4],
      [['code/eu'], 10, 40],
    ])
    expect(await read(['code', 'chat/eu/acme', 'chat/us'])).toEqual([
      [['chat/eu/acme'], 1, 4],
      [['code/eu'], 10, 40],
    ])
  })

  it('says which covariate cannot be read, and which has nothing to say', async () => {
    const folder = fileOf('timestamp,sign_ups', [`${at(0)},3`, `${at(hour)},3`])
    const settings = { files: ['more.csv'], columns: {} }
    const missing = fileCovariate({ ...settings, name: 'visits' }, folder)
    await expect(readCovariates([missing], history)).rejects.toMatchObject({
      code: 'COLUMN_MISSING',
      message: expect.stringMatching(/^covariate visits: .*more\.csv:1 has no column "visits"/),
    })
    const typo = fileCovariate({ ...settings, name: 'sign_ups', workloads: ['caht'] }, folder)
    expect((await readCovariates([typo], history)).findings).toEqual([
      {
        code: 'COVARIATE_UNMATCHED',
        message: 'Covariate sign_ups counts for caht, of which there is no demand.',
      },
    ])
    const early = { ...history, start: start - 14 * 86_400 }
    const source = { ...fileCovariate({ ...settings, name: 'sign_ups' }, folder) }
    const late = {
      ...source,
      read: () => source.read({ from: start, until: start + 2 * hour, stepSeconds: hour }),
    }
    expect(await readCovariates([late], early)).toEqual({
      columns: [],
      findings: [
        { code: 'COVARIATE_EMPTY', message: 'Covariate sign_ups has no value in the time of demand.' },
      ],
    })
  })
})

describe('a covariate of a Prometheus', () => {
  it('is asked for by the step, and counts for the models that its series name', async () => {
    const asked: string[] = []
    const client: PrometheusClient = {
      name: 'stand-in',
      async queryRange(query, from, to, step) {
        asked.push(query)
        const times = Float64Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step)
        const series = [{ model_name: 'chat' }, {}].map((labels) => ({
          labels: labels as Record<string, string>,
          times,
          values: times.map((time) => (time - start) / step),
        }))
        return { series, unusableSamples: 0, warnings: [] }
      },
      queryInstant: () => Promise.reject(new Error('not asked')),
      labelValues: () => Promise.reject(new Error('not asked')),
      labelNames: () => Promise.reject(new Error('not asked')),
    }
    const source = queryCovariate(
      { name: 'open', query: 'avg_over_time(open[{step}])', columns: {} },
      {
        client,
        modelLabel: undefined,
        regionLabel: undefined,
        parallel: 1,
        store: undefined,
        server: 's',
        now: start,
      },
    )
    const { columns } = await readCovariates([source], history)
    expect(asked).toEqual(['avg_over_time(open[1800s])'])
    const values = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    expect(columns).toEqual([
      { name: 'open', workloads: ['chat'], values },
      { name: 'open', values },
    ])
  })
})

describe('metrics.covariates', () => {
  const configOf = (covariates: string) =>
    parseConfig(
      configText().replace(/^metrics:.*$/m, `metrics: { files: [demand.csv], covariates: [${covariates}] }`),
      'llmscale.yaml',
    )

  it('are read with the demand of the configuration, not with other files', async () => {
    const folder = fileOf('timestamp,model,region,requests,open', [
      ...Array.from({ length: 30 }, (_, index) => `${at(hour * index)},chat-70b,us-east-1,5,${index}`),
    ])
    const config = configOf('{ name: open, files: [more.csv] }')
    config.metrics.files = ['more.csv']
    const context = { configPath: join(folder, 'llmscale.yaml'), environment: 'prod', now: start }
    const { options } = await openSources(config, context)
    const { history: read } = await readDemand({ ...options, until: start + 26 * hour })
    expect(read.covariates).toMatchObject([{ name: 'open', workloads: ['chat-70b/us-east-1'] }])
    expect([...read.covariates![0]!.values]).toEqual(Array.from({ length: 26 }, (_, index) => index))
    const others = await openSources(config, { ...context, files: [join(folder, 'more.csv')] })
    expect((await readDemand(others.options)).history.covariates).toBeUndefined()
  })

  it('need files, or a query and a Prometheus', async () => {
    expect(() => configOf('{ name: open }')).toThrow(/needs either query or files/)
    const twice = '{ name: open, query: x }, { name: open, query: y }'
    expect(() => configOf(twice)).toThrow(/has a name twice/)
    const config = configOf('{ name: open, query: x }')
    await expect(
      openSources(config, { configPath: 'llmscale.yaml', environment: 'prod', now: start }),
    ).rejects.toMatchObject({ reason: 'configInvalid', code: 'COVARIATE_UNREADABLE' })
  })
})
