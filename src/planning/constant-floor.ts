import { formatCount, formatUsd } from '../kit/format.js'
import { secondsPerDay, secondsPerHour, secondsPerWeek } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, Finding, FloorTemplate } from './capacity-plan.js'
import { floorReplicaHours } from './floor-template.js'

/** What it costs that the highest floor of a workload holds all week, because its autoscaler knows no hours. */
interface ConstantFloor {
  workload: string
  /** Replicas of the highest floor. */
  replicas: number
  /** Replica-hours of a week by which it is above the template's floors. */
  extraReplicaHoursPerWeek: number
  /** At most: demand above the template's floors needs some of these replicas anyway. */
  extraUsdPerDay: number
}

/** The highest floor of a template, at least 1; that of a dated exception counts from the first day on. */
export function constantFloor({ minReplicas, windows, exceptions }: FloorTemplate): number {
  return [...windows, ...exceptions].reduce(
    (most, { replicas }) => Math.max(most, replicas),
    Math.max(1, minReplicas),
  )
}

/** The price of constant floors, for each workload of a region in the plan's order. */
export function priceConstantFloors({ decision, reports }: CapacityPlan, region: string): ConstantFloor[] {
  return decision.workloads.flatMap((workload, index) => {
    if (workload.region !== region) return []
    const replicas = constantFloor(workload.floors)
    const extraReplicaHoursPerWeek =
      (replicas * secondsPerWeek) / secondsPerHour - floorReplicaHours(workload.floors)
    const extraUsdPerDay =
      (extraReplicaHoursPerWeek * reports[index]!.usdPerReplicaHour * secondsPerDay) / secondsPerWeek
    return [{ workload: workloadId(workload), replicas, extraReplicaHoursPerWeek, extraUsdPerDay }]
  })
}

/** The same for a reader; nothing of workloads whose floor is constant anyway. */
export function findConstantFloors(plan: CapacityPlan, region: string): Finding[] {
  return priceConstantFloors(plan, region)
    .filter(({ extraReplicaHoursPerWeek }) => extraReplicaHoursPerWeek > 0)
    .map(({ workload, replicas, extraReplicaHoursPerWeek, extraUsdPerDay }) => ({
      code: 'CONSTANT_FLOOR',
      message:
        `${workload} keeps ${replicas} replicas all week, as an HPA knows no hours: up to ` +
        `${formatCount(extraReplicaHoursPerWeek)} replica-hours a week and ${formatUsd(extraUsdPerDay)} USD a day more ` +
        'than with KEDA',
    }))
}
