import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.js'
import { type ProposedSource, proposeConfig } from '../../src/config/proposed-config.js'
import { Prometheus } from '../../src/config/schema.js'
import { printable } from '../../src/kit/printable.js'

function propose(change: Partial<ProposedSource> & { settings?: object } = {}): string {
  const { settings, ...rest } = change
  return proposeConfig({
    environment: 'production',
    prometheus: Prometheus.parse({ url: 'http://prometheus:9090', presets: ['vllm'], ...settings }),
    guessedLabels: [],
    models: [{ model: 'llama-3.1-8b', regions: ['us-east-1'] }],
    tenants: 0,
    ...rest,
  })
}

/** A proposal lacks the shapes alone. */
function parseProposal(text: string) {
  return parseConfig(`${text}\nshapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]\n`, 'llmscale.yaml')
}

describe('a proposed config', () => {
  it('keeps every setting of the server, secrets as references', () => {
    const settings = {
      matchers: 'namespace="llm"',
      labels: { region: 'region' },
      headers: { 'X-Scope-OrgID': 'team-a', 'X-Api-Key': { env: 'API_KEY' } },
      auth: { basic: { username: 'reader', password: { file: '/run/secrets/password' } } },
      tls: { ca: 'ca.pem' },
      history: '56d',
      timeout: '5m',
      parallel: 2,
    }
    const text = propose({ settings, guessedLabels: ['region'] })
    expect(parseProposal(text).metrics.sources![0]!.prometheus).toEqual(
      Prometheus.parse({ url: 'http://prometheus:9090', presets: ['vllm'], ...settings }),
    )
    expect(text).toContain('region: region # guessed')
    expect(text).not.toContain('maximumSeries')
  })

  it('is read back whatever a label holds', () => {
    const names = [
      'a"b\'c',
      'a: b',
      'line\nend\r\n- x',
      '# x',
      'x # y',
      '<script>alert(1)</script>',
      '{{ .Values.x }}',
      '*anchor',
      '!!js/function x',
      '[a, b]',
      'true',
      '1e3',
      '\u2028\u0085\u0007',
      'm'.repeat(2000),
    ]
    const models = names.map((name) => ({ model: name, regions: [name, 'us-east-1'] }))
    const config = parseProposal(printable(propose({ models })))
    expect(config.workloads.map(({ model }) => model)).toEqual(names)
    expect(Object.keys(config.models).sort()).toEqual([...names].sort())
    const { regions } = config.environments['production']!
    expect(new Set(regions).size).toBe(names.length + 1)
    for (const name of names) {
      const label = config.metrics.renames.region?.[name] ?? name
      expect(regions).toContain(label)
      expect(config.workloads.find(({ model }) => model === name)!.regions).toEqual([label, 'us-east-1'])
    }
  })

  it('shows a pod as it is, on its own line', () => {
    const target = { kind: 'StatefulSet', name: 'chat\nworkloads: []', pod: 'chat\nshapes: []-0' }
    const text = propose({ models: [{ model: 'llama-3.1-8b', regions: [], target }] })
    expect(text).toContain('# guessed from pod "chat\\nshapes: []-0"; a LeaderWorkerSet names')
    expect(parse(text).workloads[0].target).toEqual({ kind: 'StatefulSet', name: 'chat\nworkloads: []' })
  })

  it.each([
    ['meta-llama/Llama-3.1-8B-Instruct', undefined],
    ['acme/Llama-3.1-8B-Instruct-AWQ', 'llama-3.1-8b'],
    ['qwen2.5-72b-chat', 'qwen2.5-72b'],
    ['llama-3.2-8b', 'llama-3.1-8b'],
    ['llama-3.1-9b', './config.json'],
    ['our-own', './config.json'],
  ])('takes %s for %s', (model, architecture) => {
    const text = propose({ models: [{ model, regions: ['us-east-1'] }] })
    expect(parseProposal(text).models[model]?.architecture).toBe(architecture)
    expect(text.includes('look at it')).toBe(architecture !== undefined)
  })

  it('renames regions that are no DNS labels, each to one of its own', () => {
    const models = [{ model: 'llama-3.1-8b', regions: ['US East', 'us/east', 'eu-west-1'] }]
    const { environments, metrics, workloads } = parseProposal(propose({ models }))
    const { regions } = environments['production']!
    expect(regions).toEqual(['eu-west-1', 'us-east', expect.stringMatching(/^us-east-[0-9a-f]{6}$/)])
    expect(metrics.renames.region).toEqual({ 'US East': 'us-east', 'us/east': regions[2] })
    expect([...workloads[0]!.regions!].sort()).toEqual([...regions].sort())
  })

  it('makes up no region: it is refused until somebody writes one', () => {
    const text = propose({ environment: 'staging', models: [{ model: 'llama-3.1-8b', regions: [] }] })
    expect(text).toContain('staging:\n    regions: [] # nothing names the region: write its name here')
    expect(() => parseProposal(text)).toThrow(/environments\.staging\.regions/)
    const { workloads } = parseProposal(text.replace('regions: []', 'regions: [us-east-1]'))
    expect(workloads[0]!.regions).toBeUndefined()
  })

  it('gives no two workloads one target', () => {
    const target = { kind: 'Deployment', name: 'shared', namespace: 'llm', pod: 'shared-5d8f9c7b6d-x2x4z' }
    const regions = ['us-east-1']
    const models = [
      { model: 'llama-3.1-8b', regions, target },
      { model: 'adapter', regions, target },
      { model: 'a b', regions },
      { model: 'a-b', regions },
    ]
    const text = propose({ models })
    const { workloads } = parseProposal(text)
    expect(workloads.map(({ model }) => model)).toEqual(['llama-3.1-8b', 'a b', 'a-b'])
    expect(workloads[0]!.target).toEqual({ kind: 'Deployment', name: 'shared', namespace: 'llm' })
    expect(workloads[2]!.target.name).toMatch(/^a-b-[0-9a-f]{6}$/)
    expect(text).toContain('# "adapter" runs on the same Deployment as "llama-3.1-8b"')
  })

  it('says how tenants are planned, and proposes none', () => {
    const text = propose({ tenants: 12 })
    expect(
      text.split('\n').filter((line) => /^# 12 tenants .* with tenant: its name\.$/.test(line)),
    ).toHaveLength(1)
    expect(parseProposal(text).workloads.every(({ tenant }) => tenant === undefined)).toBe(true)
  })
})
