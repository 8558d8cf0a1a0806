import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connectCluster } from '../cluster-client.js'
import type { ControlPlane } from '../control-plane.js'
import { eventually } from '../eventually.js'
import { freePorts } from '../free-ports.js'
import { tierFolder } from '../tiers.js'

const namespace = 'keda'
const adapter = 'keda-metrics-apiserver'

/**
 * Starts KEDA's operator, its server of external metrics and its admission webhook beside a control plane, as its
 * chart does (https://github.com/kedacore/charts/tree/main/keda); they end with it. Webhook and the adapter's own
 * metrics listen on all addresses: neither has a flag for one.
 */
export async function startKeda(plane: ControlPlane): Promise<void> {
  const ports = await freePorts(9)
  const [operatorPort, adapterPort, webhookPort, ...others] = ports as [number, number, number, ...number[]]
  const addresses = others.map((port) => `127.0.0.1:${port}`)
  const certificates = await createCertificates(plane)
  const environment = {
    KUBECONFIG: plane.kubeconfig,
    KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
    POD_NAMESPACE: namespace,
    WATCH_NAMESPACE: '',
  }
  const run = (name: string, args: string[]) =>
    plane.run(name, join(tierFolder('keda'), name), [`--cert-dir=${certificates}`, ...args], environment)
  const { apply, read } = connectCluster(plane.kubeconfig)
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  run('keda-operator', [
    `--metrics-service-bind-address=127.0.0.1:${operatorPort}`,
    `--metrics-bind-address=${addresses[0]}`,
    `--health-probe-bind-address=${addresses[1]}`,
  ])
  run('keda-webhooks', [
    `--port=${webhookPort}`,
    `--metrics-bind-address=${addresses[2]}`,
    `--health-probe-bind-address=${addresses[3]}`,
  ])
  run('keda-adapter', [
    '--bind-address=127.0.0.1',
    `--secure-port=${adapterPort}`,
    `--port=${others[4]}`,
    `--metrics-service-address=localhost:${operatorPort}`,
    ...['authentication', 'authorization', 'lister'].map((use) => `--${use}-kubeconfig=${plane.kubeconfig}`),
    `--tls-cert-file=${join(certificates, 'tls.crt')}`,
    `--tls-private-key-file=${join(certificates, 'tls.key')}`,
  ])
  // A Service with endpoints could not lead to loopback.
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: adapter, namespace },
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
      service: { name: adapter, namespace, port: adapterPort },
      caBundle: plane.authority.base64,
    },
  }
  await apply(registration)
  await eventually('external metrics of KEDA', async () => {
    const { status } = await read<{ status?: { conditions?: { type: string; status: string }[] } }>(
      registration,
    )
    return status?.conditions?.find(({ type, status }) => type === 'Available' && status === 'True')
  })
  await apply(admission(webhookPort, plane.authority.base64))
  await eventually('webhook of KEDA', async () => {
    const response = await fetch(`http://${addresses[3]}/readyz`)
    return response.ok || undefined
  })
}

/** One certificate for all three, under the names that KEDA looks for; the folder it is in. */
async function createCertificates({ authority, folder }: ControlPlane): Promise<string> {
  const hosts = ['IP:127.0.0.1', 'DNS:localhost', `DNS:${adapter}.${namespace}.svc`]
  const { certificateFile, keyFile } = await authority.issue('keda', hosts)
  const certificates = join(folder, 'keda')
  mkdirSync(certificates)
  copyFileSync(authority.certificateFile, join(certificates, 'ca.crt'))
  copyFileSync(certificateFile, join(certificates, 'tls.crt'))
  copyFileSync(keyFile, join(certificates, 'tls.key'))
  return certificates
}

/** KEDA's own lets objects through when it does not answer; in a test that would look like an object it accepts. */
function admission(port: number, caBundle: string) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'keda-admission' },
    webhooks: [
      {
        name: 'vscaledobject.kb.io',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          url: `https://127.0.0.1:${port}/validate-keda-sh-v1alpha1-scaledobject`,
          caBundle,
        },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        rules: [
          {
            apiGroups: ['keda.sh'],
            apiVersions: ['v1alpha1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['scaledobjects'],
          },
        ],
      },
    ],
  }
}
