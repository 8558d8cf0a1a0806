import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { batch, core } from '@pulumi/kubernetes/types/output.js'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { Result } from '../../src/commands/metrics/collector.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import type { ConfigMap, CronJob, ServiceAccount } from '../../src/manifests/cluster-object.js'
import { createCollector, findMissingSecrets } from '../../src/manifests/collector.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import type { Known } from './known-fields.js'

const golden = join(import.meta.dirname, '../golden/collector')

const configText = (collector: string) => `environments: {prod: {regions: [us-east-1]}}
metrics:
  files: [demand/*.csv]
  collector:
    prometheus: {url: "http://prometheus.monitoring:9090", presets: [vllm]}
    image: registry.example/llmscale:1
${collector}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
`
const toBucket = '    to: s3://fleet-demand/prod/{day}.parquet'
const toBranch = `    to: git+https://github.com/acme/fleet.git#llmscale-demand:{day}.csv
    secret: llmscale-collector`

function collect(collector: string, environment = 'prod') {
  const text = configText(collector)
  const config = parseConfig(text, 'llmscale.yaml').metrics.collector!
  const objects = createCollector(config, { environment, configText: text })
  const [serviceAccount, configMap, cronJob] = objects as [ServiceAccount, ConfigMap, CronJob]
  return { objects, serviceAccount, configMap, cronJob, config, text }
}

function failureOf(run: () => unknown): LlmscaleError {
  try {
    run()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('createCollector', () => {
  it('writes what people read in test/golden/collector', async () => {
    const { objects } = collect(toBranch)
    const files = objects.map((object) => formatManifest(object, 'metrics.collector'))
    for (const { name, text } of files) await expect(text).toMatchFileSnapshot(join(golden, name))
    expect(files.map(({ name }) => name).sort()).toEqual(readdirSync(golden).sort())
    for (const [index, { text }] of files.entries()) expect(parse(text)).toEqual(objects[index])
  })

  it('has only fields that Kubernetes has, of its types', () => {
    const { serviceAccount, configMap, cronJob } = collect(toBranch)
    // The compiler checks these.
    const account: Known<ServiceAccount, core.v1.ServiceAccount> = serviceAccount
    const settings: Known<ConfigMap, core.v1.ConfigMap> = configMap
    const job: Known<CronJob, batch.v1.CronJob> = cronJob
    // @ts-expect-error a misspelt field is found
    const wrong: Known<{ spec: { shedule: string } }, batch.v1.CronJob> = { spec: { shedule: '' } }
    expect([account.kind, settings.kind, job.kind, wrong]).toHaveLength(4)
  })

  it('gives the job its configuration, byte for byte, and only the secret that is named', () => {
    const withSecret = collect(toBranch)
    expect(withSecret.configMap.data).toEqual({ 'llmscale.yaml': withSecret.text })
    const [container] = withSecret.cronJob.spec.jobTemplate.spec.template.spec.containers
    expect(container!.envFrom).toEqual([{ secretRef: { name: 'llmscale-collector' } }])
    const { spec } = collect(toBucket).cronJob.spec.jobTemplate.spec.template
    expect(spec.containers[0]).not.toHaveProperty('envFrom')
    expect(spec.volumes.map(({ name }) => name)).toEqual(['config', 'tmp'])
    expect(spec.containers[0]!.volumeMounts.map(({ name }) => name)).toEqual(['config', 'tmp'])
  })

  it('is the same for the same configuration, and shows where it differs', () => {
    const digestOf = ({ cronJob }: ReturnType<typeof collect>) =>
      cronJob.spec.jobTemplate.spec.template.metadata.annotations?.['llmscale/config-digest']
    expect(collect(toBucket).objects).toEqual(collect(toBucket).objects)
    expect(digestOf(collect(toBucket))).toMatch(/^[0-9a-f]{64}$/)
    expect(digestOf(collect(`${toBucket} # changed`))).not.toBe(digestOf(collect(toBucket)))
  })

  it('names objects by environment, in the 52 characters that a CronJob may have', () => {
    const nameOf = (environment: string) => collect(toBucket, environment).cronJob.metadata.name
    expect(nameOf('prod')).toBe('llmscale-collector-prod')
    const [long, other] = [nameOf('a'.repeat(50)), nameOf(`${'a'.repeat(49)}b`)]
    expect(long).toMatch(/^[a-z0-9-]{52}$/)
    expect(long).not.toBe(other)
  })

  it('refuses a configuration that no ConfigMap holds, and says how large it is', () => {
    const { config } = collect(toBucket)
    const most = 'é'.repeat(512 * 1024)
    expect(createCollector(config, { environment: 'prod', configText: most })).toHaveLength(3)
    const failure = failureOf(() => createCollector(config, { environment: 'prod', configText: `${most}\n` }))
    expect([failure.exitCode, failure.code]).toEqual([3, 'CONFIG_TOO_LARGE'])
    expect(failure.message).toContain('1048577 bytes')
  })

  it.each(['*/30 * * * *', '0,15-45/10 1-5 1 JAN-mar,12 mon-fri', '5/15 23 31 12 6', ' 0  0 * * 0 '])(
    'takes the schedule %j',
    (schedule) => {
      expect(collect(`${toBucket}\n    schedule: "${schedule}"`).cronJob.spec.schedule).toBe(schedule)
    },
  )

  it.each([
    ['@hourly', 'it has 1 fields'],
    ['* * * * * *', 'it has 6 fields'],
    ['60 * * * *', 'minute (0 to 59)'],
    ['*/0 * * * *', 'minute (0 to 59)'],
    ['0 24 0 13 7', 'hour (0 to 23), day of the month (1 to 31), month (1 to 12), day of the week (0 to 6)'],
    ['0 9-5 * * *', 'hour (0 to 23)'],
    ['0 *-5 * * *', 'hour (0 to 23)'],
    ['0 1, * * *', 'hour (0 to 23)'],
    ['TZ=UTC 0 1 * * *', 'it has 6 fields'],
  ])('refuses the schedule %j', (schedule, why) => {
    const failure = failureOf(() => collect(`${toBucket}\n    schedule: "${schedule}"`))
    expect([failure.exitCode, failure.code]).toEqual([3, 'SCHEDULE_INVALID'])
    expect(failure.message).toContain(`metrics.collector.schedule: ${JSON.stringify(schedule)}`)
    expect(failure.message).toContain(why)
  })
})

describe('findMissingSecrets', () => {
  const collectorOf = (secret: string | undefined, extra: object) => {
    const { config } = collect(toBucket)
    return {
      ...config,
      prometheus: { ...config.prometheus, ...extra },
      ...(secret === undefined ? {} : { secret }),
    }
  }
  const fieldsOf = (...args: Parameters<typeof collectorOf>) =>
    findMissingSecrets(collectorOf(...args)).map(
      ({ message }) => /^metrics\.collector\.(\S+)/.exec(message)![1],
    )

  it('names what the pod will not have', () => {
    const env = { auth: { bearer: { token: { env: 'TOKEN' } } }, headers: { 'X-Scope-OrgID': 'a' } }
    expect(fieldsOf(undefined, env)).toEqual(['prometheus.auth.bearer.token'])
    expect(fieldsOf('keys', env)).toEqual([])
    const files = {
      auth: { basic: { username: 'a', password: { file: 'password' } } },
      headers: { Cookie: { file: '/var/run/secrets/llmscale/cookie' } },
      tls: { ca: 'ca.pem' },
    }
    expect(fieldsOf('keys', files)).toEqual(['prometheus.auth.basic.password', 'prometheus.tls.ca'])
    expect(fieldsOf(undefined, files)).toHaveLength(3)
  })

  it('names the token of a branch', () => {
    const { config } = collect(toBranch)
    expect(findMissingSecrets(config)).toEqual([])
    const { secret: _, ...without } = config
    expect(findMissingSecrets(without)[0]!.message).toContain('LLMSCALE_GIT_TOKEN')
  })
})

describe('llmscale metrics collector', () => {
  function project(text: string): string {
    const folder = emptyFolder()
    writeFileSync(join(folder, 'llmscale.yaml'), text)
    return folder
  }
  const run = (cwd: string, ...args: string[]) => runCommand(['metrics', 'collector', ...args], { cwd })

  it('writes one file an object, the same bytes every time, and names what is left of an earlier run', async () => {
    const cwd = project(configText(toBucket))
    const first = await run(cwd)
    expect(first.code).toBe(0)
    expect(first.stdout.trim().split('\n')).toEqual([
      'manifests/prod/collector/serviceaccount.monitoring.llmscale-collector.yaml',
      'manifests/prod/collector/configmap.monitoring.llmscale-collector-prod.yaml',
      'manifests/prod/collector/cronjob.monitoring.llmscale-collector-prod.yaml',
    ])
    const folder = join(cwd, 'manifests/prod/collector')
    const read = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    const written = read()
    await run(cwd)
    expect(read()).toEqual(written)
    writeFileSync(join(cwd, 'llmscale.yaml'), configText(`${toBucket}\n    namespace: llm`))
    const moved = await run(cwd)
    expect(moved.stderr).toMatch(/Warning: .*cronjob\.monitoring\.llmscale-collector-prod\.yaml is no part/)
    expect(readdirSync(folder)).toHaveLength(6)
  })

  it('prints a stream of documents, and JSON of the published form', async () => {
    const cwd = project(configText(toBucket))
    const { code, stdout } = await run(cwd, '--stdout', '--quiet')
    expect(code).toBe(0)
    expect(parseAllDocuments(stdout).map((document) => (document.toJS() as { kind: string }).kind)).toEqual([
      'ServiceAccount',
      'ConfigMap',
      'CronJob',
    ])
    const { objects, to } = Result.parse(JSON.parse((await run(cwd, '--out', 'out', '--json')).stdout).result)
    expect(to).toBe('s3://fleet-demand/prod/{day}.parquet')
    expect(objects.map(({ file }) => file).sort()).toEqual(
      readdirSync(join(cwd, 'out')).map((name) => join('out', name)),
    )
  })

  it('puts into the configuration what it reads from files beside it', async () => {
    const cwd = project(configText(toBucket).replace('llama-3.1-70b', 'models/chat.json'))
    mkdirSync(join(cwd, 'models'))
    const architecture = {
      model_type: 'llama',
      num_hidden_layers: 2,
      hidden_size: 64,
      num_attention_heads: 4,
      intermediate_size: 128,
      vocab_size: 1000,
    }
    writeFileSync(join(cwd, 'models/chat.json'), JSON.stringify(architecture))
    const { code, stdout, stderr } = await run(cwd, '--stdout', '--quiet')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { data } = parseAllDocuments(stdout)[1]!.toJS() as ConfigMap
    expect(
      parseConfig(data['llmscale.yaml']!, 'llmscale.yaml').models['chat-70b']!.architecture,
    ).toMatchObject({ layers: 2, hiddenSize: 64 })
  })

  it('refuses to guess: no collector, a place in the pod, one file for all days', async () => {
    const without = await run(project(configText(toBucket).replace(/ {2}collector:[\s\S]*?(?=models)/, '')))
    expect(without.code).toBe(3)
    expect(without.stderr).toContain('llmscale.yaml: metrics.collector is not set')
    expect(without.stderr).toContain('to: s3://BUCKET/demand/{day}.parquet')
    for (const [to, why] of [
      ['out/{day}.csv', 'a path in the job’s own pod'],
      ['s3://bucket/demand.csv', 'is not one file a day'],
      ['https://example.com/{day}.csv', 'is neither'],
    ]) {
      const { code, stderr } = await run(project(configText(`    to: "${to}"`)))
      expect([code, stderr.includes(why!)], stderr).toEqual([3, true])
      expect(stderr).toContain('metrics.collector.to')
    }
  })
})
