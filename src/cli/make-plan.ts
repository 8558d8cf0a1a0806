import type { Config } from '../config/schema.js'
import type { Revision } from '../delivery/revision.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { type DemandOptions, requireHistory } from '../metrics/read-demand.js'
import type { CapacityPlan, Finding } from '../planning/capacity-plan.js'
import { createPlan } from '../planning/create-plan.js'
import { listWorkloads } from '../planning/place-workloads.js'
import { findWorkload } from '../planning/plan-inputs.js'
import type { BaseCommand } from './base-command.js'
import { type DemandFlags, withDemand } from './demand.js'
import { forecastPlanned, readPlannedDemand } from './planned-demand.js'

export interface PlanRequest {
  config: Config
  /** Where the configuration was read; default the work tree. */
  revision?: Revision
  environment: string
  /** The plan in force; without it this is a first plan. */
  baseline: CapacityPlan | undefined
  now: EpochSeconds
  demand: DemandFlags
  allowedPurchases: string[]
  toolVersion: string
}

export interface MadePlan {
  plan: CapacityPlan
  /** The demand that it was made from. */
  history: DemandHistory
}

/**
 * The plan that demand up to `now` asks for; its findings are warnings of the command too.
 * Throws what reading and planning throw, `badData` DEMAND_MISSING and DATA_STALE.
 */
export async function makePlan(command: BaseCommand, request: PlanRequest): Promise<MadePlan> {
  const { config, revision, environment, baseline, now, demand, ...others } = request
  command.progress('Reading demand …')
  const { history, findings } = await withDemand(
    command,
    config,
    environment,
    { ...demand, until: now },
    (options) => readHistory(config, environment, options, now, baseline),
  )
  // Shown with the plan's own findings; the envelope has them as warnings too.
  command.warnings.push(...findings)
  command.progress('Forecasting …')
  const { forecast, pastForecasts, learned, dated } = await forecastPlanned(history, config, environment, {
    configPath: demand.config,
    revision,
  })
  command.progress('Planning …')
  const plan = createPlan({
    config,
    environment,
    history: learned,
    forecast,
    pastForecasts,
    dated,
    ...(baseline && { baseline }),
    now,
    findings,
    ...others,
  })
  return { plan, history }
}

/** Demand of the planned workloads up to `now`, with what the reviewer must know of it. */
async function readHistory(
  config: Config,
  environment: string,
  demand: DemandOptions,
  now: EpochSeconds,
  baseline: CapacityPlan | undefined,
): Promise<{ history: DemandHistory; findings: Finding[] }> {
  const wanted = listWorkloads(config, environment)
  const { history: selected, quality } = await readPlannedDemand(config, environment, demand)
  requireDemand(wanted, selected, quality.unwanted, baseline)
  requireHistory(selected)
  const dataThrough = selected.start + selected.length * selected.stepSeconds
  const findings = [...quality.findings, ...findAge(dataThrough, config, now)]
  if (quality.unwanted.length > 0) {
    const ids = quality.unwanted.map(workloadId).join(', ')
    findings.push({
      code: 'WORKLOAD_UNPLANNED',
      message: `there is demand without a workload in llmscale.yaml: ${ids}`,
    })
  }
  return { history: selected, findings }
}

/** A workload without demand, without a plan in force and without a maximum of its own has nothing to be planned from. */
function requireDemand(
  wanted: ReturnType<typeof listWorkloads>,
  { workloads }: DemandHistory,
  unwanted: readonly Workload[],
  baseline: CapacityPlan | undefined,
): void {
  const missing = wanted.find(
    ({ workload, entry }) =>
      entry.maxReplicas === undefined &&
      !workloads.some((demand) => workloadId(demand.workload) === workloadId(workload)) &&
      findWorkload(baseline, workload) === undefined,
  )
  if (missing === undefined) return
  const id = workloadId(missing.workload)
  const others = unwanted.map(workloadId)
  const near = nearestName(id, others)
  throw new LlmscaleError(
    'badData',
    'DEMAND_MISSING',
    `there is no demand of ${id}, and no plan in force to keep${others.length > 0 ? `; the metrics also have ${others.join(', ')}` : ''}`,
    [
      ...(near === undefined
        ? []
        : [`Did you mean ${near}? Then name it so in workloads: of llmscale.yaml.`]),
      'A workload that is yet to come needs maxReplicas and assumedLengths.',
    ],
  )
}

/** A forecast from data older than the plan would be valid says nothing about the days that it is for. */
function findAge(dataThrough: EpochSeconds, config: Config, now: EpochSeconds): Finding[] {
  const age = now - dataThrough
  const days = (seconds: number) => `${(seconds / secondsPerDay).toFixed(1)} days`
  const message = `demand ends ${formatInstant(dataThrough)}, ${days(age)} before the plan's origin`
  const allowed = config.planning.validity
  if (age > allowed) {
    throw new LlmscaleError(
      'badData',
      'DATA_STALE',
      `${message}; at most ${days(allowed)} (planning.validity) are allowed`,
      [`Pull newer demand, or plan as of the end of it: --as-of ${formatInstant(dataThrough)}`],
    )
  }
  if (age <= secondsPerDay) return []
  return [{ code: 'DATA_OLD', message: `${message}: forecast and cost start there` }]
}
