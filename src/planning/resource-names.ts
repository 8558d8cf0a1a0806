import { dnsName } from '../kit/names.js'
import { workloadId } from '../kit/workload.js'
import type { PlanDecision, WorkloadDecision } from './capacity-plan.js'
import { poolName } from './diff-plans.js'

/** A resource of a stack. */
export interface NamedResource {
  /** Its own name there. */
  name: string
  /** Of an autoscaler: its target, as <namespace>/<name>. */
  scales?: string | undefined
}

/** Where names are looked up. */
export interface ResourcePlace {
  environment: string
  region: string
  /** Of the plan and of the one that is deployed. */
  decisions: readonly PlanDecision[]
}

/**
 * Whether a name that a person gave stands for a resource of a region: its own name, a workload
 * (`chat-70b/us-east-1[/tenant]`), or a pool (`us-east-1/p5.48xlarge/on-demand`), which has resources in every zone.
 */
export function namesResource(given: string, resource: NamedResource, place: ResourcePlace): boolean {
  const { name } = resource
  if (given === name || namesOf(resource, place).includes(given)) return true
  const { environment, region } = place
  const parts = given.split('/')
  const [first, instanceType, capacityType] = parts
  if (parts.length === 3 && first === region)
    return name.startsWith(poolPrefix(environment, instanceType!, capacityType!))
  // A model's name may hold slashes too: each of them may be the one before the region.
  return parts.some((part, index) => {
    if (index === 0 || part !== region) return false
    const model = parts.slice(0, index).join('/')
    const tenant = parts.slice(index + 1).join('/')
    return dnsName(tenant === '' ? model : `${model}/${tenant}`) === name
  })
}

/** What people call a resource: the workloads and pools of the plans that it is of. */
export function namesOf(
  resource: NamedResource,
  { environment, region, decisions }: ResourcePlace,
): string[] {
  const names = decisions.flatMap(({ workloads, pools, commitments }) => [
    ...workloads
      .filter((each) => each.region === region && isOfWorkload(resource, each))
      .map((each) => workloadId(each)),
    ...pools
      .filter((pool) => {
        if (pool.region !== region) return false
        // The nodes of a reservation are named after it.
        const reserved = pool.capacityType === 'reserved' ? commitments.flatMap(({ name }) => name ?? []) : []
        return [pool.capacityType, ...reserved].some((what) =>
          resource.name.startsWith(poolPrefix(environment, pool.instanceType, what)),
        )
      })
      .map(poolName),
  ])
  return [...new Set(names)]
}

/** Its autoscaler and disruption budget by any name, and in own mode its servers, service and cache. */
function isOfWorkload({ name, scales }: NamedResource, workload: WorkloadDecision): boolean {
  const { model, tenant, target } = workload
  const object = `${target.namespace}/${target.name}`
  return (
    name === dnsName(tenant === undefined ? model : `${model}/${tenant}`) ||
    [object, `${object}-leader`, `${object}-models`].includes(name) ||
    // Of an InferenceService the Deployment behind it is scaled.
    (scales !== undefined && [object, `${object}-predictor`].includes(scales))
  )
}

/** `prod-p5-48xlarge-spot-05f87d`, `prod-p5-48xlarge-spot-us-east-1a-…`: what follows is digits or a zone. */
function poolPrefix(environment: string, instanceType: string, what: string): string {
  return dnsName(`${environment}-${instanceType}-${what}`).replace(/[0-9a-f]{6}$/, '')
}
