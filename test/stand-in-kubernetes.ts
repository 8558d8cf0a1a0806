import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { emptyFolder } from './run-cli.js'

interface StandInObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; [key: string]: unknown }
  spec?: Record<string, unknown>
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
interface Status {
  code: number
  reason?: string
  message: string
  details?: object
}

export interface StandInCluster {
  /** A kubeconfig file; its context `stand-in` has a token that is taken, `old` one that is not. */
  kubeconfig: string
  server: string
  /** API version → kinds that are served, with their plural and scope. */
  kinds: Record<string, { kind: string; name: string; namespaced: boolean }[]>
  objects: StandInObject[]
  /** Part of a request (`PATCH /apis/…`) → what it is refused with. */
  refusals: Record<string, Status>
  /** `METHOD path?query` of each request. */
  requests: string[]
  stop(): Promise<void>
}

const resource = (kind: string, name: string, namespaced = true) => ({ kind, name, namespaced })

/** Kinds of a cluster with KEDA and Karpenter. */
export const servedKinds: StandInCluster['kinds'] = {
  v1: [resource('Namespace', 'namespaces', false)],
  'apps/v1': [resource('Deployment', 'deployments'), resource('Deployment', 'deployments/scale')],
  'autoscaling/v2': [resource('HorizontalPodAutoscaler', 'horizontalpodautoscalers')],
  'keda.sh/v1alpha1': [resource('ScaledObject', 'scaledobjects')],
  'karpenter.sh/v1': [resource('NodePool', 'nodepools', false)],
}

/**
 * A stand-in on loopback for the few requests that a look at a cluster makes: discovery, get, list and the dry run of a
 * server-side apply. It knows no schemas; conflicts are those of the top-level fields of `spec` that
 * `metadata.managedFields` gives to another manager. The real API server is asked in test/cluster.
 */
export async function startCluster(): Promise<StandInCluster> {
  const cluster = { kinds: servedKinds, objects: [], refusals: {}, requests: [] } as unknown as StandInCluster
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url!, 'http://stand-in')
      const line = `${request.method} ${request.url}`
      cluster.requests.push(line)
      const refusal = Object.entries(cluster.refusals).find(([part]) => line.includes(part))?.[1]
      const answer =
        request.headers.authorization !== 'Bearer taken'
          ? { code: 401, reason: 'Unauthorized', message: 'Unauthorized' }
          : (refusal ?? answerRequest(cluster, request.method!, pathname, searchParams, body))
      const status = 'code' in answer ? (answer.code as number) : 200
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status === 200 ? answer : { kind: 'Status', ...answer }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cluster.server = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  cluster.kubeconfig = join(emptyFolder(), 'kubeconfig')
  writeFileSync(cluster.kubeconfig, formatKubeconfig(cluster.server))
  cluster.stop = () =>
    new Promise((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  return cluster
}

function formatKubeconfig(server: string): string {
  return JSON.stringify({
    clusters: [
      { name: 'stand-in', cluster: { server, 'insecure-skip-tls-verify': true } },
      { name: 'gone', cluster: { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true } },
    ],
    users: [
      { name: 'us', user: { token: 'taken' } },
      { name: 'old', user: { token: 'expired' } },
      {
        name: 'exec',
        user: { exec: { command: 'sh', args: ['-c', 'echo the SSO session has expired >&2; exit 255'] } },
      },
    ],
    contexts: [
      { name: 'stand-in', context: { cluster: 'stand-in', user: 'us' } },
      { name: 'old', context: { cluster: 'stand-in', user: 'old' } },
      { name: 'exec', context: { cluster: 'stand-in', user: 'exec' } },
      { name: 'gone', context: { cluster: 'gone', user: 'us' } },
    ],
    'current-context': 'stand-in',
  })
}

function answerRequest(
  { kinds, objects }: StandInCluster,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): object {
  const missing = { code: 404, reason: 'NotFound', message: `${path} not found` }
  const [, core, group, rest = ''] = /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))(?:\/(.*))?$/.exec(path) ?? []
  const apiVersion = core ?? group
  const resources = apiVersion === undefined ? undefined : kinds[apiVersion]
  if (resources === undefined) return missing
  if (rest === '') return { kind: 'APIResourceList', resources }
  const [, namespace, plural, name] = /^(?:namespaces\/([^/]+)\/)?([^/]+)(?:\/([^/]+))?$/.exec(rest) ?? []
  const kind = resources.find((each) => each.name === plural)?.kind
  const found = objects.filter(
    (each) => each.kind === kind && each.apiVersion === apiVersion && each.metadata.namespace === namespace,
  )
  if (name === undefined) return { items: found.map(({ metadata, spec }) => ({ metadata, spec })) }
  const live = found.find(({ metadata }) => metadata.name === name)
  if (method === 'GET') return live ?? missing
  return findConflict(live, JSON.parse(body), query) ?? (JSON.parse(body) as object)
}

function findConflict(
  live: StandInObject | undefined,
  wanted: StandInObject,
  query: URLSearchParams,
): Status | undefined {
  if (live === undefined || query.get('force') === 'true') return undefined
  const managed = (live.metadata['managedFields'] ?? []) as {
    manager: string
    fieldsV1: { 'f:spec'?: Record<string, unknown> }
  }[]
  const causes = managed
    .filter(({ manager }) => manager !== query.get('fieldManager'))
    .flatMap(({ manager, fieldsV1 }) =>
      Object.keys(fieldsV1['f:spec'] ?? {})
        .map((field) => field.slice(2))
        .filter((field) => JSON.stringify(wanted.spec?.[field]) !== JSON.stringify(live.spec?.[field]))
        .map((field) => ({
          reason: 'FieldManagerConflict',
          message: `conflict with "${manager}"`,
          field: `.spec.${field}`,
        })),
    )
  return causes.length === 0
    ? undefined
    : { code: 409, reason: 'Conflict', message: 'Apply failed with conflicts', details: { causes } }
}
