import { digestText } from '../kit/digest.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { ConfigMap, ForecastJobObject, IndexedJob } from './cluster-object.js'
import { createJobPod } from './job-pod.js'
import { createMetadata } from './metadata.js'

export interface ForecastJobSettings {
  environment: string
  /** Text of llmscale.yaml, which the pods read. */
  configText: string
  namespace: string
  image: string
  serviceAccount: string
  secret?: string | undefined
  shards: number
  /** Pods at a time. */
  parallelism: number
  /** A claim that all pods may write to. */
  volumeClaim: string
  /** All shards read demand up to here: they start at different times. */
  asOf: EpochSeconds
}

const configFolder = '/etc/llmscale'
const configKey = 'llmscale.yaml'
/** Where the claim is mounted. */
export const forecastFolder = '/forecast'

/** https://kubernetes.io/docs/concepts/configuration/configmap/#motivation */
const largestConfigBytes = 1024 * 1024
const mostRetries = 2

/**
 * A forecast in shards as an Indexed Job, with the configuration that its pods read, in this order. Each pod writes
 * `shard-INDEX.parquet` to the claim; `llmscale forecast merge` joins them. A job cannot be changed: its name has a digest of
 * what it does. Needs Kubernetes 1.29 (`backoffLimitPerIndex`). Throws `configInvalid` CONFIG_TOO_LARGE.
 */
export function createForecastJob(settings: ForecastJobSettings): ForecastJobObject[] {
  const { environment, configText, namespace, shards, parallelism, asOf } = settings
  const bytes = Buffer.byteLength(configText)
  if (bytes > largestConfigBytes)
    throw new LlmscaleError(
      'configInvalid',
      'CONFIG_TOO_LARGE',
      `llmscale.yaml has ${bytes} bytes, and a ConfigMap holds at most ${largestConfigBytes}`,
      ['Give the job a smaller configuration with --config.'],
    )
  const digest = digestText(JSON.stringify([configText, shards, asOf])).slice(0, 6)
  const name = `llmscale-forecast-${environment.slice(0, 38)}-${digest}`
  const config: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: createMetadata(name, namespace),
    data: { [configKey]: configText },
  }
  const metadata = createMetadata(name, namespace)
  const job: IndexedJob = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      completionMode: 'Indexed',
      completions: shards,
      parallelism,
      backoffLimitPerIndex: mostRetries,
      activeDeadlineSeconds: 3600,
      ttlSecondsAfterFinished: 86_400,
      template: {
        metadata: {
          // Network policies choose pods by their labels.
          labels: { ...metadata.labels, 'app.kubernetes.io/name': 'llmscale-forecast' },
          annotations: { 'llmscale/as-of': formatInstant(asOf) },
        },
        spec: createPod(settings, name),
      },
    },
  }
  return [config, job]
}

function createPod(settings: ForecastJobSettings, name: string) {
  const { environment, image, serviceAccount, secret, shards, volumeClaim, asOf } = settings
  // Kubernetes sets the variable in each pod and puts it in here.
  const index = '$(JOB_COMPLETION_INDEX)'
  return createJobPod({
    name: 'forecast',
    image,
    serviceAccount,
    args: [
      ...['forecast', '--config', `${configFolder}/${configKey}`, '--env', environment],
      ...['--as-of', formatInstant(asOf), '--shard', `${index}/${shards}`],
      ...['--out', `${forecastFolder}/shard-${index}.parquet`],
    ],
    secret,
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
    mounts: [
      {
        mount: { name: 'config', mountPath: configFolder, readOnly: true },
        volume: { name: 'config', configMap: { name } },
      },
      {
        mount: { name: 'forecast', mountPath: forecastFolder },
        volume: { name: 'forecast', persistentVolumeClaim: { claimName: volumeClaim } },
      },
    ],
  })
}
