import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { withDemand } from '../../cli/demand.js'
import { duration, instant } from '../../cli/flags.js'
import { environmentOf, readConfig } from '../../cli/project.js'
import { wrapWords } from '../../cli/prose.js'
import { formatTable } from '../../cli/table.js'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { workloadId } from '../../kit/workload.js'
import { type DataQuality, type QualityRun, shortInstant } from '../../metrics/data-quality.js'
import { type DemandColumns, demandColumns } from '../../metrics/files/demand-columns.js'
import { fileSource } from '../../metrics/files/file-source.js'
import { readDemand } from '../../metrics/read-demand.js'

const Run = z.strictObject({
  from: z.string(),
  to: z.string(),
  points: z.int(),
  why: z.string(),
})

export const Result = z.strictObject({
  stepSeconds: z.number().describe('Step at which the files were read.'),
  files: z.array(
    z.strictObject({
      path: z.string(),
      layout: z.enum(['aggregated', 'requests', 'prometheus']),
      rows: z.int(),
      badRows: z.int(),
      badExamples: z
        .array(z.strictObject({ line: z.int(), why: z.string(), text: z.string() }))
        .describe('The first bad rows.'),
    }),
  ),
  workloads: z.array(
    z.strictObject({
      workload: z.string(),
      from: z.string(),
      to: z.string(),
      points: z.int().describe('Steps from the first to the last row.'),
      observed: z.int().describe('Steps that are learned from.'),
      duplicates: z.int().describe('Steps with more than one row.'),
      tokens: z.enum(['measured', 'assumed', 'none']),
      masked: z.array(Run),
      suspicious: z.array(Run).describe('Near-zero runs kept as genuine.'),
      levelShifts: z.array(
        z.strictObject({ at: z.string(), ratio: z.number().describe('Level after over level before.') }),
      ),
    }),
  ),
})

export default class MetricsCheck extends BaseCommand {
  static override description = 'Check demand files: span, step, gaps, duplicates, bad rows, level shifts.'
  static override examples = [
    '<%= config.bin %> metrics check',
    '<%= config.bin %> metrics check demand.csv.gz --region us-east-1',
    '<%= config.bin %> metrics check log.csv --column timestamp=time --column model=deployment',
  ]
  static override strict = false
  static override args = {
    file: Args.string({ description: 'Demand files; default those of the config.' }),
  }
  static override flags = {
    step: duration({ description: 'Step to check at, where it is not that of the file.' }),
    'as-of': instant({ description: 'Only what was over at this time.' }),
    region: Flags.string({ description: 'Region of files without a region column.' }),
    column: Flags.string({
      description: 'Column of the file: OUR_NAME=ITS_NAME.',
      multiple: true,
      default: [],
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags, argv } = await this.parse(MetricsCheck)
    const files = argv as string[]
    if (files.length === 0 && (flags.region !== undefined || flags.column.length > 0)) {
      throw new LlmscaleError('usage', 'FLAG_INVALID', '--region and --column are of files that are named', [
        'Name the files, or set metrics.columns in llmscale.yaml.',
      ])
    }
    this.progress('Reading demand …')
    const { quality } =
      files.length === 0
        ? await this.checkConfigured({ ...flags, until: flags['as-of'] })
        : await readDemand({
            sources: [
              {
                source: fileSource({
                  files,
                  // Without a config the region only completes names; it need not be known to check a file.
                  regions: [flags.region ?? 'default'],
                  columns: parseColumns(flags.column),
                }),
              },
            ],
            stepSeconds: flags.step,
            until: flags['as-of'],
          })
    for (const finding of quality.findings) this.warnings.push(finding)
    this.log(describeQuality(quality))
    return createResult(quality)
  }

  private async checkConfigured(flags: {
    config: string
    env?: string | undefined
    step?: number | undefined
    until?: number | undefined
  }): ReturnType<typeof readDemand> {
    const config = await readConfig(flags.config)
    return withDemand(this, config, environmentOf(config, flags.env).name, flags, readDemand)
  }
}

function parseColumns(pairs: string[]): DemandColumns {
  const columns: DemandColumns = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const ours = demandColumns.find((column) => column === pair.slice(0, at))
    if (ours === undefined || at === pair.length - 1) {
      const near = nearestName(pair.slice(0, Math.max(0, at)), demandColumns)
      throw new LlmscaleError(
        'usage',
        'FLAG_INVALID',
        `--column: ${JSON.stringify(pair)} is not OUR_NAME=ITS_NAME, with our name one of ${demandColumns.join(', ')}`,
        near === undefined ? [] : [`--column ${near}=${pair.slice(at + 1)}`],
      )
    }
    columns[ours] = pair.slice(at + 1)
  }
  return columns
}

/** Runs and rows beyond so many are in `--json` alone. */
const shownRuns = 10

const width = 80

/** Text of at most 80 columns, as far as names of files and workloads let it. */
function describeQuality(quality: DataQuality): string {
  const step = formatDuration(quality.stepSeconds)
  const lines = quality.inputs.flatMap((file) => [
    `${file.path}: ${file.rows} ${describeLayout(file.layout, step)}`,
    ...file.badExamples.map(({ line, why, text }) =>
      `  line ${line} dropped, ${why}${text && `: ${text}`}`.slice(0, width),
    ),
    ...(file.badRows > file.badExamples.length ? [`  ${file.badRows} bad rows in all`] : []),
  ])
  const table = formatTable(
    [
      { header: 'Workload' },
      { header: 'From' },
      { header: 'To' },
      { header: 'Steps', align: 'right' },
      { header: 'Masked', align: 'right' },
      { header: 'Twice', align: 'right' },
      { header: 'Tokens' },
    ],
    quality.workloads.map(({ workload, from, to, points, masked, duplicates, tokens }) => [
      workloadId(workload),
      shortInstant(from).slice(0, 10),
      shortInstant(to - 1).slice(0, 10),
      String(points),
      String(countPoints(masked)),
      String(duplicates),
      tokens,
    ]),
  )
  lines.push('', table)
  for (const { workload, masked, suspicious, levelShifts } of quality.workloads) {
    if (masked.length + suspicious.length + levelShifts.length === 0) continue
    const isMasked = countPoints(masked) > 0 ? ` (${countPoints(masked)} steps masked)` : ''
    lines.push('', `${workloadId(workload)}${isMasked}, times in UTC`)
    const runs = [...masked, ...suspicious]
    for (const { from, to, points, why } of runs.slice(0, shownRuns)) {
      lines.push(`  ${shortInstant(from)}  ${shortInstant(to)}  ${String(points).padStart(4)}  ${why}`)
    }
    if (runs.length > shownRuns) lines.push(`  … and ${runs.length - shownRuns} more (--json lists all)`)
    for (const { at, ratio } of levelShifts) {
      lines.push(`  ${shortInstant(at).slice(0, 10)}  the level changes ${ratio.toPrecision(2)}-fold`)
    }
  }
  // What stands above needs no second mention.
  const told = ['BAD_ROWS_DROPPED', 'GAPS_MASKED', 'LEVEL_SHIFT']
  const others = quality.findings.filter(({ code }) => !told.includes(code))
  if (others.length > 0) lines.push('', ...others.flatMap(({ message }) => wrapWords(message, width)))
  return lines.join('\n')
}

function describeLayout(layout: DataQuality['inputs'][number]['layout'], step: string): string {
  if (layout === 'prometheus') return `samples, one every ${step}`
  return `rows, ${layout === 'aggregated' ? `one every ${step}` : `one a request, counted every ${step}`}`
}

function countPoints(runs: QualityRun[]): number {
  return runs.reduce((sum, { points }) => sum + points, 0)
}

function createResult(quality: DataQuality): z.infer<typeof Result> {
  const run = (each: QualityRun) => ({
    ...each,
    from: formatInstant(each.from),
    to: formatInstant(each.to),
  })
  return {
    stepSeconds: quality.stepSeconds,
    files: quality.inputs,
    workloads: quality.workloads.map((each) => ({
      ...each,
      workload: workloadId(each.workload),
      from: formatInstant(each.from),
      to: formatInstant(each.to),
      masked: each.masked.map(run),
      suspicious: each.suspicious.map(run),
      levelShifts: each.levelShifts.map(({ at, ratio }) => ({ at: formatInstant(at), ratio })),
    })),
  }
}
