import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connectCluster } from './cluster-client.js'
import type { ControlPlane } from './control-plane.js'
import { eventually } from './eventually.js'

const version = 'external.metrics.k8s.io/v1beta1'
const name = 'external-metrics'
const namespace = 'kube-system'

/** The server of external metrics that the autoscaler asks; the values are the test's. */
export interface MetricsAdapter {
  /** Metric → value; a metric that is not there is answered with 404. */
  values: Map<string, number>
  stop(): Promise<void>
}

/** Starts it on loopback and has the API server send it what is asked of external.metrics.k8s.io. */
export async function startMetricsAdapter({ authority, kubeconfig }: ControlPlane): Promise<MetricsAdapter> {
  const values = new Map<string, number>()
  const { certificateFile, keyFile } = await authority.issue(name, [`DNS:${name}.${namespace}.svc`])
  const server = createServer(
    { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
    ({ url = '' }, response) => {
      const answer = answerTo(new URL(url, 'https://adapter').pathname, values)
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }),
      )
    },
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { apply, read } = connectCluster(kubeconfig)
  const { port } = server.address() as AddressInfo
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    // A Service with endpoints could not lead to loopback.
    spec: { type: 'ExternalName', externalName: 'localhost' },
  })
  const registration = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.external.metrics.k8s.io' },
    spec: {
      group: 'external.metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name, namespace, port },
      caBundle: authority.base64,
    },
  }
  await apply(registration)
  await eventually('external metrics', async () => {
    const { status } = await read<{ status?: { conditions?: { type: string; status: string }[] } }>(
      registration,
    )
    return status?.conditions?.find(({ type, status }) => type === 'Available' && status === 'True')
  })
  return {
    values,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** https://github.com/kubernetes/metrics/blob/master/pkg/apis/external_metrics/v1beta1/types.go */
function answerTo(path: string, values: ReadonlyMap<string, number>): object | undefined {
  const root = `/apis/${version}`
  if (path === root)
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version, resources: [] }
  const metricName = /^\/namespaces\/[^/]+\/([^/]+)$/.exec(path.slice(root.length))?.[1]
  const value = metricName === undefined ? undefined : values.get(metricName)
  if (value === undefined) return undefined
  const item = { metricName, metricLabels: {}, timestamp: new Date().toISOString(), value: String(value) }
  return { kind: 'ExternalMetricValueList', apiVersion: version, metadata: {}, items: [item] }
}
