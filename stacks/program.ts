import {
  all,
  CustomResource,
  getOrganization,
  getProject,
  getStack,
  log,
  runtime,
  StackReference,
} from '@pulumi/pulumi'
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js'
import { LlmscaleError } from '../src/kit/errors.js'
import { createCapacity, expandCapacity, withoutEnded } from '../src/manifests/capacity.js'
import type { CapacityResource } from '../src/manifests/capacity-resource.js'
import { forceObject } from '../src/manifests/force.js'
import type { PlanDecision, Pool } from '../src/planning/capacity-plan.js'
import { Deployed } from '../src/planning/guards.js'
import { expandPools } from '../src/planning/rollout.js'
import { declareCapacity } from './capacity.js'
import { assertChecks, type Checks, checkInputs, createObjects, type ProgramInputs } from './check-inputs.js'
import { declareServing } from './serving.js'
import { formatStackName } from './stack-name.js'

export interface ProgramOptions {
  /** Takes no capacity away: the steps before serving has moved. */
  expand?: boolean
  /** Is told the verdicts, and what the stack is deployed from, before a refusal is thrown. */
  onChecks?: (checks: Checks, deployed: Deployed | undefined) => void
}

/** What a deployment leaves, for the next one to compare itself with. */
interface Outputs extends Deployed {
  /** Of the layer `capacity`: what is declared, so that a later step can leave it standing. */
  resources?: CapacityResource[]
}

/**
 * The Pulumi program of one stack. It guards itself: before it declares a resource it runs the offline guards and the
 * policies, and throws, so that a plain `pulumi up` refuses what can be known without the engine's preview. What a
 * decrease is measured against is the stack's own output of its last deployment, which is written only when all that
 * it declared is there.
 */
export function createProgram(inputs: ProgramInputs, options: ProgramOptions = {}): PulumiFn {
  return async () => {
    const before = await readOutputs()
    const deployed = readDeployed(before, inputs)
    const checks = checkInputs({ ...inputs, ...(deployed && { deployed }) })
    options.onChecks?.(checks, deployed)
    assertChecks(checks)
    for (const { guard, state, message } of checks.guards)
      if (state === 'not-checked') await log.info(`guard ${guard} not checked: ${message}`)
    const declared = watchResources()
    const { planId, header, decision } = inputs.plan
    const outputs: Outputs = {
      planId,
      header,
      decision: selectRegion(decision, inputs.region),
      ...declareLayer(inputs, options, deployed, before.resources ?? []),
    }
    const done = all(declared.filter((each) => CustomResource.isInstance(each)).map(({ id }) => id))
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, done.apply(() => value)]))
  }
}

/** Collects all that is declared from now on. */
function watchResources(): CustomResource[] {
  const declared: CustomResource[] = []
  runtime.registerStackTransformation(({ resource }) => {
    declared.push(resource as CustomResource)
    return undefined
  })
  return declared
}

function declareLayer(
  inputs: ProgramInputs,
  { expand }: ProgramOptions,
  deployed: Deployed | undefined,
  resources: readonly CapacityResource[],
): Pick<Outputs, 'resources'> {
  if (inputs.layer === 'serving') {
    // Karpenter drains a pool that goes at once: until serving has moved, pools only grow.
    const pools = expandPools(deployed?.decision.pools ?? [], inputs.plan.decision.pools)
    const objects = createObjects(expand ? withPools(inputs, pools) : inputs)
    const context = inputs.config.environments[inputs.environment]?.clusters[inputs.region]?.context
    declareServing(inputs.adopt ? objects.map(forceObject) : objects, {
      ...(context !== undefined && { context }),
    })
    return {}
  }
  const next = createCapacity(inputs.plan.decision, inputs.region, inputs.config)
  const declared = withoutEnded(expand ? expandCapacity(resources, next) : next, inputs.now)
  declareCapacity(declared)
  return { resources: declared }
}

function withPools(inputs: ProgramInputs, pools: Pool[]): ProgramInputs {
  return { ...inputs, plan: { ...inputs.plan, decision: { ...inputs.plan.decision, pools } } }
}

/**
 * What the stack is deployed from. Outputs that are there and cannot be read are no first deployment: throws `badData`,
 * DEPLOYED_UNREADABLE, unless a person allowed to forget them.
 */
function readDeployed(
  before: Partial<Outputs>,
  { allowedDeletions, environment, region, layer }: ProgramInputs,
): Deployed | undefined {
  const result = Deployed.safeParse(before)
  const stack = formatStackName({ environment, region, layer })
  if (result.success || before.planId === undefined || allowedDeletions?.includes(stack)) return result.data
  const issue = result.error.issues[0]!
  throw new LlmscaleError(
    'badData',
    'DEPLOYED_UNREADABLE',
    `stack ${stack} was deployed from a plan that this version of llmscale cannot read: ${issue.path.join('.')}: ${issue.message}`,
    [
      'Deploy with the version that wrote it (header.toolVersion of its plan), or nearer to it.',
      `--allow-delete ${stack} goes on without it: nothing is compared with what is deployed.`,
    ],
  )
}

/** What the last deployment of this stack left; nothing before the first. */
async function readOutputs(): Promise<Partial<Outputs>> {
  const own = new StackReference(`${getOrganization()}/${getProject()}/${getStack()}`)
  const names = ['planId', 'header', 'decision', 'resources'] as const
  const values = await Promise.all(names.map(async (name) => (await own.getOutputDetails(name)).value))
  return Object.fromEntries(names.map((name, index) => [name, values[index]]))
}

/** The part of a decision that is of one region. */
function selectRegion(decision: PlanDecision, region: string): PlanDecision {
  const own = <T extends { region: string }>(items: readonly T[]) =>
    items.filter((each) => each.region === region)
  return {
    ...decision,
    workloads: own(decision.workloads),
    pools: own(decision.pools),
    commitments: own(decision.commitments),
    routing: own(decision.routing),
  }
}
