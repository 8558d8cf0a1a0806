import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { readCalendar } from '../cli/calendar.js'
import { shard } from '../cli/flags.js'
import { requireForecastPath, writeForecastFile } from '../cli/forecast-file.js'
import { forecastFlags, readForecastInput } from '../cli/forecast-input.js'
import { forecastInThreads } from '../cli/forecast-threads.js'
import { wrapProse } from '../cli/prose.js'
import { formatTable } from '../cli/table.js'
import type { ForecastScore } from '../forecast/demand-forecast.js'
import type { ForecastReport } from '../forecast/forecast-report.js'
import { listShard } from '../forecast/shard.js'
import { roundTo } from '../kit/canonical.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'

const Range = z
  .strictObject({ p10: z.number(), p50: z.number(), p90: z.number() })
  .describe('Quantiles over the sample paths.')

export const Result = z.strictObject({
  origin: z.string().describe('End of the history that was used.'),
  stepSeconds: z.number(),
  horizonSeconds: z.number(),
  seed: z.int(),
  written: z.array(z.string()).describe('Files written.'),
  notes: z.array(z.string()).describe('What the forecast falls back to, and why.'),
  workloads: z.array(
    z.strictObject({
      workload: z.string(),
      model: z.string().describe('What made the point forecast.'),
      weights: z.record(z.string(), z.number()).describe('Share of each model in it.'),
      tokens: z.enum(['measured', 'assumed', 'none']),
      score: z
        .strictObject({
          pinballLoss: z
            .number()
            .describe(
              'Requests a slot (an hour, or a step where that is longer), mean over the quantiles of the forecast file.',
            ),
          baselinePinballLoss: z.number(),
          baseline: z.string().describe('The best naive baseline.'),
          forecastSkill: z.number().describe('1 − pinballLoss / baselinePinballLoss.'),
          wape: z.number().describe('Weighted absolute percentage error of the point forecast, 0 ….'),
          coverage90: z.number().describe('Share of points inside the 90 % interval.'),
          origins: z.int(),
        })
        .nullable()
        .describe('On rolling origins; null when the history is too short.'),
      covariates: z
        .exactOptional(
          z.array(
            z.strictObject({
              name: z.string(),
              skill: z
                .number()
                .nullable()
                .describe('1 − error of the first hours with it / without it, on past days.'),
              skillInterval: z
                .strictObject({ low: z.number(), high: z.number() })
                .nullable()
                .describe('90 %, over resampled days; null with fewer than five.'),
            }),
          ),
        )
        .describe('What each covariate is worth to it; absent without any.'),
      days: z.array(
        z.strictObject({
          from: z.string(),
          meanRequestsPerSecond: Range,
          peakRequestsPerSecond: Range.describe('Of the day’s busiest step.'),
        }),
      ),
    }),
  ),
})

type ReportedWorkload = ForecastReport['workloads'][number]

export default class Forecast extends BaseCommand {
  static override description = 'Forecast demand: quantiles to a file, or a summary by day with its score.'
  static override examples = [
    '<%= config.bin %> forecast',
    '<%= config.bin %> forecast --metrics demand.csv.gz --step 10m --horizon 7d --out forecast.parquet',
    '<%= config.bin %> forecast --shard 0/4 --out shard-0.parquet',
    '<%= config.bin %> forecast --as-of 2025-03-14T00:00:00Z --json',
  ]
  static override flags = {
    ...forecastFlags,
    out: Flags.string({ description: 'Forecast file to write, .csv or .parquet.' }),
    shard: shard({
      description: 'Forecast this part of the workloads, INDEX from 0; `forecast merge` joins the files.',
      dependsOn: ['out'],
    }),
    threads: Flags.integer({
      description: 'Threads; default one a processor, where there are enough workloads.',
      min: 1,
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Forecast)
    if (flags.out !== undefined) requireForecastPath(flags.out)
    const { history, config } = await readForecastInput(this, flags)
    const horizonSeconds = flags.horizon ?? config?.forecast.horizon ?? 7 * secondsPerDay
    this.progress('Forecasting …')
    const report = await forecastInThreads(
      history,
      {
        horizonSeconds,
        seed: flags.seed ?? config?.forecast.seed ?? 1,
        wanted: listShard(history, flags.shard ?? { index: 0, of: 1 }),
        wantsCsv: flags.out !== undefined,
        calendar:
          config && (await readCalendar(config, { configPath: flags.config }, history, horizonSeconds)),
      },
      flags.threads,
    )
    for (const message of report.notes) this.note({ code: 'FORECAST_FALLBACK', message })

    if (flags.out === undefined) {
      this.log(describeForecast(report))
    } else {
      await writeForecastFile(flags.out, report.csv, flags.shard)
      this.hint(`Wrote ${flags.out}.`)
    }
    return createResult(report, flags.out === undefined ? [] : [flags.out])
  }
}

/** Text of at most 80 columns. */
function describeForecast({ origin, stepSeconds, length, pathCount, workloads }: ForecastReport): string {
  const head = `Forecast from ${formatInstant(origin)}, ${formatDuration(length * stepSeconds)} ahead every ${formatDuration(stepSeconds)}.
Requests per second: median, 10 % and 90 % of ${pathCount} sample paths.`
  const parts = workloads.map((workload) =>
    [workloadId(workload.workload), tabulateDays(workload.days), wrapProse(describeScore(workload), 80)].join(
      '\n',
    ),
  )
  return [head, ...parts].join('\n\n')
}

function tabulateDays(days: ReportedWorkload['days']): string {
  const right = (header: string) => ({ header, align: 'right' as const })
  return formatTable(
    [
      { header: 'Day from (UTC)' },
      ...['Mean', '10 %', '90 %', 'Peak', '10 %', '90 %'].map((header) => right(header)),
    ],
    days.map(({ from, meanRequestsPerSecond: mean, peakRequestsPerSecond: peak }) => [
      formatInstant(from).slice(0, 16).replace('T', ' '),
      ...[mean.p50, mean.p10, mean.p90, peak.p50, peak.p10, peak.p90].map((rate) => String(roundTo(rate, 3))),
    ]),
  )
}

function describeScore({ model, weights, score }: ReportedWorkload): string {
  const parts = Object.entries(weights).map(([name, weight]) => `${name} ${percent(weight)}`)
  return [
    `Model: ${parts.length > 1 ? `${model} of ${parts.join(', ')}` : model}.`,
    `Score: ${score === undefined ? 'none; the history is too short for rolling origins.' : scoreText(score)}`,
  ].join('\n')
}

function scoreText({ forecastSkill, baseline, wape, coverage90, origins }: ForecastScore): string {
  return `skill ${forecastSkill.toFixed(2)} over ${baseline}, WAPE ${percent(wape)}, ${percent(coverage90)} inside the 90 % interval (rolling origin, ${origins} days).`
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}

function createResult(report: ForecastReport, written: string[]): z.infer<typeof Result> {
  const { origin, stepSeconds, length, seed, notes } = report
  return {
    origin: formatInstant(origin),
    stepSeconds,
    horizonSeconds: length * stepSeconds,
    seed,
    written,
    notes,
    workloads: report.workloads.map(({ workload, score, days, ...told }) => ({
      workload: workloadId(workload),
      ...told,
      score: score ?? null,
      days: days.map(({ from, ...ranges }) => ({ from: formatInstant(from), ...ranges })),
    })),
  }
}
