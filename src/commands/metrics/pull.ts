import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { withDemand } from '../../cli/demand.js'
import { duration, instant } from '../../cli/flags.js'
import { type Collector, collectorOf, environmentOf, readConfig } from '../../cli/project.js'
import { formatTable } from '../../cli/table.js'
import type { Config } from '../../config/schema.js'
import type { FileContent } from '../../delivery/files.js'
import { csvToParquet } from '../../delivery/parquet.js'
import { destinationOf, parseDestination, publishFiles } from '../../delivery/publish.js'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { formatCount } from '../../kit/format.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'
import { workloadId } from '../../kit/workload.js'
import { shortInstant } from '../../metrics/data-quality.js'
import type { DemandTable } from '../../metrics/demand-table.js'
import { histogramMetrics } from '../../metrics/histogram.js'
import { readTable } from '../../metrics/read-demand.js'
import { histogramCsv, knownDays, tableCsv } from '../../metrics/table-csv.js'

export const Result = z.strictObject({
  from: z.string(),
  to: z.string(),
  stepSeconds: z.number(),
  written: z.array(z.string()).describe('Files, objects or paths on a branch.'),
  workloads: z.array(
    z.strictObject({
      workload: z.string(),
      from: z.string(),
      to: z.string(),
      steps: z.int().describe('Steps from the first to the last value.'),
      missing: z.int().describe('Of these, steps without a value.'),
      requests: z.number().describe('All that arrived.'),
      tokenRequests: z.number().describe('Of these, requests whose tokens are known.'),
      inputTokens: z.number().nullable().describe('Null where unknown.'),
      outputTokens: z.number().nullable(),
    }),
  ),
})

export default class MetricsPull extends BaseCommand {
  static override description =
    'Write the demand of the configured sources to a file: what arrived, by step and workload.'
  static override examples = [
    '<%= config.bin %> metrics pull --out demand.parquet',
    '<%= config.bin %> metrics pull --last 56d --step 5m --out demand.csv.gz --histograms histograms.csv',
    '<%= config.bin %> metrics pull --last 2d --out "s3://bucket/demand/{day}.parquet"',
  ]
  static override flags = {
    out: Flags.string({
      description:
        'Where to: .csv, .csv.gz or .parquet; also s3://bucket/key or git+https://host/repo.git#branch:path. {day} makes one file a day (UTC).',
    }),
    histograms: Flags.string({
      description: 'Also write lengths and latencies by day, all in one file: as --out, without {day}.',
    }),
    from: instant({ description: 'Only steps from this time on.', exclusive: ['last'] }),
    last: duration({ description: 'Only so far back from now, from midnight (UTC) on.', helpValue: '28d' }),
    'as-of': instant({ description: 'Only what was over at this time; default now.' }),
    step: duration({ description: 'Step of a Prometheus; default the config’s, or 5m.' }),
    cache: Flags.boolean({
      description: 'Keep what a Prometheus answered in .llmscale/metrics.duckdb, and use it.',
      default: true,
      allowNo: true,
    }),
    collector: Flags.boolean({
      description: 'Read and write what metrics.collector says: for the job inside the cluster.',
      exclusive: ['out'],
    }),
    force: Flags.boolean({
      description: 'Replace a file that exists, and with {day} also a day whose beginning is not known.',
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(MetricsPull)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const collector = flags.collector ? collectorOf(config, flags.config) : undefined
    const out = collector?.to ?? flags.out
    if (out === undefined)
      throw new LlmscaleError('usage', 'FLAG_INVALID', '--out is needed, or --collector', [
        '--out demand.parquet',
      ])
    if (collector === undefined) await requireTarget('--out', out, flags.force)
    if (flags.histograms !== undefined) {
      await requireTarget('--histograms', flags.histograms, flags.force)
      requireOneFile('--histograms', flags.histograms)
    }
    const now = flags['as-of'] ?? Date.now() / 1000
    const last = flags.last ?? collector?.last
    const from = last === undefined ? flags.from : Math.floor((now - last) / secondsPerDay) * secondsPerDay

    const table = await withDemand(
      this,
      collector === undefined ? config : collectorConfig(config, collector),
      environment,
      { config: flags.config, step: flags.step, until: flags['as-of'], from },
      readTable,
      { cache: flags.cache, histograms: flags.histograms === undefined ? [] : histogramMetrics },
    )
    for (const finding of table.findings) this.note(finding)
    this.progress('Writing …')
    const { files, skipped } = await formatDemand(table, out, flags.force)
    if (skipped !== undefined) this.note(skipped)
    if (files.size > 0) await publishFiles(out, files)
    const written = [...files.keys()]
    if (flags.histograms !== undefined) {
      const content = await encode(histogramCsv(table), flags.histograms, 'day')
      await publishFiles(flags.histograms, new Map([[flags.histograms, content]]))
      written.push(flags.histograms)
    }
    this.log(describeTable(table))
    if (written.length > 0) this.hint(`Wrote ${listShort(written)}.`)
    return createResult(table, written)
  }
}

/** The configuration as the job inside the cluster sees it. */
function collectorConfig(config: Config, { prometheus }: Collector): Config {
  const { files: _, ...metrics } = config.metrics
  return { ...config, metrics: { ...metrics, sources: [{ prometheus }] } }
}

const formats = /\.(csv|csv\.gz|parquet)$/i

/** Refuses what cannot be written before anything is read. */
async function requireTarget(flag: string, target: string, force: boolean): Promise<void> {
  const { kind } = parseDestination(target, flag)
  if (!formats.test(target)) {
    throw new LlmscaleError(
      'usage',
      'FLAG_INVALID',
      `${flag}: ${target} is neither .csv, .csv.gz nor .parquet`,
      [`${flag} ${target.replace(/\.\w+$/, '')}.parquet`],
    )
  }
  if (kind !== 'file' || target.includes('{day}') || force) return
  const exists = await stat(target).then(
    () => true,
    () => false,
  )
  if (!exists) return
  throw new LlmscaleError('outputNotWritable', 'OUTPUT_EXISTS', `${target} exists`, [
    'Add --force to replace it, or write one file a day: name it with {day}.',
  ])
}

function requireOneFile(flag: string, target: string): void {
  if (!target.includes('{day}')) return
  throw new LlmscaleError(
    'usage',
    'FLAG_INVALID',
    `${flag}: ${target} has {day} in it; lengths and latencies of all days are one file, with a column for the day`,
    [`${flag} ${target.replaceAll('{day}', 'histograms')}`],
  )
}

/**
 * The files of a destination: one, or one a day where its name asks for it. A day whose beginning is not known, as after
 * a loss of data or where its retention ends, would replace what an earlier pull wrote by less: it is skipped.
 */
async function formatDemand(
  table: DemandTable,
  out: string,
  force: boolean,
): Promise<{ files: Map<string, FileContent>; skipped?: Warning }> {
  const files = new Map<string, FileContent>()
  if (!out.includes('{day}'))
    return { files: files.set(out, await encode(tableCsv(table), out, 'timestamp')) }
  const { days, from } = knownDays(table)
  const [first] = days
  const isCut = first !== undefined && from !== undefined && from - first >= table.stepSeconds && !force
  for (const day of isCut ? days.slice(1) : days) {
    const csv = tableCsv(table, day, day + secondsPerDay)
    files.set(destinationOf(out, formatInstant(day).slice(0, 10)), await encode(csv, out, 'timestamp'))
  }
  if (!isCut) return { files }
  const message = `${formatInstant(first).slice(0, 10)} is not written: what was read of it begins at ${formatInstant(from)}, and an earlier pull may have written more; --force writes it all the same.`
  return { files, skipped: { code: 'DAY_SKIPPED', message } }
}

async function encode(csv: Iterable<string>, path: string, time: string): Promise<FileContent> {
  if (/\.parquet$/i.test(path)) return csvToParquet(csv, time, ['model', 'region', 'tenant', 'metric'])
  return /\.gz$/i.test(path) ? pipeline(Readable.from(csv), createGzip(), buffer) : csv
}

function createResult(table: DemandTable, written: string[]): z.infer<typeof Result> {
  const { start, stepSeconds, length } = table
  return {
    from: formatInstant(start),
    to: formatInstant(start + length * stepSeconds),
    stepSeconds,
    written,
    workloads: summarizeWorkloads(table).map(({ from, to, ...rest }) => ({
      ...rest,
      from: formatInstant(from),
      to: formatInstant(to),
    })),
  }
}

function summarizeWorkloads({ start, stepSeconds, workloads }: DemandTable) {
  return workloads.map(({ workload, requests, inputTokens, outputTokens, tokenRequests, first, last }) => {
    const hasTokens = tokenRequests.some((count) => count > 0)
    return {
      workload: workloadId(workload),
      from: start + first * stepSeconds,
      to: start + (last + 1) * stepSeconds,
      steps: last + 1 - first,
      missing: requests.subarray(first, last + 1).filter(Number.isNaN).length,
      requests: sumKnown(requests),
      tokenRequests: sumKnown(tokenRequests),
      inputTokens: hasTokens ? sumKnown(inputTokens) : null,
      outputTokens: hasTokens ? sumKnown(outputTokens) : null,
    }
  })
}

function sumKnown(column: Float64Array): number {
  return Math.round(column.reduce((sum, value) => sum + (value || 0), 0))
}

/** Workloads beyond so many are in `--json` alone. */
const shownWorkloads = 40

function describeTable(table: DemandTable): string {
  const right = (header: string) => ({ header, align: 'right' as const })
  const all = summarizeWorkloads(table)
  const columns = [
    { header: 'Workload' },
    { header: 'From (UTC)' },
    right('Steps'),
    right('Missing'),
    right('Requests'),
    right('Tokens in'),
    right('out'),
  ]
  const mean = (tokens: number | null, tokenRequests: number) =>
    tokens === null || tokenRequests === 0 ? '' : formatCount(tokens / tokenRequests)
  const rows = all
    .slice(0, shownWorkloads)
    .map(({ workload, from, steps, missing, requests, tokenRequests, ...tokens }) => [
      workload,
      shortInstant(from),
      String(steps),
      String(missing),
      formatCount(requests),
      mean(tokens.inputTokens, tokenRequests),
      mean(tokens.outputTokens, tokenRequests),
    ])
  const hidden = all.length - shownWorkloads
  return [
    `Demand until ${formatInstant(table.start + table.length * table.stepSeconds)}, one step every ${formatDuration(table.stepSeconds)}; tokens: mean of a request.`,
    formatTable(columns, rows),
    ...(hidden > 0 ? [`… and ${hidden} more (--json lists all)`] : []),
  ].join('\n')
}

function listShort(paths: readonly string[]): string {
  const [first, ...rest] = paths
  return rest.length < 3 ? paths.join(', ') : `${first} … ${rest.at(-1)} (${paths.length} files)`
}
