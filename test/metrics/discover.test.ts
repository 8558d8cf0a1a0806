import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FailureEnvelope, SuccessEnvelope } from '../../src/cli/envelope.js'
import { Result } from '../../src/commands/metrics/discover.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { secondsPerHour, secondsPerMinute } from '../../src/kit/units.js'
import {
  backfill,
  type PrometheusServer,
  prometheusFolder,
  prometheusNote,
  startPrometheus,
} from '../prometheus-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

// Nothing has been scraped for two hours: what is found is found in the window, not at its end.
const end = Math.floor(Date.now() / 1000 / secondsPerHour) * secondsPerHour - 2 * secondsPerHour
const hours = 6

interface Counter {
  metric: string
  labels: Record<string, string>
}

const fleet = { job: 'fleet', namespace: 'llm', region: 'US East' }
const llama = { ...fleet, model_name: 'meta-llama/Llama-3.1-8B-Instruct' }
const counters: Counter[] = [
  ...['acme', 'Globex GmbH'].map((tenant) => ({
    metric: 'vllm:request_success_total',
    labels: { ...llama, tenant, pod: 'chat-5d8f9c7b6d-x2x4z' },
  })),
  ...['big-0', 'big-0-1'].map((pod) => ({
    metric: 'vllm:request_success_total',
    labels: { ...fleet, model_name: 'our-big', tenant: 'acme', pod },
  })),
  {
    metric: 'vllm:request_success_total',
    labels: { job: 'nowhere', model_name: 'qwen3-32b', pod: 'qwen-3-0' },
  },
  { metric: 'vllm:request_success_total', labels: { job: 'both', model_name: 'qwen3-32b', pod: 'qwen-3-0' } },
  {
    metric: 'llm_d_router_epp_request_total',
    labels: { job: 'both', model_name: 'qwen3-32b', pod: 'gateway-5d8f9c7b6d-x2x4z' },
  },
  { metric: 'tgi_request_count', labels: { job: 'both', release: 'summary' } },
  { metric: 'tgi_request_count', labels: { job: 'text', release: 'summary' } },
  { metric: 'edge_requests_total', labels: { job: 'edge', llm: 'llama-3.1-8b' } },
]

/** Each counter grows by ten a minute. */
function openMetricsText(): string {
  const families = new Map<string, string[]>()
  for (const { metric, labels } of counters) {
    const family = metric.replace(/_total$/, '')
    const lines = families.get(family) ?? [`# TYPE ${family} ${metric === family ? 'gauge' : 'counter'}`]
    families.set(family, lines)
    const names = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    for (let minute = 0; minute <= hours * 60; minute++)
      lines.push(
        `${metric}{${names.join(',')}} ${10 * minute} ${end - (hours * 60 - minute) * secondsPerMinute}`,
      )
  }
  return `${[...families.values()].flat().join('\n')}\n# EOF\n`
}

function parseProposal(text: string) {
  return parseConfig(`${text}\nshapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]\n`, 'llmscale.yaml')
}

function projectOf(sources: string): string {
  const folder = emptyFolder()
  writeFileSync(
    join(folder, 'llmscale.yaml'),
    `
environments: {prod: {regions: [eu-west-1]}, staging: {regions: [eu-west-1]}}
metrics:
  sources:
${sources}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: llama-3.1-8b, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`,
  )
  return folder
}

const token = 'tok-52c6d0aa31'

describe.skipIf(prometheusFolder === undefined).concurrent(`metrics discover${prometheusNote}`, () => {
  let prometheus: PrometheusServer
  beforeAll(async () => {
    const folder = emptyFolder()
    await backfill(folder, openMetricsText())
    prometheus = await startPrometheus({ folder })
  })
  afterAll(() => prometheus?.stop())

  const run = (args: string[], cwd = emptyFolder()) =>
    runCommand(['metrics', 'discover', '--last', '1d', '--json', ...args], {
      cwd,
      env: { LLMSCALE_TEST_TOKEN: token },
    })

  async function discover(args: string[], cwd?: string) {
    const { code, stdout, stderr } = await run(args, cwd)
    expect(code, stdout + stderr).toBe(0)
    const { result, warnings } = SuccessEnvelope.parse(JSON.parse(stdout))
    const { servers } = Result.parse(result)
    expect(servers).toHaveLength(1)
    return { ...servers[0]!, codes: warnings.map(({ code }) => code), stdout }
  }

  async function refusal(args: string[]) {
    const { code, stdout } = await run(args)
    return { exitCode: code, ...FailureEnvelope.parse(JSON.parse(stdout)).error }
  }

  const ofJob = (job: string, ...args: string[]) => [
    '--url',
    prometheus.url,
    '--matchers',
    `job="${job}"`,
    ...args,
  ]

  it('proposes what it finds, with the owners of pods, and names no tenant', async () => {
    const found = await discover(ofJob('fleet'))
    expect(found.presets).toEqual(['vllm'])
    expect(found.labels).toContainEqual({ label: 'tenant', values: 2 })
    expect(found.workloads.map(({ workload }) => workload).sort()).toEqual([
      expect.stringMatching(/^meta-llama\/Llama-3\.1-8B-Instruct\/US East\/tenant-[0-9a-f]+$/),
      expect.stringMatching(/^meta-llama\/Llama-3\.1-8B-Instruct\/US East\/tenant-[0-9a-f]+$/),
      expect.stringMatching(/^our-big\/US East\/tenant-[0-9a-f]+$/),
    ])
    for (const { meanRequestsPerSecond, workload } of found.workloads)
      expect(meanRequestsPerSecond).toBeCloseTo(workload.startsWith('our-big') ? 2 / 6 : 1 / 6, 1)
    expect(found.stdout).not.toMatch(/Globex|acme/)
    expect(found.proposal).toMatch(/^# 2 tenants /m)
    const { environments, metrics, models, workloads } = parseProposal(found.proposal)
    expect(environments['production']!.regions).toEqual(['us-east'])
    expect(metrics.renames.region).toEqual({ 'US East': 'us-east' })
    expect(metrics.sources![0]!.prometheus).toMatchObject({
      url: prometheus.url,
      presets: ['vllm'],
      labels: { region: 'region', tenant: 'tenant' },
      matchers: 'job="fleet"',
    })
    expect(Object.keys(models)).toEqual(['our-big'])
    expect(workloads.map(({ model, target }) => [model, target])).toEqual([
      [llama.model_name, { kind: 'Deployment', name: 'chat', namespace: 'llm' }],
      ['our-big', { kind: 'LeaderWorkerSet', name: 'big', namespace: 'llm' }],
    ])
  })

  it('makes up no region, and takes no number of a name for a group', async () => {
    const { proposal, workloads } = await discover(ofJob('nowhere'))
    expect(workloads.map(({ workload }) => workload)).toEqual(['qwen3-32b/?'])
    expect(proposal).toContain('regions: [] # nothing names the region')
    expect(proposal).not.toContain('?')
    const { target } = parseProposal(proposal.replace('regions: []', 'regions: [here]')).workloads[0]!
    expect(target).toEqual({ kind: 'StatefulSet', name: 'qwen-3', namespace: 'default' })
  })

  it('puts the gateway first, leaves out what names no model, and takes no gateway for the target', async () => {
    const { presets, codes, proposal } = await discover(ofJob('both'))
    expect(presets).toEqual(['llm-d', 'vllm'])
    expect(codes).toContain('PRESET_UNUSED')
    expect(proposal).toContain('name: qwen-3')
    expect(proposal).not.toContain('name: gateway')
  })

  it('takes the user’s own PromQL as it is', async () => {
    const folder = projectOf(`
    - prometheus:
        url: ${prometheus.url}
        queries: {requests: 'sum by (llm) (increase(edge_requests_total[{step}]))'}
        labels: {model: llm}`)
    const { presets, labels, workloads, proposal } = await discover(['--env', 'prod'], folder)
    expect([presets, labels]).toEqual([[], []])
    expect(workloads.map(({ workload }) => workload)).toEqual(['llama-3.1-8b/eu-west-1'])
    expect(parseProposal(proposal).metrics.sources![0]!.prometheus).toMatchObject({
      queries: { requests: 'sum by (llm) (increase(edge_requests_total[{step}]))' },
      labels: { model: 'llm' },
    })
  })

  it('asks the servers of the environment alone, and proposes where secrets are, not what they are', async () => {
    const folder = projectOf(`
    - prometheus: {url: 'http://127.0.0.1:9', presets: [vllm]}
      environments: [staging]
    - prometheus:
        url: ${prometheus.url}
        presets: [vllm]
        matchers: job="fleet"
        auth: {bearer: {token: {env: LLMSCALE_TEST_TOKEN}}}
        headers: {X-Scope-OrgID: team-a}
      environments: [prod]`)
    const { proposal, stdout } = await discover(['--env', 'prod'], folder)
    expect(stdout).not.toContain(token)
    const { environments, metrics } = parseProposal(proposal)
    expect(Object.keys(environments)).toEqual(['prod'])
    expect(metrics.sources![0]!.prometheus).toMatchObject({
      auth: { bearer: { token: { env: 'LLMSCALE_TEST_TOKEN' } } },
      headers: { 'X-Scope-OrgID': 'team-a' },
    })
  })

  it('asks which label names the model, and takes the answer', async () => {
    const { exitCode, code, message, tryThis } = await refusal(ofJob('text'))
    expect([exitCode, code]).toEqual([3, 'LABEL_NEEDED'])
    expect(message).toContain('it has job, release')
    expect(tryThis.join()).toContain('--label model=NAME')
    const { workloads, proposal } = await discover(ofJob('text', '--label', 'model=release'))
    expect(workloads.map(({ workload }) => workload)).toEqual(['summary/?'])
    expect(proposal).toContain('model: release')
  })

  it('refuses a label that is none, before it stands in a query', async () => {
    const label = 'model=pod) (vector(1)) or group by (pod'
    expect(await refusal(ofJob('fleet', '--label', label))).toMatchObject({
      exitCode: 3,
      code: 'LABEL_INVALID',
    })
  })

  it('names each metric once where none is there', async () => {
    const { exitCode, code, message } = await refusal(ofJob('none'))
    expect([exitCode, code]).toEqual([6, 'METRIC_MISSING'])
    expect(message.split('llm_d_router_epp_request_total')).toHaveLength(2)
    expect(message.split('vllm:request_success_total')).toHaveLength(2)
  })

  it('is read by people', async () => {
    const { code, stdout } = await runCommand(['metrics', 'discover', ...ofJob('fleet'), '--last', '1d'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^http\S+: vllm, \S+ until /)
    expect(stdout).toMatch(/^Labels \(values\): .*region \(1\)/m)
    expect(stdout).toMatch(/^Workload +Requests\/s +Peak hour/m)
    expect(stdout).toContain('region: region # guessed')
  })
})

describe('metrics discover', () => {
  it.each([
    [['--header', 'X-Api-Key=abc'], '--header X-Api-Key: '],
    [['--label', 'modl=x'], '--label: '],
    [['--label', 'x'], '--label: "x" is not NAME=VALUE'],
  ])('refuses %j with a hint', async (args, message) => {
    const { code, stdout } = await runCommand([
      'metrics',
      'discover',
      '--url',
      'http://127.0.0.1:9',
      '--json',
      ...args,
    ])
    const { error } = FailureEnvelope.parse(JSON.parse(stdout))
    expect([code, error.code]).toEqual([2, 'FLAG_INVALID'])
    expect(error.message).toContain(message)
    expect(error.tryThis).toHaveLength(1)
  })
})
