import type { Environment } from '../config/environment.js'
import type { Config } from '../config/schema.js'
import type { NetworkPolicy, NetworkPort } from './cluster-object.js'
import { createMetadata } from './metadata.js'

interface PolicySettings {
  name: string
  namespace: string
  podLabels: Record<string, string>
  /** Name of the port that is scraped. */
  port: string
  /** Where the plan is. */
  from: string
  sources: NonNullable<Config['metrics']['sources']>
  /** Where renewals of the plan are. */
  state: Pick<Environment, 'state' | 'backend'>
}

/** Of git, S3, and GitHub where it says what was approved. */
const httpsPort = 443

type Egress = NetworkPolicy['spec']['egress'][number]

/**
 * Who may scrape the exporter: pods of the cluster; and what it may reach: name servers, where its sources and its plan
 * are, and the credentials that EKS hands to pods. Names outside the cluster are known by their ports alone.
 */
export function createExporterPolicy(settings: PolicySettings): NetworkPolicy {
  const { name, namespace, podLabels, port, from, sources, state } = settings
  const urls = sources.flatMap(({ prometheus }) => prometheus?.url ?? [])
  const namespaces = urls.flatMap((url) => namespaceOf(url, namespace) ?? [])
  const outside = urls.filter((url) => namespaceOf(url, namespace) === undefined)
  const stores = [state.state ?? state.backend ?? '', ...sources.flatMap(({ files }) => files ?? [])]
  const usesAws =
    stores.some((store) => store.startsWith('s3://')) ||
    sources.some(({ prometheus }) => prometheus?.auth?.sigv4 !== undefined)
  const remotes = [from, ...stores].flatMap((url) => /^git\+([^#]+)/.exec(url)?.[1] ?? [])
  const ports = new Set([httpsPort, ...[...outside, ...remotes].map(portOf)])
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: createMetadata(name, namespace),
    spec: {
      podSelector: { matchLabels: { ...podLabels } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ namespaceSelector: {} }], ports: [tcp(port)] }],
      egress: [
        { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
        ...[...new Set(namespaces)].sort().map(toNamespace),
        { ports: [...ports].sort((a, b) => a - b).map(tcp) },
        ...(usesAws ? [podIdentityAgent] : []),
      ],
    },
  }
}

const tcp = (port: number | string): NetworkPort => ({ protocol: 'TCP', port })

/** A policy sees the port of the pod, which a Service may map its own one to: so any of them. */
const toNamespace = (name: string): Egress => ({
  to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }],
})

/** https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html */
const podIdentityAgent: Egress = {
  to: [{ ipBlock: { cidr: '169.254.170.23/32' } }, { ipBlock: { cidr: 'fd00:ec2::23/128' } }],
  ports: [tcp(80)],
}

/** The namespace of a Service, by the names that a cluster's DNS has for one; two labels with https are a name outside. */
function namespaceOf(url: string, own: string): string | undefined {
  const { hostname, protocol } = new URL(url)
  const [service, namespace, svc] = hostname.split('.')
  if (hostname.includes(':') || /^\d+$/.test(service!)) return undefined
  if (namespace === undefined) return own
  if (svc === 'svc' || (svc === undefined && protocol === 'http:')) return namespace
  return undefined
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url)
  if (port !== '') return Number(port)
  return { 'http:': 80, 'ssh:': 22 }[protocol] ?? httpsPort
}
