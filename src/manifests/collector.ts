import type { Config } from '../config/schema.js'
import { digestText } from '../kit/digest.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import type { CollectorObject, CronJob, OwnPod } from './cluster-object.js'
import { configKey, createConfigMap } from './config-map.js'
import { createMetadata, environmentName } from './metadata.js'
import { createOwnPod, secretMounts } from './own-pod.js'
import { gitToken, missingSecrets, prometheusSecrets } from './pod-secrets.js'
import { createServiceAccount } from './service-account.js'

type Collector = NonNullable<Config['metrics']['collector']>

export interface CollectorContext {
  environment: string
  /** Text of llmscale.yaml, which the job reads. */
  configText: string
}

const configFolder = '/etc/llmscale'

/**
 * The job inside the cluster that writes demand where the planning job can read it: its service account, its
 * configuration and a CronJob, in this order. The same arguments give the same objects.
 * Throws `configInvalid` SCHEDULE_INVALID and CONFIG_TOO_LARGE.
 */
export function createCollector(collector: Collector, context: CollectorContext): CollectorObject[] {
  requireSchedule(collector.schedule)
  const name = objectName(context.environment)
  return [
    createServiceAccount(collector),
    createConfigMap({ name, namespace: collector.namespace }, context.configText, 'collector'),
    createCronJob(collector, context),
  ]
}

/** What the configuration names and the job will not have. */
export function findMissingSecrets({ prometheus, to, secret }: Collector): Warning[] {
  const named = prometheusSecrets(prometheus, 'metrics.collector.prometheus')
  if (to.startsWith('git+https:')) named.push(['metrics.collector.to', gitToken])
  return missingSecrets(named, {
    secret,
    field: 'metrics.collector.secret',
    reader: 'the job',
    code: 'COLLECTOR_SECRET_MISSING',
  })
}

/**
 * Every run writes the last days again that are known from their midnight on, so that the next one makes up for one
 * that was missed or failed.
 */
function createCronJob(collector: Collector, { environment, configText }: CollectorContext): CronJob {
  const name = objectName(environment)
  const metadata = createMetadata(name, collector.namespace)
  // Network policies choose pods by their labels.
  const labels = { ...metadata.labels, 'app.kubernetes.io/name': 'llmscale-collector' }
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: {
      schedule: collector.schedule,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      // Without it a controller that was down for 100 runs never starts another one.
      startingDeadlineSeconds: 600,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        metadata: { labels: { ...labels } },
        spec: {
          backoffLimit: 2,
          // A run that hangs would hold back all that follow.
          activeDeadlineSeconds: 3600,
          ttlSecondsAfterFinished: 86_400,
          template: {
            metadata: {
              labels: { ...labels },
              // Shows in a review, and on every pod, which configuration it is.
              annotations: { 'llmscale/config-digest': digestText(configText) },
            },
            spec: createPod(collector, environment, name),
          },
        },
      },
    },
  }
}

function createPod(collector: Collector, environment: string, name: string): OwnPod {
  const { image, serviceAccount, secret } = collector
  const config = `${configFolder}/${configKey}`
  return createOwnPod({
    name: 'collector',
    image,
    serviceAccount,
    // What it asked before is gone with the pod's disk.
    args: ['metrics', 'pull', '--collector', '--config', config, '--env', environment, '--no-cache'],
    secret,
    resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { cpu: '1', memory: '1Gi' } },
    mounts: [
      {
        mount: { name: 'config', mountPath: configFolder, readOnly: true },
        volume: { name: 'config', configMap: { name } },
      },
      ...secretMounts(secret),
    ],
  })
}

/** A CronJob's name has at most 52 characters: its jobs' names are 11 longer (see its documentation, above). */
function objectName(environment: string): string {
  return environmentName('llmscale-collector', environment, 52)
}

const months = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec'
const days = 'sun|mon|tue|wed|thu|fri|sat'
const cronFields = [
  { name: 'minute', from: 0, to: 59, words: '' },
  { name: 'hour', from: 0, to: 23, words: '' },
  { name: 'day of the month', from: 1, to: 31, words: '' },
  { name: 'month', from: 1, to: 12, words: months },
  { name: 'day of the week', from: 0, to: 6, words: days },
]

/** Kubernetes would refuse a schedule that it cannot read only when it is applied. */
function requireSchedule(schedule: string): void {
  const fields = schedule.trim().split(/\s+/)
  const wrong = cronFields.filter((field, index) => !isCronField(fields[index] ?? '', field))
  if (fields.length === cronFields.length && wrong.length === 0) return
  const why =
    fields.length === cronFields.length
      ? `${wrong.map(({ name, from, to }) => `${name} (${from} to ${to})`).join(', ')} cannot be read`
      : `it has ${fields.length} fields, not 5`
  throw new LlmscaleError(
    'configInvalid',
    'SCHEDULE_INVALID',
    `metrics.collector.schedule: ${JSON.stringify(schedule)} is not a cron expression: ${why}`,
    ['Write schedule: "*/30 * * * *" for every half hour, "10 * * * *" for ten past each hour.'],
  )
}

/** Lists of values, ranges and steps, e.g. `0-30/10,45` (https://pkg.go.dev/github.com/robfig/cron/v3). */
function isCronField(text: string, { from, to, words }: (typeof cronFields)[number]): boolean {
  const names = words.split('|')
  return text.split(',').every((part) => {
    const [, first, last, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part) ?? []
    if (first === undefined || step === '0' || (first === '*' && last !== undefined)) return false
    const [low, high] = [first, last].map((word = String(to)) => {
      const place = names.indexOf(word.toLowerCase())
      if (place >= 0) return from + place
      return word === '*' ? from : /^\d+$/.test(word) ? Number(word) : Number.NaN
    })
    return low! >= from && high! <= to && low! <= high!
  })
}
