import type { GpuShape } from '../catalog/gpu-shape.js'
import type { Workload } from '../kit/workload.js'

export const planApiVersion = 'llmscale/v1alpha1'

/**
 * What people review. `decision` is what will run; `header` and `reports` say why, from what data and at what
 * price. `planId` is the digest of the decision alone: the same id as on the base branch means nothing to write.
 * `header.fileDigest` covers header, decision and reports, so that a hand-edited validity is refused too.
 */
export interface CapacityPlan {
  apiVersion: typeof planApiVersion
  planId: string
  header: PlanHeader
  decision: PlanDecision
  /** One for each workload of the decision, in the same order. */
  reports: WorkloadReport[]
}

export interface PlanDecision {
  environment: string
  /** In ascending order of `workloadId`. */
  workloads: WorkloadDecision[]
  pools: Pool[]
  commitments: Commitment[]
  routing: RoutingWeight[]
  overrides: OverrideInForce[]
}

export interface WorkloadDecision extends Workload {
  target: ScaleTarget
  shape: GpuShape
  /** IANA zone in which the template's windows are local time. */
  timeZone: string
  floors: FloorTemplate
  /** Replicas that are never exceeded. */
  hardMaximum: number
  /** Null only where the config names none: such a plan can be read but not rendered. */
  trigger: ReactiveTrigger | null
  /** By which the windows start earlier than the demand that they are for. */
  coldStartSeconds: number
}

/** The object whose scale subresource the autoscaler drives. */
export interface ScaleTarget {
  kind: 'Deployment' | 'StatefulSet' | 'LeaderWorkerSet' | 'Rollout' | 'InferenceService'
  name: string
  namespace: string
}

/**
 * Weekly-recurring floors. A window asks for its floor from `from` to `to` local time on each of its days;
 * outside all windows the floor is `minReplicas`. `to` may be `24:00` or, in a window over midnight, less than
 * `from`. Windows of one day never overlap.
 */
export interface FloorTemplate {
  minReplicas: number
  /** At most 24, each above `minReplicas`. */
  windows: FloorWindow[]
  exceptions: DatedException[]
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

export interface FloorWindow {
  days: Weekday[]
  /** `HH:MM`, already shifted earlier by the cold start. */
  from: string
  to: string
  replicas: number
}

/** A floor that stands over the weekly template between two dates, and then ends by itself. */
export interface DatedException {
  /** ISO 8601, UTC. */
  from: string
  until: string
  replicas: number
  reason: string
}

export interface ReactiveTrigger {
  serverAddress: string
  /** PromQL of one element, placeholders replaced. */
  query: string
  /** Amount of the query’s value per replica that the autoscaler aims at. */
  thresholdPerReplica: number
}

/** What EC2 launches. `reserved` means an on-demand capacity reservation or a Capacity Block that exists. */
export const capacityTypes = ['on-demand', 'spot', 'reserved'] as const
export type CapacityType = (typeof capacityTypes)[number]

export interface Pool {
  region: string
  instanceType: string
  capacityType: CapacityType
  gpu: string
  gpusPerNode: number
  maximumNodes: number
  /** Pools of higher weight are filled first (Karpenter’s weight, 1 … 100). */
  weight: number
}

/** What finance buys. Savings plans and reserved instances render nothing. */
export interface Commitment {
  kind: 'savings-plan' | 'reserved-instance' | 'odcr' | 'capacity-block'
  state: 'owned' | 'proposed'
  region: string
  instanceType: string
  count: number
  until?: string
}

export interface RoutingWeight {
  model: string
  region: string
  weight: number
}

export interface OverrideInForce {
  workload: string
  floor?: number
  maximum?: number
  shape?: string
  reason: string
  by: string
  until: string
}

/** 10th, 50th and 90th percentile over the sample paths. */
export interface Interval {
  p10: number
  p50: number
  p90: number
}

export interface PlanHeader {
  /** ISO 8601 UTC: the time that the plan was made as of. */
  origin: string
  dataThrough: string
  validUntil: string
  /** Plan id in force when this plan was made; null for a first plan. */
  baseline: string | null
  toolVersion: string
  /** SHA-256 of everything else in the plan’s files. */
  fileDigest: string
  cost: PlanCost
  /** Expected share of requests that arrive while ready capacity is below demand; estimated. */
  breachRisk: { plan: number; doNothing: number }
  /** What a reviewer must know: missing workloads, expired overrides, fallbacks, assumptions. */
  findings: Finding[]
}

export interface PlanCost {
  provenance: 'estimated'
  usdPerDay: Interval
  doNothingUsdPerDay: Interval
  /** Replicas for the 0.99 quantile of the peak, all day. */
  staticPeakUsdPerDay: number
  /** Prices that are used, each with its source and date. */
  prices: PriceUsed[]
}

export interface PriceUsed {
  region: string
  instanceType: string
  capacityType: CapacityType
  usdPerHour: number
  provenance: 'measured' | 'estimated' | 'assumed'
  source: string
  /** ISO date. */
  asOf: string
}

export interface Finding {
  code: string
  message: string
}

/** Why a workload’s numbers are what they are; not part of the decision. */
export interface WorkloadReport extends Workload {
  /** Replica capacity under the service level, with its provenance. */
  requestsPerSecondPerReplica: number
  capacityProvenance: string
  usdPerReplicaHour: number
  /** Mean replicas that demand needs, and its peaks by day. */
  dailyPeakReplicas: DailyPeak[]
  breachRisk: { plan: number; doNothing: number }
  usdPerDay: { plan: Interval; doNothing: Interval }
  forecast: {
    model: string
    forecastSkill: number | null
    baseline: string | null
    wape: number | null
    coverage90: number | null
    origins: number
  }
  gate: SkillGate
  reasons: Reason[]
}

/** Out-of-sample verdict on floor + reactive against reactive alone. */
export interface SkillGate {
  open: boolean
  /** Relative saving of idle plus shortfall cost; null when it could not be scored. */
  floorSkill: number | null
  /** 80 % interval of `floorSkill` over the rolling origins. */
  low: number | null
  high: number | null
  origins: number
  message: string
}

export interface DailyPeak extends Interval {
  /** ISO date in the workload’s time zone. */
  date: string
}

/** The binding reason of one number, for `explain`. */
export interface Reason {
  /** Dotted name of the number, e.g. `hardMaximum`. */
  field: string
  value: string
  because: string
}
