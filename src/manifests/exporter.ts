import type { Environment } from '../config/environment.js'
import type { Live } from '../config/live.js'
import type { Config } from '../config/schema.js'
import { digestText } from '../kit/digest.js'
import type { Warning } from '../kit/errors.js'
import { createAlertRules } from './alert-rules.js'
import type { ExporterDeployment, ExporterObject, OwnPod, Service, ServiceMonitor } from './cluster-object.js'
import { configKey, createConfigMap } from './config-map.js'
import { createExporterPolicy } from './exporter-policy.js'
import { createMetadata, environmentName, managedByLabel } from './metadata.js'
import { createOwnPod, secretMounts } from './own-pod.js'
import { gitToken, missingSecrets, prometheusSecrets } from './pod-secrets.js'
import { createServiceAccount } from './service-account.js'

/** What the exporter needs beside the defaults of `live:`. */
export type ExporterSettings = Live & { image: string; from: string }

export interface ExporterContext {
  environment: string
  /** Text of llmscale.yaml, which the pods read. */
  configText: string
  /** Where demand is read. */
  sources: NonNullable<Config['metrics']['sources']>
  /** Where renewals of the plan are. */
  state: Pick<Environment, 'state' | 'backend'>
}

/** What its answers to Prometheus are kept beside: the only folder but /tmp that it may write to. */
const workFolder = '/var/lib/llmscale'
const portName = 'metrics'
/** A label's longest value, which the name of a Service is. */
const longestName = 63

/**
 * The exporter of live floors of one environment: its service account, its configuration, its pods, and who may reach
 * them and look at them, in this order. The same arguments give the same objects. Throws `configInvalid`
 * CONFIG_TOO_LARGE.
 */
export function createExporter(live: ExporterSettings, context: ExporterContext): ExporterObject[] {
  const { environment, configText, sources, state } = context
  const names = {
    name: environmentName('llmscale-live', environment, longestName),
    namespace: live.namespace,
  }
  const labels = { 'app.kubernetes.io/name': 'llmscale-live', 'app.kubernetes.io/instance': environment }
  const monitored = { ...names, labels: live.monitorLabels }
  return [
    createServiceAccount(live),
    createConfigMap(names, configText, 'exporter'),
    createDeployment(live, context, names, labels),
    createService(live, names, labels),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: createMetadata(names.name, names.namespace),
      spec: { maxUnavailable: 1, selector: { matchLabels: { ...labels } } },
    },
    createExporterPolicy({ ...names, podLabels: labels, port: portName, from: live.from, sources, state }),
    ...(live.operator
      ? [createServiceMonitor(monitored, labels), createAlertRules(environment, monitored)]
      : []),
  ]
}

/** What the configuration names and the exporter will not have. */
export function findMissingSecrets(
  { from, secret }: ExporterSettings,
  sources: ExporterContext['sources'],
): Warning[] {
  const named = sources.flatMap(({ prometheus }, index) =>
    prometheus === undefined ? [] : prometheusSecrets(prometheus, `metrics.sources[${index}].prometheus`),
  )
  if (from.startsWith('git+https:')) named.push(['live.from', gitToken])
  return missingSecrets(named, {
    secret,
    field: 'live.secret',
    reader: 'the exporter',
    code: 'EXPORTER_SECRET_MISSING',
  })
}

/** Demand files that lie where the exporter is not. */
export function findMissingFiles(sources: ExporterContext['sources']): Warning[] {
  const local = sources.flatMap(({ files }) => files ?? []).filter((file) => !file.startsWith('s3://'))
  return local.map((file) => ({
    code: 'EXPORTER_FILE_MISSING',
    message: `the exporter will not have ${file}: it reads a Prometheus, or files in S3`,
  }))
}

interface Names {
  name: string
  namespace: string
}

function createDeployment(
  live: ExporterSettings,
  { environment, configText }: ExporterContext,
  { name, namespace }: Names,
  labels: Record<string, string>,
): ExporterDeployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: createMetadata(name, namespace),
    spec: {
      replicas: live.replicas,
      selector: { matchLabels: { ...labels } },
      // The new one has read its demand before an old one goes.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      revisionHistoryLimit: 3,
      template: {
        metadata: {
          labels: { ...managedByLabel, ...labels },
          // A pod reads its configuration once: another one rolls the pods.
          annotations: { 'llmscale/config-digest': digestText(configText) },
        },
        spec: createPod(live, environment, name, labels),
      },
    },
  }
}

function createPod(
  { image, serviceAccount, secret, from, port }: ExporterSettings,
  environment: string,
  name: string,
  labels: Record<string, string>,
): OwnPod {
  const config = `${workFolder}/${configKey}`
  const pod = createOwnPod({
    restartPolicy: 'Always',
    name: 'exporter',
    image,
    serviceAccount,
    args: [
      ...['serve', '--config', config, '--env', environment, '--from', from],
      ...['--host', '0.0.0.0', '--port', String(port)],
    ],
    secret,
    resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { cpu: '1', memory: '1Gi' } },
    mounts: [
      {
        mount: { name: 'work', mountPath: workFolder },
        volume: { name: 'work', emptyDir: { sizeLimit: '1Gi' } },
      },
      {
        mount: { name: 'config', mountPath: config, subPath: configKey, readOnly: true },
        volume: { name: 'config', configMap: { name } },
      },
      ...secretMounts(secret),
    ],
  })
  const probe = (path: string, periodSeconds: number) => ({
    httpGet: { path, port: portName },
    periodSeconds,
    timeoutSeconds: 5,
    failureThreshold: 3,
  })
  return {
    ...pod,
    // A node that goes takes one of them along.
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { ...labels } },
      },
    ],
    containers: pod.containers.map((container) => ({
      ...container,
      ports: [{ name: portName, containerPort: port, protocol: 'TCP' }],
      livenessProbe: probe('/healthz', 20),
      readinessProbe: probe('/readyz', 10),
    })),
  }
}

function createService(
  { port }: ExporterSettings,
  { name, namespace }: Names,
  labels: Record<string, string>,
): Service {
  const metadata = createMetadata(name, namespace)
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
    spec: {
      type: 'ClusterIP',
      selector: { ...labels },
      ports: [{ name: portName, port, targetPort: portName, protocol: 'TCP' }],
    },
  }
}

function createServiceMonitor(
  { name, namespace, labels: selecting }: Names & { labels: Record<string, string> },
  labels: Record<string, string>,
): ServiceMonitor {
  const metadata = createMetadata(name, namespace)
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { ...metadata, labels: { ...metadata.labels, ...selecting } },
    spec: {
      selector: { matchLabels: { ...labels } },
      // An autoscaler asks every 15 seconds. Without honorLabels a target's own `environment` or `region` would take
      // the place of ours, and no query would find a floor.
      endpoints: [
        { port: portName, path: '/metrics', interval: '15s', scrapeTimeout: '10s', honorLabels: true },
      ],
    },
  }
}
