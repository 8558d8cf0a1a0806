import { digestText } from '../kit/digest.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { ForecastJobObject, IndexedJob } from './cluster-object.js'
import { configKey, createConfigMap } from './config-map.js'
import { createMetadata } from './metadata.js'
import { createOwnPod } from './own-pod.js'

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
/** Where the claim is mounted. */
export const forecastFolder = '/forecast'

const mostRetries = 2

/**
 * A forecast in shards as an Indexed Job, with the configuration that its pods read, in this order. Each pod writes
 * `shard-INDEX.parquet` to the claim; `llmscale forecast merge` joins them. A job cannot be changed: its name has a digest of
 * what it does. Needs Kubernetes 1.29 (`backoffLimitPerIndex`). Throws `configInvalid` CONFIG_TOO_LARGE.
 */
export function createForecastJob(settings: ForecastJobSettings): ForecastJobObject[] {
  const { environment, configText, namespace, shards, parallelism, asOf } = settings
  const digest = digestText(JSON.stringify([configText, shards, asOf])).slice(0, 6)
  const name = `llmscale-forecast-${environment.slice(0, 38)}-${digest}`
  const config = createConfigMap({ name, namespace }, configText, 'job')
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
  return createOwnPod({
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
