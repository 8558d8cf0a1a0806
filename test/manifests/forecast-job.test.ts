import { describe, expect, it } from 'vitest'
import type { ConfigMap, IndexedJob } from '../../src/manifests/cluster-object.js'
import { createForecastJob, type ForecastJobSettings } from '../../src/manifests/forecast-job.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'

const settings: ForecastJobSettings = {
  environment: 'prod',
  configText: 'environments: {prod: {regions: [us-east-1]}}\n',
  namespace: 'llmscale',
  image: 'registry.example/llmscale:1',
  serviceAccount: 'forecaster',
  shards: 8,
  parallelism: 4,
  volumeClaim: 'forecasts',
  asOf: Date.parse('2026-10-19T00:00:00Z') / 1000,
}

function create(changes: Partial<ForecastJobSettings> = {}): { config: ConfigMap; job: IndexedJob } {
  const [config, job] = createForecastJob({ ...settings, ...changes }) as [ConfigMap, IndexedJob]
  return { config, job }
}

describe('createForecastJob', () => {
  it('gives each pod its shard, the same demand and a file of its own', () => {
    const { config, job } = create()
    expect(job.spec).toMatchObject({ completionMode: 'Indexed', completions: 8, parallelism: 4 })
    const [container] = job.spec.template.spec.containers
    expect(container!.args.join(' ')).toBe(
      'forecast --config /etc/llmscale/llmscale.yaml --env prod --as-of 2026-10-19T00:00:00Z ' +
        '--shard $(JOB_COMPLETION_INDEX)/8 --out /forecast/shard-$(JOB_COMPLETION_INDEX).parquet',
    )
    expect(job.spec.template.spec.volumes).toEqual([
      { name: 'config', configMap: { name: config.metadata.name } },
      { name: 'forecast', persistentVolumeClaim: { claimName: 'forecasts' } },
      { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
    ])
  })

  it('is another job for other shards, another time or another configuration, and the same for the same', () => {
    const name = (changes: Partial<ForecastJobSettings> = {}) => create(changes).job.metadata.name
    expect(name()).toMatch(/^llmscale-forecast-prod-[0-9a-f]{6}$/)
    expect(name()).toBe(name({ parallelism: 1 }))
    const others = [{ shards: 4 }, { asOf: 0 }, { configText: '' }]
    expect(new Set([name(), ...others.map(name)]).size).toBe(4)
    // The names of its pods are at most 63 characters long, with index and suffix.
    expect(name({ environment: 'e'.repeat(63) }).length).toBeLessThanOrEqual(63)
  })

  it('refuses a configuration that no ConfigMap holds', () => {
    expect(() => create({ configText: 'x'.repeat(1024 * 1024 + 1) })).toThrowError(
      expect.objectContaining({ code: 'CONFIG_TOO_LARGE' }),
    )
  })

  it('is written as one file an object', () => {
    const { job } = create({ secret: 'tokens' })
    const { name, text } = formatManifest(job, 'llmscale forecast job')
    expect(name).toBe(`job.llmscale.${job.metadata.name}.yaml`)
    expect(text).toMatch(/^# Written by llmscale from llmscale forecast job;/)
    expect(text).toMatch(/envFrom:\n +- secretRef:\n +name: tokens/)
  })
})
