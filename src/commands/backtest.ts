import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { duration } from '../cli/flags.js'
import { forecastFlags, readForecastInput } from '../cli/forecast-input.js'
import { assertWritable } from '../cli/kill-switch.js'
import { besideConfig, environmentOf } from '../cli/project.js'
import { wrapProse } from '../cli/prose.js'
import { formatTable } from '../cli/table.js'
import type { Config } from '../config/schema.js'
import { writeFileWhole } from '../delivery/files.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { ChallengeRecord, writeChallenge } from '../delivery/score-file.js'
import { backtestDemand } from '../forecast/backtest/backtest.js'
import { backtestMaximum, type MaximumBacktest } from '../forecast/backtest/backtest-maximum.js'
import { type BacktestScores, scoreBacktest } from '../forecast/backtest/backtest-scores.js'
import { type Challenge as ChallengeScore, challengeWindow } from '../forecast/backtest/challenger.js'
import { leastWindowSeconds, mostWindowSeconds } from '../forecast/learning-window.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour, secondsPerMinute } from '../kit/units.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { drawBacktestChart } from '../review/backtest-chart.js'
import {
  backtestCsv,
  describeBacktest,
  describeMaxima,
  maximaCsv,
  tabulateCoverage,
  tabulateErrors,
  tabulateHorizons,
  tabulateMaximumFloors,
  tabulateMaximumLosses,
  tabulateSkills,
  tabulateWorkloadScores,
} from '../review/backtest-tables.js'
import type { Table } from '../review/table.js'

const Share = z
  .strictObject({
    share: z.number(),
    low: z.number(),
    high: z.number(),
    count: z.int().describe('Steps or windows that do not overlap.'),
  })
  .describe('With its 95 % binomial interval (Wilson).')
const Figure = z.number().nullable()
const SkillInterval = z
  .strictObject({ low: z.number(), high: z.number() })
  .nullable()
  .describe('90 %, over resampled days; null with fewer than five.')

const Scores = z.array(
  z.strictObject({
    method: z.string(),
    horizonSeconds: z.number().describe('All leads up to here.'),
    points: z.int().describe('Scored pairs of origin and step.'),
    mase: Figure.describe('Mean absolute scaled error, season of a day; the mean over workloads.'),
    wape: Figure.describe('Weighted absolute percentage error of the point forecast, 0 ….'),
    pinball: Figure.describe('Mean over the quantiles of the forecast file, as a share of mean demand.'),
    crps: Figure.describe('Continuous ranked probability score, as a share of mean demand.'),
    intervalScore: Figure.describe('Of the 90 % interval, as a share of mean demand.'),
    coverage50: Share,
    coverage80: Share,
    coverage90: Share,
    skill: Figure.describe('1 − pinball loss / that of the naive baseline of each workload.'),
    skillInterval: SkillInterval,
  }),
)
const Coverage = z.strictObject({ coverage50: Share, coverage80: Share, coverage90: Share })
const Part = z.strictObject({
  scores: Scores,
  daySums: Coverage.describe('Of sums over a day, taken path by path.'),
  maxima: Coverage.describe('Of maxima over a cold start, taken path by path.'),
})

const DemandScores = z.strictObject({
  stepSeconds: z.number(),
  horizonSeconds: z.number(),
  everySeconds: z.number(),
  seed: z.int(),
  maximumSteps: z.int().describe('Steps of a window whose maximum was scored.'),
  horizons: z.array(z.number()).describe('Seconds ahead, ascending.'),
  origins: z.strictObject({ count: z.int(), first: z.string(), last: z.string() }),
  pooled: Part.describe('All workloads together.'),
  workloads: z.array(
    Part.extend({
      workload: z.string(),
      baseline: z.string().describe('The naive model with the least error before the first origin.'),
    }),
  ),
})

const ByQuantile = z.array(Figure)
const MaximumScores = z.array(
  z.strictObject({
    method: z.string(),
    origins: z.int(),
    pinball: ByQuantile.describe('As shares of the mean maximum.'),
    coverage: ByQuantile.describe('Share of maxima not above the quantile.'),
    lateShare: ByQuantile.describe(
      'Share of the load without capacity under the floor of the quantile alone.',
    ),
    idleShare: ByQuantile.describe('Idle capacity of that floor relative to the load.'),
    skill: Figure.describe('1 − pinball loss / that of persistence with a margin.'),
    skillInterval: SkillInterval,
  }),
)
const MaximaScores = z.strictObject({
  stepSeconds: z.number(),
  coldStartSeconds: z.number(),
  everySeconds: z.number(),
  quantiles: z.array(z.number()),
  from: z.string(),
  to: z.string(),
  pooled: MaximumScores.describe('All workloads together.'),
  workloads: z.array(z.strictObject({ workload: z.string(), scores: MaximumScores })),
})

const Challenge = ChallengeRecord.omit({ asOf: true })

const targets = ['demand', 'window-max'] as const

export const Result = z.strictObject({
  target: z.enum(targets),
  demand: DemandScores.nullable().describe('Null for another target.'),
  maxima: MaximaScores.nullable().describe('Null for another target.'),
  challenge: Challenge.nullable().describe('Null without --challenger.'),
  written: z.array(z.string()).describe('Files written.'),
})

export default class Backtest extends BaseCommand {
  static override description =
    'Score the forecast on your own past, out of sample, beside naive baselines and what others do.'
  static override examples = [
    '<%= config.bin %> backtest --metrics demand.csv',
    '<%= config.bin %> backtest --metrics demand.csv --step 1h --horizon 48h --every 3h --out chart.svg',
    '<%= config.bin %> backtest --target window-max --cold-start 5m',
    '<%= config.bin %> backtest --csv > scores.csv',
  ]
  static override flags = {
    ...forecastFlags,
    horizon: duration({ description: 'How far ahead.', default: 2 * secondsPerDay, helpValue: '48h' }),
    target: Flags.option({
      options: targets,
      description: 'What is forecast: demand, or the highest load within a cold start, for floors.',
      default: 'demand' as const,
    })(),
    every: duration({
      description: 'From origin to origin; default 3h, or 5m for window-max.',
      helpValue: '3h',
    }),
    origins: Flags.integer({
      description: 'How many origins at most; default those of 14 days, or of half of the history.',
      min: 1,
    }),
    'cold-start': duration({
      description: 'How long a replica takes; maxima over it are scored too.',
      default: 600,
      helpValue: '10m',
    }),
    challenger: duration({
      description: 'Would learning from this much of the past be better? 7d to 56d, against 56d.',
      helpValue: '14d',
    }),
    record: Flags.boolean({
      description: 'Keep what the challenger did where receipts are: plans follow it (forecast.challenger).',
      dependsOn: ['challenger'],
      exclusive: ['metrics'],
    }),
    out: Flags.string({ description: 'Chart to write, .svg.' }),
    csv: Flags.boolean({ description: 'Print every score as CSV instead of tables.', exclusive: ['json'] }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Backtest)
    if (flags.out !== undefined && !/\.svg$/i.test(flags.out))
      throw new LlmscaleError('usage', 'FLAG_INVALID', `--out: ${flags.out} is not .svg`, [
        `--out ${flags.out.replace(/\.\w+$/, '')}.svg`,
      ])
    if (flags.challenger !== undefined) requireWindow(flags.challenger)
    if (flags.record) assertWritable()
    const { history, config } = await readForecastInput(this, flags, false)
    this.progress('Forecasting from past origins …')
    const coldStartSeconds = flags['cold-start']
    if (flags.target === 'window-max') {
      const everySeconds = flags.every ?? Math.max(5 * secondsPerMinute, history.stepSeconds)
      const maxima = backtestMaximum(history, { coldStartSeconds, everySeconds })
      this.log(flags.csv ? maximaCsv(maxima) : describeFloors(maxima))
      return { target: flags.target, demand: null, maxima: nullify(maxima), challenge: null, written: [] }
    }
    const seed = flags.seed ?? config?.forecast.seed ?? 1
    const demand = scoreBacktest(
      backtestDemand(history, {
        horizonSeconds: flags.horizon,
        everySeconds: flags.every ?? 3 * secondsPerHour,
        origins: flags.origins,
        seed,
        coldStartSeconds,
      }),
    )
    const challenge =
      flags.challenger === undefined
        ? null
        : challengeWindow(history, {
            championSeconds: mostWindowSeconds,
            challengerSeconds: flags.challenger,
            horizonSeconds: flags.horizon,
            seed,
          })
    this.log(flags.csv ? backtestCsv(demand) : describe(demand))
    if (challenge !== null) this.hint(`Challenger: ${challenge.reason}.`)
    if (challenge !== null && flags.record) await this.record(flags, config!, endOf(history), challenge)
    if (flags.out !== undefined) {
      await writeFileWhole(flags.out, drawBacktestChart(demand))
      this.hint(`Wrote ${flags.out}.`)
    }
    return {
      target: flags.target,
      demand,
      maxima: null,
      challenge,
      written: flags.out === undefined ? [] : [flags.out],
    }
  }

  private async record(
    flags: { config: string; env?: string | undefined },
    config: Config,
    dataThrough: EpochSeconds,
    challenge: ChallengeScore,
  ): Promise<void> {
    const { name, environment } = environmentOf(config, flags.env)
    const store = await openStateStore(environment, besideConfig(flags.config, '.'))
    await writeChallenge(store, name, { asOf: formatInstant(dataThrough), ...challenge })
    this.hint(`Kept in ${store.place}.`)
  }
}

function endOf({ start, length, stepSeconds }: DemandHistory): EpochSeconds {
  return start + length * stepSeconds
}

function requireWindow(seconds: number): void {
  if (seconds >= leastWindowSeconds && seconds <= mostWindowSeconds) return
  throw new LlmscaleError(
    'usage',
    'FLAG_INVALID',
    `--challenger: ${formatDuration(seconds)} is not from ${leastWindowSeconds / secondsPerDay}d to ${mostWindowSeconds / secondsPerDay}d`,
  )
}

function describe(scores: BacktestScores): string {
  const texts = [
    tabulateErrors,
    tabulateSkills,
    tabulateHorizons,
    tabulateWorkloadScores,
    tabulateCoverage,
  ].map((tabulate) => format(tabulate(scores)))
  const legend = `Pinball loss, CRPS and interval score are shares of mean demand.
Skill: 1 − pinball loss / that of the naive baseline that was best before the first origin.
Coverage counts each step once, with binomial intervals: neighbours resemble each other, so these are too narrow.`
  return [describeBacktest(scores), ...texts, wrapProse(legend, 80)].join('\n\n')
}

function describeFloors(maxima: MaximumBacktest): string {
  const legend = `Pinball loss is a share of the mean maximum; skill is over persistence with a margin.
Late: share of the load above the floor. Idle: capacity without load, relative to the load. Both of the floor alone.`
  return [
    describeMaxima(maxima),
    format(tabulateMaximumLosses(maxima)),
    format(tabulateMaximumFloors(maxima)),
    wrapProse(legend, 80),
  ].join('\n\n')
}

function format({ columns, rows }: Table): string {
  return formatTable(columns, rows)
}

/** JSON has no NaN, which a method without any origin scores. */
function nullify(maxima: MaximumBacktest): z.infer<typeof MaximaScores> {
  return JSON.parse(JSON.stringify(maxima)) as z.infer<typeof MaximaScores>
}
