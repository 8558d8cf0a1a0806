import { formatUsd } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import { reachedFloor } from '../manifests/scaled-object.js'
import type { CapacityPlan, WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import { describeDays } from '../planning/diff-plans.js'
import { describePlan } from './plan-tables.js'
import type { Table } from './table.js'

/** A titled part of an explanation. */
export interface Section {
  title: string
  lines: string[]
  table?: Table
}

/** Why each number of a plan is what it is: of one workload, or the plan as a whole, its pools, then each workload. */
export function explainPlan(plan: CapacityPlan, wanted?: string): Section[] {
  const workloads = plan.decision.workloads
    .map((decision, index) => ({ decision, report: plan.reports[index]! }))
    .filter(({ decision }) => wanted === undefined || workloadId(decision) === wanted)
  const sections = workloads.map(({ decision, report }) => explainWorkload(decision, report))
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

function explainWorkload(decision: WorkloadDecision, report: WorkloadReport): Section {
  const { floors, trigger } = decision
  return {
    title: workloadId(decision),
    lines: [
      ...report.reasons.map((reason) => `${reason.field} ${reason.value}: ${reason.because}`),
      `capacity ${report.requestsPerSecondPerReplica.toPrecision(3)} requests/s a replica (${report.capacityProvenance}) of ${report.meanLengths.inputTokens.toFixed(0)} input and ${report.meanLengths.outputTokens.toFixed(0)} output tokens, ${formatUsd(report.usdPerReplicaHour)} USD a replica-hour`,
      trigger === null
        ? 'trigger none: set trigger.serverAddress and trigger.query before rendering'
        : `trigger ${trigger.thresholdPerReplica} a replica of ${trigger.query} at ${trigger.serverAddress}`,
      ...floors.windows.map(
        (window) =>
          `floor ${describeFloor(window.replicas)} ${describeDays(window.days)} ${window.from}–${window.to} ${decision.timeZone}`,
      ),
      ...floors.exceptions.map(
        (each) => `floor ${each.replicas} ${each.from} – ${each.until}: ${each.reason}`,
      ),
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

/** The floor, and what the autoscaler must be asked for to reach it. */
function describeFloor(replicas: number): string {
  const asked = reachedFloor(replicas)
  return asked === replicas
    ? String(replicas)
    : `${replicas} (${asked} asked for, as an HPA ignores differences up to 10 %)`
}
