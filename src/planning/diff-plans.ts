import { shapeName } from '../catalog/gpu-shape.js'
import { formatDuration } from '../kit/time.js'
import { workloadId } from '../kit/workload.js'
import type {
  BreachRisk,
  CapacityPlan,
  FloorTemplate,
  Interval,
  PlanDecision,
  Pool,
  WorkloadDecision,
} from './capacity-plan.js'
import { floorReplicaHours } from './floor-template.js'
import { describeLiveFloor } from './live-floor.js'

/** What differs between two plans; `from` is null for a first plan. */
export interface PlanDiff {
  from: PlanSummary | null
  to: PlanSummary
  /** Names of workloads, pools and reservations that the second plan no longer has. */
  deletions: string[]
  workloads: WorkloadChange[]
  pools: Change[]
  /** Overrides, commitments and routing. */
  others: Change[]
}

interface PlanSummary {
  planId: string
  usdPerDay: Interval
  breachRisk: BreachRisk
}

export interface Change {
  name: string
  kind: 'added' | 'removed' | 'changed'
  fields: FieldChange[]
}

interface WorkloadChange extends Change {
  /** Median cost of the workload, and its share of requests at risk; estimated. */
  usdPerDay: { from: number | null; to: number | null }
  breachRisk: { from: number | null; to: number | null }
}

interface FieldChange {
  field: string
  from: string | null
  to: string | null
}

/** Removed things first, then added, then changed; each by name. */
export function diffPlans(from: CapacityPlan | undefined, to: CapacityPlan): PlanDiff {
  const workloads = diffNamed(
    from?.decision.workloads ?? [],
    to.decision.workloads,
    workloadId,
    workloadFields,
  )
  const pools = diffNamed(from?.decision.pools ?? [], to.decision.pools, poolName, poolFields)
  return {
    from: from === undefined ? null : summarize(from),
    to: summarize(to),
    deletions: [
      ...[...workloads, ...pools].filter(({ kind }) => kind === 'removed').map(({ name }) => name),
      ...findLostReservations(from, to),
    ],
    workloads: workloads.map((change) => addOutcome(change, from, to)),
    pools,
    others: diffOthers(from?.decision, to.decision),
  }
}

export function isEmptyDiff(diff: PlanDiff): boolean {
  return diff.from?.planId === diff.to.planId
}

/** `us-east-1/p5.48xlarge/on-demand`: how people and `--allow-delete` name a pool. */
export function poolName(pool: Pool): string {
  return `${pool.region}/${pool.instanceType}/${pool.capacityType}`
}

function summarize({ planId, header }: CapacityPlan): PlanSummary {
  return { planId, usdPerDay: header.cost.usdPerDay, breachRisk: header.breachRisk }
}

/** Reservations that are gone before their end. */
function findLostReservations(from: CapacityPlan | undefined, to: CapacityPlan): string[] {
  return (from?.decision.commitments ?? []).flatMap(({ name, until }) => {
    if (name === undefined || to.decision.commitments.some((each) => each.name === name)) return []
    const hasEnded = until !== undefined && Date.parse(until) <= Date.parse(to.header.origin)
    return hasEnded ? [] : [name]
  })
}

/** What a decision has besides workloads and pools; equal entries of a list are told apart by their place. */
function diffOthers(from: PlanDecision | undefined, to: PlanDecision): Change[] {
  const list = (decision: PlanDecision | undefined) =>
    (['overrides', 'commitments', 'routing'] as const).flatMap((kind) =>
      (decision?.[kind] ?? []).map((entry, index) => ({ name: `${kind}[${index}]`, fields: flatten(entry) })),
    )
  return diffNamed(
    list(from),
    list(to),
    ({ name }) => name,
    ({ fields }) => fields,
  )
}

function flatten(entry: object): Record<string, string> {
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, String(value)]))
}

function addOutcome(change: Change, from: CapacityPlan | undefined, to: CapacityPlan): WorkloadChange {
  const reportOf = (plan: CapacityPlan | undefined) =>
    plan?.reports.find((report) => workloadId(report) === change.name)
  const [before, after] = [reportOf(from), reportOf(to)]
  return {
    ...change,
    usdPerDay: { from: before?.usdPerDay.plan.p50 ?? null, to: after?.usdPerDay.plan.p50 ?? null },
    breachRisk: { from: before?.breachRisk.plan ?? null, to: after?.breachRisk.plan ?? null },
  }
}

function workloadFields(workload: WorkloadDecision): Record<string, string> {
  const { target, floors, live, trigger } = workload
  return {
    target: `${target.kind} ${target.namespace}/${target.name}`,
    shape: shapeName(workload.shape),
    floors: describeFloors(floors),
    windows: describeWindows(floors),
    floorReplicaHoursPerWeek: floorReplicaHours(floors).toFixed(0),
    ...(live === undefined ? {} : { live: describeLiveFloor(live) }),
    hardMaximum: String(workload.hardMaximum),
    exceptions: floors.exceptions
      .map(({ from, until, replicas }) => `${from} – ${until} ${replicas}`)
      .join('; '),
    coldStart: formatDuration(workload.coldStartSeconds),
    timeZone: workload.timeZone,
    trigger:
      trigger === null
        ? 'none'
        : `${trigger.thresholdPerReplica} a replica of ${trigger.query} at ${trigger.serverAddress}`,
  }
}

/** `2…21`: the least and the most replicas that the template asks for. */
export function describeFloors({ minReplicas, windows }: FloorTemplate): string {
  const most = windows.reduce((replicas, window) => Math.max(replicas, window.replicas), minReplicas)
  return most > minReplicas ? `${minReplicas}…${most}` : String(minReplicas)
}

function describeWindows({ windows }: FloorTemplate): string {
  return windows
    .map(({ days, from, to, replicas }) => `${describeDays(days)} ${from}–${to} ${replicas}`)
    .join('; ')
}

/** `mon–fri`, `sat, sun`, `daily`. */
export function describeDays(days: readonly string[]): string {
  if (days.length === 7) return 'daily'
  return days.join() === 'mon,tue,wed,thu,fri' ? 'mon–fri' : days.join(', ')
}

function poolFields(pool: Pool): Record<string, string> {
  return {
    maximumNodes: String(pool.maximumNodes),
    gpusPerNode: String(pool.gpusPerNode),
    weight: String(pool.weight),
    gpu: pool.gpu,
  }
}

function diffNamed<T>(
  from: readonly T[],
  to: readonly T[],
  nameOf: (item: T) => string,
  fieldsOf: (item: T) => Record<string, string>,
): Change[] {
  const before = new Map(from.map((item) => [nameOf(item), fieldsOf(item)]))
  const after = new Map(to.map((item) => [nameOf(item), fieldsOf(item)]))
  const order = ['removed', 'added', 'changed']
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => diffFields(name, before.get(name), after.get(name)))
    .filter((change) => change.fields.length > 0)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1))
}

function diffFields(
  name: string,
  before: Record<string, string> | undefined,
  after: Record<string, string> | undefined,
): Change {
  const fields = Object.keys({ ...before, ...after })
    .map((field) => ({ field, from: before?.[field] ?? null, to: after?.[field] ?? null }))
    .filter((change) => change.from !== change.to)
  return { name, kind: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed', fields }
}
