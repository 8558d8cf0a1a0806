import type { GpuShape } from '../catalog/gpu-shape.js'
import type { Config } from '../config/schema.js'
import type { DatedEffect } from '../forecast/calendar/path-effect.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import type { EpochSeconds } from '../kit/units.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import type { CapacityPlan, Finding, WorkloadDecision } from './capacity-plan.js'

/** Everything that a plan depends on. The same inputs give the same plan, byte for byte. */
export interface PlanInputs {
  config: Config
  /** Name of the environment that is planned. */
  environment: string
  /** Demand up to `now`. */
  history: DemandHistory
  forecast: DemandForecast
  /** Forecasts as they would have been made at earlier origins, on which floors are scored. */
  pastForecasts: readonly DemandForecast[]
  /** What is dated in the forecast's paths, by workload; it stands beside the weekly floors, not in them. */
  dated?: ReadonlyMap<string, readonly DatedEffect[]>
  /** The plan in force. */
  baseline?: CapacityPlan
  now: EpochSeconds
  /** Names of proposed reservations that this plan may buy. */
  allowedPurchases?: readonly string[]
  toolVersion: string
  /** What was found on the way here, for the reviewer: quality and age of the data. */
  findings: readonly Finding[]
}

/** A workload that the config asks for, with the shape that it was given. */
export interface PlannedWorkload {
  workload: Workload
  entry: Config['workloads'][number]
  shape: GpuShape
  gpusPerNode: number
  capacity: ReplicaCapacity
  nodesPerReplica: number
  usdPerReplicaHour: number
  shapeReason: string
  /** Index in history and forecast; undefined where the metrics have no demand of it. */
  index: number | undefined
}

/** What a plan decides for a workload, if it has it. */
export function findWorkload(
  plan: CapacityPlan | undefined,
  workload: Workload,
): WorkloadDecision | undefined {
  return plan?.decision.workloads.find((each) => workloadId(each) === workloadId(workload))
}
