import { stat } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../../cli/base-command.js'
import { duration, instant } from '../../cli/flags.js'
import { writeFileWhole } from '../../delivery/files.js'
import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'
import { demandCsv } from '../../metrics/demand-csv.js'
import { type ScenarioName, scenarioNames, synthesizeDemand } from '../../metrics/scenarios.js'

export const Result = z.strictObject({
  file: z.string(),
  scenario: z.enum(scenarioNames),
  seed: z.int(),
  start: z.string(),
  end: z.string(),
  stepSeconds: z.number(),
  workloads: z.int(),
  rows: z.int(),
})

const leastDays = 1
const mostDays = 3660

export default class MetricsSynth extends BaseCommand {
  static override description = 'Write made-up demand of a seeded scenario, for trials and tests.'
  static override examples = [
    '<%= config.bin %> metrics synth --scenario example-fleet --out demand.csv',
    '<%= config.bin %> metrics synth --scenario launch-and-gap --seed 7 --days 56 --step 5m --out demand.csv.gz',
  ]
  static override flags = {
    scenario: Flags.option({
      options: scenarioNames,
      description: 'What happens in it.',
      default: 'example-fleet' as ScenarioName,
    })(),
    seed: Flags.integer({ description: 'The same seed gives the same file.', default: 1 }),
    days: Flags.integer({ description: 'Length.', default: 28, min: leastDays, max: mostDays }),
    step: duration({ description: 'Time from row to row.', default: 15 * 60 }),
    start: instant({ description: 'Start of the first step; default 2026-01-05T00:00:00Z.' }),
    out: Flags.string({ description: 'File to write: .csv or .csv.gz.', required: true }),
    force: Flags.boolean({ description: 'Replace the file if it exists.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(MetricsSynth)
    requireStep(flags.step)
    await requireOutput(flags.out, flags.force)
    const start = flags.start ?? Date.UTC(2026, 0, 5) / 1000
    const history = synthesizeDemand(flags.scenario, {
      seed: flags.seed,
      days: flags.days,
      stepSeconds: flags.step,
      start,
    })
    const csv = demandCsv(history)
    await writeFileWhole(flags.out, flags.out.endsWith('.gz') ? gzipSync(csv) : csv)
    const result = {
      file: flags.out,
      scenario: flags.scenario,
      seed: flags.seed,
      start: formatInstant(start),
      end: formatInstant(start + history.length * history.stepSeconds),
      stepSeconds: history.stepSeconds,
      workloads: history.workloads.length,
      rows: csv.split('\n').length - 2,
    }
    this.log(
      `${result.file}: ${result.rows} rows of made-up demand, ${result.workloads} workloads,\n${result.start} to ${result.end} every ${formatDuration(result.stepSeconds)}`,
    )
    this.hint(`Next: llmscale metrics check ${flags.out}`)
    return result
  }
}

function requireStep(stepSeconds: number): void {
  if (stepSeconds >= 1 && secondsPerDay % stepSeconds === 0) return
  throw new LlmscaleError(
    'usage',
    'FLAG_INVALID',
    `--step: ${formatDuration(stepSeconds)} does not divide a day; write 5m, 15m or 1h`,
  )
}

async function requireOutput(path: string, force: boolean): Promise<void> {
  if (!/\.csv(\.gz)?$/.test(path)) {
    throw new LlmscaleError(
      'usage',
      'FLAG_INVALID',
      `--out: ${JSON.stringify(path)} must end in .csv or .csv.gz`,
    )
  }
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  if (exists && !force) {
    throw new LlmscaleError('outputNotWritable', 'OUTPUT_EXISTS', `${path} exists and is left as it is`, [
      'Name another file, or give --force to replace it.',
    ])
  }
}
