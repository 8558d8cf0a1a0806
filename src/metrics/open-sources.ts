import { dirname, resolve } from 'node:path'
import type { Config, CovariateSettings } from '../config/schema.js'
import { digestText } from '../kit/digest.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import type { EpochSeconds } from '../kit/units.js'
import { type CovariateSource, fileCovariate } from './covariates.js'
import type { DemandSource } from './demand-source.js'
import { fileSource } from './files/file-source.js'
import type { HistogramMetric } from './histogram.js'
import { type DayStore, openDayStore } from './prometheus/day-store.js'
import type { PrometheusClient } from './prometheus/prometheus-client.js'
import type { PrometheusSettings } from './prometheus/prometheus-settings.js'
import type { DemandOptions, SourcePart } from './read-demand.js'
import { readSecret } from './secret.js'
import { aliasTenant } from './tenant-alias.js'

/** Where the answers of a Prometheus are kept, beside llmscale.yaml. */
export const dayStorePath = '.llmscale/metrics.duckdb'
/** Environment variable whose secret makes aliases that nobody else can compute. */
export const aliasKeyVariable = 'LLMSCALE_TENANT_KEY'

export interface SourceContext {
  configPath: string
  environment: string
  /** Files, relative to the working folder, instead of the sources of the configuration. */
  files?: readonly string[] | undefined
  now: EpochSeconds
  /** Which histograms a Prometheus is asked for; default the lengths, which sizing reads. */
  histograms?: readonly HistogramMetric[] | undefined
  /** False: nothing is kept, and nothing that was kept is used. */
  cache?: boolean | undefined
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** One of `metrics.sources:`; `metrics.files:` is the short form of one. */
export type SourceSettings = NonNullable<Config['metrics']['sources']>[number]

/** The sources that an environment reads. */
export function listSources({ metrics }: Config, environment: string): SourceSettings[] {
  const listed: SourceSettings[] = metrics.sources ?? [{ files: metrics.files! }]
  return listed.filter(({ environments }) => environments?.includes(environment) ?? true)
}

/**
 * The sources of `metrics:` for one environment, ready to be read, with how workloads are named. Call `close` when
 * done. Throws `configInvalid` where a secret is missing.
 */
export async function openSources(
  config: Config,
  context: SourceContext,
): Promise<{
  options: Required<Pick<DemandOptions, 'sources' | 'renames' | 'nameTenant' | 'covariates'>>
  warnings: Warning[]
  close: () => void
}> {
  const { metrics, environments, workloads } = config
  const { regions } = environments[context.environment]!
  const here = context.files === undefined ? listSources(config, context.environment) : []
  let warnings: Warning[] = []
  let store: DayStore | undefined
  if (context.cache !== false && here.some(({ prometheus }) => prometheus !== undefined)) {
    const opened = await openDayStore(resolve(dirname(context.configPath), dayStorePath), context.now)
    store = opened.store
    warnings = opened.warnings // it grows while the store is used
  }
  const sources: SourcePart[] = []
  if (context.files !== undefined)
    sources.push({ source: fileSource({ ...fileOptions(config, regions), files: [...context.files] }) })
  for (const settings of here) {
    const { from, until, workloads, prometheus } = settings
    const source =
      prometheus === undefined
        ? openFiles(settings, config, context.configPath, regions)
        : await openPrometheus(prometheus, regions, store, context)
    sources.push({ source, from, until, workloads })
  }
  const covariates: CovariateSource[] = []
  for (const settings of context.files === undefined ? (metrics.covariates ?? []) : [])
    covariates.push(
      settings.query === undefined
        ? fileCovariate(settings, dirname(resolve(context.configPath)))
        : await openQueryCovariate(settings, here, store, context),
    )
  const named = new Set(workloads.flatMap(({ tenant }) => tenant ?? []))
  const key = process.env[aliasKeyVariable]
  const nameTenant = (tenant: string) =>
    metrics.tenantNames === 'plain' || named.has(tenant) ? tenant : aliasTenant(tenant, key)
  return {
    options: { sources, renames: metrics.renames, nameTenant, covariates },
    warnings,
    close: () => store?.close(),
  }
}

/** A source of files that the configuration names: relative to the configuration's own folder. */
export function openFiles(
  { files, columns }: SourceSettings,
  config: Config,
  configPath: string,
  regions: readonly string[],
): DemandSource {
  const folder = dirname(resolve(configPath))
  const options = fileOptions(config, regions)
  return fileSource({
    ...options,
    columns: columns ?? options.columns,
    files: files!.map((file) => (file.startsWith('s3://') ? file : resolve(folder, file))),
  })
}

function fileOptions({ metrics }: Config, regions: readonly string[]) {
  return {
    columns: metrics.columns,
    regions: [...regions],
    maximumBadRows: metrics.maximumBadRows,
    hidesTenants: metrics.tenantNames === 'alias',
  }
}

/** A source of a Prometheus, whose modules are loaded here and not before. */
async function openPrometheus(
  settings: PrometheusSettings,
  regions: readonly string[],
  store: DayStore | undefined,
  context: SourceContext,
): Promise<DemandSource> {
  const { prometheusSource } = await import('./prometheus/prometheus-source.js')
  return prometheusSource({
    client: await openClient(settings, context.configPath),
    settings,
    regions,
    histograms: context.histograms ?? ['input_tokens', 'output_tokens'],
    now: context.now,
    store,
    server: serverKey(settings, context.configPath),
    onProgress: context.onProgress,
  })
}

/** Throws `configInvalid` COVARIATE_UNREADABLE where no Prometheus can be asked. */
async function openQueryCovariate(
  settings: CovariateSettings,
  sources: readonly SourceSettings[],
  store: DayStore | undefined,
  context: SourceContext,
): Promise<CovariateSource> {
  const prometheus = sources.find((each) => each.prometheus !== undefined)?.prometheus
  if (prometheus === undefined)
    throw new LlmscaleError(
      'configInvalid',
      'COVARIATE_UNREADABLE',
      `covariate ${settings.name} has a query, and no source of ${context.environment} is a Prometheus`,
      ['Give it files instead, or a Prometheus among metrics.sources.'],
    )
  const { queryCovariate } = await import('./prometheus/query-covariate.js')
  return queryCovariate(settings, {
    client: await openClient(prometheus, context.configPath),
    modelLabel: prometheus.labels.model,
    regionLabel: prometheus.labels.region,
    parallel: prometheus.parallel,
    store,
    server: serverKey(prometheus, context.configPath),
    now: context.now,
  })
}

/**
 * What identifies a server in the store. Headers such as X-Scope-OrgID choose a tenant of it: their values count, as a
 * digest, wherever they come from.
 */
function serverKey({ url, auth, headers }: PrometheusSettings, configPath: string): string {
  const folder = dirname(resolve(configPath))
  const values = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : readSecret(value, folder),
  ])
  return digestText(JSON.stringify([url, auth ?? null, values]))
}

/** A client by the settings of a configuration; throws `configInvalid` where a secret or certificate is missing. */
export async function openClient(
  settings: PrometheusSettings,
  configPath: string,
): Promise<PrometheusClient> {
  const { createPrometheusClient } = await import('./prometheus/http-client.js')
  const { url, auth, tls, headers, parallel, timeout: timeoutSeconds } = settings
  const folder = dirname(resolve(configPath))
  return createPrometheusClient({ url, auth, tls, headers, parallel, timeoutSeconds, folder })
}
