import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { sortedQuantile } from '../kit/statistics.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { secondsPerWeek } from '../kit/units.js'
import { fitBudget, poolNodes } from './budget.js'
import type { CapacityPlan, ReactiveTrigger, WorkloadDecision, WorkloadReport } from './capacity-plan.js'
import { findConstantFloors } from './constant-floor.js'
import { type Draft, draftWorkload, leaveAsIs, operateDraft } from './draft-workload.js'
import { findGaps, findIdleReservations, findLimits, findRisks, readOverrides } from './findings.js'
import { createLoadGrid, type LoadGrid } from './load.js'
import { limitMaxima } from './maxima.js'
import { usdPerNodeHour, wholeNodes } from './node-group.js'
import { compareCost, estimateOutcome, type Outcome, type PooledGroup } from './outcome.js'
import { findPeaks, type Peaks } from './peaks.js'
import { groupWorkloads, placeWorkloads } from './place-workloads.js'
import { sealPlan } from './plan-file.js'
import type { PlanInputs } from './plan-inputs.js'
import { type Reservation, readReservations } from './reservations.js'
import { roundFigures } from './round-figures.js'

/**
 * The capacity plan of one environment: pure, so that the same inputs give the same bytes.
 * Throws HORIZON_TOO_SHORT, INFEASIBLE_POOL, INFEASIBLE_BUDGET, and what sizing throws where no allowed shape fits a model.
 */
export function createPlan(inputs: PlanInputs): CapacityPlan {
  const { config, forecast, history } = inputs
  requireWeek(config)
  const { overrides, findings } = readOverrides(config, inputs.now)
  const planned = placeWorkloads(inputs, overrides)
  const shortestColdStart = Math.min(...planned.map((each) => each.capacity.coldStart.totalSeconds))
  const grid = createLoadGrid(forecast.origin, forecast.stepSeconds, forecast.length, shortestColdStart)
  const { reservations, inForce, findings: purchases } = readReservations(inputs)
  const groups = groupWorkloads(planned, config, reservations)
  const peaks = findPeaks(forecast, planned, grid, config.planning.burstFactor, groups)
  const maxima = limitMaxima(inputs, planned, peaks, groups, overrides)
  const wanted = planned.map((each, index) => draftWorkload(inputs, each, maxima[index]!, overrides, grid))
  const { drafts, pooled, outcome } = fitBudget(inputs, wanted, groups, grid)
  const doNothing = estimateDoNothing(inputs, wanted, inForce, grid)

  const dataThrough = history.start + history.length * history.stepSeconds
  const decision = roundFigures({
    environment: inputs.environment,
    workloads: drafts.map((draft) => decide(inputs, draft)),
    pools: pooled.flatMap(({ pools }) => pools),
    commitments: reservations,
    routing: [],
    overrides,
  })
  const reports = roundFigures(
    drafts.map((draft, index) =>
      report(inputs, draft, peaks.daily[index]!, outcome.workloads[index]!, doNothing.workloads[index]!),
    ),
  )
  const knowsHours = config.environments[inputs.environment]!.autoscaler === 'keda'
  return sealPlan({
    header: roundFigures({
      origin: formatInstant(inputs.now),
      dataThrough: formatInstant(dataThrough),
      validUntil: formatInstant(inputs.now + config.planning.validity),
      baseline: inputs.baseline?.planId ?? null,
      toolVersion: inputs.toolVersion,
      fileDigest: '',
      policy: config.planning.policy,
      cost: {
        provenance: 'estimated',
        usdPerDay: outcome.usdPerDay,
        doNothingUsdPerDay: doNothing.usdPerDay,
        changeUsdPerDay: compareCost(outcome, doNothing),
        staticPeakUsdPerDay: staticPeakUsdPerDay(drafts, peaks, pooled),
        prices: groups.flatMap(({ group }) => group.prices),
      },
      breachRisk: { plan: outcome.breachRisk, doNothing: doNothing.breachRisk },
      findings: [
        ...inputs.findings,
        ...findings,
        ...purchases,
        ...findIdleReservations(pooled),
        ...findGaps(inputs, planned),
        ...findLimits(wanted, drafts, pooled),
        ...findRisks(drafts, outcome, doNothing),
        ...(knowsHours ? [] : findConstantFloors({ decision, reports })),
      ],
    }),
    decision,
    reports,
  })
}

/** A weekly template says something about every hour of the week, or nothing is known of the rest. */
function requireWeek({ forecast }: Config): void {
  if (forecast.horizon >= secondsPerWeek) return
  throw new LlmscaleError(
    'configInvalid',
    'HORIZON_TOO_SHORT',
    `forecast.horizon: ${formatDuration(forecast.horizon)} is less than the 7d that weekly floors need`,
    ['Write forecast.horizon: 7d in llmscale.yaml, or leave it out.'],
  )
}

function estimateDoNothing(
  inputs: PlanInputs,
  drafts: readonly Draft[],
  reservations: readonly Reservation[],
  grid: LoadGrid,
): Outcome {
  const { config, forecast } = inputs
  const asIs = drafts.map((draft) => leaveAsIs(inputs, draft))
  const planned = asIs.map((draft) => draft.planned)
  const pooled = poolNodes(asIs, groupWorkloads(planned, config, reservations), config.planning.spotCap)
  const operations = asIs.map((draft) => operateDraft(inputs, draft, grid))
  return estimateOutcome(forecast, planned, operations, grid, config.planning, pooled)
}

/** On-demand nodes all day for the 0.99 quantile of every peak: what sizing by hand costs. */
function staticPeakUsdPerDay(drafts: readonly Draft[], peaks: Peaks, pooled: readonly PooledGroup[]): number {
  return pooled.reduce((usd, { group, members }) => {
    const nodes = members.reduce((sum, index) => {
      const replicas = Math.max(sortedQuantile(peaks.replicas[index]!, 0.99), drafts[index]!.leastReplicas)
      return sum + Math.ceil(replicas) * drafts[index]!.planned.nodesPerReplica
    }, 0)
    return usd + 24 * wholeNodes(nodes) * usdPerNodeHour(group, 'on-demand')!
  }, 0)
}

function decide({ config }: PlanInputs, draft: Draft): WorkloadDecision {
  const { planned, floors, live, hardMaximum } = draft
  const { kind, name, namespace } = planned.entry.target
  return {
    ...planned.workload,
    target: { kind, name, namespace },
    shape: planned.shape,
    timeZone: planned.entry.timeZone,
    floors,
    ...(live === undefined ? {} : { live }),
    hardMaximum,
    trigger: createTrigger(config, draft),
    coldStartSeconds: planned.capacity.coldStart.totalSeconds,
  }
}

function createTrigger({ trigger: shared }: Config, draft: Draft): ReactiveTrigger | null {
  const { planned } = draft
  const trigger = planned.entry.trigger ?? shared
  if (trigger === undefined) return null
  return {
    serverAddress: trigger.serverAddress,
    query: trigger.query
      .replaceAll('{model}', planned.workload.model)
      .replaceAll('{region}', planned.workload.region),
    thresholdPerReplica:
      trigger.threshold ?? Math.max(1, Math.floor(planned.capacity.maximumConcurrency * draft.target)),
  }
}

function report(
  { forecast }: PlanInputs,
  draft: Draft,
  dailyPeakReplicas: WorkloadReport['dailyPeakReplicas'],
  outcome: Outcome['workloads'][number],
  doNothing: Outcome['workloads'][number],
): WorkloadReport {
  const { planned } = draft
  const series = planned.index === undefined ? undefined : forecast.workloads[planned.index]
  return {
    ...planned.workload,
    meanLengths: {
      inputTokens: planned.capacity.lengths.inputTokens,
      outputTokens: planned.capacity.lengths.outputTokens,
    },
    requestsPerSecondPerReplica: planned.capacity.requestsPerSecond,
    capacityProvenance: planned.capacity.provenance,
    usdPerReplicaHour: planned.usdPerReplicaHour,
    reactiveTarget: draft.target,
    dailyPeakReplicas,
    breachRisk: { plan: outcome.breachRisk, doNothing: doNothing.breachRisk },
    shortfallUsdPerDay: { plan: outcome.shortfallUsdPerDay, doNothing: doNothing.shortfallUsdPerDay },
    usdPerDay: {
      plan: outcome.usdPerDay,
      doNothing: doNothing.usdPerDay,
      change: compareCost(outcome, doNothing),
    },
    forecast: {
      model: series?.model ?? 'none',
      forecastSkill: series?.score?.forecastSkill ?? null,
      baseline: series?.score?.baseline ?? null,
      wape: series?.score?.wape ?? null,
      coverage90: series?.score?.coverage90 ?? null,
      origins: series?.score?.origins ?? 0,
    },
    gate: draft.gate,
    ...(draft.liveGate === undefined ? {} : { liveGate: draft.liveGate }),
    reasons: draft.reasons,
  }
}
