import { readStackName } from '../../stacks/stack-name.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import { type Deployment, isPulumis, type StackTarget } from './deployment.js'

// A region, or the EKS cluster of one, that leaves llmscale.yaml leaves the plan; its stacks stay and cost money.

/**
 * Stacks of an environment that hold something and that its plan no longer has. Throws what the engine throws.
 */
export async function listOrphans(deployment: Deployment): Promise<StackTarget[]> {
  const { planned, environment, projectFolder, settings } = deployment
  const { listStacks } = await import('../delivery/engine.js')
  const stacks = await listStacks({
    projectFolder,
    ...(settings.backend !== undefined && { backend: settings.backend }),
  })
  const known = new Set(planned.map(({ stack }) => stack))
  return stacks.flatMap((stack) => {
    const name = readStackName(stack)
    if (name?.environment !== environment || known.has(stack)) return []
    return [{ stack, region: name.region, layer: name.layer, isOrphan: true }]
  })
}

/** What was found beside the plan, or why nobody knows. */
interface OrphanSearch {
  orphans: StackTarget[]
  failure?: LlmscaleError
}

/**
 * `listOrphans` for a run that goes on without the answer. A region that left the plan belongs to no run by region, so
 * each tells of it. Undefined where Pulumi deploys nothing of the plan: then there may be no engine.
 */
export async function searchOrphans(deployment: Deployment): Promise<OrphanSearch | undefined> {
  const { planned, regions } = deployment
  if (!planned.some((target) => isPulumis(deployment, target))) return undefined
  const others = new Set(planned.map(({ region }) => region).filter((region) => !regions.includes(region)))
  try {
    const orphans = await listOrphans(deployment)
    return { orphans: orphans.filter(({ region }) => !others.has(region)) }
  } catch (failure) {
    if (failure instanceof LlmscaleError && failure.reason !== 'interrupted') return { orphans: [], failure }
    throw failure
  }
}

/** A warning for each stack that left the plan. */
export async function warnOfOrphans(deployment: Deployment): Promise<Warning[]> {
  const { orphans = [], failure } = (await searchOrphans(deployment)) ?? {}
  if (failure !== undefined)
    return [
      {
        code: 'STACKS_UNKNOWN',
        message: `whether stacks stand that the plan no longer has was not checked: ${failure.message}`,
      },
    ]
  return orphans.map(({ stack }) => ({
    code: 'STACK_ORPHANED',
    message: `stack ${stack} ${describeOrphan(deployment)}`,
  }))
}

/** What to say of a stack that left the plan. */
export function describeOrphan({ environment }: Deployment): string {
  return `is no longer in the plan, and what it deployed stays and costs money: llmscale destroy --orphans --allow-delete ${environment}`
}
