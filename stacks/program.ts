import { getOrganization, getProject, getStack, log, StackReference } from '@pulumi/pulumi'
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js'
import { createCapacity, expandCapacity } from '../src/manifests/capacity.js'
import type { CapacityResource } from '../src/manifests/capacity-resource.js'
import { forceObject } from '../src/manifests/force.js'
import type { PlanDecision } from '../src/planning/capacity-plan.js'
import { Deployed } from '../src/planning/guards.js'
import { declareCapacity } from './capacity.js'
import { assertChecks, type Checks, checkInputs, createObjects, type ProgramInputs } from './check-inputs.js'
import { declareServing } from './serving.js'

export interface ProgramOptions {
  /** Only adds to the layer `capacity`: the step before serving changes. */
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
 * policies, and throws, so that a plain `pulumi up` refuses what `llmscale apply` would refuse. What a decrease is
 * measured against is the stack's own output of its last deployment.
 */
export function createProgram(inputs: ProgramInputs, options: ProgramOptions = {}): PulumiFn {
  return async () => {
    const before = await readOutputs()
    const deployed = Deployed.safeParse(before).data
    const checks = checkInputs({ ...inputs, ...(deployed && { deployed }) })
    options.onChecks?.(checks, deployed)
    assertChecks(checks)
    for (const { guard, state, message } of checks.guards)
      if (state === 'not-checked') await log.info(`guard ${guard} not checked: ${message}`)
    const { planId, header, decision } = inputs.plan
    return {
      planId,
      header,
      decision: selectRegion(decision, inputs.region),
      ...declareLayer(inputs, options, before?.resources ?? []),
    } satisfies Outputs
  }
}

function declareLayer(
  inputs: ProgramInputs,
  { expand }: ProgramOptions,
  deployed: readonly CapacityResource[],
): Pick<Outputs, 'resources'> {
  if (inputs.layer === 'serving') {
    const objects = createObjects(inputs)
    declareServing(inputs.adopt ? objects.map(forceObject) : objects)
    return {}
  }
  const next = createCapacity(inputs.plan.decision, inputs.region, inputs.config)
  const resources = expand ? expandCapacity(deployed, next) : next
  declareCapacity(resources)
  return { resources }
}

/** What the last deployment of this stack left; undefined before the first. */
async function readOutputs(): Promise<Partial<Outputs> | undefined> {
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
