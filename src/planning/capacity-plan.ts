import { z } from 'zod'
import { precisions } from '../catalog/gpu-shape.js'

// What people review, defined once: the schema reads plan files back, the types come from it.
// `decision` is what will run; `header` and `reports` say why, from what data and at what price.

export const planApiVersion = 'llmscale/v1alpha1'

const workload = { model: z.string(), region: z.string(), tenant: z.exactOptional(z.string()) }
const Count = z.int().min(0)
/** ISO 8601, UTC. */
const Time = z.iso.datetime()
const LocalTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/)

/** The object whose scale subresource the autoscaler drives. */
export const ScaleTarget = z.strictObject({
  kind: z.enum(['Deployment', 'StatefulSet', 'LeaderWorkerSet', 'Rollout', 'InferenceService']),
  name: z.string(),
  namespace: z.string(),
})
export type ScaleTarget = z.infer<typeof ScaleTarget>

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/**
 * Asks for `replicas` from `from` to `to` local time on each of its days. `from` is already earlier than the demand
 * by the cold start. `to` may be `24:00`; where `to` is not after `from` the window ends on the next day.
 */
export const FloorWindow = z.strictObject({
  days: z.array(z.enum(weekdays)).min(1),
  from: LocalTime,
  to: LocalTime,
  replicas: Count,
})
export type FloorWindow = z.infer<typeof FloorWindow>

/** A floor that stands over the weekly template between two dates, and then ends by itself. */
export const DatedException = z.strictObject({ from: Time, until: Time, replicas: Count, reason: z.string() })
export type DatedException = z.infer<typeof DatedException>

export const maximumFloorWindows = 24

/**
 * Weekly-recurring floors. Outside all windows the floor is `minReplicas`; where windows overlap, the largest
 * stands, as the autoscaler takes the maximum of its triggers.
 */
export const FloorTemplate = z.strictObject({
  minReplicas: Count,
  windows: z.array(FloorWindow).max(maximumFloorWindows),
  exceptions: z.array(DatedException),
})
export type FloorTemplate = z.infer<typeof FloorTemplate>

/**
 * What the exporter may do between two reviews: raise the floor of a workload above the template, to the given quantile
 * of the highest load within the next cold start, up to `maximum` replicas. It never lowers one.
 */
export const LiveFloor = z.strictObject({
  quantile: z.number().gt(0).lt(1),
  maximum: Count,
})
export type LiveFloor = z.infer<typeof LiveFloor>

export const ReactiveTrigger = z.strictObject({
  serverAddress: z.string(),
  /** PromQL of one element, placeholders replaced. */
  query: z.string(),
  /** Amount of the query's value per replica that the autoscaler aims at. */
  thresholdPerReplica: z.number().positive(),
})
export type ReactiveTrigger = z.infer<typeof ReactiveTrigger>

const GpuShape = z.strictObject({
  gpu: z.string(),
  gpusPerReplica: z.int().min(1),
  precision: z.enum(precisions),
  instanceType: z.string(),
})

export const WorkloadDecision = z.strictObject({
  ...workload,
  target: ScaleTarget,
  shape: GpuShape,
  /** IANA zone in which the template's windows are local time. */
  timeZone: z.string(),
  floors: FloorTemplate,
  /** Only where its gate is open. */
  live: z.exactOptional(LiveFloor),
  /** Replicas that are never exceeded. */
  hardMaximum: Count,
  /** Null only where the config names none: such a plan can be read but not rendered. */
  trigger: ReactiveTrigger.nullable(),
  /** By which the windows start earlier than the demand that they are for. */
  coldStartSeconds: z.number().min(0),
})
export type WorkloadDecision = z.infer<typeof WorkloadDecision>

/** What EC2 launches. `reserved` means an on-demand capacity reservation or a Capacity Block that exists. */
const capacityTypes = ['on-demand', 'spot', 'reserved'] as const
export type CapacityType = (typeof capacityTypes)[number]

export const Pool = z.strictObject({
  region: z.string(),
  instanceType: z.string(),
  capacityType: z.enum(capacityTypes),
  gpu: z.string(),
  gpusPerNode: z.int().min(1),
  maximumNodes: Count,
  /** Pools of higher weight are filled first (Karpenter's weight). */
  weight: z.int().min(1).max(100),
})
export type Pool = z.infer<typeof Pool>

/** What finance buys. Savings plans and reserved instances render nothing. */
export const Commitment = z.strictObject({
  kind: z.enum(['savings-plan', 'reserved-instance', 'odcr', 'capacity-block']),
  /** `proposed` is bought by applying the plan, and stays so named afterwards; `owned` was bought elsewhere. */
  state: z.enum(['owned', 'proposed']),
  region: z.string(),
  instanceType: z.string(),
  count: Count,
  until: z.exactOptional(Time),
  /** Of a reservation alone: its name in llmscale.yaml, its availability zone and, if it is owned, its id. */
  name: z.exactOptional(z.string()),
  zone: z.exactOptional(z.string()),
  id: z.exactOptional(z.string()),
})
export type Commitment = z.infer<typeof Commitment>

const RoutingWeight = z.strictObject({
  model: z.string(),
  region: z.string(),
  weight: z.number().min(0),
})

/** A person's decision that stands over the computed one until a time. */
export const OverrideInForce = z.strictObject({
  workload: z.string(),
  floor: z.exactOptional(Count),
  maximum: z.exactOptional(Count),
  shape: z.exactOptional(z.string()),
  reason: z.string(),
  by: z.string(),
  until: Time,
})
export type OverrideInForce = z.infer<typeof OverrideInForce>

/** 10th, 50th and 90th percentile over the sample paths. */
export const Interval = z.strictObject({ p10: z.number(), p50: z.number(), p90: z.number() })
export type Interval = z.infer<typeof Interval>

export const PriceUsed = z.strictObject({
  region: z.string(),
  instanceType: z.string(),
  capacityType: z.enum(capacityTypes),
  usdPerHour: z.number(),
  provenance: z.enum(['measured', 'calibrated', 'estimated', 'assumed']),
  source: z.string(),
  asOf: z.string(),
})
export type PriceUsed = z.infer<typeof PriceUsed>

export const Finding = z.strictObject({ code: z.string(), message: z.string() })
export type Finding = z.infer<typeof Finding>

/** Expected share of requests that arrive while ready capacity is below demand; estimated. */
export const BreachRisk = z.strictObject({ plan: z.number(), doNothing: z.number() })
export type BreachRisk = z.infer<typeof BreachRisk>

/** Price a day of demand that finds no capacity, at the newsvendor's price of a shortfall; mean over the paths, estimated. */
const ShortfallCost = z.strictObject({ plan: z.number(), doNothing: z.number() })

const PlanCost = z.strictObject({
  provenance: z.literal('estimated'),
  usdPerDay: Interval,
  doNothingUsdPerDay: Interval,
  /** What the plan costs more than doing nothing, along the same paths. */
  changeUsdPerDay: Interval,
  /** Replicas for the 0.99 quantile of the peak, all day. */
  staticPeakUsdPerDay: z.number(),
  prices: z.array(PriceUsed),
})

export const PlanHeader = z.strictObject({
  /** The time that the plan was made as of. */
  origin: Time,
  dataThrough: Time,
  validUntil: Time,
  /** Plan id in force when this plan was made; null for a first plan. */
  baseline: z.string().nullable(),
  toolVersion: z.string(),
  /** SHA-256 of everything else in the plan's files. */
  fileDigest: z.string(),
  policy: z.string(),
  cost: PlanCost,
  breachRisk: BreachRisk,
  /** What a reviewer must know: missing workloads, expired overrides, fallbacks, assumptions. */
  findings: z.array(Finding),
})
export type PlanHeader = z.infer<typeof PlanHeader>

/** Out-of-sample verdict on floor + reactive against reactive alone. */
export const SkillGate = z.strictObject({
  open: z.boolean(),
  /** Relative saving of idle plus shortfall cost; null where it could not be scored. */
  floorSkill: z.number().nullable(),
  /** 80 % interval of `floorSkill` over the rolling origins. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  origins: Count,
  message: z.string(),
})
export type SkillGate = z.infer<typeof SkillGate>

export const DailyPeak = z.strictObject({
  /** ISO date in the workload's time zone. */
  date: z.string(),
  p10: z.number(),
  p50: z.number(),
  p90: z.number(),
})
export type DailyPeak = z.infer<typeof DailyPeak>

/** The binding reason of one number, for `explain`. */
export const Reason = z.strictObject({ field: z.string(), value: z.string(), because: z.string() })
export type Reason = z.infer<typeof Reason>

/** Why a workload's numbers are what they are; not part of the decision. */
export const WorkloadReport = z.strictObject({
  ...workload,
  /** Mean tokens of a request that it is sized for. */
  meanLengths: z.strictObject({ inputTokens: z.number(), outputTokens: z.number() }),
  requestsPerSecondPerReplica: z.number(),
  capacityProvenance: z.string(),
  usdPerReplicaHour: z.number(),
  /** Utilisation that the reactive trigger aims at, 0 … 1. */
  reactiveTarget: z.number(),
  /** Replicas that the peak of each day needs. */
  dailyPeakReplicas: z.array(DailyPeak),
  breachRisk: BreachRisk,
  shortfallUsdPerDay: ShortfallCost,
  /** `change` is what the plan costs more than doing nothing, along the same paths. */
  usdPerDay: z.strictObject({ plan: Interval, doNothing: Interval, change: Interval }),
  forecast: z.strictObject({
    model: z.string(),
    forecastSkill: z.number().nullable(),
    baseline: z.string().nullable(),
    wape: z.number().nullable(),
    coverage90: z.number().nullable(),
    origins: Count,
  }),
  gate: SkillGate,
  /** The same verdict on floors that are renewed every few minutes; absent where llmscale.yaml wants none. */
  liveGate: z.exactOptional(SkillGate),
  reasons: z.array(Reason),
})
export type WorkloadReport = z.infer<typeof WorkloadReport>

export const PlanDecision = z.strictObject({
  environment: z.string(),
  /** In ascending order of `workloadId`. */
  workloads: z.array(WorkloadDecision),
  pools: z.array(Pool),
  commitments: z.array(Commitment),
  routing: z.array(RoutingWeight),
  overrides: z.array(OverrideInForce),
})
export type PlanDecision = z.infer<typeof PlanDecision>

/**
 * `planId` is the digest of the decision alone: the same id as on the base branch means nothing to write.
 * `header.fileDigest` covers header, decision and reports, so that a hand-edited validity is refused too.
 */
export interface CapacityPlan {
  planId: string
  header: PlanHeader
  decision: PlanDecision
  /** One for each workload of the decision, in the same order. */
  reports: WorkloadReport[]
}
