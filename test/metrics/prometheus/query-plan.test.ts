import { describe, expect, it } from 'vitest'
import { Prometheus } from '../../../src/config/schema.js'
import type { PrometheusClient } from '../../../src/metrics/prometheus/prometheus-client.js'
import { planQueries } from '../../../src/metrics/prometheus/query-plan.js'

const window = { from: 0, to: 86_400, stepSeconds: 300 }

/** A server of these metrics, each with its labels. */
function serverOf(metrics: Record<string, string[]>): PrometheusClient {
  const matching = (selector: string) => {
    const pattern = /__name__=~"([^"]+)"/.exec(selector)?.[1]
    const matches = (name: string) =>
      pattern === undefined ? selector.startsWith(name) : new RegExp(`^(?:${pattern})$`).test(name)
    return Object.keys(metrics).filter(matches)
  }
  return {
    name: 'http://server',
    queryRange: () => Promise.reject(new Error('not asked')),
    queryInstant: () => Promise.reject(new Error('not asked')),
    labelValues: async (_label, selector) => matching(selector),
    labelNames: async (selector) => [...new Set(matching(selector).flatMap((name) => metrics[name]!))],
  }
}

const plan = (metrics: Record<string, string[]>, settings: object, histograms = []) =>
  planQueries(serverOf(metrics), Prometheus.parse({ url: 'http://server', ...settings }), window, histograms)

const vllm = {
  'vllm:request_success_total': ['model_name', 'pod'],
  'vllm:prompt_tokens_total': ['model_name', 'pod'],
  'vllm:num_requests_waiting': ['model_name', 'pod'],
}
const sglang = {
  'sglang:num_requests_total': ['model_name', 'pod'],
  'sglang:prompt_tokens_total': ['model_name', 'pod'],
}

describe('planQueries', () => {
  it('asks each preset that is there, in the order of the settings', async () => {
    const { queries, countedSeries, findings } = await plan(
      { ...vllm, ...sglang },
      { presets: ['sglang', 'vllm', 'triton'] },
    )
    const asked = (signal: string) =>
      queries.filter((each) => each.signal === signal).map(({ preset }) => preset)
    expect(asked('requests')).toEqual(['sglang', 'vllm'])
    expect(asked('inputTokens')).toEqual(['sglang', 'vllm'])
    expect(asked('inFlightRequests')).toEqual(['vllm'])
    expect(asked('samples')).toEqual(['sglang', 'vllm'])
    expect(countedSeries).toHaveLength(2)
    expect(findings).toEqual([])
  })

  it('lets own PromQL stand for all presets of a signal', async () => {
    const { queries } = await plan(vllm, {
      presets: ['vllm'],
      queries: { inputTokens: 'sum by (model_name) (increase(tokens[{step}]))' },
    })
    expect(queries.filter(({ signal }) => signal === 'inputTokens')).toEqual([
      {
        signal: 'inputTokens',
        query: 'sum by (model_name) (increase(tokens[300s]))',
        labels: { model: 'model_name' },
      },
    ])
  })

  it('reads nothing of a later preset that cannot tell workloads apart, and says so', async () => {
    const gateway = { 'vllm:request_success_total': ['model_name', 'tenant'] }
    const { queries, findings } = await plan(
      { ...gateway, ...sglang },
      { presets: ['vllm', 'sglang'], labels: { tenant: 'tenant' } },
    )
    expect(queries.some(({ preset }) => preset === 'sglang')).toBe(false)
    expect(findings).toEqual([
      { code: 'PRESET_UNUSED', message: expect.stringMatching(/no label "tenant".*preset sglang is read/) },
    ])
  })

  it('names labels and metrics that are near what is missing', async () => {
    await expect(plan(vllm, { presets: ['vllm'], labels: { model: 'model-name' } })).rejects.toMatchObject({
      code: 'LABEL_MISSING',
      tryThis: ['Set labels: {model: model_name} of prometheus: in llmscale.yaml.'],
    })
    await expect(plan({ 'vllm:request_success': [] }, { presets: ['vllm'] })).rejects.toMatchObject({
      code: 'METRIC_MISSING',
      message: expect.stringContaining('the nearest is vllm:request_success'),
    })
    await expect(plan(sglang, { presets: ['vllm'] })).rejects.toMatchObject({
      code: 'METRIC_MISSING',
      tryThis: expect.arrayContaining(['Its metrics are those of presets: [sglang].']),
    })
  })

  it('needs a label for the model where the preset has none', async () => {
    const tgi = { tgi_request_count: ['pod'] }
    await expect(plan(tgi, { presets: ['tgi'] })).rejects.toMatchObject({ code: 'LABEL_NEEDED' })
    const { queries } = await plan(tgi, { presets: ['tgi'], labels: { model: 'pod' } })
    expect(queries.find(({ signal }) => signal === 'requests')).toMatchObject({ countsArrivals: true })
  })
})
