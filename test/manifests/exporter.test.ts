import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { apps, core, networking, policy } from '@pulumi/kubernetes/types/output.js'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { Result } from '../../src/commands/serve/manifests.js'
import { parseConfig } from '../../src/config/parse-config.js'
import type {
  ConfigMap,
  ExporterDeployment,
  ExporterObject,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
} from '../../src/manifests/cluster-object.js'
import { createExporter, findMissingFiles, findMissingSecrets } from '../../src/manifests/exporter.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'
import { listSources } from '../../src/metrics/open-sources.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import type { Known } from './known-fields.js'

const golden = join(import.meta.dirname, '../golden/exporter')

const usual = `    - prometheus: {url: "http://prometheus.monitoring:9090", presets: [vllm]}`
const configText = (
  live = '',
  sources = usual,
  state = '',
) => `environments: {prod: {regions: [us-east-1]${state}}}
metrics:
  sources:
${sources}
live:
  enabled: true
  image: registry.example/llmscale:1
  from: git+https://github.com/acme/fleet.git#main
${live}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`
const withSecret = `  secret: llmscale-live
  monitorLabels: {release: prometheus}`

function expose(live = '', sources = usual, environment = 'prod', state = '') {
  const text = configText(live, sources, state)
  const config = parseConfig(text, 'llmscale.yaml')
  const settings = { ...config.live, image: config.live.image!, from: config.live.from! }
  const listed = listSources(config, 'prod')
  const objects = createExporter(settings, {
    environment,
    configText: text,
    sources: listed,
    state: config.environments['prod']!,
  })
  const of = <Kind extends ExporterObject['kind']>(kind: Kind) =>
    objects.find((object) => object.kind === kind) as Extract<ExporterObject, { kind: Kind }>
  return { objects, of, text, settings, sources: listed }
}

describe('createExporter', () => {
  it('writes what people read in test/golden/exporter', async () => {
    const { objects } = expose(withSecret)
    const files = objects.map((object) => formatManifest(object, 'live'))
    for (const { name, text } of files) await expect(text).toMatchFileSnapshot(join(golden, name))
    expect(files.map(({ name }) => name).sort()).toEqual(readdirSync(golden).sort())
    for (const [index, { text }] of files.entries()) expect(parse(text)).toEqual(objects[index])
  })

  it('has only fields that Kubernetes has, of its types', () => {
    const { of } = expose(withSecret)
    // The compiler checks these; an API server those of the operator.
    const account: Known<ServiceAccount, core.v1.ServiceAccount> = of('ServiceAccount')
    const settings: Known<ConfigMap, core.v1.ConfigMap> = of('ConfigMap')
    const deployment: Known<ExporterDeployment, apps.v1.Deployment> = of('Deployment')
    const service: Known<Service, core.v1.Service> = of('Service')
    const budget: Known<PodDisruptionBudget, policy.v1.PodDisruptionBudget> = of('PodDisruptionBudget')
    const network: Known<NetworkPolicy, networking.v1.NetworkPolicy> = of('NetworkPolicy')
    expect([account, settings, deployment, service, budget, network]).not.toContain(undefined)
  })

  it('selects its own pods with all that selects', () => {
    const { of } = expose()
    const { template, selector } = of('Deployment').spec
    const selectors = [
      selector.matchLabels,
      of('Service').spec.selector,
      of('PodDisruptionBudget').spec.selector.matchLabels,
      of('NetworkPolicy').spec.podSelector.matchLabels,
      of('ServiceMonitor').spec.selector.matchLabels,
    ]
    for (const labels of selectors) expect(template.metadata.labels).toMatchObject(labels)
    expect(of('Service').metadata.labels).toMatchObject(of('ServiceMonitor').spec.selector.matchLabels)
    const [container] = template.spec.containers
    const [port] = of('Service').spec.ports
    expect(container!.ports).toEqual([{ name: port!.targetPort, containerPort: port!.port, protocol: 'TCP' }])
    expect(of('ServiceMonitor').spec.endpoints[0]).toMatchObject({ port: port!.name, honorLabels: true })
  })

  it('gives the pods their configuration, byte for byte, and rolls them where it changes', () => {
    const { of, text } = expose(withSecret)
    expect(of('ConfigMap').data).toEqual({ 'llmscale.yaml': text })
    const digestOf = (live: string) =>
      expose(live).of('Deployment').spec.template.metadata.annotations?.['llmscale/config-digest']
    expect(digestOf('')).not.toBe(digestOf('  port: 9465'))
    expect(expose().objects).toEqual(expose().objects)
    const { containers } = of('Deployment').spec.template.spec
    expect(containers[0]!.envFrom).toEqual([{ secretRef: { name: 'llmscale-live' } }])
    expect(expose().of('Deployment').spec.template.spec.containers[0]).not.toHaveProperty('envFrom')
  })

  it('writes nothing for an operator that is not there', () => {
    const kinds = expose('  operator: false').objects.map(({ kind }) => kind)
    expect(kinds).toEqual([
      ...['ServiceAccount', 'ConfigMap', 'Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'],
    ])
  })

  it('names objects by environment, in the 63 characters that a Service may have', () => {
    const nameOf = (environment: string) => expose('', usual, environment).of('Service').metadata.name
    expect(nameOf('prod')).toBe('llmscale-live-prod')
    const [long, other] = [nameOf('a'.repeat(50)), nameOf(`${'a'.repeat(49)}b`)]
    expect(long).toMatch(/^[a-z0-9-]{63}$/)
    expect(long).not.toBe(other)
  })
})

describe('the network of the exporter', () => {
  const egressOf = (sources: string, live = '') => expose(live, sources).of('NetworkPolicy').spec.egress
  const source = (url: string, rest = '') => `    - prometheus: {url: "${url}", presets: [vllm]${rest}}`
  const portsTo = (sources: string) =>
    egressOf(sources).flatMap(({ to, ports }) =>
      to === undefined ? (ports ?? []).map(({ port }) => port) : [],
    )
  const namespacesOf = (sources: string) =>
    egressOf(sources).flatMap(
      ({ to }) =>
        to?.flatMap((peer) =>
          'namespaceSelector' in peer ? Object.values(peer.namespaceSelector.matchLabels ?? {}) : [],
        ) ?? [],
    )

  it.each([
    ['http://prometheus:9090', ['monitoring']],
    ['http://mimir.metrics:80', ['metrics']],
    ['https://mimir.metrics.svc:8080', ['metrics']],
    ['http://vm.tsdb.svc.cluster.local', ['tsdb']],
  ])('reaches the namespace of %s, whatever the port of its pods', (url, namespaces) => {
    expect(namespacesOf(source(url))).toEqual(namespaces)
    expect(portsTo(source(url))).toEqual([53, 53, 443])
  })

  it.each([
    ['https://prometheus.example:9443', [53, 53, 443, 9443]],
    ['https://metrics.eu.example.com', [53, 53, 443]],
    ['http://10.0.0.7:9090', [53, 53, 443, 9090]],
    ['http://[fd00::7]:9090', [53, 53, 443, 9090]],
  ])('reaches %s by its port', (url, ports) => {
    expect(portsTo(source(url))).toEqual(ports)
    expect(namespacesOf(source(url))).toEqual([])
  })

  it('reaches credentials of AWS only where it needs them', () => {
    const agent = { ipBlock: { cidr: '169.254.170.23/32' } }
    const peers = (sources: string) => egressOf(sources).flatMap(({ to }) => to ?? [])
    expect(peers(usual)).not.toContainEqual(agent)
    expect(peers("    - files: ['s3://demand/*.parquet']")).toContainEqual(agent)
    expect(
      peers(source('https://aps.us-east-1.amazonaws.com', ', auth: {sigv4: {region: us-east-1}}')),
    ).toContainEqual(agent)
  })

  it('reaches the place of renewals', () => {
    const egressWith = (state: string) =>
      expose('', usual, 'prod', `, state: "${state}"`).of('NetworkPolicy').spec.egress
    expect(JSON.stringify(egressWith('s3://fleet-state/prod'))).toContain('169.254.170.23/32')
    expect(egressWith('git+https://git.example:8443/fleet.git#state').at(-1)!.ports).toEqual([
      { protocol: 'TCP', port: 443 },
      { protocol: 'TCP', port: 8443 },
    ])
  })

  it('is scraped by pods of the cluster on its port, and asked nothing else', () => {
    const { ingress, policyTypes } = expose().of('NetworkPolicy').spec
    expect(policyTypes).toEqual(['Ingress', 'Egress'])
    expect(ingress).toEqual([
      { from: [{ namespaceSelector: {} }], ports: [{ protocol: 'TCP', port: 'metrics' }] },
    ])
  })
})

describe('secrets of the exporter', () => {
  it('are named where the pods will not have them', () => {
    const sources = `    - prometheus: {url: "http://prometheus:9090", presets: [vllm], auth: {bearer: {token: {env: TOKEN}}}, tls: {ca: ca.pem}}`
    const fieldsOf = (live: string) => {
      const exposed = expose(live, sources)
      return findMissingSecrets(exposed.settings, exposed.sources).map(({ message }) => message.split(' ')[0])
    }
    const ca = 'metrics.sources[0].prometheus.tls.ca'
    expect(fieldsOf('')).toEqual(['metrics.sources[0].prometheus.auth.bearer.token', ca, 'live.from'])
    expect(fieldsOf('  secret: keys')).toEqual([ca])
  })

  it('and so are files that are not in S3', () => {
    const { sources } = expose('', "    - files: ['s3://demand/*.parquet', demand/new.csv]")
    expect(findMissingFiles(sources).map(({ message }) => message)).toEqual([
      'the exporter will not have demand/new.csv: it reads a Prometheus, or files in S3',
    ])
    expect(findMissingFiles(expose().sources)).toEqual([])
  })

  it('never stand in the configuration', () => {
    const text = configText().replace('https://github', 'https://ada:hunter2hunter2@github')
    expect(() => parseConfig(text, 'llmscale.yaml')).toThrow(/live\.from/)
    expect(() => parseConfig(text, 'llmscale.yaml')).not.toThrow(/hunter2/)
  })
})

describe('llmscale serve manifests', () => {
  function project(text: string): string {
    const folder = emptyFolder()
    writeFileSync(join(folder, 'llmscale.yaml'), text)
    return folder
  }
  const run = (cwd: string, ...args: string[]) => runCommand(['serve', 'manifests', ...args], { cwd })

  it('writes one file an object, and JSON of the published form', async () => {
    const cwd = project(configText(withSecret))
    const { code, stdout } = await run(cwd, '--json')
    expect(code).toBe(0)
    const { objects } = Result.parse(JSON.parse(stdout).result)
    const names = objects.map(({ file }) => file)
    expect(names).toContain('manifests/prod/live/deployment.monitoring.llmscale-live-prod.yaml')
    expect(names.map((file) => file!.split('/').at(-1)).sort()).toEqual(readdirSync(golden).sort())
  })

  it('prints a stream of documents', async () => {
    const { code, stdout } = await run(project(configText(withSecret)), '--stdout', '--quiet')
    expect(code).toBe(0)
    expect(parseAllDocuments(stdout).map((document) => (document.toJS() as { kind: string }).kind)).toContain(
      'PrometheusRule',
    )
  })

  it('says what is missing', async () => {
    const text = configText().replace(/ {2}(enabled|image): .*\n/g, '')
    const { code, stderr } = await run(project(text))
    expect(code).toBe(3)
    expect(stderr).toContain('llmscale.yaml: live lacks enabled: true, image')
    expect(stderr).toContain('from: git+https://github.com/OWNER/REPOSITORY.git#main')
  })
})
