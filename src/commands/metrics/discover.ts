import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { duration } from '../../cli/flags.js'
import { environmentOf, readConfig } from '../../cli/project.js'
import { formatTable } from '../../cli/table.js'
import { type ProposedModel, proposeConfig } from '../../config/proposed-config.js'
import { Prometheus, presetNames } from '../../config/schema.js'
import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { secondsPerDay, secondsPerHour } from '../../kit/units.js'
import type { DemandTable } from '../../metrics/demand-table.js'
import { aliasKeyVariable, listSources, openClient } from '../../metrics/open-sources.js'
import type { Discovery } from '../../metrics/prometheus/discover-workloads.js'
import type { PrometheusSettings } from '../../metrics/prometheus/prometheus-settings.js'
import { nameWorkloads } from '../../metrics/rename-workloads.js'
import { aliasTenant } from '../../metrics/tenant-alias.js'
import { summarizeLoad, tabulateLoad } from '../../review/discovery-tables.js'

export const Result = z.strictObject({
  servers: z.array(
    z.strictObject({
      url: z.string(),
      presets: z.array(z.enum(presetNames)).describe('Whose metrics are there.'),
      labels: z
        .array(z.strictObject({ label: z.string(), values: z.int() }))
        .describe('Labels of the metrics that count requests; none of your own queries.'),
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
/** Stands for a region that nothing names: no region can be called so. */
const unknownRegion = '?'

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
    const asked = flags.url === undefined ? await readAsked(flags) : describeAsked(flags, flags.url)
    const servers: Server[] = []
    for (const settings of asked.settings) {
      this.progress(`Asking ${settings.url} …`)
      const server = await this.discover(settings, asked, flags)
      servers.push(server)
      this.log(`${servers.length > 1 ? '\n' : ''}${describeServer(server)}`)
    }
    return { servers }
  }

  private async discover(
    settings: PrometheusSettings,
    { configPath, environment, regions }: Asked,
    flags: { last?: number | undefined; 'tenant-names': boolean },
  ): Promise<Server> {
    const { discoverWorkloads } = await import('../../metrics/prometheus/discover-workloads.js')
    const { prometheusSource } = await import('../../metrics/prometheus/prometheus-source.js')
    const client = await openClient(settings, configPath)
    const now = Math.floor(Date.now() / 1000)
    const window = { from: now - (flags.last ?? defaultLastSeconds), to: now, stepSeconds: secondsPerHour }
    const found = await discoverWorkloads(client, settings, window)
    const prometheus = { ...settings, presets: found.presets, labels: found.labels }
    const source = prometheusSource({
      client,
      settings: prometheus,
      regions: regions.length === 1 ? regions : [unknownRegion],
      histograms: [],
      now,
      server: settings.url,
    })
    const table = await source.read(window)
    for (const finding of [...found.findings, ...table.findings]) this.note(finding)
    return {
      url: settings.url,
      presets: found.presets,
      labels: found.labelCounts,
      from: formatInstant(table.start),
      to: formatInstant(table.start + table.length * table.stepSeconds),
      workloads: summarizeLoad(flags['tenant-names'] ? table : hideTenants(table)),
      proposal: proposeConfig({
        environment,
        prometheus,
        guessedLabels: found.guessed,
        models: placeModels(table, found),
        tenants: new Set(table.workloads.flatMap(({ workload }) => workload.tenant ?? [])).size,
      }),
    }
  }
}

/** Which servers to ask, for which environment. */
interface Asked {
  /** Configuration that file names are relative to. */
  configPath: string
  environment: string
  settings: PrometheusSettings[]
  regions: readonly string[]
}

/** The servers of the environment's sources; without one, that of its collector. */
async function readAsked(flags: { config: string; env?: string | undefined }): Promise<Asked> {
  const config = await readConfig(flags.config)
  const { name, environment } = environmentOf(config, flags.env)
  const sources = listSources(config, name).flatMap(({ prometheus }) => prometheus ?? [])
  const settings = sources.length > 0 ? sources : [config.metrics.collector?.prometheus ?? []].flat()
  if (settings.length > 0)
    return { configPath: flags.config, environment: name, settings, regions: environment.regions }
  throw new LlmscaleError(
    'usage',
    'FLAG_INVALID',
    `${flags.config} names no prometheus for environment ${name}`,
    ['Name one: --url http://localhost:9090'],
  )
}

/** Throws a usage error FLAG_INVALID where the flags make no settings of a server. */
function describeAsked(
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
  if (parsed.success)
    return { configPath: flags.config, environment: 'production', settings: [parsed.data], regions: [] }
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue]
  const [setting, ...names] = path.map(String) as [string]
  const flag = { auth: 'token-env', headers: 'header', labels: 'label' }[setting] ?? setting
  throw new LlmscaleError('usage', 'FLAG_INVALID', `--${[flag, ...names].join(' ')}: ${message}`, [
    'What no flag can say, such as {env: NAME} of a header, llmscale.yaml can: llmscale metrics discover without --url asks its servers.',
  ])
}

function pairs(flag: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw new LlmscaleError('usage', 'FLAG_INVALID', `${flag}: ${JSON.stringify(text)} is not NAME=VALUE`, [
        `${flag} NAME=VALUE`,
      ])
    }),
  )
}

function hideTenants(table: DemandTable): DemandTable {
  const key = process.env[aliasKeyVariable]
  return nameWorkloads(table, ({ tenant, ...rest }) =>
    tenant === undefined ? rest : { ...rest, tenant: aliasTenant(tenant, key) },
  )
}

function placeModels({ workloads }: DemandTable, { targets }: Discovery): ProposedModel[] {
  const regions = new Map<string, Set<string>>()
  for (const { workload } of workloads) {
    const known = regions.get(workload.model) ?? new Set()
    regions.set(workload.model, workload.region === unknownRegion ? known : known.add(workload.region))
  }
  return [...regions].map(([model, of]) => ({ model, regions: [...of], target: targets.get(model) }))
}

function describeServer({ url, presets, labels, from, to, workloads, proposal }: Server): string {
  const span = formatDuration(Math.round((Date.parse(to) - Date.parse(from)) / 1000))
  const { columns, rows } = tabulateLoad(workloads)
  const counts = labels.map(({ label, values }) => `${label} (${values})`)
  return [
    `${url}: ${presets.join(', ') || 'your own queries'}, ${span} until ${to}`,
    ...(counts.length > 0 ? [`Labels (values): ${counts.join(', ')}`] : []),
    '',
    formatTable(columns, rows),
    '',
    'For llmscale.yaml, to be looked at:',
    '',
    proposal.trimEnd(),
  ].join('\n')
}
