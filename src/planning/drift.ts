import { isSameQuantity } from '../kit/quantity.js'
import type { CapacityPlan } from './capacity-plan.js'
import { type Change, diffPlans } from './diff-plans.js'
import type { Deployed } from './guards.js'

/** One field that is not as the plan has it. */
export interface Drift {
  place: 'stack' | 'cluster'
  /** A stack, or `ScaledObject serving/chat`. */
  object: string
  /** A path such as `spec.minReplicaCount`; empty for the object itself. */
  field: string
  planned: string
  found: string
  /** `floor` is one that somebody changed in the running cluster. */
  kind: 'missing' | 'floor' | 'field'
}

/** How the plan that a stack was deployed from differs from the plan of its region. */
export function findStackDrift(
  stack: string,
  region: string,
  plan: CapacityPlan,
  deployed: Pick<Deployed, 'planId'> & Partial<Deployed>,
): Drift[] {
  if (deployed.planId === plan.planId) return []
  const own = <T extends { region: string }>(items: readonly T[]) =>
    items.filter((each) => each.region === region)
  const id: Drift = {
    place: 'stack',
    object: stack,
    field: 'planId',
    planned: plan.planId.slice(0, 12),
    found: deployed.planId.slice(0, 12),
    kind: 'field',
  }
  const { header, decision } = deployed
  if (header === undefined || decision === undefined) return [id]
  const { workloads, pools } = plan.decision
  const { workloads: workloadChanges, pools: poolChanges } = diffPlans(
    { planId: deployed.planId, header, decision, reports: [] },
    { ...plan, decision: { ...plan.decision, workloads: own(workloads), pools: own(pools) } },
  )
  return [id, ...[...workloadChanges, ...poolChanges].flatMap((change) => describeChange(stack, change))]
}

function describeChange(stack: string, { name, kind, fields }: Change): Drift[] {
  const drift = (field: string, planned: string, found: string): Drift => ({
    place: 'stack',
    object: `${stack} ${name}`,
    field,
    planned,
    found,
    kind: kind === 'changed' ? 'field' : 'missing',
  })
  if (kind === 'added') return [drift('', 'present', 'missing')]
  if (kind === 'removed') return [drift('', 'missing', 'present')]
  return fields.map(({ field, from, to }) => drift(field, to ?? 'none', from ?? 'none'))
}

/** Where autoscalers keep a floor: KEDA's and the HPA's least replicas, and those of a cron window. */
const floorFields = /^spec\.(minReplicaCount|minReplicas|triggers\.\d+\.metadata\.desiredReplicas)$/

/**
 * The fields of an object that are not in the cluster as we set them.
 * @param live the same fields as they are there; undefined where the object is not
 */
export function findObjectDrift(object: string, wanted: object, live: unknown): Drift[] {
  const drift = (field: string, planned: string, found: string, kind: Drift['kind']): Drift => ({
    place: 'cluster',
    object,
    field,
    planned,
    found,
    kind,
  })
  if (live === undefined) return [drift('', 'present', 'missing', 'missing')]
  const [planned, found] = [flatten(wanted), flatten(live)]
  return [...new Set([...planned.keys(), ...found.keys()])]
    .filter((field) => !isSame(planned.get(field), found.get(field)))
    .map((field) =>
      drift(
        field,
        print(planned.get(field)),
        print(found.get(field)),
        floorFields.test(field) ? 'floor' : 'field',
      ),
    )
}

/** Leaves of a value by their path; empty lists and maps have none. */
function flatten(value: unknown, path: readonly string[] = []): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return new Map([[path.join('.'), value]])
  return new Map(Object.entries(value).flatMap(([key, each]) => [...flatten(each, [...path, key])]))
}

function print(value: unknown): string {
  if (value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The API server leaves out some fields that are zero or false. */
function isSame(planned: unknown, found: unknown): boolean {
  return planned === found || (found === undefined && !planned) || isSameQuantity(planned, found)
}
