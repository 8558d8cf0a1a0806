import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { ApiException, AppsV1Api, CoreV1Api, Health, KubeConfig } from '@kubernetes/client-node'

/** What names an object. */
export interface ObjectReference {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
}

export interface ClusterClient {
  core: CoreV1Api
  apps: AppsV1Api
  /** Server-side apply, as field manager `llmscale` and strict. */
  apply<T>(object: object): Promise<T>
  /** An object of any kind as the API server has it. */
  read<T>(reference: ObjectReference): Promise<T>
  /** Deletes an object of any kind. */
  remove(reference: ObjectReference): Promise<void>
  isReady(): Promise<boolean>
}

/**
 * Talks to the cluster of a kubeconfig file; what the API server refuses is thrown as ApiException. Objects go over
 * the wire as they are: the library's own writers leave out fields that they do not know, which are what a test of
 * validation is about.
 */
export function connectCluster(kubeconfig: string): ClusterClient {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const send: Send = (method, path, body) => sendRequest(config, method, path, body)
  const paths = new Map<string, Promise<Resource>>()
  const pathOf = async ({ apiVersion, kind, metadata: { name, namespace } }: ObjectReference) => {
    const key = `${apiVersion} ${kind}`
    if (!paths.has(key)) paths.set(key, findResource(send, apiVersion, kind))
    const { root, plural, namespaced } = await paths.get(key)!
    return `${root}/${namespaced ? `namespaces/${namespace ?? 'default'}/` : ''}${plural}/${name}`
  }
  return {
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    apply: async <T>(object: object) => {
      const path = await pathOf(object as ObjectReference)
      return (await send(
        'PATCH',
        `${path}?fieldManager=llmscale&force=true&fieldValidation=Strict`,
        object,
      )) as T
    },
    read: async <T>(reference: ObjectReference) => (await send('GET', await pathOf(reference))) as T,
    remove: async (reference) => {
      await send('DELETE', await pathOf(reference))
    },
    isReady: () => new Health(config).readyz({}),
  }
}

type Send = (method: string, path: string, body?: object) => Promise<unknown>

async function sendRequest(
  config: KubeConfig,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const options: RequestOptions = {
    method,
    headers: {
      accept: 'application/json',
      ...(method === 'PATCH' ? { 'content-type': 'application/apply-patch+yaml' } : {}), // JSON is YAML
    },
    timeout: 30_000,
  }
  await config.applyToHTTPSOptions(options)
  const sent = request(new URL(path, config.getCurrentCluster()!.server), options)
  sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} got no answer in time`)))
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const answer = await text(response)
  const code = response.statusCode ?? 0
  if (code >= 300) throw new ApiException(code, `${method} ${path}`, answer, {})
  return JSON.parse(answer)
}

interface Resource {
  /** Path of the API group and version. */
  root: string
  plural: string
  namespaced: boolean
}

async function findResource(send: Send, apiVersion: string, kind: string): Promise<Resource> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const { resources } = (await send('GET', root)) as {
    resources: { kind: string; name: string; namespaced: boolean }[]
  }
  // Subresources as deployments/scale come by the same list.
  const resource = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'))
  if (resource === undefined) throw new Error(`The API server knows no ${kind} of ${apiVersion}`)
  return { root, plural: resource.name, namespaced: resource.namespaced }
}

/** Status and message with which the API server refused; throws where it did not. */
export async function refusal(attempt: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await attempt
  } catch (error) {
    if (!(error instanceof ApiException)) throw error
    const { code, body } = error as ApiException<string>
    return { code, message: (JSON.parse(body) as { message: string }).message }
  }
  throw new Error('The API server accepted it.')
}
