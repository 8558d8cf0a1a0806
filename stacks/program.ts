import { getOrganization, getProject, getStack, log, StackReference } from '@pulumi/pulumi'
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js'
import { createManifests } from '../src/manifests/manifests.js'
import { CapacityTotals, capacityTotals } from '../src/planning/guards.js'
import { assertChecks, type Checks, checkInputs, type ProgramInputs } from './check-inputs.js'
import { declareServing } from './serving.js'

/**
 * The Pulumi program of one `serving` stack. It guards itself: before it declares a resource it runs the offline
 * guards and the policies, and throws, so that a plain `pulumi up` refuses what `llmscale apply` would refuse.
 * What a decrease is measured against is the stack's own output of its last deployment.
 * @param onChecks is told the verdicts, before a refusal is thrown
 */
export function createProgram(inputs: ProgramInputs, onChecks?: (checks: Checks) => void): PulumiFn {
  return async () => {
    const deployed = await readDeployedCapacity()
    const checks = checkInputs({ ...inputs, ...(deployed && { deployed }) })
    onChecks?.(checks)
    assertChecks(checks)
    for (const { guard, state, message } of checks.guards)
      if (state === 'not-checked') await log.info(`guard ${guard} not checked: ${message}`)
    declareServing(createManifests(inputs.plan.decision, inputs.region, inputs.config))
    return { planId: inputs.plan.planId, capacity: capacityTotals(inputs.plan, inputs.region) }
  }
}

/** What the last deployment of this stack gave the region; undefined before the first. */
async function readDeployedCapacity(): Promise<CapacityTotals | undefined> {
  const own = new StackReference(`${getOrganization()}/${getProject()}/${getStack()}`)
  const { value } = await own.getOutputDetails('capacity')
  return CapacityTotals.safeParse(value).data
}
