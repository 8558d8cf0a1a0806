import { shapeName } from '../catalog/gpu-shape.js'
import { formatChange, formatShare, formatUsd } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type {
  CapacityPlan,
  Interval,
  SkillGate,
  WorkloadDecision,
  WorkloadReport,
} from '../planning/capacity-plan.js'
import { describeFloors } from '../planning/diff-plans.js'
import type { Table } from './table.js'

/** One sentence: what the plan costs and risks, beside doing nothing and a static peak. */
export function describePlan(plan: CapacityPlan): string {
  const { cost, breachRisk } = plan.header
  return (
    `${formatUsd(cost.usdPerDay.p50)} USD a day (80 %: ${formatRange(cost.usdPerDay)}); doing nothing ` +
    `${formatUsd(cost.doNothingUsdPerDay.p50)}, static peak ${formatUsd(cost.staticPeakUsdPerDay)}. ` +
    `Requests at risk: ${formatShare(breachRisk.doNothing)} → ${formatShare(breachRisk.plan)}. All estimated.`
  )
}

/** Bounds, cost and risk of each workload; its cost is a share of nodes at the on-demand price. */
export function tabulateWorkloads(plan: CapacityPlan): Table {
  return {
    columns: [
      { header: 'Workload' },
      { header: 'Floors', align: 'right' },
      { header: 'Max', align: 'right' },
      { header: 'USD/day', align: 'right' },
      { header: '(80 %)', align: 'right' },
      { header: 'At risk', align: 'right' },
      { header: 'Gate' },
    ],
    rows: plan.decision.workloads.map((workload, index) => {
      const { usdPerDay, breachRisk } = plan.reports[index]!
      return [
        workloadId(workload),
        describeFloors(workload.floors),
        String(workload.hardMaximum),
        formatUsd(usdPerDay.plan.p50),
        formatRange(usdPerDay.plan),
        plan.reports[index]!.forecast.model === 'none'
          ? 'unknown'
          : `${(breachRisk.doNothing * 100).toFixed(1)}→${(breachRisk.plan * 100).toFixed(1)} %`,
        describeGates(plan.reports[index]!, workload),
      ]
    }),
  }
}

/** Whether floors are set, and how far they may be raised between reviews. */
function describeGates({ gate, liveGate }: WorkloadReport, { live }: WorkloadDecision): string {
  const floors = gate.open ? 'open' : 'closed'
  if (liveGate === undefined) return floors
  return `${floors}, live ${live === undefined ? 'closed' : `to ${live.maximum}`}`
}

/** Out-of-sample figures of forecast and floors of each workload, on rolling origins. */
export function tabulateSkill(plan: CapacityPlan): Table {
  const hasLive = plan.reports.some(({ liveGate }) => liveGate !== undefined)
  const known = (value: number | null, format: (value: number) => string) =>
    value === null ? '–' : format(value)
  const saves = (gate: SkillGate | undefined) => [
    known(gate?.floorSkill ?? null, formatChange),
    gate === undefined || gate.low === null || gate.high === null
      ? '–'
      : `${formatChange(gate.low)}…${formatChange(gate.high)}`.replaceAll(' %', ''),
  ]
  return {
    columns: [
      { header: 'Workload' },
      { header: 'WAPE', align: 'right' },
      { header: 'Skill', align: 'right' },
      { header: 'In 90 %', align: 'right' },
      { header: 'Floor saves', align: 'right' },
      { header: '(80 %)', align: 'right' },
      ...(hasLive
        ? [
            { header: 'Live saves', align: 'right' as const },
            { header: '(80 %)', align: 'right' as const },
          ]
        : []),
      { header: 'Days', align: 'right' },
    ],
    rows: plan.reports.map((report) => {
      const { forecast, gate, liveGate } = report
      return [
        workloadId(report),
        known(forecast.wape, formatShare),
        known(forecast.forecastSkill, (skill) => skill.toFixed(2)),
        known(forecast.coverage90, (share) => `${(share * 100).toFixed(0)} %`),
        ...saves(gate),
        ...(hasLive ? saves(liveGate) : []),
        String(gate.origins),
      ]
    }),
  }
}

/** Node pools with the price that was used and where it comes from. */
export function tabulatePools(plan: CapacityPlan): Table {
  return {
    columns: [
      { header: 'Pool' },
      { header: 'Type' },
      { header: 'Max nodes', align: 'right' },
      { header: 'USD/node h', align: 'right' },
      { header: 'Price' },
    ],
    rows: plan.decision.pools.map((pool) => {
      const price = plan.header.cost.prices.find(
        (each) =>
          each.region === pool.region &&
          each.instanceType === pool.instanceType &&
          each.capacityType === pool.capacityType,
      )
      return [
        `${pool.region} ${pool.instanceType}`,
        pool.capacityType,
        String(pool.maximumNodes),
        price === undefined ? '–' : price.usdPerHour.toFixed(2),
        price === undefined ? '–' : `${price.provenance}, ${price.asOf}`,
      ]
    }),
  }
}

/** Shape and capacity of each workload. */
export function tabulateCapacity(plan: CapacityPlan): Table {
  return {
    columns: [
      { header: 'Workload' },
      { header: 'Shape' },
      { header: 'Req/s', align: 'right' },
      { header: 'Figures' },
      { header: 'Cold start', align: 'right' },
    ],
    rows: plan.decision.workloads.map((workload, index) => [
      workloadId(workload),
      shapeName(workload.shape),
      plan.reports[index]!.requestsPerSecondPerReplica.toPrecision(3),
      plan.reports[index]!.capacityProvenance,
      `${Math.round(workload.coldStartSeconds)} s`,
    ]),
  }
}

function formatRange(interval: Interval): string {
  return `${formatUsd(interval.p10)}–${formatUsd(interval.p90)}`
}
