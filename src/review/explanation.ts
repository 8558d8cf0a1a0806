import type { Environment } from '../config/environment.js'
import { formatUsd } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import { reachedFloor } from '../manifests/scaled-object.js'
import { obeysTolerance } from '../manifests/scaling-behavior.js'
import type { CapacityPlan, WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import { constantFloor } from '../planning/constant-floor.js'
import { describeDays } from '../planning/diff-plans.js'
import { describePlan } from './plan-tables.js'
import type { Table } from './table.js'

/** A titled part of an explanation. */
export interface Section {
  title: string
  lines: string[]
  table?: Table
}

/** What keeps the floors. */
type FloorSettings = Pick<Environment, 'autoscaler' | 'clusters'>

/**
 * Why each number of a plan is what it is: of some workloads, or the plan as a whole, its pools, then each workload.
 * @param wanted ids of workloads; default all
 * @param settings of the plan's environment; without them nothing is said of what its autoscalers make of a floor
 */
export function explainPlan(
  plan: CapacityPlan,
  wanted?: readonly string[],
  settings?: FloorSettings,
): Section[] {
  const workloads = plan.decision.workloads
    .map((decision, index) => ({ decision, report: plan.reports[index]! }))
    .filter(({ decision }) => wanted === undefined || wanted.includes(workloadId(decision)))
  const sections = workloads.map(({ decision, report }) => explainWorkload(decision, report, settings))
  return wanted === undefined ? [explainHeader(plan), explainPools(plan), ...sections] : sections
}

function explainHeader(plan: CapacityPlan): Section {
  const { header } = plan
  return {
    title: `Plan ${plan.planId.slice(0, 12)} for ${plan.decision.environment}`,
    lines: [
      describePlan(plan),
      `As of ${header.origin}, demand through ${header.dataThrough}, valid until ${header.validUntil}.`,
      `Policy ${header.policy}; plan in force before: ${header.baseline?.slice(0, 12) ?? 'none'}.`,
      ...header.findings.map((finding) => `${finding.code}: ${finding.message}`),
      ...plan.decision.overrides.map(
        (each) => `Override of ${each.workload} by ${each.by} until ${each.until}: ${each.reason}`,
      ),
    ],
  }
}

function explainPools(plan: CapacityPlan): Section {
  return {
    title: 'Pools',
    lines: [
      ...plan.decision.pools.map((pool) => {
        const members = plan.decision.workloads.filter(
          (each) => each.region === pool.region && each.shape.instanceType === pool.instanceType,
        )
        const maxima = members.map((each) => `${workloadId(each)} ${each.hardMaximum}`).join(', ')
        return `${pool.region} ${pool.instanceType} ${pool.capacityType}: ${pool.maximumNodes} nodes, part of what the hard maxima need together (${maxima})`
      }),
      ...plan.header.cost.prices.map(
        (price) =>
          `${price.region} ${price.instanceType} ${price.capacityType}: ${price.usdPerHour.toFixed(2)} USD an hour, ${price.provenance}, ${price.source} of ${price.asOf}`,
      ),
    ],
  }
}

function explainWorkload(
  decision: WorkloadDecision,
  report: WorkloadReport,
  settings: FloorSettings | undefined,
): Section {
  const { trigger } = decision
  return {
    title: workloadId(decision),
    lines: [
      ...report.reasons.map((reason) => `${reason.field} ${reason.value}: ${reason.because}`),
      `capacity ${report.requestsPerSecondPerReplica.toPrecision(3)} requests/s a replica (${report.capacityProvenance}) of ${report.meanLengths.inputTokens.toFixed(0)} input and ${report.meanLengths.outputTokens.toFixed(0)} output tokens, ${formatUsd(report.usdPerReplicaHour)} USD a replica-hour`,
      trigger === null
        ? 'trigger none: set trigger.serverAddress and trigger.query before rendering'
        : `trigger ${trigger.thresholdPerReplica} a replica of ${trigger.query} at ${trigger.serverAddress}`,
      ...explainFloors(decision, settings),
    ],
    table: {
      columns: [
        { header: 'Peak replicas on' },
        { header: '10 %', align: 'right' },
        { header: '50 %', align: 'right' },
        { header: '90 %', align: 'right' },
      ],
      rows: report.dailyPeakReplicas.map((day) => [
        day.date,
        ...[day.p10, day.p50, day.p90].map((peak) => peak.toFixed(0)),
      ]),
    },
  }
}

/** Each floor, and what the autoscaler makes of it. */
function explainFloors(
  { floors, region, timeZone }: WorkloadDecision,
  settings: FloorSettings | undefined,
): string[] {
  const isExact = settings?.autoscaler !== 'keda' || obeysTolerance(settings.clusters[region]?.version)
  const describe = (replicas: number) => {
    const asked = reachedFloor(replicas, isExact)
    return asked === replicas
      ? String(replicas)
      : `${replicas} (${asked} asked for, as the cluster's autoscaler ignores differences up to 10 %)`
  }
  const hours = [
    ...floors.windows.map(
      ({ replicas, days, from, to }) =>
        `floor ${describe(replicas)} ${describeDays(days)} ${from}–${to} ${timeZone}`,
    ),
    ...floors.exceptions.map(
      ({ replicas, from, until, reason }) => `floor ${describe(replicas)} ${from} – ${until}: ${reason}`,
    ),
  ]
  if (settings?.autoscaler !== 'hpa' || hours.length === 0) return hours
  return [...hours, `floor ${constantFloor(floors)} at all hours all the same: an HPA knows none`]
}
