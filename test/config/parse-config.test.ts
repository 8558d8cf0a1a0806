import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.js'
import { LlmscaleError } from '../../src/kit/errors.js'

const golden = 'test/golden/config'

const small = `environments:
  production:
    regions: [us-east-1]
metrics:
  files: [demand.csv]
shapes:
  - { instanceType: p5.48xlarge, gpusPerReplica: 2 }
workloads:
  - model: llama-3.1-8b
    target: { kind: Deployment, name: chat }
    slo: { ttftP95: 2s }
`

/** The lines of the error that a text gives; none where it is right. */
function complaints(text: string): string[] {
  try {
    parseConfig(text, 'llmscale.yaml')
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(LlmscaleError)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 3 })
    return (error as LlmscaleError).message.split('\n')
  }
}

describe('a right configuration', () => {
  it('becomes numbers, with the defaults filled in', () => {
    const config = parseConfig(small, 'llmscale.yaml')
    expect(config.workloads[0]).toMatchObject({ slo: { ttftP95: 2 }, minReplicas: 1, timeZone: 'UTC' })
    expect(config.environments['production']).toMatchObject({ delivery: 'pulumi', approval: 'none' })
    expect(config.forecast).toEqual({
      horizon: 7 * 86_400,
      seed: 1,
      holidays: [],
      anomalies: 'leave-out',
    })
    expect(config.planning).toMatchObject({ policy: 'balanced', decreaseCap: 0.3, spotCap: 0, reaction: 60 })
  })

  it('may use anchors, and dates without quotes', () => {
    const text = `${small.replace('slo: {', 'slo: &usual {')}  - model: llama-3.1-70b
    target: { kind: Deployment, name: long }
    slo: *usual
overrides:
  - { workload: llama-3.1-8b/us-east-1, floor: 4, reason: launch, by: ops, until: 2026-12-01 }
`
    const config = parseConfig(text, 'llmscale.yaml')
    expect(config.workloads[1]?.slo).toEqual({ ttftP95: 2 })
    expect(config.overrides[0]?.until).toBe(Date.UTC(2026, 11, 1) / 1000)
  })
})

describe('a wrong configuration', () => {
  it('with a password in the address of a trigger is refused, and does not repeat it', () => {
    const trigger = 'trigger: { serverAddress: "https://bot:hunter2@prometheus:9090", query: up }\n'
    const [line] = complaints(`${small}${trigger}`)
    expect(line).toMatch(
      /trigger\.serverAddress: "https:\/\/…@prometheus:9090" is not .* without credentials/,
    )
  })

  it('is told with every error at once, each at its line and column', async () => {
    const text = readFileSync(`${golden}/many-errors.yaml`, 'utf8')
    await expect(`${complaints(text).join('\n')}\n`).toMatchFileSnapshot(`../golden/config/many-errors.txt`)
  })

  it.each([
    ['an empty file', '', /^llmscale.yaml:1:1 environments: is required$/],
    ['a list', '- a', /^llmscale.yaml:1:1 configuration: \["a"\] is not a block of keys$/],
    ['YAML that is none', `${small}  x: [`, /^llmscale.yaml:12:1 not valid YAML: /],
    ['an alias without its anchor', small.replace('{ ttftP95: 2s }', '*usual'), /usual/],
    ['a key given twice', `${small}shapes: []`, /^llmscale.yaml:12:1 shapes: this key is given twice$/],
    [
      'a wrong duration',
      small.replace('2s', '"2 s"'),
      /^llmscale.yaml:11:21 workloads\[0\].slo.ttftP95: "2 s" is not a duration; write 2s or 500ms$/,
    ],
    [
      'a misspelt key',
      small.replace('target', 'tarqet'),
      /^llmscale.yaml:10:5 workloads\[0\].tarqet: unknown key; did you mean target\?$/,
    ],
    [
      'a missing key',
      small.replace(/ {4}target.*\n/, ''),
      /^llmscale.yaml:9:5 workloads\[0\].target: is required$/,
    ],
    [
      'an unknown model',
      small.replace('llama-3.1-8b', 'lama-3.1-8b'),
      /^llmscale.yaml:9:12 workloads\[0\].model: unknown model "lama-3.1-8b", neither in the catalogue nor under models; did you mean llama-3.1-8b\?$/,
    ],
    [
      'an unknown GPU',
      small.replace('gpusPerReplica: 2', 'gpusPerReplica: 2, gpu: H1000'),
      /^llmscale.yaml:7:58 shapes\[0\].gpu: unknown GPU "H1000"; did you mean H100\?$/,
    ],
    [
      'no approval with a remote backend',
      small.replace('[us-east-1]', '[us-east-1]\n    backend: s3://x'),
      /^llmscale.yaml:2:3 environments.production.approval: none is for a local backend alone/,
    ],
  ])('%s', (_what, text, line) => {
    expect(complaints(text)).toEqual(expect.arrayContaining([expect.stringMatching(line)]))
  })

  it.each([
    [
      'auth: { bearer: { token: abc } }',
      'auth.bearer.token: is not {env: NAME} or {file: PATH}; secrets never',
    ],
    ['auth: { bearer: { token: { env: A } }, sigv4: { region: r } }', 'auth: needs one of basic, bearer and'],
    ['headers: { Authorization: Bearer abc }', 'headers.Authorization: looks like a secret'],
    ['headers: { X-Api-Key: abc }', 'headers.X-Api-Key: looks like a secret'],
    ['region: EU West', 'region: "EU West" is not a DNS label'],
    [
      'presets: [vlm]',
      'presets[0]: "vlm" is not one of vllm, sglang, tgi, triton, llm-d; did you mean vllm?',
    ],
    ['queries: { request: up }', 'queries.request: unknown key; did you mean requests?'],
  ])('of a Prometheus is told where it stands, without what it may hold: %s', (line, complaint) => {
    const source = `sources: [{ prometheus: { url: 'http://p:9090', ${line} } }]`
    const [first, ...others] = complaints(small.replace('files: [demand.csv]', source))
    expect(first).toContain(`metrics.sources[0].prometheus.${complaint}`)
    expect(first).not.toContain('Bearer abc')
    expect(others).toEqual([])
  })

  it.each(['http://user:secret@p:9090', 'http://p:9090/?token=secret', 'ftp://p', 'p:9090'])(
    'refuses %s as a server',
    (url) => {
      const source = `sources: [{ prometheus: { url: '${url}' } }]`
      const [first] = complaints(small.replace('files: [demand.csv]', source))
      expect(first).toContain('is not an http or https URL')
      expect(first).not.toContain('secret')
    },
  )

  it('needs files or sources, and of a source files or a Prometheus', () => {
    expect(complaints(small.replace('files: [demand.csv]', 'columns: {}'))[0]).toContain(
      'needs either files or',
    )
    expect(complaints(small.replace('files: [demand.csv]', 'sources: [{}]'))[0]).toContain(
      'needs either files or prometheus',
    )
  })

  it('gives a line for whatever is put in the place of any value, and never breaks', () => {
    const paths: (string | number)[][] = []
    const walk = (value: unknown, path: (string | number)[]) => {
      paths.push(path)
      if (value === null || typeof value !== 'object') return
      const parts = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
      for (const [key, item] of parts) walk(item, [...path, key])
    }
    walk(parse(small), [])
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, wrong) => {
        const root = { config: parse(small) }
        let parent: Record<string | number, unknown> = root
        const keys = ['config', ...path]
        for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>
        parent[keys.at(-1)!] = wrong
        // JSON is YAML
        for (const line of complaints(JSON.stringify(root.config, null, 1)))
          expect(line).toMatch(/^llmscale\.yaml:\d+:\d+ \S/)
      }),
    )
  })
})

describe('clusters and reservations', () => {
  const withEnvironment = (yaml: string) =>
    small.replace('    regions: [us-east-1]\n', `    regions: [us-east-1]\n${yaml}`)
  const cluster = (fields: string) => `    clusters: {us-east-1: {${fields}}}\n`
  const reservation = (fields: string) => `    reservations:\n      - {${fields}}\n`
  const odcr = 'name: winter, region: us-east-1, zone: us-east-1a, instanceType: p5.48xlarge, nodes: 2'
  const full =
    'name: gpu, nodeRole: "arn:aws:iam::1:role/gpu", subnets: [subnet-a, subnet-b], zones: [us-east-1a, us-east-1b]'

  it('have a canary among the regions', () => {
    expect(complaints(withEnvironment('    rollout: {canary: us-east-1}\n'))).toEqual([])
    expect(complaints(withEnvironment('    rollout: {canary: us-est-1}\n'))).toEqual([
      'llmscale.yaml:4:23 environments.production.rollout.canary: unknown region "us-est-1"; did you mean us-east-1?',
    ])
  })

  it('are right where they are complete', () => {
    const groups = '    nodes: {manager: managed-node-groups}\n'
    const until = reservation(`${odcr}, until: 2027-01-31`)
    expect(complaints(withEnvironment(groups + cluster(full) + until))).toEqual([])
    expect(complaints(withEnvironment(reservation(`${odcr}, id: cr-0123`)))).toEqual([])
  })

  it.each([
    [
      cluster(full).replace('us-east-1:', 'us-est-1:'),
      '4:16',
      'unknown region "us-est-1"; did you mean us-east-1?',
    ],
    [cluster(full.replace(', us-east-1b', '')), '4:107', 'names 1 zones of 2 subnets'],
    [
      '    nodes: {manager: managed-node-groups}\n',
      '4:5',
      'needs clusters.us-east-1.{name, nodeRole, subnets, zones}',
    ],
    [
      `    nodes: {manager: managed-node-groups}\n${cluster(full.replace('arn:aws:iam::1:role/gpu', 'gpu'))}`,
      '4:5',
      '{nodeRole as an ARN}',
    ],
    [
      '    nodes: {interruptionQueue: true}\n',
      '4:5',
      'karpenter in us-east-1 needs clusters.us-east-1.{name}',
    ],
    [`    nodes: {amiAlias: ubuntu}\n${cluster(full)}`, '4:23', '"ubuntu" is not an image of GPU nodes'],
    [cluster(full) + reservation(odcr), '6:9', 'needs until, as without an id it is one to buy'],
    [
      reservation(`${odcr}, until: 2027-01-31`),
      '5:9',
      'is bought beside clusters.us-east-1.name, which is not set',
    ],
    [reservation(`${odcr}, kind: capacity-block`), '5:9', 'buy it in EC2 and write its id'],
    [
      `${reservation(`${odcr}, id: cr-1`)}      - {${odcr}, id: cr-2}\n`,
      '6:16',
      'winter is already reservations[0]',
    ],
    [
      reservation(`${odcr.replace('region: us-east-1', 'region: us-west-2')}, id: cr-1`),
      '5:32',
      'unknown region "us-west-2"',
    ],
    [
      reservation(`${odcr.replace('us-east-1a', 'us-west-2a')}, id: cr-1`),
      '5:49',
      'us-west-2a is no zone of us-east-1',
    ],
    [
      reservation(`${odcr.replace('p5.', 'p4d.')}, id: cr-1`),
      '5:75',
      'no shape is on p4d.48xlarge; shapes are on p5.48xlarge',
    ],
    [
      cluster(full) + reservation(`${odcr.replace('1a', '1f')}, id: cr-1`),
      '6:49',
      'no subnet of clusters.us-east-1 is in us-east-1f',
    ],
  ])('%s is told at %s', (yaml, place, complaint) => {
    const [first, ...others] = complaints(withEnvironment(yaml)).filter((line) =>
      line.includes('llmscale.yaml:'),
    )
    expect(first).toContain(complaint)
    expect(first).toContain(`llmscale.yaml:${place} `)
    expect(others).toEqual([])
  })
})
