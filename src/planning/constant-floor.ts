import type { Environment } from '../config/environment.js'
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

/** Replica-hours a week of the floor that stands: an HPA keeps the highest at all hours. */
export function standingReplicaHours(floors: FloorTemplate, autoscaler: Environment['autoscaler']): number {
  if (autoscaler === 'keda') return floorReplicaHours(floors)
  return (constantFloor(floors) * secondsPerWeek) / secondsPerHour
}

/** The price of constant floors, for each workload of a region, or of all, in the plan's order. */
export function priceConstantFloors(
  { decision, reports }: Pick<CapacityPlan, 'decision' | 'reports'>,
  regions?: readonly string[],
): ConstantFloor[] {
  return decision.workloads.flatMap((workload, index) => {
    if (regions?.includes(workload.region) === false) return []
    const { floors } = workload
    const extraReplicaHoursPerWeek =
      standingReplicaHours(floors, 'hpa') - standingReplicaHours(floors, 'keda')
    const extraUsdPerDay =
      (extraReplicaHoursPerWeek * reports[index]!.usdPerReplicaHour * secondsPerDay) / secondsPerWeek
    return [
      {
        workload: workloadId(workload),
        replicas: constantFloor(floors),
        extraReplicaHoursPerWeek,
        extraUsdPerDay,
      },
    ]
  })
}

/** The same for a reader, together; nothing where every floor is constant anyway. */
export function findConstantFloors(
  plan: Pick<CapacityPlan, 'decision' | 'reports'>,
  regions?: readonly string[],
): Finding[] {
  const floors = priceConstantFloors(plan, regions).filter(
    ({ extraReplicaHoursPerWeek }) => extraReplicaHoursPerWeek > 0,
  )
  if (floors.length === 0) return []
  const hours = floors.reduce((sum, each) => sum + each.extraReplicaHoursPerWeek, 0)
  const usd = floors.reduce((sum, each) => sum + each.extraUsdPerDay, 0)
  const ids = floors.map(({ workload, replicas }) => `${workload} ${replicas}`).join(', ')
  const message =
    `an HPA knows no hours and keeps the highest floor all week: up to ${formatCount(hours)} replica-hours a week and ` +
    `${formatUsd(usd)} USD a day more than with KEDA (${ids})`
  return [{ code: 'CONSTANT_FLOOR', message }]
}
