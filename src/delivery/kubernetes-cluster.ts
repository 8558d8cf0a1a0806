import { existsSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { nearestName } from '../kit/names.js'
import { parseRetryAfter, retry, TemporaryFailure } from '../kit/retry.js'

// Loads the Kubernetes client lazily, and of it only what reads a kubeconfig: its typed API takes a second to load.

const idleMilliseconds = 20_000
const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** What we read of any object. */
export interface LiveObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    ownerReferences?: { kind: string; name: string }[]
    managedFields?: ManagedFields[]
  }
  spec?: Record<string, unknown>
}

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management */
interface ManagedFields {
  manager: string
  operation: 'Apply' | 'Update'
  /** `{"f:spec": {"f:minReplicas": {}}}` */
  fieldsV1?: Record<string, unknown>
}

export type ObjectReference = Pick<LiveObject, 'apiVersion' | 'kind'> & {
  metadata: { name: string; namespace?: string }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Refusal {
  code: number
  reason?: string
  message: string
  details?: { kind?: string; causes?: { reason?: string; message?: string; field?: string }[] }
}

interface Resource {
  name: string
  kind: string
  namespaced: boolean
}

interface Answer {
  status: number
  body: unknown
}

/** The API server of one context of the kubeconfig. */
export class KubernetesCluster {
  readonly context: string
  /** Its address, without credentials. */
  readonly server: string
  readonly #base: URL
  readonly #options: https.RequestOptions
  readonly #resources = new Map<string, Promise<Resource[] | undefined>>()

  constructor(context: string, server: URL, options: https.RequestOptions) {
    this.context = context
    this.server = `${server.origin}${server.pathname.replace(/\/$/, '')}`
    this.#base = server
    this.#options = options
  }

  /** Context and address, for messages. */
  get name(): string {
    return `context ${JSON.stringify(this.context)} (${this.server})`
  }

  /** Whether the cluster serves a kind. Throws what `#call` throws, and CLUSTER_FORBIDDEN. */
  async knows(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.#findResource(apiVersion, kind)) !== undefined
  }

  /** The object, if it and its kind exist. */
  async read(reference: ObjectReference): Promise<LiveObject | undefined> {
    const path = await this.#objectPath(reference)
    return path === undefined ? undefined : this.#get<LiveObject>(path)
  }

  /** All objects of a kind, of one namespace where it is given; none where the cluster lacks the kind. */
  async list(apiVersion: string, kind: string, namespace?: string): Promise<LiveObject[]> {
    const resource = await this.#findResource(apiVersion, kind)
    if (resource === undefined) return []
    const list = await this.#get<{ items: Omit<LiveObject, 'apiVersion' | 'kind'>[] }>(
      resourcePath(apiVersion, resource, namespace),
    )
    // Items of a list do not say what they are.
    return (list?.items ?? []).map((item) => ({ ...item, apiVersion, kind }))
  }

  /** What the server says against applying an object; nothing is changed. */
  async dryRun(
    object: ObjectReference,
    { fieldManager, force }: { fieldManager: string; force: boolean },
  ): Promise<Refusal | undefined> {
    const path = await this.#objectPath(object)
    const query = new URLSearchParams({ dryRun: 'All', fieldManager, force: String(force) })
    const { status, body } = await this.#call('PATCH', `${path}?${query}`, JSON.stringify(object))
    return status < 400 ? undefined : asRefusal(status, body)
  }

  async #objectPath({ apiVersion, kind, metadata }: ObjectReference): Promise<string | undefined> {
    const resource = await this.#findResource(apiVersion, kind)
    if (resource === undefined) return undefined
    return `${resourcePath(apiVersion, resource, metadata.namespace ?? 'default')}/${encodeURIComponent(metadata.name)}`
  }

  async #findResource(apiVersion: string, kind: string): Promise<Resource | undefined> {
    let resources = this.#resources.get(apiVersion)
    if (resources === undefined) {
      resources = this.#get<{ resources: Resource[] }>(groupPath(apiVersion)).then((list) => list?.resources)
      this.#resources.set(apiVersion, resources)
    }
    return (await resources)?.find((each) => each.kind === kind && !each.name.includes('/'))
  }

  async #get<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.#call('GET', path)
    if (status < 400) return body as T
    if (status === 404) return undefined
    throw new LlmscaleError(
      'upstreamUnavailable',
      status === 403 ? 'CLUSTER_FORBIDDEN' : 'CLUSTER_FAILED',
      `${this.name}: ${asRefusal(status, body).message}`,
      status === 403 ? ['Give the user of the context the right to get, list and patch.'] : [],
    )
  }

  /** Throws CLUSTER_UNREACHABLE and CLUSTER_UNAUTHORIZED; busy servers are asked again. */
  async #call(method: 'GET' | 'PATCH', path: string, body?: string): Promise<Answer> {
    const answer = await retry(async () => {
      const { retryAfter, ...answer } = await this.#send(method, path, body)
      if (![429, 502, 503, 504].includes(answer.status)) return answer
      throw new TemporaryFailure(
        () => this.#unreachable(`HTTP ${answer.status}`),
        parseRetryAfter(retryAfter, Date.now()),
      )
    }, {})
    if (answer.status !== 401) return answer
    throw new LlmscaleError(
      'upstreamUnavailable',
      'CLUSTER_UNAUTHORIZED',
      `${this.name} does not take the credentials of the kubeconfig: they are wrong or have expired`,
      [
        'Sign in again (aws sso login, then aws eks update-kubeconfig --name CLUSTER; gcloud auth login; az login).',
      ],
    )
  }

  #send(
    method: string,
    path: string,
    body: string | undefined,
  ): Promise<Answer & { retryAfter: string | undefined }> {
    const { request } = this.#base.protocol === 'http:' ? http : https
    return new Promise((done, failed) => {
      const headers = {
        ...this.#options.headers,
        accept: 'application/json',
        // JSON is YAML.
        ...(body !== undefined && { 'content-type': 'application/apply-patch+yaml' }),
      }
      const sent = request(
        `${this.server}${path}`,
        { ...this.#options, method, headers, timeout: idleMilliseconds },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', (cause) => failed(this.#unreachable(describeCause(cause))))
          response.on('end', () =>
            done({
              status: response.statusCode ?? 500,
              body: parseBody(Buffer.concat(chunks).toString('utf8')),
              retryAfter: response.headers['retry-after'],
            }),
          )
        },
      )
      sent.on('timeout', () => sent.destroy(new Error('it was silent for too long')))
      sent.on('error', (cause) => failed(this.#unreachable(describeCause(cause))))
      sent.end(body)
    })
  }

  #unreachable(why: string): LlmscaleError {
    return new LlmscaleError(
      'upstreamUnavailable',
      'CLUSTER_UNREACHABLE',
      `${this.name} does not answer (${why})`,
      [
        'Check the network or VPN, and that the context is the right one: environments.<env>.clusters.<region>.context in llmscale.yaml.',
      ],
    )
  }
}

/**
 * The cluster of a context of the kubeconfig, by default the current one; undefined where there is no kubeconfig. It
 * has answered when this returns. Throws `configInvalid`: KUBECONFIG_UNREADABLE, CONTEXT_UNKNOWN;
 * `upstreamUnavailable`: CLUSTER_UNREACHABLE, CLUSTER_UNAUTHORIZED, CLUSTER_CREDENTIALS_FAILED.
 */
export async function openCluster(context?: string): Promise<KubernetesCluster | undefined> {
  const kubeConfig = await loadKubeConfig()
  if (kubeConfig === undefined) return undefined
  const { name, server } = chooseContext(kubeConfig, context)
  const options: https.RequestOptions = {}
  try {
    await kubeConfig.applyToHTTPSOptions(options)
  } catch (cause) {
    throw new LlmscaleError(
      'upstreamUnavailable',
      'CLUSTER_CREDENTIALS_FAILED',
      `context ${JSON.stringify(name)} (${server.origin}): its credentials cannot be had: ${cleanText((cause as Error).message, [])}`,
      ['Run kubectl get namespaces with this context, and follow what its credential command asks for.'],
    )
  }
  const cluster = new KubernetesCluster(name, server, options)
  await cluster.knows('v1', 'Namespace')
  return cluster
}

async function loadKubeConfig(): Promise<KubeConfig | undefined> {
  const named = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  const files = (named.length > 0 ? named : [join(homedir(), '.kube', 'config')]).filter((file) =>
    existsSync(file),
  )
  if (files.length === 0 && named.length > 0)
    throw new LlmscaleError(
      'upstreamUnavailable',
      'CLUSTER_UNREACHABLE',
      `KUBECONFIG names ${named.join(', ')}, which is not there`,
      ['Correct or unset KUBECONFIG.'],
    )
  const isInCluster = process.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(serviceAccountToken)
  if (files.length === 0 && !isInCluster) return undefined
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js')
  const merged = new KubeConfig()
  if (files.length === 0) {
    merged.loadFromCluster()
    return merged
  }
  for (const [index, file] of files.entries()) {
    const each = index === 0 ? merged : new KubeConfig()
    try {
      each.loadFromFile(file)
      if (each !== merged) merged.mergeConfig(each, true)
    } catch {
      // What the parser says may quote a token.
      throw unreadable(`${file} is no kubeconfig, or names a cluster, user or context again`)
    }
  }
  return merged
}

function chooseContext(kubeConfig: KubeConfig, wanted: string | undefined): { name: string; server: URL } {
  const name = wanted ?? kubeConfig.getCurrentContext()
  const names = kubeConfig.getContexts().map((each) => each.name)
  if (!names.includes(name)) {
    const near = nearestName(name ?? '', names)
    throw new LlmscaleError(
      'configInvalid',
      'CONTEXT_UNKNOWN',
      name
        ? `the kubeconfig has no context ${JSON.stringify(name)}`
        : 'the kubeconfig has no current context',
      [
        near === undefined
          ? `It has ${names.join(', ') || 'none'}: name one at environments.<env>.clusters.<region>.context in llmscale.yaml.`
          : `Perhaps ${JSON.stringify(near)}: environments.<env>.clusters.<region>.context in llmscale.yaml.`,
      ],
    )
  }
  kubeConfig.setCurrentContext(name)
  const address = kubeConfig.getCurrentCluster()?.server
  if (address === undefined || !URL.canParse(address))
    throw unreadable(`context ${JSON.stringify(name)} of the kubeconfig names no cluster with a server`)
  return { name, server: new URL(address) }
}

function unreadable(message: string): LlmscaleError {
  return new LlmscaleError('configInvalid', 'KUBECONFIG_UNREADABLE', message, [
    'aws eks update-kubeconfig --name CLUSTER writes one for EKS.',
  ])
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

function resourcePath(apiVersion: string, { name, namespaced }: Resource, namespace?: string): string {
  const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${groupPath(apiVersion)}${scope}/${name}`
}

function asRefusal(status: number, body: unknown): Refusal {
  const { message, reason, details } = (
    typeof body === 'object' && body !== null ? body : {}
  ) as Partial<Refusal>
  return {
    code: status,
    message: cleanText(message ?? `HTTP ${status}`, []),
    ...(reason !== undefined && { reason }),
    ...(details !== undefined && { details }),
  }
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { message: text }
  }
}

function describeCause(cause: NodeJS.ErrnoException): string {
  return cause.code ?? cleanText(cause.message, [])
}
