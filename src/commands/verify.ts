import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import type { ConfigPlace } from '../cli/calendar.js'
import { withDemand } from '../cli/demand.js'
import { type Deployment, openDeployment } from '../cli/deployment.js'
import { type DriftReport, findDrift } from '../cli/drift.js'
import { instant } from '../cli/flags.js'
import { forecastPlanned, readPlannedDemand } from '../cli/planned-demand.js'
import { readConfigOf } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import type { Config } from '../config/schema.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { findPlanById } from '../delivery/plan-history.js'
import { openRevision } from '../delivery/revision.js'
import { ScoredPlan, type ScoreRecord, writeScore } from '../delivery/score-file.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { forecastDemand } from '../forecast/forecast-demand.js'
import { findLostCovariates, worthOf } from '../forecast/freshness.js'
import { exitCodes, LlmscaleError } from '../kit/errors.js'
import { formatShare, formatUsd } from '../kit/format.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { listSources } from '../metrics/open-sources.js'
import { type DemandOptions, readTable, requireHistory } from '../metrics/read-demand.js'
import { roundFigures } from '../planning/round-figures.js'
import { type PlanScore, type ScoreInputs, scorePlan } from '../planning/score-plan.js'
import { judgePlan, type Verdict, verdicts } from '../planning/verdict.js'
import type { Table } from '../review/table.js'
import {
  tabulateDrifts,
  tabulateForecastScores,
  tabulateMissedDays,
  tabulateOutcomes,
  tabulatePlaces,
} from '../review/verify-tables.js'

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  asOf: z.string(),
  verdict: z.enum(verdicts),
  reason: z.string(),
  checks: z.array(
    z.strictObject({
      place: z.string(),
      state: z.enum(['same', 'drift', 'not-checked']),
      message: z.string(),
    }),
  ),
  drifts: z.array(
    z.strictObject({
      place: z.enum(['stack', 'cluster']),
      object: z.string(),
      field: z.string().describe('Empty for the object itself.'),
      planned: z.string(),
      found: z.string(),
      kind: z.enum(['missing', 'floor', 'field']),
    }),
  ),
  score: ScoredPlan.nullable().describe('Null where no demand is known since the plan.'),
})

/** A plan from older data is made anew whatever it scores: no forecast need reach further. */
const longestHorizonSeconds = 31 * secondsPerDay

export default class Verify extends BaseCommand {
  static override description =
    'Hold the plan against its stacks, its clusters and the demand that came: keep, retrain or revert, and why.'
  static override examples = [
    '<%= config.bin %> verify',
    '<%= config.bin %> verify --env production --json --detailed-exitcode',
  ]
  static override flags = {
    metrics: Flags.string({ description: 'Demand file instead of those of the config.', multiple: true }),
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    region: Flags.string({ description: 'Only stacks and cluster of this region.' }),
    'as-of': instant({ description: 'Take it for this time; default now.' }),
    record: Flags.boolean({
      description: 'Keep the score where receipts are: the next pull request shows it.',
    }),
    'detailed-exitcode': Flags.boolean({
      description: `Exit ${exitCodes.changesPresent} on drift, and where the verdict is not keep.`,
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Verify)
    const deployment = await openDeployment({
      config: flags.config,
      env: flags.env,
      plan: flags.plan,
      region: flags.region,
      'as-of': flags['as-of'],
      adopt: false,
      'allow-delete': [],
      'allow-purchase': [],
    })
    const { plan, now } = deployment.inputs
    this.progress('Looking at stacks and clusters …')
    const drift = await findDrift(deployment)
    const { score, lostCovariates } = await this.scoreIfKnown(deployment, flags)
    const verdict = judgePlan(plan, score, now, lostCovariates)
    this.print(deployment, verdict, drift, score)
    const rounded = score === undefined ? null : roundFigures(score)
    if (flags.record && rounded !== null)
      await this.record(deployment, {
        planId: plan.planId,
        asOf: formatInstant(now),
        ...verdict,
        score: rounded,
      })
    if (flags['detailed-exitcode'] && (drift.drifts.length > 0 || verdict.verdict !== 'keep'))
      process.exitCode = exitCodes.changesPresent
    return {
      planId: plan.planId,
      environment: deployment.environment,
      asOf: formatInstant(now),
      ...verdict,
      ...drift,
      score: rounded,
    }
  }

  private async record(
    { settings, projectFolder, environment, inputs }: Deployment,
    record: ScoreRecord,
  ): Promise<void> {
    if (inputs.killSwitch) {
      this.note({ code: 'KILL_SWITCH', message: 'LLMSCALE_KILL_SWITCH is set: the score is not kept' })
      return
    }
    const store = await openStateStore(settings, projectFolder)
    await writeScore(store, environment, record)
    this.hint(`Score kept in ${store.place}.`)
  }

  /** Without demand there is no score, and drift is told all the same. */
  private async scoreIfKnown(
    deployment: Deployment,
    flags: { config: string; metrics?: string[] | undefined },
  ): Promise<{ score: PlanScore | undefined; lostCovariates: string[] }> {
    const { config, environment, inputs, folder } = deployment
    const { baseline } = inputs.plan.header
    const previous = baseline === null ? undefined : (await findPlanById(folder, baseline))?.plan
    if (baseline !== null && previous === undefined)
      this.note({
        code: 'PLAN_BEFORE_UNKNOWN',
        message: `the git history of ${folder} does not have plan ${baseline.slice(0, 12)}: doing nothing is the reactive trigger over minReplicas`,
      })
    try {
      this.progress('Reading demand …')
      const demand = await withDemand(this, config, environment, flags, (options) =>
        readDemandAround(deployment, options, flags.metrics === undefined),
      )
      this.progress('Forecasting again …')
      const known = await findKnownEvents(deployment, flags.config)
      const { forecast, learned } = await forecastPlanned(
        demand.before,
        { ...config, forecast: { ...config.forecast, events: known.events } },
        environment,
        known.place,
        horizonSeconds(deployment),
      )
      const { plan, now } = inputs
      const score = scorePlan({
        config,
        plan,
        ...(previous && { previous }),
        ...demand,
        before: learned,
        forecast,
        now,
      })
      if (score?.isReproduced === false)
        this.note({
          code: 'FORECAST_CHANGED',
          message:
            'the forecast made again does not score as the plan says: data of before the plan, configuration or program have changed since',
        })
      return { score, lostCovariates: this.findLostCovariates(forecast, demand.after, config) }
    } catch (error) {
      const isData =
        error instanceof LlmscaleError && ['badData', 'upstreamUnavailable'].includes(error.reason)
      if (!isData) throw error
      this.note({ code: error.code, message: error.message })
      return { score: undefined, lostCovariates: [] }
    }
  }

  /** Of the forecast that the plan was made from; a forecast from now says which are of no use any more. */
  private findLostCovariates(
    { workloads }: DemandForecast,
    after: DemandHistory,
    { forecast: { seed } }: Config,
  ): string[] {
    if (after.covariates === undefined) return []
    const later = forecastDemand(after, { horizonSeconds: secondsPerDay, seed })
    for (const { workload, covariates = [] } of later.workloads)
      for (const use of covariates.filter((each) => worthOf(each) === 'none'))
        this.note({
          code: 'COVARIATE_UNUSED',
          message: `${workloadId(workload)}: the covariate ${use.name} is of no use now`,
        })
    return findLostCovariates(workloads, later.workloads)
  }

  private print(
    { inputs: { plan, now }, environment }: Deployment,
    { verdict, reason }: Verdict,
    { checks, drifts }: DriftReport,
    score: PlanScore | undefined,
  ): void {
    this.log(
      `Plan ${plan.planId.slice(0, 12)} for ${environment} of ${plan.header.origin}, as of ${formatInstant(now)}`,
    )
    this.log(`Verdict: ${verdict}: ${reason}.`)
    this.log(`\n${print(tabulatePlaces(checks))}`)
    if (drifts.length > 0) this.log(`\n${print(tabulateDrifts(drifts))}`)
    if (score !== undefined) this.printScore(score)
    if (verdict === 'revert') this.hint('Next: llmscale rollback --reason …')
    if (verdict === 'retrain') this.hint('Next: llmscale plan')
  }

  private printScore(score: PlanScore): void {
    const { from, until, days, breachShare, lossUsdPerDay, unscored } = score
    this.log(`\nRequests from ${from} to ${until} (${days.toFixed(1)} days known), measured:`)
    this.log(print(tabulateForecastScores(score)))
    this.log(
      `\nFloors and reactive capacity on that demand, by the plan's own recursion (estimated): ${formatShare(breachShare.plan)} of ` +
        `requests without capacity, ${formatShare(breachShare.doNothing)} undone; ${formatShare(breachShare.stated)} stated, ` +
        `${formatShare(breachShare.p95)} at most on 95 of 100 paths. Idle GPUs and shortfall ${formatUsd(lossUsdPerDay.plan)} USD a day, ` +
        `${formatUsd(lossUsdPerDay.doNothing)} undone.`,
    )
    this.log(print(tabulateOutcomes(score)))
    const missed = tabulateMissedDays(score)
    if (missed.rows.length > 0) this.log(`\n${print(missed)}`)
    if (unscored.length > 0) this.log(`\nNot scored, no demand is known: ${unscored.join(', ')}`)
  }
}

function print({ columns, rows }: Table): string {
  return formatTable(columns, rows)
}

/**
 * The events file that the plan could know: that of the commit which brought it. Without one it is that of the work
 * tree, and so it is where that commit's configuration is of another version of llmscale.
 */
async function findKnownEvents(
  { config, folder, projectFolder, inputs }: Deployment,
  configPath: string,
): Promise<{ events: string | undefined; place: ConfigPlace }> {
  const commit = (await findPlanById(folder, inputs.plan.planId))?.commit
  const revision = commit === undefined ? undefined : await openRevision(projectFolder, commit)
  const then = revision && (await readConfigOf(revision, configPath).catch(() => undefined))
  return then === undefined || revision === undefined
    ? { events: config.forecast.events, place: { configPath } }
    : { events: then.forecast.events, place: { configPath, revision } }
}

/** As far as the plan's forecast, or further where the plan is older than that. */
function horizonSeconds({ config, inputs }: Deployment): number {
  const age = inputs.now - parseInstant(inputs.plan.header.dataThrough)!
  const days = Math.ceil(age / secondsPerDay) * secondsPerDay
  return Math.max(config.forecast.horizon, Math.min(days, longestHorizonSeconds))
}

/** Read twice: what came later must not change a gap or a length that the plan was made from. */
async function readDemandAround(
  { config, environment, inputs }: Deployment,
  options: DemandOptions,
  fromConfig: boolean,
): Promise<Pick<ScoreInputs, 'before' | 'after' | 'serving'>> {
  const { plan, now } = inputs
  const until = parseInstant(plan.header.dataThrough)!
  const { history: before } = await readPlannedDemand(config, environment, { ...options, until })
  requireHistory(before)
  // What came is what had to be served, anomalies too.
  const { history: after } = await readPlannedDemand(config, environment, { ...options, until: now }, false)
  // Files do not say what served.
  const hasServing =
    fromConfig && listSources(config, environment).some(({ prometheus }) => prometheus !== undefined)
  if (!hasServing) return { before, after }
  return { before, after, serving: await readServing(options, until, now, after) }
}

/** Replicas that served, on the grid of a history. */
async function readServing(
  options: DemandOptions,
  from: EpochSeconds,
  until: EpochSeconds,
  { start, stepSeconds, length }: ScoreInputs['after'],
): Promise<Map<string, Float64Array>> {
  const table = await readTable({ ...options, from, until })
  return new Map(
    table.workloads.flatMap(({ workload, serving }) => {
      const replicas = serving?.readyReplicas
      if (replicas === undefined) return []
      const column = Float64Array.from({ length }, (_, step) => {
        const end = start + (step + 1) * stepSeconds
        return replicas[Math.round((end - table.start) / table.stepSeconds) - 1] ?? Number.NaN
      })
      return [[workloadId(workload), column] as const]
    }),
  )
}
