import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { duration } from '../../cli/flags.js'
import { environmentOf, readConfig } from '../../cli/project.js'
import { formatTable } from '../../cli/table.js'
import { proposeConfig } from '../../config/proposed-config.js'
import { Prometheus, presetNames } from '../../config/schema.js'
import { LlmscaleError } from '../../kit/errors.js'
import { formatCount } from '../../kit/format.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { secondsPerDay, secondsPerHour } from '../../kit/units.js'
import { workloadId } from '../../kit/workload.js'
import type { DemandTable } from '../../metrics/demand-table.js'
import { aliasKeyVariable, openClient } from '../../metrics/open-sources.js'
import type { Discovery } from '../../metrics/prometheus/discover-workloads.js'
import type { PrometheusSettings } from '../../metrics/prometheus/prometheus-settings.js'
import { nameWorkloads } from '../../metrics/rename-workloads.js'
import { aliasTenant } from '../../metrics/tenant-alias.js'

export const Result = z.strictObject({
  servers: z.array(
    z.strictObject({
      url: z.string(),
      presets: z.array(z.enum(presetNames)).describe('Whose metrics are there.'),
      labels: z
        .array(z.strictObject({ label: z.string(), values: z.int() }))
        .describe('Labels of the metric that counts requests.'),
      from: z.string(),
      to: z.string(),
      workloads: z.array(
        z.strictObject({
          workload: z.string(),
          meanRequestsPerSecond: z.number(),
          peakRequestsPerSecond: z.number().describe('Of the busiest hour.'),
          inputTokens: z.number().nullable().describe('Mean of a request; null where unknown.'),
          outputTokens: z.number().nullable(),
          readyReplicas: z.number().nullable().describe('At the end.'),
        }),
      ),
      proposal: z.string().describe('YAML of metrics: and workloads:, to be looked at.'),
    }),
  ),
})

const defaultLastSeconds = 7 * secondsPerDay
/** Stands for the region where no label names it. */
const unknownRegion = 'region'

type Server = z.infer<typeof Result>['servers'][number]

export default class MetricsDiscover extends BaseCommand {
  static override description =
    'List the models, regions and tenants that a Prometheus knows, with their load, and propose the config of them.'
  static override examples = [
    '<%= config.bin %> metrics discover --url http://localhost:9090',
    '<%= config.bin %> metrics discover --url https://metrics.example/prometheus --token-env TOKEN --header X-Scope-OrgID=team-a',
    '<%= config.bin %> metrics discover',
  ]
  static override flags = {
    url: Flags.string({ description: 'Server to ask; default those of the config.' }),
    preset: Flags.option({
      options: presetNames,
      description: 'Whose metrics to look for; default all.',
      multiple: true as const,
      dependsOn: ['url'],
    })(),
    matchers: Flags.string({
      description: 'Only series that match, e.g. namespace="llm".',
      dependsOn: ['url'],
    }),
    label: Flags.string({
      description: 'Label that names it: model=NAME, region=NAME or tenant=NAME.',
      multiple: true,
      dependsOn: ['url'],
    }),
    'token-env': Flags.string({
      description: 'Environment variable that holds a bearer token.',
      dependsOn: ['url'],
    }),
    header: Flags.string({
      description: 'Header NAME=VALUE of each request; no secrets.',
      multiple: true,
      dependsOn: ['url'],
    }),
    last: duration({ description: 'How far back to look; default 7d.', helpValue: '7d' }),
    'tenant-names': Flags.boolean({ description: 'Show tenants by name instead of by alias.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(MetricsDiscover)
    const { folderOf, settings, regions } =
      flags.url === undefined ? await this.configured(flags) : describedBy(flags, flags.url)
    const servers: Server[] = []
    for (const each of settings) {
      this.progress(`Asking ${each.url} …`)
      const server = await this.discover(each, folderOf, regions, flags)
      servers.push(server)
      this.log(`${servers.length > 1 ? '\n' : ''}${describeServer(server)}`)
    }
    return { servers }
  }

  private async discover(
    settings: PrometheusSettings,
    configPath: string,
    regions: readonly string[],
    flags: { last?: number | undefined; 'tenant-names': boolean },
  ): Promise<Server> {
    const { discoverWorkloads } = await import('../../metrics/prometheus/discover-workloads.js')
    const { prometheusSource } = await import('../../metrics/prometheus/prometheus-source.js')
    const client = await openClient(settings, configPath)
    const now = Math.floor(Date.now() / 1000)
    const window = { from: now - (flags.last ?? defaultLastSeconds), to: now, stepSeconds: secondsPerHour }
    const found = await discoverWorkloads(client, settings, window)
    const source = prometheusSource({
      client,
      settings: { ...settings, presets: found.presets, labels: found.labels },
      regions: regions.length === 1 ? regions : [unknownRegion],
      histograms: [],
      now,
      server: settings.url,
    })
    const table = await source.read(window)
    for (const finding of table.findings) this.note(finding)
    const aliased = flags['tenant-names']
      ? table
      : nameWorkloads(table, ({ tenant, ...rest }) =>
          tenant === undefined
            ? rest
            : { ...rest, tenant: aliasTenant(tenant, process.env[aliasKeyVariable]) },
        )
    return describeDiscovery(settings, found, aliased)
  }

  private async configured(flags: { config: string; env?: string | undefined }): Promise<Asked> {
    const config = await readConfig(flags.config)
    const { environment } = environmentOf(config, flags.env)
    const settings = [
      ...(config.metrics.sources?.flatMap(({ prometheus }) => prometheus ?? []) ?? []),
      ...(config.metrics.collector === undefined ? [] : [config.metrics.collector.prometheus]),
    ]
    if (settings.length > 0) return { folderOf: flags.config, settings, regions: environment.regions }
    throw new LlmscaleError('usage', 'FLAG_INVALID', `${flags.config} names no prometheus`, [
      'Name one: --url http://localhost:9090',
    ])
  }
}

interface Asked {
  /** Configuration that file names are relative to. */
  folderOf: string
  settings: PrometheusSettings[]
  regions: readonly string[]
}

function describedBy(
  flags: {
    config: string
    preset?: readonly (typeof presetNames)[number][] | undefined
    matchers?: string | undefined
    label?: readonly string[] | undefined
    'token-env'?: string | undefined
    header?: readonly string[] | undefined
  },
  url: string,
): Asked {
  const parsed = Prometheus.safeParse({
    url,
    presets: flags.preset ?? [],
    labels: pairs('--label', flags.label),
    headers: pairs('--header', flags.header),
    ...(flags.matchers !== undefined && { matchers: flags.matchers }),
    ...(flags['token-env'] !== undefined && { auth: { bearer: { token: { env: flags['token-env'] } } } }),
  })
  if (parsed.success) return { folderOf: flags.config, settings: [parsed.data], regions: [] }
  const [issue] = parsed.error.issues
  throw new LlmscaleError('usage', 'FLAG_INVALID', `--${issue!.path.join('.')}: ${issue!.message}`)
}

function pairs(flag: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw new LlmscaleError('usage', 'FLAG_INVALID', `${flag}: ${JSON.stringify(text)} is not NAME=VALUE`)
    }),
  )
}

function describeDiscovery(settings: PrometheusSettings, found: Discovery, table: DemandTable): Server {
  const models = [...new Set(table.workloads.map(({ workload }) => workload.model))]
  const regionsOf = (model: string) => [
    ...new Set(
      table.workloads.flatMap(({ workload }) => (workload.model === model ? [workload.region] : [])),
    ),
  ]
  return {
    url: settings.url,
    presets: found.presets,
    labels: found.labelCounts,
    from: formatInstant(table.start),
    to: formatInstant(table.start + table.length * table.stepSeconds),
    workloads: table.workloads.map((columns) => {
      const known = columns.requests.filter((value) => !Number.isNaN(value))
      const requests = sum(columns.requests)
      const mean = (tokens: Float64Array) =>
        columns.tokenRequests.some((count) => count > 0) && requests > 0 ? sum(tokens) / requests : null
      const ready = columns.serving?.readyReplicas?.at(-1)
      return {
        workload: workloadId(columns.workload),
        meanRequestsPerSecond: requests / (known.length * table.stepSeconds),
        peakRequestsPerSecond: known.reduce((a, b) => Math.max(a, b), 0) / table.stepSeconds,
        inputTokens: mean(columns.inputTokens),
        outputTokens: mean(columns.outputTokens),
        readyReplicas: ready === undefined || Number.isNaN(ready) ? null : ready,
      }
    }),
    proposal: proposeConfig(
      { url: settings.url, presets: found.presets, labels: found.labels, matchers: settings.matchers },
      models.map((model) => ({ model, regions: regionsOf(model), target: found.targets.get(model) })),
    ),
  }
}

function sum(column: Float64Array): number {
  return column.reduce((total, value) => total + (value || 0), 0)
}

function describeServer({ url, presets, labels, from, to, workloads, proposal }: Server): string {
  const right = (header: string) => ({ header, align: 'right' as const })
  const rate = (perSecond: number) => String(Number(perSecond.toPrecision(3)))
  const count = (value: number | null) => (value === null ? '' : formatCount(value))
  const span = formatDuration(Math.round((Date.parse(to) - Date.parse(from)) / 1000))
  const byLoad = [...workloads].sort((a, b) => b.meanRequestsPerSecond - a.meanRequestsPerSecond)
  return [
    `${url}: ${presets.join(', ') || 'your own queries'}, ${span} until ${to}`,
    `Labels (values): ${labels.map(({ label, values }) => `${label} (${values})`).join(', ')}`,
    '',
    formatTable(
      [
        { header: 'Workload' },
        right('Requests/s'),
        right('Peak hour'),
        right('Tokens in'),
        right('out'),
        right('Replicas'),
      ],
      byLoad.map((each) => [
        each.workload,
        rate(each.meanRequestsPerSecond),
        rate(each.peakRequestsPerSecond),
        count(each.inputTokens),
        count(each.outputTokens),
        count(each.readyReplicas),
      ]),
    ),
    '',
    'For llmscale.yaml, to be looked at:',
    '',
    proposal.trimEnd(),
  ].join('\n')
}
